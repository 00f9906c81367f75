"""Prediction intervals with 80 % coverage: quantile boosting with conformal calibration on held-out races.

Conformal prediction of quantile regression: Romano, Patterson, Candès, "Conformalized quantile regression" (NeurIPS 2019), with
the conformity scores of each training race when it is held out: Barber, Candès, Ramdas, Tibshirani, "Predictive inference with
the jackknife+" (Annals of Statistics 2021). During a race the intervals adapt to how its laps have missed theirs, in the way
that was best for each task (`ml.calibration`).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ml import calibration, estimators
from ml.evaluation import MISCOVERAGE

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FOLDS = 5  # of the training races
PAST_SCORES = 300  # misses that represent all past races
QUANTILES = {"max_iter": 150, "learning_rate": 0.04, "max_leaf_nodes": 8, "min_samples_leaf": 60, "max_features": 0.2}
SECTOR_SHARE = 0.3  # of the error of a lap, that each sector driven takes away
DEFAULT_NOISE = 0.3  # seconds, until the race's own noise is known


class Intervals:
    """Lower and upper bounds of lap times, in seconds relative to the anchor.

    Stored models are loaded by the names of this class and its attributes: `past` (quantiles of the misses), `ends` (models).
    """

    learner: Any = calibration.RaceMisses
    settings: dict[str, Any] = QUANTILES
    races_weigh_the_same = False  # in fitting the quantile models

    def fit(self, inputs: "pd.DataFrame", residual: "pd.Series", laps: "pd.DataFrame", *, seed: int) -> "Intervals":
        """residual: seconds beside the anchor. ValueError for fewer than two races."""
        import numpy as np

        scaled = residual.to_numpy() / scale(inputs)
        weights = race_weights(laps) if self.races_weigh_the_same else None

        def models(rows: "np.ndarray") -> list[Any]:
            chosen = None if weights is None else weights[rows]
            return fit_quantile_models(inputs[rows], scaled[rows], seed, settings=self.settings, weights=chosen)

        self.remember(*held_out_misses(models, inputs, scaled, laps), laps)
        self.ends = models(np.ones(len(laps), bool))
        return self

    def remember(self, below: "np.ndarray", above: "np.ndarray", laps: "pd.DataFrame") -> None:
        """Keep the misses of the training races."""
        import numpy as np

        self.past = representative(np.maximum(below, above), laps)

    def predict(
        self, inputs: "pd.DataFrame", residual: "pd.Series", laps: "pd.DataFrame", asked_at: "pd.Series"
    ) -> "tuple[np.ndarray, np.ndarray]":
        """(low, high) of each lap. Only residuals of laps that ended before a lap's prediction time are used for it."""
        import numpy as np

        units = scale(inputs)
        low, high = predict_quantiles(self.ends, inputs)
        scaled, middle = residual.to_numpy() / units, (low + high) / 2
        below, above = self.margins(low - scaled, scaled - high, laps, asked_at)
        return np.minimum(low - below, middle) * units, np.maximum(high + above, middle) * units

    def margins(
        self, below: "np.ndarray", above: "np.ndarray", laps: "pd.DataFrame", asked_at: "pd.Series"
    ) -> "tuple[np.ndarray, np.ndarray]":
        """By how much each lap's ends are moved outwards, given by how much laps lie beyond them."""
        import numpy as np

        past = self.past.tolist()
        margin = calibration.replay(lambda: self.learner(past), np.maximum(below, above), laps, asked_at)
        return margin, margin


class AdaptiveIntervals(Intervals):
    """Intervals whose level follows the race's own coverage."""

    learner = calibration.Adaptive


class EndwiseIntervals(Intervals):
    """Intervals of which each end follows the race by itself, at half the share of laps outside.

    Stored models are loaded by the names of this class and its attributes: `past_below`, `past_above`, `ends`.
    """

    learner = calibration.Experts

    def remember(self, below: "np.ndarray", above: "np.ndarray", laps: "pd.DataFrame") -> None:
        self.past_below, self.past_above = representative(below, laps), representative(above, laps)

    def margins(
        self, below: "np.ndarray", above: "np.ndarray", laps: "pd.DataFrame", asked_at: "pd.Series"
    ) -> "tuple[np.ndarray, np.ndarray]":
        def of_one_end(past: "np.ndarray", misses: "np.ndarray") -> "np.ndarray":
            known = past.tolist()
            return calibration.replay(lambda: self.learner(known, MISCOVERAGE / 2), misses, laps, asked_at)

        return of_one_end(self.past_below, below), of_one_end(self.past_above, above)


