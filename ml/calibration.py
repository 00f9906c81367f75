"""Calibration of intervals while a race runs: how far intervals are widened, learnt from how laps that have ended missed theirs.

A miss is by how much a lap lies beyond an interval, negative inside. Every learner begins a race with the misses of past races.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ml.evaluation import MISCOVERAGE

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

STEP = 0.005  # by which a lap outside its interval lowers the level of adaptive conformal inference
STEPS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032)  # of the experts
LEARNING_RATE = 2.5  # of the weights of the experts
MIXING = 0.002  # of the experts' weights that is spread evenly after each lap
LEVELS = (0.02, 0.6)  # shares of laps outside the interval that are asked for at the least and at the most


class Learner(Protocol):
    """Says by how much to widen an interval, and learns from misses."""

    def margin(self) -> float: ...

    def learn(self, miss: float, margin: float) -> None: ...


class RaceMisses:
    """The quantile of the misses of past races and of this one, each of which counts as one."""

    def __init__(self, past: list[float], share: float = MISCOVERAGE) -> None:
        """past: sorted misses; share: of laps outside."""
        self.known, self.share = [*past], share

    def margin(self) -> float:
        return quantile(self.known, self.share)

    def learn(self, miss: float, margin: float) -> None:
        insort(self.known, miss)


class Adaptive:
    """Adaptive conformal inference: the quantile of past misses whose level moves with every lap inside or outside.

    Gibbs and Candès, "Adaptive conformal inference under distribution shift" (NeurIPS 2021).
    """

    def __init__(self, past: list[float], share: float = MISCOVERAGE) -> None:
        self.past, self.share, self.level = past, share, share

    def margin(self) -> float:
        return quantile(self.past, self.level)

    def learn(self, miss: float, margin: float) -> None:
        self.level += STEP * (self.share - (miss > margin))


class Experts:
    """Dynamically tuned adaptive conformal inference: experts with STEPS, weighted by their pinball loss.

    Gibbs and Candès, "Conformal inference for online prediction with arbitrary distribution shifts" (JMLR 25, 2024), algorithm 2.
    """

    def __init__(self, past: list[float], share: float = MISCOVERAGE) -> None:
        self.past, self.share = past, share
        self.levels, self.weights = [share] * len(STEPS), [1 / len(STEPS)] * len(STEPS)

    def margin(self) -> float:
        return quantile(self.past, sum(weight * level for weight, level in zip(self.weights, self.levels, strict=True)))

    def learn(self, miss: float, margin: float) -> None:
        from math import exp

        smallest = 1 - bisect_left(self.past, miss) / len(self.past)  # level that would have held this lap
        losses = [self.share * (smallest - level) - min(0.0, smallest - level) for level in self.levels]
        weights = [weight * exp(-LEARNING_RATE * loss) for weight, loss in zip(self.weights, losses, strict=True)]
        total = sum(weights)
        self.weights = [(1 - MIXING) * weight / total + MIXING / len(weights) for weight in weights]
        self.levels = [level + step * (self.share - (level > smallest)) for level, step in zip(self.levels, STEPS, strict=True)]


def quantile(ordered: list[float], share: float) -> float:
    """The value that a share of the sorted values exceeds; the share is kept within LEVELS."""
    low, high = LEVELS
    return ordered[min(int((1 - min(max(share, low), high)) * len(ordered)), len(ordered) - 1)]


def replay(begin: Callable[[], Learner], misses: "np.ndarray", laps: "pd.DataFrame", asked_at: "pd.Series") -> "np.ndarray":
    """The margin of each lap when it was asked about; only misses of laps of its race that had ended by then are known.

    begin: makes the learner of a race. laps: `session_id` and `end`, seconds since 1970, NaN for laps that teach nothing; where
    they have `sectors_done`, each number of sectors has a learner of its own.
    """
    import numpy as np

    margins = np.empty(len(laps))
    session, moments, ends = laps["session_id"].to_numpy(), asked_at.to_numpy(), laps["end"].to_numpy()
    if "sectors_done" in laps:
        session = 10 * session + laps["sectors_done"].to_numpy()
    for key in np.unique(session):
        rows = np.flatnonzero(session == key)
        by_end, finished, learner = rows[np.argsort(ends[rows])], 0, begin()
        margins[rows] = learner.margin()
        for row in rows[np.argsort(moments[rows], kind="stable")]:
            while finished < len(by_end) and ends[by_end[finished]] <= moments[row]:
                learner.learn(float(misses[by_end[finished]]), float(margins[by_end[finished]]))
                finished += 1
            margins[row] = learner.margin()
    return margins
