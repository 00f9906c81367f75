"""Read a CSV file of FastF1's `session.laps`."""

import csv
import gzip
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

DURATION = re.compile(r"(?P<days>-?\d+) days \+?(?P<hours>\d\d):(?P<minutes>\d\d):(?P<seconds>\d\d(\.\d+)?)")
COLUMNS = ("DriverNumber", "LapNumber", "LapTime", "PitInTime", "PitOutTime", "TrackStatus", "Compound")


class LapRow(NamedTuple):
    """A lap as FastF1 has it; times in seconds, of the pits since the session's start."""

    driver_number: int
    lap_number: int
    lap_duration: float | None
    pit_in_time: float | None
    pit_out_time: float | None
    track_status: str | None
    tyre_compound: str | None


def read(path: Path) -> list[LapRow]:
    """The laps of a file; ValueError, which says where and why, for one that is no table of laps."""
    opened: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            return rows(csv.DictReader(file))
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, csv.Error) as error:
        raise ValueError(f"cannot be read as CSV: {error}") from error


def rows(lines: "csv.DictReader[str]") -> list[LapRow]:
    missing = [name for name in COLUMNS if name not in (lines.fieldnames or [])]
    if missing:
        raise ValueError(f"lacks the column {missing[0]}; save `session.laps.to_csv(…)` as FastF1 gives it")
    found: dict[tuple[int, int], LapRow] = {}
    for line in lines:
        row = LapRow(*(cell(line, name, lines.line_num) for name in COLUMNS))
        if row[:2] in found:
            raise ValueError(f"line {lines.line_num} is a second lap {row.lap_number} of car {row.driver_number}")
        found[row[:2]] = row
    return list(found.values())


def cell(line: dict[str, str | None], name: str, number: int) -> Any:
    text = line[name] or ""
    try:
        return KINDS[name](text)
    except ValueError as error:
        raise ValueError(f"line {number}: {name} is {text!r}, which is not {error}") from None


def whole(text: str) -> int:
    value = float(text) if re.fullmatch(r"\d{1,6}(\.0+)?", text) else 0
    if value < 1:
        raise ValueError("a whole number from 1 on")
    return int(value)


def seconds(text: str) -> float | None:
    """A pandas Timedelta as CSV has it ("0 days 00:01:37.974000") in seconds."""
    if text in ("", "NaT"):
        return None
    match = DURATION.fullmatch(text)
    if not match:
        raise ValueError("empty or a time such as '0 days 00:01:37.974000'")
    days, hours, minutes = (int(match[name]) for name in ("days", "hours", "minutes"))
    return round((days * 24 + hours) * 3600 + minutes * 60 + float(match["seconds"]), 6)


def digits(text: str) -> str | None:
    if not re.fullmatch(r"\d{0,10}", text):
        raise ValueError("empty or up to ten digits")
    return text or None


def compound(text: str) -> str | None:
    """None where FastF1 does not know the tyres."""
    return None if text.upper() in ("", "NONE", "NAN") or "UNKNOWN" in text.upper() else text.upper()


KINDS: dict[str, Callable[[str], Any]] = dict(
    zip(COLUMNS, (whole, whole, seconds, seconds, seconds, digits, compound), strict=True)
)


def by_lap(laps: Iterable[LapRow]) -> dict[tuple[int, int], LapRow]:
    """{(driver_number, lap_number): lap}"""
    return {lap[:2]: lap for lap in laps}
