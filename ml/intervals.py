"""Prediction intervals with 80 % coverage: quantile boosting with conformal calibration on held-out races.

Conformal prediction of quantile regression: Romano, Patterson, Candès, "Conformalized quantile regression" (NeurIPS 2019), with
the conformity scores of each training race when it is held out: Barber, Candès, Ramdas, Tibshirani, "Predictive inference with
the jackknife+" (Annals of Statistics 2021). During a race its own scores are added to those of the past, so that the intervals
adapt to an unusual race.
"""

from bisect import insort
from typing import TYPE_CHECKING, Any

from ml import estimators
from ml.evaluation import MISCOVERAGE

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FOLDS = 5  # of the training races
PAST_SCORES = 300  # scores that represent all past races; the current race adds one per lap
QUANTILES = {"max_iter": 150, "learning_rate": 0.04, "max_leaf_nodes": 8, "min_samples_leaf": 60, "max_features": 0.2}
DEFAULT_NOISE = 0.3  # seconds, until the race's own noise is known


class Intervals:
    """Lower and upper bounds of lap times, in seconds relative to the anchor.

    Stored models are loaded by the names of this class and its attributes: `past` (quantiles of the scores), `ends` (models).
    """

    def fit(self, inputs: "pd.DataFrame", residual: "pd.Series", laps: "pd.DataFrame", *, seed: int) -> "Intervals":
        import numpy as np

        races = laps["session_id"].to_numpy()
        names = laps.groupby("session_id")["session_date"].first().sort_values().index
        if len(names) < 2:
            raise ValueError("Intervals need at least two races to learn from.")
        scaled = residual.to_numpy() / scale(inputs)
        scores, weights = np.empty(len(laps)), 1 / laps.groupby("session_id")["session_id"].transform("size").to_numpy()
        for number in range(min(FOLDS, len(names))):
            held_out = np.isin(races, names[number::FOLDS])
            low, high = predict_quantiles(fit_quantile_models(inputs[~held_out], scaled[~held_out], seed), inputs[held_out])
            scores[held_out] = np.maximum(low - scaled[held_out], scaled[held_out] - high)
        order = np.argsort(scores)
        share = np.cumsum(weights[order]) / weights.sum()
        self.past = scores[order][np.searchsorted(share, (np.arange(PAST_SCORES) + 0.5) / PAST_SCORES)]
        self.ends = fit_quantile_models(inputs, scaled, seed)
        return self

    def predict(
        self, inputs: "pd.DataFrame", residual: "pd.Series", laps: "pd.DataFrame", asked_at: "pd.Series"
    ) -> "tuple[np.ndarray, np.ndarray]":
        """(low, high) of each lap. Only residuals of laps that ended before a lap's prediction time are used for it."""
        import numpy as np

        units = scale(inputs)
        low, high = predict_quantiles(self.ends, inputs)
        scaled = residual.to_numpy() / units
        scores = np.maximum(low - scaled, scaled - high)
        margin = np.empty(len(laps))
        session, predicted_at, ends = laps["session_id"].to_numpy(), asked_at.to_numpy(), laps["end"].to_numpy()
        for key in np.unique(session):
            rows = np.flatnonzero(session == key)
            by_end, finished, known_scores = rows[np.argsort(ends[rows])], 0, self.past.tolist()
            for row in rows[np.argsort(predicted_at[rows], kind="stable")]:
                while finished < len(by_end) and ends[by_end[finished]] <= predicted_at[row]:
                    insort(known_scores, float(scores[by_end[finished]]))
                    finished += 1
                margin[row] = known_scores[int((1 - MISCOVERAGE) * len(known_scores))]
        middle = (low + high) / 2
        return np.minimum(low - margin, middle) * units, np.maximum(high + margin, middle) * units


def scale(inputs: "pd.DataFrame") -> "np.ndarray":
    """The scale of each lap's scores in seconds, which makes races comparable: it grows with the noise of the field's laps and
    with the horizon of the prediction."""
    import numpy as np

    scales = np.ones(len(inputs))
    if "field_noise" in inputs:
        scales = 0.25 + 0.4 * inputs["field_noise"].fillna(DEFAULT_NOISE).to_numpy()
    if "horizon" in inputs:
        scales = scales * (1 + inputs["horizon"].to_numpy() / 15)
    return scales


def fit_quantile_models(inputs: "pd.DataFrame", scaled: "np.ndarray", seed: int) -> list[Any]:
    """Fit the models of the lower and the upper quantile."""
    return [
        estimators.boosting(inputs, seed=seed, loss="quantile", quantile=quantile, **QUANTILES).fit(inputs, scaled)
        for quantile in (MISCOVERAGE / 2, 1 - MISCOVERAGE / 2)
    ]


def predict_quantiles(models: list[Any], inputs: "pd.DataFrame") -> "tuple[np.ndarray, np.ndarray]":
    """The predictions of both models, the lower bound first."""
    import numpy as np

    low, high = (model.predict(inputs) for model in models)
    return np.minimum(low, high), np.maximum(low, high)
