"""How far off the time at a line is when that line is left out: the calibration of the band, and each way beside the others.

The official time at a sector line is known to a millisecond, so a lap timed without it shows the true error at that place.
Nothing else does: simulated laps are kinder than real ones, and a line that was used is exact by construction.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from telemetry.delta.timing import FINISH, SECTOR_1, SECTOR_2, START, LapSamples, time_lap

LEVELS = (80, 95)  # per cent
PARTNERS = 3  # laps of other cars, begun next, with which each lap is compared
LEAST_PAIRS = 60  # of laps: fewer do not tell a 95 % band
USUAL_FACTORS = {80: (3.0, 3.0), 95: (5.0, 5.0)}  # for sessions with fewer, from races that have them
LINES = (SECTOR_1, SECTOR_2)

Array = np.ndarray


@dataclass(frozen=True)
class Errors:
    """What leaving out each sector line shows of laps, in the order in which they began: one row per lap, one column per line."""

    cars: Array
    seconds: Array  # predicted minus official; NaN where a line has no official time
    deviations: Array  # the filter's own standard deviation there, s

    def pairs(self) -> tuple[Array, Array]:
        """(errors of deltas, their deviations) of each lap with the next laps of other cars, in s; one column per line."""
        found = [self.seconds[:0]], [self.deviations[:0]], [np.zeros((0, 2), int)]
        for shift in range(1, PARTNERS + 1):
            other = self.cars[shift:] != self.cars[:-shift]
            found[0].append((self.seconds[shift:] - self.seconds[:-shift])[other])
            found[1].append(np.hypot(self.deviations[shift:], self.deviations[:-shift])[other])
        return np.concatenate(found[0]), np.concatenate(found[1])

    def of_cars(self, cars: set[int]) -> "Errors":
        chosen = np.isin(self.cars, sorted(cars))
        return Errors(self.cars[chosen], self.seconds[chosen], self.deviations[chosen])


@dataclass(frozen=True)
class Quality:
    """How good deltas between laps are at a sector line that was left out."""

    mae: tuple[float, ...]  # ms at sector line 1 and 2
    coverage: dict[int, tuple[float, ...]]  # {level: share of errors within the band at each line}
    half_width: dict[int, tuple[float, ...]]  # ms, the mean of the band at each line
    laps: int


def leave_lines_out(laps: Sequence[LapSamples], lines: Array, scales: dict[int, float]) -> Errors:
    """Time each lap once without each sector line."""
    rows, deviations = [], []
    for lap in laps:
        timed = [time_lap(lap, lines, scale=scales[lap.car], left_out=line) for line in LINES]
        places = [lines[[line]] for line in LINES]
        rows.append([each.time_at(place)[0] - lap.official[line] for each, place, line in zip(timed, places, LINES, strict=True)])
        deviations.append([np.sqrt(each.variance_at(place)[0]) for each, place in zip(timed, places, strict=True)])
    return Errors(np.array([lap.car for lap in laps]), np.array(rows).reshape(-1, 2), np.array(deviations).reshape(-1, 2))


def factors(errors: Errors) -> dict[int, tuple[float, ...]] | None:
    """By what the filter's deviation of a delta is multiplied for a band of each level, at sector line 1 and 2.

    None with too few pairs of laps.
    """
    seconds, deviations = errors.pairs()
    if np.isfinite(seconds).sum(axis=0).min() < LEAST_PAIRS:
        return None
    ratios = np.abs(seconds / deviations)
    return {level: tuple(np.nanpercentile(ratios, level, axis=0).tolist()) for level in LEVELS}


def judge(errors: Errors) -> Quality:
    """The quality of deltas; the bands that are judged are calibrated on the other half of the cars.

    The coverage is NaN where a half has but one car, as of two cars or three, and so no pair of laps to judge a band by.
    """
    seconds, deviations = errors.pairs()
    within: dict[int, list[Array]] = {level: [] for level in LEVELS}
    cars = sorted(set(errors.cars.tolist()))
    halves = set(cars[::2]), set(cars[1::2])
    for own, other in (halves, halves[::-1]):
        multiples = factors(errors.of_cars(other)) or USUAL_FACTORS
        own_seconds, own_deviations = errors.of_cars(own).pairs()
        for level in LEVELS:
            inside = np.abs(own_seconds) <= np.array(multiples[level]) * own_deviations
            within[level].append(np.where(np.isfinite(own_seconds), inside, np.nan))
    multiples = factors(errors) or USUAL_FACTORS
    return Quality(
        mae=tuple((1000 * np.nanmean(np.abs(seconds), axis=0)).tolist()),
        coverage={level: shares(np.concatenate(within[level])) for level in LEVELS},
        half_width={
            level: tuple((1000 * np.array(multiples[level]) * np.nanmean(deviations, axis=0)).tolist()) for level in LEVELS
        },
        laps=len(errors.cars),
    )


def shares(within: Array) -> tuple[float, ...]:
    """The share of ones in each column; NaN in a column without any number."""
    known = np.isfinite(within)
    return tuple(float(column[kept].mean()) if kept.any() else np.nan for column, kept in zip(within.T, known.T, strict=True))


# Simpler ways, each the predicted official time at a sector line


def without_telemetry(lap: LapSamples, lines: Array, scale: float, line: int) -> float:
    """By the share of the way between the lines beside: what sector times alone say."""
    before, after = lap.official[line - 1], lap.official[line + 1]
    return float(before + (after - before) * (lines[line] - lines[line - 1]) / (lines[line + 1] - lines[line - 1]))


def integrated(lap: LapSamples, lines: Array, scale: float, line: int) -> float:
    """By integrated speed from the start line on."""
    return when(lap, lines[line], begin=0.0, scale=1.0)


def scaled(lap: LapSamples, lines: Array, scale: float, line: int) -> float:
    """By integrated speed, scaled so that the lap has the length of the circuit."""
    return when(lap, lines[line], begin=0.0, scale=float(lines[FINISH] - lines[START]) / lap.integrated)


def pinned_speed(lap: LapSamples, lines: Array, scale: float, line: int) -> float:
    """By integrated speed, scaled between the lines beside."""
    before, after = lap.official[line - 1], lap.official[line + 1]
    ways = lap.integral.way(np.array([before, after]))
    local = float((lines[line + 1] - lines[line - 1]) / (ways[1] - ways[0]))
    return when(lap, lines[line] - lines[line - 1], begin=before, scale=local)


def pinned_positions(lap: LapSamples, lines: Array, scale: float, line: int) -> float:
    """By positions alone, moved so that the lines beside are met at their times."""
    beside = [line - 1, line + 1]
    shifts = lap.official[beside] - np.interp(lines[beside], lap.along, lap.position_times)
    share = (lines[line] - lines[line - 1]) / (lines[line + 1] - lines[line - 1])
    return float(np.interp(lines[line], lap.along, lap.position_times) + shifts[0] + share * (shifts[1] - shifts[0]))


def when(lap: LapSamples, way: float, *, begin: float, scale: float) -> float:
    """The moment at which integrated speed has gone so far since `begin`."""
    moments = np.arange(begin, lap.times[-1], 0.01)
    ways = scale * (lap.integral.way(moments) - lap.integral.way(np.array([begin])))
    return float(np.interp(way, np.maximum.accumulate(ways), moments))


Way = Callable[[LapSamples, Array, float, int], float]
SIMPLE_WAYS: dict[str, Way] = {
    "sector times alone": without_telemetry,
    "integrated speed": integrated,
    "scaled to the lap": scaled,
    "speed, pinned": pinned_speed,
    "positions, pinned": pinned_positions,
}


def try_simple_way(way: Way, laps: Sequence[LapSamples], lines: Array, scales: dict[int, float]) -> tuple[float, float]:
    """The mean absolute error of deltas in ms at both sector lines."""
    rows = [[way(lap, lines, scales[lap.car], line) - lap.official[line] for line in LINES] for lap in laps]
    errors = Errors(np.array([lap.car for lap in laps]), np.array(rows), np.ones((len(rows), 2)))
    first, second = (1000 * np.nanmean(np.abs(errors.pairs()[0]), axis=0)).tolist()
    return first, second
