"""The models, by name. Each is a function that makes an unfitted scikit-learn regressor; a new model is one function more.

They learn seconds beside a task's anchor from a table of numbers, in which NaN is unknown, and of texts (`compound`, `driver`,
`circuit`) where the task shows them. Everything that is fitted is fitted on training rows: limits, medians, scales, encodings.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

TEXTS = ("compound", "driver", "circuit")
LEVELS = 200  # of a model that sorts values into bins


def split_columns(inputs: "pd.DataFrame") -> tuple[list[str], list[str]]:
    """(numbers, texts)"""
    texts = [name for name in inputs if name in TEXTS and not str(inputs[name].dtype).startswith(("float", "int"))]
    return [name for name in inputs if name not in texts], texts


def prepared(inputs: "pd.DataFrame", regressor: Any, *, scaled: bool) -> Any:
    """Numbers filled with the training rows' medians (never a column that says "missing": one race without weather is enough to
    ruin that), for linear models also clipped to their 1 % and 99 % quantiles and scaled; a column per text."""
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
    """Linear regression, the baseline of models."""
    from sklearn.linear_model import LinearRegression

    return prepared(inputs, LinearRegression(**settings), scaled=True)


def ridge(inputs: "pd.DataFrame", *, seed: int, alpha: float = 30.0, **settings: Any) -> Any:
    """Linear regression with small coefficients."""
    from sklearn.linear_model import Ridge

    return prepared(inputs, Ridge(alpha=alpha, **settings), scaled=True)


def random_forest(
    inputs: "pd.DataFrame",
    *,
    seed: int,
    n_estimators: int = 80,
    min_samples_leaf: int = 5,
    max_features: float = 0.33,
    **settings: Any,
) -> Any:
    """The mean of many deep trees."""
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(
        n_estimators=n_estimators,
        min_samples_leaf=min_samples_leaf,
        max_features=max_features,
        random_state=seed,
        n_jobs=-1,
        **settings,
    )
    return prepared(inputs, forest, scaled=False)


def random_forest_tuned(inputs: "pd.DataFrame", *, seed: int, n_iter: int = 5) -> Any:
    """A forest whose settings are searched for on the training rows, validated on the laps that come last."""
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


def boosting(inputs: "pd.DataFrame", *, seed: int, **settings: Any) -> Any:
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
    """Boosted trees for the absolute error; the mean of three that see the columns in different orders."""
    from sklearn.ensemble import VotingRegressor

    return VotingRegressor([(f"seed_{seed + number}", boosting(inputs, seed=seed + number, **settings)) for number in range(bag)])


def stint_state(inputs: "pd.DataFrame", *, seed: int, alpha: float = 3.0) -> Any:
    """What the run says of itself: its level and slope, drawn towards the compound's and the field's, and nothing else.

    The state is in the features (`ml.features.own_pace` follows a run's level with clipped surprises and starts afresh after a
    stop); what is fitted is how far to trust it.
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
    kept = [name for name in inputs if name in state]
    return make_pipeline(Columns(kept), prepared(inputs[kept], HuberRegressor(alpha=alpha, max_iter=2000), scaled=True))


def blend(inputs: "pd.DataFrame", *, seed: int) -> Any:
    """Ridge, the stint's state and boosting, weighted by how they do on laps that they were not fitted on."""
    from sklearn.ensemble import StackingRegressor
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import KFold

    parts = [("ridge", ridge(inputs, seed=seed)), ("stint_state", stint_state(inputs, seed=seed))]
    parts.append(("gradient_boosting", boosting(inputs, seed=seed)))
    # The laps are in the order of the races: folds without shuffling divide them, but for the races at the edges.
    return StackingRegressor(parts, final_estimator=LinearRegression(positive=True, fit_intercept=False), cv=KFold(4))


MODELS: dict[str, Callable[..., Any]] = {
    model.__name__: model for model in (linear, ridge, random_forest, random_forest_tuned, gradient_boosting, stint_state, blend)
}
