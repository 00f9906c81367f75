"""What the laps of a session have in common: where its lines are, and how much each car's speeds are off."""

from collections.abc import Sequence

import numpy as np

from telemetry.delta.timing import FINISH, START, LapSamples

Array = np.ndarray


def find_lines(laps: Sequence[LapSamples], *, length: float) -> Array:
    """Where the cars are at the official times of start, sector 1, sector 2 and finish: medians, in m from the circuit's start
    line.

    The finish is the start a lap later. NaN for a line that no lap has a time for.
    """
    places = np.array([[crossing(lap, at) for at in range(4)] for lap in laps if lap.has_positions]).reshape(-1, 4)
    if not len(places):
        return np.array([0.0, np.nan, np.nan, length])
    known = np.isfinite(places).any(axis=0)
    lines = np.array(
        [np.median(column[np.isfinite(column)]) if has else np.nan for column, has in zip(places.T, known, strict=True)]
    )
    lines[FINISH] = lines[START] + length
    return lines


def crossing(lap: LapSamples, line: int) -> float:
    moment = lap.official[line]
    return float(np.interp(moment, lap.position_times, lap.along)) if np.isfinite(moment) else np.nan


def find_lines_by_speed(laps: Sequence[LapSamples], *, length: float | None) -> Array:
    """The same without positions: medians of integrated speed; in m of the circuit's length, or of the speeds' own where it is
    unknown.
    """
    ways = []
    for lap in laps:
        moments = np.where(np.isfinite(lap.official), lap.official, 0.0)
        way = lap.integral.way(moments) - lap.integral.way(np.zeros(1))
        ways.append(np.where(np.isfinite(lap.official), way, np.nan))
    found = np.nanmedian(np.array(ways), axis=0) if ways else np.array([0.0, np.nan, np.nan, np.nan])
    return found * (length / found[FINISH]) if length and np.isfinite(found[FINISH]) else found


def find_scales(laps: Sequence[LapSamples], lines: Array) -> dict[int, float]:
    """{car: what its integrated speeds are multiplied by}: medians over its laps, under 0 the median over all."""
    way = float(lines[FINISH] - lines[START])
    by_car: dict[int, list[float]] = {}
    for lap in laps:
        if np.isfinite(lap.official[FINISH]):
            by_car.setdefault(lap.car, []).append(way / lap.integrated)
    scales = {car: float(np.median(values)) for car, values in by_car.items()}
    return {0: float(np.median(list(scales.values()))) if scales else 1.0, **scales}
