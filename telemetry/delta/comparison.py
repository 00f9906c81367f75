"""Two timed laps beside each other: the delta with its band, gains over stretches, and how a lap goes through a corner."""

from typing import NamedTuple

import numpy as np

from telemetry.delta.timing import TimedLap

FULL_THROTTLE = 99  # per cent
BRAKING = 1  # of the brake channel, which is 0 or 100
CORNER_REACH = 150.0  # m before and after an apex that belong to its corner at most

Array = np.ndarray


class Delta(NamedTuple):
    """How much later a lap is than the reference, at each distance; in s, with half-widths of its bands."""

    seconds: Array
    half_80: Array
    half_95: Array


class Gain(NamedTuple):
    """What a lap loses (positive) or gains on the reference between two distances, in s, with the half-width of its 95 % band."""

    begin: float
    end: float
    seconds: float
    half_95: float

    @property
    def is_certain(self) -> bool:
        """Whether the band leaves out 0: one of the laps was faster there."""
        return abs(self.seconds) > self.half_95


class Bounded(NamedTuple):
    """A figure from samples, and by how much the truth can differ from it because it lies between two samples."""

    value: float
    error: float


class CornerPass(NamedTuple):
    """How a lap goes through a corner; None for what it does not do there."""

    minimum: Bounded  # km/h
    minimum_at: float  # m from the start line
    entry: Bounded | None  # km/h where braking begins
    exit: Bounded | None  # km/h where full throttle begins
    brake_to_throttle: Bounded | None  # s from the first braking to full throttle


def delta(reference: TimedLap, lap: TimedLap, distances: Array, *, factors_80: Array, factors_95: Array) -> Delta:
    """The delta at distances from the start line; factors are those of the bands there."""
    deviations = np.sqrt(reference.variance_at(distances) + lap.variance_at(distances))
    seconds = lap.time_at(distances) - reference.time_at(distances)
    return Delta(seconds, factors_80 * deviations, factors_95 * deviations)


def gains(reference: TimedLap, lap: TimedLap, ends: Array, *, factors_95: Array) -> list[Gain]:
    """The gains between each distance and the next; factors are those between them, one fewer than ends."""
    deltas = lap.time_at(ends) - reference.time_at(ends)
    half = factors_95 * np.sqrt(reference.gain_variances(ends) + lap.gain_variances(ends))
    rows = zip(ends[:-1], ends[1:], np.diff(deltas), half, strict=True)
    return [Gain(*(float(value) for value in row)) for row in rows]


def corner_zones(apexes: Array, length: float) -> list[tuple[float, float]]:
    """(begin, end) of each corner: from half way after the one before to half way to the next, at most 150 m from its apex."""
    before = np.diff(apexes, prepend=apexes[-1] - length) / 2
    after = np.diff(apexes, append=apexes[0] + length) / 2
    begins = np.maximum(apexes - np.minimum(before, CORNER_REACH), 0)
    return list(zip(begins.tolist(), np.minimum(apexes + np.minimum(after, CORNER_REACH), length).tolist(), strict=True))


def corner_pass(
    lap: TimedLap, channels: dict[str, Array], zone: tuple[float, float], reach: tuple[float, float]
) -> CornerPass | None:
    """How a lap goes through a corner, from the samples as they are; None where fewer than three of them lie in it.

    zone: m from the start line, where the lap is slowest; reach: the apexes before and after, between which it brakes and
    accelerates; channels: `time` on the lap's official clock, `speed` in km/h, `throttle` and `brake` in per cent.
    """
    times = channels["time"]
    begin, end = np.searchsorted(times, lap.time_at(np.array(zone)))
    before, after = np.searchsorted(times, lap.time_at(np.array(reach)))
    speeds = channels["speed"][begin:end]
    if end - begin < 3 or not np.isfinite(speeds).all():
        return None
    slowest = int(begin + np.argmin(speeds))
    place = float(np.interp(times[slowest], lap.moments, lap.ways))
    braking = first(channels["brake"][before : slowest + 1] >= BRAKING, before)
    throttle = first(channels["throttle"][slowest : after + 1] >= FULL_THROTTLE, slowest)
    between = None
    if braking is not None and throttle is not None:
        error = (gap_before(times, braking) + gap_before(times, throttle)) / 2
        between = Bounded(
            float(times[throttle] - times[braking] + (gap_before(times, braking) - gap_before(times, throttle)) / 2), error
        )
    return CornerPass(
        minimum=lowest(channels["speed"], slowest),
        minimum_at=place,
        entry=at_change(channels["speed"], braking),
        exit=at_change(channels["speed"], throttle),
        brake_to_throttle=between,
    )


def corner_reaches(apexes: Array, length: float) -> list[tuple[float, float]]:
    """(apex before, apex after) of each corner, within the lap."""
    before, after = [0.0, *apexes[:-1].tolist()], [*apexes[1:].tolist(), length]
    return list(zip(before, after, strict=True))


def first(mask: Array, offset: int) -> int | None:
    """The number of the first sample that meets a condition which the one before does not; None where there is none."""
    begins = np.flatnonzero(mask[1:] & ~mask[:-1]) + 1
    return int(begins[0] + offset) if len(begins) else None


def gap_before(times: Array, at: int) -> float:
    """Seconds since the sample before: an event that a sample shows first happened within them."""
    return float(times[at] - times[at - 1])


def at_change(values: Array, at: int | None) -> Bounded | None:
    """The value when an event happened: between the sample that shows it first and the one before."""
    return None if at is None else Bounded(float((values[at - 1] + values[at]) / 2), float(abs(values[at] - values[at - 1]) / 2))


def lowest(values: Array, at: int) -> Bounded:
    """The least value near a sample: a parabola through three samples is lower than the lowest by a quarter of their bend at
    most.
    """
    inside = 0 < at < len(values) - 1
    bend = float(values[at - 1] - 2 * values[at] + values[at + 1]) if inside else 0.0
    return Bounded(float(values[at]), 0.5 + abs(bend) / 8)
