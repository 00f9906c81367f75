"""Intervals that hold 80 % of the laps: quantile boosting, corrected by how it misses on races it has not seen.

Conformal prediction of quantile regression: Romano, Patterson, Candès, "Conformalized quantile regression" (NeurIPS 2019), with
the misses of every training race when it is left out: Barber, Candès, Ramdas, Tibshirani, "Predictive inference with the
jackknife+" (Annals of Statistics 2021). As a race goes on its own misses join those of the past, so that a race unlike the others
is soon met with other intervals.
"""

from bisect import insort
from typing import TYPE_CHECKING, Any

from ml import estimators

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MISS = 0.2  # share of laps outside
FOLDS = 5  # into which the training races are divided
PAST = 300  # laps of the race that is on which count as much as all races before it
QUANTILES = {"max_iter": 150, "learning_rate": 0.04, "max_leaf_nodes": 8, "min_samples_leaf": 60, "max_features": 0.2}
USUAL_NOISE = 0.3  # seconds, before the race has shown its own


class Intervals:
    """Lower and upper ends, in seconds beside the anchor."""

    def fit(self, inputs: "pd.DataFrame", residual: "pd.Series", laps: "pd.DataFrame", *, seed: int) -> "Intervals":
        import numpy as np

        races = laps["session_id"].to_numpy()
        names = laps.groupby("session_id")["session_date"].first().sort_values().index
        if len(names) < 2:
            raise ValueError("Intervals need at least two races to learn from.")
        scaled = residual.to_numpy() / unit(inputs)
        misses, weights = np.empty(len(laps)), 1 / laps.groupby("session_id")["session_id"].transform("size").to_numpy()
        for number in range(min(FOLDS, len(names))):
            out = np.isin(races, names[number::FOLDS])
            low, high = quantiles(fitted(inputs[~out], scaled[~out], seed), inputs[out])
            misses[out] = np.maximum(low - scaled[out], scaled[out] - high)
        order = np.argsort(misses)
        share = np.cumsum(weights[order]) / weights.sum()
        self.past = misses[order][np.searchsorted(share, (np.arange(PAST) + 0.5) / PAST)]
        self.ends = fitted(inputs, scaled, seed)
        return self

    def predict(
        self, inputs: "pd.DataFrame", residual: "pd.Series", laps: "pd.DataFrame", asked_at: "pd.Series"
    ) -> "tuple[np.ndarray, np.ndarray]":
        """(low, high) of each lap. Of `residual` only laps that had ended when a lap was asked about are used for it."""
        import numpy as np

        units = unit(inputs)
        low, high = quantiles(self.ends, inputs)
        scaled = residual.to_numpy() / units
        misses = np.maximum(low - scaled, scaled - high)
        wider = np.empty(len(laps))
        session, asked, ends = laps["session_id"].to_numpy(), asked_at.to_numpy(), laps["end"].to_numpy()
        for key in np.unique(session):
            rows = np.flatnonzero(session == key)
            over, finished, known = rows[np.argsort(ends[rows])], 0, self.past.tolist()
            for row in rows[np.argsort(asked[rows], kind="stable")]:
                while finished < len(over) and ends[over[finished]] <= asked[row]:
                    insort(known, float(misses[over[finished]]))
                    finished += 1
                wider[row] = known[int((1 - MISS) * len(known))]
        middle = (low + high) / 2
        return np.minimum(low - wider, middle) * units, np.maximum(high + wider, middle) * units


def unit(inputs: "pd.DataFrame") -> "np.ndarray":
    """Seconds that misses are counted in, so that those of quiet and restless races can be compared: more where the field's laps
    lie far apart, and the further ahead a lap is."""
    import numpy as np

    found = np.ones(len(inputs))
    if "field_noise" in inputs:
        found = 0.25 + 0.4 * inputs["field_noise"].fillna(USUAL_NOISE).to_numpy()
    if "horizon" in inputs:
        found = found * (1 + inputs["horizon"].to_numpy() / 15)
    return found


def fitted(inputs: "pd.DataFrame", scaled: "np.ndarray", seed: int) -> list[Any]:
    """The models of the lower and the upper end."""
    return [
        estimators.boosting(inputs, seed=seed, loss="quantile", quantile=quantile, **QUANTILES).fit(inputs, scaled)
        for quantile in (MISS / 2, 1 - MISS / 2)
    ]


def quantiles(ends: list[Any], inputs: "pd.DataFrame") -> "tuple[np.ndarray, np.ndarray]":
    """What the models say, the lower end first."""
    import numpy as np

    low, high = (end.predict(inputs) for end in ends)
    return np.minimum(low, high), np.maximum(low, high)
