"""The corners of a circuit, from the curvature of its centre line.

They are numbered in the order of driving. The official numbers can differ where a kink counts as a corner or a double corner as
one: people edit them.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from telemetry.delta.centre_line import CentreLine

SMOOTHED = 16.0  # m over which the direction of the track is averaged
BENT = 1 / 400  # 1/m: a track that bends more is in a corner
TURN = 12.0  # degrees that a corner turns at least


class Corner(NamedTuple):
    """A corner of the centre line."""

    number: int
    entry: float  # m from the start line, where the track begins to bend
    apex: float  # where it bends most
    exit: float
    turn: float  # degrees, positive to the left


def curvature(line: CentreLine) -> np.ndarray:
    """1/m at each point, positive to the left, over about 16 m each way."""
    steps = np.diff(np.vstack([line.points, line.points[:1]])[:, :2], axis=0)
    turns = np.diff(np.unwrap(np.arctan2(steps[:, 1], steps[:, 0])), prepend=0)
    turns[0] = np.angle(np.exp(1j * (np.arctan2(*steps[0, ::-1]) - np.arctan2(*steps[-1, ::-1]))))
    half = max(1, round(SMOOTHED / line.step))
    window = np.hanning(2 * half + 1)
    window /= window.sum()
    padded = np.concatenate([turns[-half:], turns, turns[:half]])
    return np.convolve(padded, window, mode="valid") / line.step


def find_corners(line: CentreLine) -> list[Corner]:
    """The stretches that bend one way by at least 12 degrees, cut where the bend eases to less than half between two peaks."""
    bend = curvature(line)
    count = len(bend)
    straight = int(np.argmin(np.abs(bend)))  # begin where no corner is cut
    rolled = np.roll(bend, -straight)
    found = []
    for low, high in stretches(rolled):
        for begin, end in split_at_eases(np.abs(rolled), low, high):
            turn = float(np.degrees(rolled[begin:end].sum() * line.step))
            if abs(turn) >= TURN:
                apex = begin + int(np.argmax(np.abs(rolled[begin:end])))
                entry, peak, leave = ((index + straight) % count * line.step for index in (begin, apex, end - 1))
                found.append((entry, peak, leave, turn))
    found.sort(key=lambda corner: corner[1])
    return [Corner(number, *corner) for number, corner in enumerate(found, 1)]


def stretches(bend: np.ndarray) -> list[tuple[int, int]]:
    """[begin, end) of the points that bend more than BENT one way."""
    side = np.where(np.abs(bend) > BENT, np.sign(bend), 0).astype(int)
    edges = [0, *(np.flatnonzero(np.diff(side)) + 1).tolist(), len(side)]
    return [(low, high) for low, high in pairwise(edges) if side[low]]


def split_at_eases(bend: np.ndarray, low: int, high: int) -> list[tuple[int, int]]:
    """A stretch cut at each valley that is less than half as bent as the lower of the peaks beside it."""
    inside = bend[low:high]
    if len(inside) < 5:
        return [(low, high)]
    valleys = np.flatnonzero((inside[1:-1] <= inside[:-2]) & (inside[1:-1] < inside[2:])) + 1
    for valley in valleys[np.argsort(inside[valleys])]:
        if inside[valley] < 0.5 * min(inside[:valley].max(), inside[valley:].max()):
            cut = low + int(valley)
            return split_at_eases(bend, low, cut) + split_at_eases(bend, cut, high)
    return [(low, high)]
