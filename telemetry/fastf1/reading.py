"""Read a CSV file of FastF1's `session.laps`."""

import csv
import gzip
import re
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

DURATION = re.compile(r"(?P<days>-?\d+) days \+?(?P<hours>\d\d):(?P<minutes>\d\d):(?P<seconds>\d\d(\.\d+)?)")
MAX_DAYS = 10  # of a time of day or in a session; a test goes over three
COLUMNS = ("DriverNumber", "LapNumber", "LapTime", "PitInTime", "PitOutTime", "TrackStatus", "Compound")


class LapRow(NamedTuple):
    """A lap of FastF1; times in seconds, pit times since the start of the session."""

    driver_number: int
    lap_number: int
    lap_duration: float | None
    pit_in_time: float | None
    pit_out_time: float | None
    track_status: str | None
    tyre_compound: str | None


def read_laps(path: Path) -> list[LapRow]:
    """Read the laps of a file; raises ValueError with line and reason if it is no table of laps."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as file:
            return parse_rows(csv.DictReader(file))
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error, csv.Error) as error:
        raise ValueError(f"cannot be read as CSV: {error}") from error


def parse_rows(lines: "csv.DictReader[str]") -> list[LapRow]:
    missing = [name for name in COLUMNS if name not in (lines.fieldnames or [])]
    if missing:
        raise ValueError(f"lacks the column {missing[0]}; save `session.laps.to_csv(…)` unchanged")
    laps: dict[tuple[int, int], LapRow] = {}
    for line in lines:
        row = LapRow(*(parse_cell(line, name, lines.line_num) for name in COLUMNS))
        if row[:2] in laps:
            raise ValueError(f"line {lines.line_num} is a second lap {row.lap_number} of car {row.driver_number}")
        laps[row[:2]] = row
    return list(laps.values())


def parse_cell(line: dict[str, str | None], name: str, number: int) -> Any:
    text = line[name] or ""
    try:
        return PARSERS[name](text)
    except ValueError as error:
        raise ValueError(f"line {number}: {name} is {text!r}, which is not {error}") from None


def parse_whole_number(text: str) -> int:
    value = float(text) if re.fullmatch(r"\d{1,6}(\.0+)?", text) else 0
    if value < 1:
        raise ValueError("a whole number from 1 on")
    return int(value)


def parse_seconds(text: str) -> float | None:
    """A pandas Timedelta in CSV ("0 days 00:01:37.974000") in seconds; None if it is missing."""
    if text in ("", "NaT"):
        return None
    match = DURATION.fullmatch(text)
    if not match:
        raise ValueError("empty or a time such as '0 days 00:01:37.974000'")
    days, hours, minutes = (int(match[name]) for name in ("days", "hours", "minutes"))
    if abs(days) > MAX_DAYS:
        raise ValueError("a time within a session")
    return round((days * 24 + hours) * 3600 + minutes * 60 + float(match["seconds"]), 6)


def parse_digits(text: str) -> str | None:
    if not re.fullmatch(r"\d{0,10}", text):
        raise ValueError("empty or up to ten digits")
    return text or None


def parse_compound(text: str) -> str | None:
    """The compound in capitals; None if it is unknown."""
    return None if text.upper() in ("", "NONE", "NAN") or "UNKNOWN" in text.upper() else text.upper()


PARSERS: dict[str, Callable[[str], Any]] = dict(
    zip(COLUMNS, (parse_whole_number, parse_whole_number, *[parse_seconds] * 3, parse_digits, parse_compound), strict=True)
)


def index_by_lap(laps: Iterable[LapRow]) -> dict[tuple[int, int], LapRow]:
    """{(driver_number, lap_number): lap}"""
    return {lap[:2]: lap for lap in laps}
