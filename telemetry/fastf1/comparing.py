"""Compare the laps of two sources, car by car and lap by lap. Knows neither files nor the database."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from telemetry.fastf1.reading import LapRow, by_lap


class OpenF1Lap(NamedTuple):
    """A lap as OpenF1 has it."""

    driver_number: int
    lap_number: int
    lap_duration: float | None
    tyre_compound: str | None


def compare(openf1: Iterable[OpenF1Lap], fastf1: Iterable[LapRow]) -> dict[str, Any]:
    """The fields of a `FastF1Comparison` that follow from the laps; lists are in order of car and lap."""
    ours, theirs = {lap[:2]: lap for lap in openf1}, by_lap(fastf1)
    both = sorted(ours.keys() & theirs.keys())
    counts: Counter[str] = Counter()
    listed: dict[str, list[dict]] = {"different": [], "untimed_openf1": []}
    for key in both:
        a, b = ours[key], theirs[key]
        verdict = timed(a.lap_duration, b.lap_duration)
        counts[verdict] += 1
        listed.setdefault(verdict, []).append(named(key) | {"openf1": a.lap_duration, "fastf1": b.lap_duration})
        counts[tyres(a.tyre_compound, b.tyre_compound)] += 1
    unmatched = [named(key) | {"source": "openf1" if key in ours else "fastf1"} for key in sorted(ours.keys() ^ theirs.keys())]
    return {
        "openf1_laps": len(ours),
        "fastf1_laps": len(theirs),
        "matched": len(both),
        "openf1_match_rate": len(both) / len(ours) if ours else None,
        "fastf1_match_rate": len(both) / len(theirs) if theirs else None,
        **{name: counts[name] for name in ("equal", "different", "untimed_openf1", "untimed_fastf1", "untimed_both")},
        **{name: counts[name] for name in ("compounds_equal", "compounds_different")},
        "differences": listed["different"],
        "proposals": [{name: value for name, value in lap.items() if name != "openf1"} for lap in listed["untimed_openf1"]],
        "unmatched": unmatched,
    }


def named(key: tuple[int, int]) -> dict[str, Any]:
    return dict(zip(("driver_number", "lap_number"), key, strict=True))


def timed(openf1: float | None, fastf1: float | None) -> str:
    """How two lap times compare, by the name of the field that counts it."""
    if openf1 is None:
        return "untimed_both" if fastf1 is None else "untimed_openf1"
    if fastf1 is None:
        return "untimed_fastf1"
    return "equal" if round(openf1 * 1000) == round(fastf1 * 1000) else "different"


def tyres(openf1: str | None, fastf1: str | None) -> str:
    if openf1 is None or fastf1 is None or "UNKNOWN" in openf1:
        return "compound unknown"
    return "compounds_equal" if openf1 == fastf1 else "compounds_different"
