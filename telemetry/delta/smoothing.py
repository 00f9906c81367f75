"""A Kalman filter with a Rauch-Tung-Striebel smoother for one state that walks at random."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

UNKNOWN = 1e6  # the variance of the state before the first observation


@dataclass(frozen=True)
class Smoothed:
    """The state at each step, given all observations."""

    means: np.ndarray
    variances: np.ndarray
    gains: np.ndarray  # of the smoother, one fewer than steps

    def correlation(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """What the variance at the later steps is multiplied by to give the covariance with the earlier ones: a product of
        gains.
        """
        logs = np.concatenate([[0.0], np.cumsum(np.log(np.maximum(self.gains, 1e-300)))])
        return np.exp(logs[second] - logs[first])


def smooth(observations: Sequence[float], variances: Sequence[float], steps: Sequence[float]) -> Smoothed:
    """Estimate the state from observations with their variances (infinite for none) and the variance it gains before each.

    Plain floats: a lap has some 380 steps, for which NumPy's calls would take ten times as long.
    """
    mean, variance = 0.0, UNKNOWN
    means, filtered, predicted = [], [], []
    for observed, noise, step in zip(observations, variances, steps, strict=True):
        variance += step
        predicted.append(variance)
        gain = variance / (variance + noise)
        mean += gain * (observed - mean)
        variance *= 1.0 - gain
        means.append(mean)
        filtered.append(variance)
    gains = [before / after for before, after in zip(filtered, predicted[1:], strict=False)]
    for at in range(len(gains) - 1, -1, -1):
        gain = gains[at]
        means[at] += gain * (means[at + 1] - means[at])
        filtered[at] += gain * gain * (filtered[at + 1] - predicted[at + 1])
    return Smoothed(np.array(means), np.array(filtered), np.array(gains))
