"""Steps of models that scikit-learn does not have. This module is imported by models only, for it imports scikit-learn."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class Clipper(TransformerMixin, BaseEstimator):
    """Values beyond the 1 % and 99 % quantiles of the training rows become these: a straight line must not run on for ever."""

    def fit(self, X, y=None):
        values = np.asarray(X, dtype=float)
        empty = np.isnan(values).all(axis=0)
        filled = np.where(empty, 0.0, values)
        self.low_, self.high_ = np.nanquantile(filled, [0.01, 0.99], axis=0)
        self.n_features_in_ = values.shape[1]
        return self

    def transform(self, X):
        return np.clip(np.asarray(X, dtype=float), self.low_, self.high_)

    def get_feature_names_out(self, names=None):
        return names


class Columns(TransformerMixin, BaseEstimator):
    """Some columns of a table."""

    def __init__(self, names):
        self.names = names

    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def transform(self, X):
        return X[self.names]


class Blank(TransformerMixin, BaseEstimator):
    """Columns of which the training rows know nothing are nought, also where something is known later: nothing was learnt of
    it, and trees cannot sort values that are not there."""

    def fit(self, X, y=None):
        self.empty_ = np.isnan(np.asarray(X, dtype=float)).all(axis=0)
        self.n_features_in_ = len(self.empty_)
        return self

    def transform(self, X):
        return np.where(self.empty_, 0.0, np.asarray(X, dtype=float))

    def get_feature_names_out(self, names=None):
        return names
