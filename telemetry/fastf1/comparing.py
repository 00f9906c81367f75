"""Compare the laps of two sources by car and lap number, without access to files or the database."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from telemetry.fastf1.reading import LapRow, index_by_lap


class OpenF1Lap(NamedTuple):
    """A lap of OpenF1."""

    driver_number: int
    lap_number: int
    lap_duration: float | None
    tyre_compound: str | None


def compare(openf1: Iterable[OpenF1Lap], fastf1: Iterable[LapRow]) -> dict[str, Any]:
    """The fields of a `FastF1Comparison` that are computed from the laps; lists are sorted by car and lap."""
    ours, theirs = {lap[:2]: lap for lap in openf1}, index_by_lap(fastf1)
    matched = sorted(ours.keys() & theirs.keys())
    counts: Counter[str] = Counter()
    laps_by_result: dict[str, list[dict]] = {"different": [], "untimed_openf1": []}
    for key in matched:
        a, b = ours[key], theirs[key]
        result = compare_times(a.lap_duration, b.lap_duration)
        counts[result] += 1
        laps_by_result.setdefault(result, []).append(key_fields(key) | {"openf1": a.lap_duration, "fastf1": b.lap_duration})
        counts[compare_compounds(a.tyre_compound, b.tyre_compound)] += 1
    unmatched = [
        key_fields(key) | {"source": "openf1" if key in ours else "fastf1"} for key in sorted(ours.keys() ^ theirs.keys())
    ]
    return {
        "openf1_laps": len(ours),
        "fastf1_laps": len(theirs),
        "matched": len(matched),
        "openf1_match_rate": len(matched) / len(ours) if ours else None,
        "fastf1_match_rate": len(matched) / len(theirs) if theirs else None,
        **{name: counts[name] for name in ("equal", "different", "untimed_openf1", "untimed_fastf1", "untimed_both")},
        **{name: counts[name] for name in ("compounds_equal", "compounds_different")},
        "differences": laps_by_result["different"],
        "proposals": [
            {name: value for name, value in lap.items() if name != "openf1"} for lap in laps_by_result["untimed_openf1"]
        ],
        "unmatched": unmatched,
    }


def key_fields(key: tuple[int, int]) -> dict[str, Any]:
    """{driver_number, lap_number} of a key."""
    return dict(zip(("driver_number", "lap_number"), key, strict=True))


def compare_times(openf1: float | None, fastf1: float | None) -> str:
    """The name of the count to which two lap times belong; equal means to the millisecond."""
    if openf1 is None:
        return "untimed_both" if fastf1 is None else "untimed_openf1"
    if fastf1 is None:
        return "untimed_fastf1"
    return "equal" if round(openf1 * 1000) == round(fastf1 * 1000) else "different"


def compare_compounds(openf1: str | None, fastf1: str | None) -> str:
    """The name of the count to which two compounds belong."""
    if openf1 is None or fastf1 is None or "UNKNOWN" in openf1:
        return "compound unknown"
    return "compounds_equal" if openf1 == fastf1 else "compounds_different"