class StintIntervals(Intervals):
    """Intervals of laps far ahead, where whole races miss on one side: every race weighs the same, and leaves are large."""

    settings = QUANTILES | {"min_samples_leaf": 200}
    races_weigh_the_same = True


KINDS: dict[str, type[Intervals]] = {  # by task; others have `Intervals`
    "next_lap": AdaptiveIntervals,
    "pace_delta": AdaptiveIntervals,
    "pace_delta_earlier_stints": EndwiseIntervals,
    "rest_of_stint": StintIntervals,
    "in_lap": AdaptiveIntervals,
}


def scale(inputs: "pd.DataFrame") -> "np.ndarray":
    """The scale of each lap's misses in seconds, which makes races comparable: it grows with the noise of the field's laps and
    with the horizon of the prediction, and shrinks with the sectors that are done."""
    import numpy as np

    scales = np.ones(len(inputs))
    if "field_noise" in inputs:
        scales = 0.25 + 0.4 * inputs["field_noise"].fillna(DEFAULT_NOISE).to_numpy()
    if "horizon" in inputs:
        scales = scales * (1 + inputs["horizon"].to_numpy() / 15)
    if "sectors_done" in inputs:
        scales = scales * (1 - SECTOR_SHARE * inputs["sectors_done"].to_numpy())
    return scales


def race_weights(laps: "pd.DataFrame") -> "np.ndarray":
    """The weight of each lap, 1 in the mean, with which every race has the same."""
    weights = 1 / laps.groupby("session_id")["session_id"].transform("size").to_numpy()
    return weights / weights.mean()  # type: ignore[no-any-return]


def held_out_misses(
    models: "Callable[[np.ndarray], list[Any]]", inputs: "pd.DataFrame", scaled: "np.ndarray", laps: "pd.DataFrame"
) -> "tuple[np.ndarray, np.ndarray]":
    """By how much each lap lies (below, above) the ends of models that have not seen its race, negative inside, in its scale.

    models: fits the models of both ends on the rows of a mask.
    """
    import numpy as np

    races = laps["session_id"].to_numpy()
    names = laps.groupby("session_id")["session_date"].first().sort_values().index
    if len(names) < 2:
        raise ValueError("Intervals need at least two races to learn from.")
    below, above = np.empty(len(laps)), np.empty(len(laps))
    for number in range(min(FOLDS, len(names))):
        held_out = np.isin(races, names[number::FOLDS])
        low, high = predict_quantiles(models(~held_out), inputs[held_out])
        below[held_out], above[held_out] = low - scaled[held_out], scaled[held_out] - high
    return below, above


def representative(misses: "np.ndarray", laps: "pd.DataFrame") -> "np.ndarray":
    """PAST_SCORES quantiles of the misses, sorted; each race weighs the same."""
    import numpy as np

    weights, order = race_weights(laps), np.argsort(misses)
    share = np.cumsum(weights[order]) / weights.sum()
    return misses[order][np.searchsorted(share, (np.arange(PAST_SCORES) + 0.5) / PAST_SCORES)]


def fit_quantile_models(
    inputs: "pd.DataFrame", scaled: "np.ndarray", seed: int, *, settings: dict[str, Any], weights: "np.ndarray | None"
) -> list[Any]:
    """Fit the models of the lower and the upper quantile."""
    models = [
        estimators.boosting(inputs, seed=seed, loss="quantile", quantile=quantile, **settings)
        for quantile in (MISCOVERAGE / 2, 1 - MISCOVERAGE / 2)
    ]
    return [model.fit(inputs, scaled, **{f"{model.steps[-1][0]}__sample_weight": weights}) for model in models]


def predict_quantiles(models: list[Any], inputs: "pd.DataFrame") -> "tuple[np.ndarray, np.ndarray]":
    """The predictions of both models, the lower bound first."""
    import numpy as np

    low, high = (model.predict(inputs) for model in models)
    return np.minimum(low, high), np.maximum(low, high)
