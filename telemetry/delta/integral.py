"""The way of a car as the integral of its speed."""

import numpy as np

Array = np.ndarray


class SpeedIntegral:
    """The integral of a monotone piecewise cubic through samples of speed (PCHIP after Fritsch and Carlson, 1980).

    times: s, strictly rising; speeds: m/s.
    """

    def __init__(self, times: Array, speeds: Array):
        self.times, self.speeds = times, speeds
        steps = np.diff(times)
        self.slopes = monotone_slopes(steps, speeds)
        areas = steps * (speeds[:-1] + speeds[1:]) / 2 + steps**2 * (self.slopes[:-1] - self.slopes[1:]) / 12
        self.ways = np.concatenate([[0.0], np.cumsum(areas)])

    def locate(self, moments: Array) -> tuple[Array, Array, Array]:
        """(number of the piece, its length in s, share of it gone) at moments; those outside belong to the first or last
        piece.
        """
        piece = np.clip(np.searchsorted(self.times, moments, side="right") - 1, 0, len(self.times) - 2)
        step = self.times[piece + 1] - self.times[piece]
        return piece, step, np.clip((moments - self.times[piece]) / step, 0, 1)

    def way(self, moments: Array) -> Array:
        """Metres since the first sample; before it and after the last the speed is held."""
        piece, step, u = self.locate(moments)
        u2, u3, u4 = u * u, u**3, u**4
        inside = step * (
            self.speeds[piece] * (u - u3 + u4 / 2)
            + step * self.slopes[piece] * (u2 / 2 - 2 * u3 / 3 + u4 / 4)
            + self.speeds[piece + 1] * (u3 - u4 / 2)
            + step * self.slopes[piece + 1] * (u4 / 4 - u3 / 3)
        )
        before = np.minimum(moments - self.times[0], 0) * self.speeds[0]
        after = np.maximum(moments - self.times[-1], 0) * self.speeds[-1]
        return self.ways[piece] + inside + before + after

    def speed(self, moments: Array) -> Array:
        """m/s, linear between the samples."""
        return np.interp(moments, self.times, self.speeds)


def monotone_slopes(steps: Array, values: Array) -> Array:
    """Slopes at the samples: weighted harmonic means of those beside, 0 where these have different signs."""
    secants = np.diff(values) / steps
    slopes = np.empty(len(values))
    slopes[0], slopes[-1] = secants[0], secants[-1]
    first, second = 2 * steps[1:] + steps[:-1], steps[1:] + 2 * steps[:-1]
    same = secants[:-1] * secants[1:] > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        means = (first + second) / (first / secants[:-1] + second / secants[1:])
    slopes[1:-1] = np.where(same, means, 0.0)
    return slopes
