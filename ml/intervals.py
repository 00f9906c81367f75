"""Intervals that hold 80 % of the laps: quantile boosting, corrected on the latest past races and again as a race goes on.

Split conformal prediction of quantile regression: Romano, Patterson, Candès, "Conformalized quantile regression" (NeurIPS 2019).
The correction inside a race: Gibbs, Candès, "Adaptive conformal inference under distribution shift" (NeurIPS 2021), stepping the
width instead of the level.
"""

from typing import TYPE_CHECKING, Any

from ml import estimators

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MISS = 0.2  # share of laps outside
LATEST = 0.3  # share of the training races, the last ones, that the widths are corrected on
STEP = 0.04  # seconds by which a lap outside widens the next intervals; one inside narrows them by a quarter of it
QUANTILES = {"max_iter": 150, "learning_rate": 0.04, "max_leaf_nodes": 8, "min_samples_leaf": 60, "max_features": 0.2}


class Intervals:
    """Lower and upper ends, in seconds beside the anchor."""

    def fit(self, inputs: "pd.DataFrame", residual: "pd.Series", laps: "pd.DataFrame", *, seed: int) -> "Intervals":
        import numpy as np

        dates = laps.groupby("session_id")["session_date"].first().sort_values()
        latest = dates.index[int(len(dates) * (1 - LATEST)) :]
        late = laps["session_id"].isin(latest).to_numpy()
        if late.all():
            raise ValueError("Intervals need at least two races to learn from.")
        self.ends: list[Any] = [
            estimators.boosting(inputs, seed=seed, loss="quantile", quantile=quantile, **QUANTILES).fit(
                inputs[~late], residual[~late]
            )
            for quantile in (MISS / 2, 1 - MISS / 2)
        ]
        low, high = self.raw(inputs[late])
        outside = np.maximum(low - residual[late].to_numpy(), residual[late].to_numpy() - high)
        self.widening = float(np.quantile(outside, 1 - MISS))
        return self

    def raw(self, inputs: "pd.DataFrame") -> "tuple[np.ndarray, np.ndarray]":
        """What the quantile models say, the lower one first."""
        import numpy as np

        low, high = (end.predict(inputs) for end in self.ends)
        return np.minimum(low, high), np.maximum(low, high)

    def predict(
        self, inputs: "pd.DataFrame", residual: "pd.Series", laps: "pd.DataFrame", asked_at: "pd.Series"
    ) -> "tuple[np.ndarray, np.ndarray]":
        """(low, high) of each lap. Of `residual` only laps that had ended when a lap was asked about are used for it."""
        import numpy as np

        low, high = self.raw(inputs)
        actual = residual.to_numpy()
        outside = np.maximum(low - actual, actual - high)  # seconds by which a lap is outside what the models say
        wider = np.full(len(laps), self.widening)
        session, begins, ends = laps["session_id"].to_numpy(), asked_at.to_numpy(), laps["end"].to_numpy()
        for key in np.unique(session):
            rows = np.flatnonzero(session == key)
            over, finished, now = rows[np.argsort(ends[rows])], 0, self.widening
            for row in rows[np.argsort(begins[rows], kind="stable")]:
                while finished < len(over) and ends[over[finished]] <= begins[row]:
                    done = over[finished]
                    now += STEP * ((outside[done] > wider[done]) - MISS)
                    finished += 1
                wider[row] = now
        middle = (low + high) / 2
        return np.minimum(low - wider, middle), np.maximum(high + wider, middle)
