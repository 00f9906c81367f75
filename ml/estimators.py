"""The models by name: functions that make an unfitted scikit-learn regressor. A new model is one more function in `MODELS`.

They predict seconds relative to a task's anchor from numeric columns, in which NaN is unknown, and text columns (`compound`,
`driver`, `circuit`) if the task has them. Limits, medians, scales and encodings are fitted on training rows only.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

TEXTS = ("compound", "driver", "circuit")


def split_columns(inputs: "pd.DataFrame") -> tuple[list[str], list[str]]:
    """(names of numeric columns, names of text columns)."""
    texts = [name for name in inputs if name in TEXTS and not str(inputs[name].dtype).startswith(("float", "int"))]
    return [name for name in inputs if name not in texts], texts


def with_preprocessing(inputs: "pd.DataFrame", regressor: Any, *, scaled: bool) -> Any:
    """A pipeline that imputes medians, for linear models (`scaled`) also clips to the 1 % and 99 % quantiles and scales, encodes
    texts one-hot, and ends with the regressor. There are no missing-value indicators, since a single race without weather would
    dominate them."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, RobustScaler

    from ml.clipping import Clipper

    numbers, texts = split_columns(inputs)
    steps = [Clipper(), SimpleImputer(strategy="median", keep_empty_features=True), RobustScaler()]
    numeric = make_pipeline(*(steps if scaled else steps[1:2]))
    encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20, sparse_output=False)
    return make_pipeline(ColumnTransformer([("numbers", numeric, numbers), ("texts", encoder, texts)]), regressor)


def linear(inputs: "pd.DataFrame", *, seed: int, **settings: Any) -> Any:
    """Linear regression."""
    from sklearn.linear_model import LinearRegression

    return with_preprocessing(inputs, LinearRegression(**settings), scaled=True)


def ridge(inputs: "pd.DataFrame", *, seed: int, alpha: float = 30.0, **settings: Any) -> Any:
    """Ridge regression."""
    from sklearn.linear_model import Ridge

    return with_preprocessing(inputs, Ridge(alpha=alpha, **settings), scaled=True)


def random_forest(
    inputs: "pd.DataFrame",
    *,
    seed: int,
    n_estimators: int = 80,
    min_samples_leaf: int = 5,
    max_features: float = 0.33,
    **settings: Any,
) -> Any:
    """A random forest."""
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(
        n_estimators=n_estimators,
        min_samples_leaf=min_samples_leaf,
        max_features=max_features,
        random_state=seed,
        n_jobs=-1,
        **settings,
    )
    return with_preprocessing(inputs, forest, scaled=False)


def random_forest_tuned(inputs: "pd.DataFrame", *, seed: int, n_iter: int = 5) -> Any:
    """A random forest with hyperparameters from a random search, validated on the later training laps."""
    from sklearn.model_selection import RandomizedSearchCV, TimeSeriesSplit

    space = {
        "randomforestregressor__min_samples_leaf": [3, 5, 10, 20, 40],
        "randomforestregressor__max_features": [0.2, 0.33, 0.5],
        "randomforestregressor__max_depth": [None, 8, 12, 16],
    }
    forest = random_forest(inputs, seed=seed, n_estimators=40, max_samples=0.5)
    return RandomizedSearchCV(
        forest, space, n_iter=n_iter, cv=TimeSeriesSplit(2), scoring="neg_mean_absolute_error", random_state=seed, n_jobs=1
    )


BOOSTING: dict[str, Any] = {
    "loss": "absolute_error",
    "max_iter": 500,
    "learning_rate": 0.03,
    "max_leaf_nodes": 24,
    "min_samples_leaf": 70,
    "max_features": 0.4,
}

DRAFT = {"max_iter": 200, "learning_rate": 0.06}  # of a model that only says how far others are to be trusted


def boosting(inputs: "pd.DataFrame", *, seed: int, **settings: Any) -> Any:
    """One model of histogram-based gradient boosting; texts are ordinal categories."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    from ml.clipping import Blank

    trees = HistGradientBoostingRegressor(**BOOSTING | {"random_state": seed, "early_stopping": False} | settings)
    numbers, texts = split_columns(inputs)
    if not texts:
        return make_pipeline(Blank(), trees)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
    return make_pipeline(ColumnTransformer([("texts", encoder, texts), ("numbers", Blank(), numbers)]), trees)


def gradient_boosting(inputs: "pd.DataFrame", *, seed: int, bag: int = 3, **settings: Any) -> Any:
    """Gradient boosting for the absolute error: the mean of `bag` models with different seeds. It falls back to naive answers
    where these are better: of a lap that begins, to the run's last one where the race has jumped."""
    from sklearn.ensemble import VotingRegressor

    from ml.fallback import LastLapFallback, NaiveFallback

    bagged = VotingRegressor(
        [(f"seed_{seed + number}", boosting(inputs, seed=seed + number, **settings)) for number in range(bag)]
    )
    draft = boosting(inputs, seed=seed, **DRAFT | settings)
    if "sectors_done" in inputs:
        return NaiveFallback(bagged, draft)
    asked_at_start = {"lag_1", "level", "state_pace"} <= set(inputs) and "horizon" not in inputs
    return LastLapFallback(bagged, draft) if asked_at_start else bagged


def stint_state(inputs: "pd.DataFrame", *, seed: int, alpha: float = 3.0) -> Any:
    """Huber regression on the stint's filtered level and slope, with those of the compound and the field, and no other features.

    `ml.features.own_pace` computes the state; the regression fits the weight of each part.
    """
    from sklearn.linear_model import HuberRegressor
    from sklearn.pipeline import make_pipeline

    from ml.clipping import Columns

    state = (
        "level",
        "slope",
        "lag_1",
        "lag_2",
        "clean_laps",
        "noise",
        "race_slope",
        "race_slope_compound",
        "field_step",
        "tyre_age",
        "compound",
        "horizon",
        "race_slope_ahead",
        "lap_number",
    )
    columns = [name for name in inputs if name in state]
    return make_pipeline(
        Columns(columns), with_preprocessing(inputs[columns], HuberRegressor(alpha=alpha, max_iter=2000), scaled=True)
    )


def blend(inputs: "pd.DataFrame", *, seed: int) -> Any:
    """Stacking of ridge, stint_state and boosting, with non-negative weights fitted on out-of-fold predictions."""
    from sklearn.ensemble import StackingRegressor
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import KFold

    models = [("ridge", ridge(inputs, seed=seed)), ("stint_state", stint_state(inputs, seed=seed))]
    models.append(("gradient_boosting", boosting(inputs, seed=seed)))
    # Laps are sorted by race, so that unshuffled folds consist of whole races except at their edges.
    return StackingRegressor(models, final_estimator=LinearRegression(positive=True, fit_intercept=False), cv=KFold(4))


MODELS: dict[str, Callable[..., Any]] = {
    model.__name__: model for model in (linear, ridge, random_forest, random_forest_tuned, gradient_boosting, stint_state, blend)
}
