"""When a car was where in a lap: speed, positions and official times put together."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from telemetry.delta.integral import SpeedIntegral
from telemetry.delta.smoothing import Smoothed, smooth

SPEED_LAG = 0.05  # s by which the stamps of speeds run late against those of positions
POSITION_TIME = 0.05  # s, standard deviation of a position's stamp
POSITION = 0.1  # m, standard deviation of a position beside that of its stamp
LINE = 0.05  # m, standard deviation of a line's place
DRIFT = 0.15  # m² that the drift's variance gains a second
GAP = 0.6  # s without a sample, beyond which the drift gains more: 1.5 m per s² beyond 0.4 s, squared
QUIET = 0.5  # s between nodes where there are no positions
FINE = 0.02  # s between the moments at which a lap is tabulated
SLOWEST = 3.0  # m/s: a standing car's time at a place means nothing
START, SECTOR_1, SECTOR_2, FINISH = range(4)

Array = np.ndarray
OfMoments = Callable[[Array], Array]


@dataclass(frozen=True)
class LapSamples:
    """What is recorded of a lap; times are seconds since its official start."""

    car: int
    times: Array  # of speeds, with some before and after the lap; stamps as sent
    speeds: Array  # m/s
    official: Array  # the official times at start, sector 1, sector 2 and finish; NaN where one is not known
    position_times: Array  # empty without positions
    along: Array  # m from the start line, rising

    @property
    def has_positions(self) -> bool:
        return len(self.position_times) > 0

    @cached_property
    def integral(self) -> SpeedIntegral:
        return SpeedIntegral(self.times - SPEED_LAG, self.speeds)

    @property
    def integrated(self) -> float:
        """Metres from start to finish by speed alone."""
        ends = self.integral.way(self.official[[START, FINISH]])
        return float(ends[1] - ends[0])


@dataclass(frozen=True)
class TimedLap:
    """A lap as a table of its way over time, and the drift's variance at the nodes of the filter."""

    offset: float  # s that the samples' clock is ahead of the official one
    moments: Array  # s since the official start, rising
    ways: Array  # m from the start line at these moments, never falling
    speeds: Array  # m/s, at least SLOWEST
    nodes: Array  # s, of the filter
    drift: Smoothed

    def time_at(self, distances: Array) -> Array:
        """Seconds since the official start at distances from the start line."""
        return np.interp(distances, self.ways, self.moments)

    def speed_at(self, distances: Array) -> Array:
        return np.interp(self.time_at(distances), self.moments, self.speeds)

    def variance_at(self, distances: Array) -> Array:
        """The variance of `time_at` in s², as the filter sees it."""
        return np.interp(self.time_at(distances), self.nodes, self.drift.variances) / self.speed_at(distances) ** 2

    def gain_variances(self, distances: Array) -> Array:
        """The variances of the time spent between each distance and the next, with the covariance of the ends."""
        at = np.clip(np.searchsorted(self.nodes, self.time_at(distances)), 0, len(self.nodes) - 1)
        speeds, variances = self.speed_at(distances), self.drift.variances[at]
        covariances = self.drift.correlation(at[:-1], at[1:]) * variances[1:]
        ends = variances / speeds**2
        return np.maximum(ends[:-1] + ends[1:] - 2 * covariances / (speeds[:-1] * speeds[1:]), 0.0)


def time_lap(lap: LapSamples, lines: Array, *, scale: float, left_out: int | None = None) -> TimedLap:
    """Put together what is known of a lap.

    lines: the places of start, sector 1, sector 2 and finish in m; scale: of the car's speeds; left_out: a line not to be used.
    """
    integral, pinned = lap.integral, np.isfinite(lap.official) & np.isfinite(lines)
    if left_out is not None:
        pinned[left_out] = False
    official, places = lap.official[pinned], lines[pinned]
    origin = integral.way(np.zeros(1))[0]

    def driven(moments: Array) -> Array:
        return scale * (integral.way(moments) - origin)

    times = lap.position_times if lap.has_positions else np.arange(-1.0, lap.times[-1] - SPEED_LAG, QUIET)
    drift = lap.along - driven(times) if lap.has_positions else np.zeros(len(times))
    noise = position_variances(lap, times, scale)
    offset = (
        clock_offset(times, drift, noise, official=official, places=places, lap=lap, scale=scale) if lap.has_positions else 0.0
    )
    moved = official + offset
    nodes = np.concatenate([times, moved])
    order = np.argsort(nodes, kind="stable")
    nodes = nodes[order]
    observed = np.concatenate([drift, places - driven(moved)])[order]
    variances = np.concatenate([noise, np.full(len(moved), LINE**2)])[order]
    smoothed = smooth(observed.tolist(), variances.tolist(), walk(nodes).tolist())
    return tabulate(nodes, smoothed, driven=driven, offset=offset, speed=lambda t: scale * integral.speed(t))


def position_variances(lap: LapSamples, times: Array, scale: float) -> Array:
    """The variances of the positions as observations of the drift; infinite where there are none."""
    if not lap.has_positions:
        return np.full(len(times), np.inf)
    return (POSITION_TIME * np.maximum(scale * lap.integral.speed(times), SLOWEST)) ** 2 + POSITION**2


def walk(nodes: Array) -> Array:
    """What the drift's variance gains before each node."""
    gaps = np.diff(nodes, prepend=nodes[:1])
    return DRIFT * gaps + np.where(gaps > GAP, (1.5 * (gaps - 0.4) ** 2) ** 2, 0.0)


def clock_offset(
    times: Array, drift: Array, noise: Array, *, official: Array, places: Array, lap: LapSamples, scale: float
) -> float:
    """Seconds that the samples' clock is ahead of the official one, from a pass that does not know the lines."""
    smoothed = smooth(drift.tolist(), noise.tolist(), (DRIFT * np.diff(times, prepend=times[:1])).tolist())
    origin = lap.integral.way(np.zeros(1))[0]
    ways = np.interp(official, times, smoothed.means) + scale * (lap.integral.way(official) - origin)
    speeds = np.maximum(scale * lap.integral.speed(official), SLOWEST)
    return -float(np.mean((ways - places) / speeds))


def tabulate(nodes: Array, drift: Smoothed, *, driven: OfMoments, offset: float, speed: OfMoments) -> TimedLap:
    """The lap on the official clock, at all nodes and every 20 ms between."""
    moments = np.union1d(np.arange(nodes[0], nodes[-1], FINE), nodes)
    ways = np.maximum.accumulate(driven(moments) + np.interp(moments, nodes, drift.means))
    return TimedLap(offset, moments - offset, ways, np.maximum(speed(moments), SLOWEST), nodes - offset, drift)
