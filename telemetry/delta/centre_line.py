"""The centre line of a circuit, from the positions of many laps, and distances along it.

Formula 1's positions are matched to a map (their median distance from this line is some centimetres): they say how far along the
track a car was, and nothing about its racing line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

STEP = 4.0  # m between two points of a line, about
BIN = 10.0  # m of track over which the offsets of positions are pooled
REACH = 120.0  # m along the track around the guessed place within which a position is looked for
FAR = 15.0  # m from the line: a position that lies further off is an error or in the pit lane
ROUNDS = 3  # of moving the line to the median of the positions
SMOOTHING = np.array([1, 4, 6, 4, 1]) / 16  # over five points, after each round

Array = np.ndarray


class LapPath(NamedTuple):
    """The positions of a lap, with some before and after it."""

    times: Array  # s, rising
    points: Array  # m, one row (x, y, z) per time
    start: float  # s, when the lap began
    end: float


@dataclass(frozen=True)
class CentreLine:
    """A closed line in equal steps; the first point is on the start line, and the line follows the direction of the race."""

    points: Array  # m, rows (x, y, z)
    length: float  # m in the plane of x and y

    @property
    def step(self) -> float:
        return self.length / len(self.points)

    @property
    def distances(self) -> Array:
        """The distance of each point from the start line in m."""
        return np.arange(len(self.points)) * self.step

    def at(self, distances: Array) -> Array:
        """Points at distances from the start line, which may lie beyond a lap."""
        closed = np.vstack([self.points, self.points[:1]])
        knots = np.arange(len(closed)) * self.step
        wrapped = np.mod(distances, self.length)
        return np.stack([np.interp(wrapped, knots, column) for column in closed.T], axis=-1)

    def normals(self) -> Array:
        """Unit vectors to the left of the track at each point."""
        tangents = np.roll(self.points[:, :2], -1, axis=0) - np.roll(self.points[:, :2], 1, axis=0)
        tangents /= np.hypot(*tangents.T)[:, None]
        return np.stack([-tangents[:, 1], tangents[:, 0]], axis=-1)

    def project(self, lap: LapPath) -> tuple[Array, Array]:
        """(distance from the lap's start in m, offset to the left in m) of each position of a lap.

        Distances rise beyond the length after the lap's end and are negative before its start. A position is looked for around
        the share of the lap's way that the car had gone by then, so that a track may come near to itself or cross itself.
        """
        return self.nearest(lap.points[:, :2], guess_distances(lap, self.length))

    def nearest(self, points: Array, guesses: Array) -> tuple[Array, Array]:
        """(distance, offset to the left) of points of the plane, near guessed distances."""
        line, step, count = self.points[:, :2], self.step, len(self.points)
        reach = round(REACH / step)
        centres = np.rint(guesses / step).astype(int)
        candidates = (centres[:, None] + np.arange(-reach, reach + 1)) % count
        across, up = (line[:, axis][candidates] - points[:, axis, None] for axis in (0, 1))
        vertices = centres + (across * across + up * up).argmin(axis=1) - reach
        distances, offsets = np.empty(len(points)), np.full(len(points), np.inf)
        for before in (-1, 0):  # the segments on both sides of the nearest vertex
            begin = line[(vertices + before) % count]
            segment = line[(vertices + before + 1) % count] - begin
            squared = (segment**2).sum(axis=1)
            share = np.clip(((points - begin) * segment).sum(axis=1) / squared, 0, 1)
            rest = points - begin - share[:, None] * segment
            side = np.sign(segment[:, 0] * rest[:, 1] - segment[:, 1] * rest[:, 0]) * np.hypot(*rest.T)
            nearer = np.abs(side) < np.abs(offsets)
            distances = np.where(nearer, (vertices + before + share) * step, distances)
            offsets = np.where(nearer, side, offsets)
        return distances, offsets


def chord_lengths(points: Array) -> Array:
    """The way from the first point to each point in m, in the plane."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points[:, :2], axis=0).T))])


def guess_distances(lap: LapPath, length: float) -> Array:
    """Distances from the lap's start by the share of its way: good to some metres."""
    way = chord_lengths(lap.points)
    begin, end = np.interp([lap.start, lap.end], lap.times, way)
    return (way - begin) * length / (end - begin)


def resample(points: Array, *, start: float = 0.0) -> CentreLine:
    """The closed line through these points in equal steps, beginning `start` m after the first."""
    closed = np.vstack([points, points[:1]])
    way = chord_lengths(closed)
    count = round(way[-1] / STEP)
    knots = np.mod(start + np.arange(count) * way[-1] / count, way[-1])
    return CentreLine(np.stack([np.interp(knots, way, column) for column in closed.T], axis=-1), float(way[-1]))


def build_centre_line(laps: Sequence[LapPath]) -> CentreLine:
    """The line that the median of these laps follows, from the place at which they began.

    It begins with the lap of median length, moves to the median offset of all positions per 10 m, is smoothed and laid out in
    equal steps again, and that three times. ValueError without a lap.
    """
    if not laps:
        raise ValueError("a centre line needs a lap at least")
    ways = [np.diff(np.interp([lap.start, lap.end], lap.times, chord_lengths(lap.points)))[0] for lap in laps]
    first = laps[int(np.argsort(ways)[len(ways) // 2])]
    moments = np.linspace(first.start, first.end, len(first.times))[:-1]
    line = resample(np.stack([np.interp(moments, first.times, column) for column in first.points.T], axis=-1))
    for _ in range(ROUNDS):
        line = move_to_median(line, laps)
    starts = [np.interp(lap.start, lap.times, line.project(lap)[0]) for lap in laps]
    return resample(line.points, start=float(np.median(starts)))


def move_to_median(line: CentreLine, laps: Sequence[LapPath]) -> CentreLine:
    """The line moved sideways and in height to the median of the laps' positions, and smoothed."""
    projected = [line.project(lap) for lap in laps]
    distances = np.concatenate([along for along, _ in projected]) % line.length
    offsets = np.concatenate([aside for _, aside in projected])
    heights = np.concatenate([lap.points[:, 2] for lap in laps]) - line.at(distances)[:, 2]
    near = np.abs(offsets) < FAR
    shifts = medians_along(line, distances[near], np.stack([offsets[near], heights[near]], axis=-1))
    points = line.points.copy()
    points[:, :2] += shifts[:, :1] * line.normals()
    points[:, 2] += shifts[:, 1]
    smooth = sum(weight * np.roll(points, shift, axis=0) for shift, weight in enumerate(SMOOTHING, -2))
    return resample(np.asarray(smooth))


def medians_along(line: CentreLine, distances: Array, values: Array) -> Array:
    """The medians of columns of values per 10 m of track, interpolated at each point of the line; 0 where there are none."""
    count = max(round(line.length / BIN), 1)
    bins = (distances / line.length * count).astype(int) % count
    order = np.argsort(bins, kind="stable")
    edges = np.searchsorted(bins[order], np.arange(count + 1))
    pooled = [values[order[low:high]] for low, high in pairwise(edges)]
    medians = np.array([np.median(each, axis=0) if len(each) else np.zeros(values.shape[1]) for each in pooled])
    centres = (np.arange(-1, count + 1) + 0.5) * line.length / count
    wrapped = np.vstack([medians[-1:], medians, medians[:1]])
    return np.stack([np.interp(line.distances, centres, column) for column in wrapped.T], axis=-1)
