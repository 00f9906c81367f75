"""Steps of models that scikit-learn does not have. This module is imported by models only, for it imports scikit-learn."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class Clipper(TransformerMixin, BaseEstimator):
    """Clips values to the 1 % and 99 % quantiles of the training rows, because linear models must not extrapolate far."""

    def fit(self, X: Any, y: Any = None) -> Self:
        values = np.asarray(X, dtype=float)
        empty = np.isnan(values).all(axis=0)
        filled = np.where(empty, 0.0, values)
        self.low_, self.high_ = np.nanquantile(filled, [0.01, 0.99], axis=0)
        self.n_features_in_ = values.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        return np.clip(np.asarray(X, dtype=float), self.low_, self.high_)

    def get_feature_names_out(self, names: Any = None) -> Any:
        return names


class Columns(TransformerMixin, BaseEstimator):
    """Selects some columns of a table."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def fit(self, X: Any, y: Any = None) -> Self:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: Any) -> Any:
        return X[self.names]


class Blank(TransformerMixin, BaseEstimator):
    """Sets columns that are empty in the training rows to 0, also where they have values later.

    Nothing can be learnt of such a column, and trees cannot bin values that are not there.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        self.empty_ = np.isnan(np.asarray(X, dtype=float)).all(axis=0)
        self.n_features_in_ = len(self.empty_)
        return self

    def transform(self, X: Any) -> Any:
        return np.where(self.empty_, 0.0, np.asarray(X, dtype=float))

    def get_feature_names_out(self, names: Any = None) -> Any:
        return names
