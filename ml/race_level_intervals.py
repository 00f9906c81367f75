"""Prediction intervals with 80 % coverage for laps of races that have not begun.

Two things are uncertain then: how far the race as a whole will lie from what the circuit's last race says, and a lap within its
race. The first is a normal distribution whose variance is that of the training races, shrunk towards a prior, for there are few
of them; the second is the distribution of the training laps around the level of their own race. Their sum is the interval.
"""

from typing import TYPE_CHECKING

from ml import estimators
from ml.evaluation import MISCOVERAGE
from ml.intervals import PAST_SCORES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PRIOR_SHIFT = 0.9  # seconds, the standard deviation between a race and the last one at its circuit
PRIOR_RACES = 4  # weight of the prior


class RaceLevelIntervals:
    """Lower and upper bounds of lap times, in seconds relative to the anchor.

    Stored models are loaded by the names of this class and its attributes: `shape` (the model of a lap within its race), `low`
    and `high` (beside it).
    """

    def fit(
        self, inputs: "pd.DataFrame", residual: "pd.Series", races: "pd.Series", *, shifted: "pd.Series", seed: int
    ) -> "RaceLevelIntervals":
        """residual: seconds beside the anchor; races: each row's session; shifted: whether its anchor is an earlier race's."""
        import numpy as np

        level = residual.groupby(races).transform("median")
        self.shape = estimators.ridge(inputs, seed=seed).fit(inputs, (residual - level).clip(-3, 3))
        rest = residual - self.shape.predict(inputs)
        shifts = rest.groupby(races).median()
        deviations = np.concatenate([within(race - shifts[key]) for key, race in rest.groupby(races)])
        between = shifts[shifted.groupby(races).first()]
        variance = (PRIOR_RACES * PRIOR_SHIFT**2 + float((between**2).sum())) / (PRIOR_RACES + len(between))
        shift = np.random.default_rng(seed).normal(0, np.sqrt(variance), len(deviations))
        self.low, self.high = np.quantile(deviations + shift, [MISCOVERAGE / 2, 1 - MISCOVERAGE / 2]).tolist()
        return self

    def predict(
        self, inputs: "pd.DataFrame", residual: "pd.Series", laps: "pd.DataFrame", asked_at: "pd.Series"
    ) -> "tuple[np.ndarray, np.ndarray]":
        """(low, high) of each lap; what else is known of a race is not used, for it has not begun."""
        middle = self.shape.predict(inputs)
        return middle + self.low, middle + self.high


def within(deviations: "pd.Series") -> "np.ndarray":
    """A race's distribution as `PAST_SCORES` quantiles, so that each race weighs the same."""
    import numpy as np

    return np.quantile(deviations, (np.arange(PAST_SCORES) + 0.5) / PAST_SCORES)
