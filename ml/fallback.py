"""A model that falls back towards the last lap. This module is imported by models only, for it imports scikit-learn."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.model_selection import KFold, cross_val_predict

# Seconds between the state of the race and the run's level from which on the last lap counts, and at which it alone does.
BEGINS, COMPLETE = 2.0, 4.0
SHARES = (1.0, 0.5, 0.0)  # of the fallback, the most cautious first
TRUST = (0.0, 0.25, 0.5, 0.75, 1.0)  # in a model beside the naive answer
PREMIUM = 0.001  # of the error on training races, which the caution may cost


class LastLapFallback(RegressorMixin, BaseEstimator):
    """`model`, and towards the run's last clean lap where the race has jumped, as when rain comes: there models err most.

    How far it falls back is the largest of SHARES that costs at most PREMIUM on training races that `draft`, a quicker model, has
    not seen. Inputs are those of a task with `lag_1`, `level` and `state_pace`, in seconds beside the anchor.
    """

    def __init__(self, model: Any, draft: Any) -> None:
        self.model = model
        self.draft = draft

    def fit(self, X: Any, y: Any) -> Self:
        self.share_ = 0.0
        if jump(X).any():
            drafted = predict_unseen(self.draft, X, y)
            errors = {share: float(np.abs(y - fall_back(X, drafted, share)).mean()) for share in SHARES}
            self.share_ = next(share for share in SHARES if errors[share] <= (1 + PREMIUM) * errors[0.0])
        self.model_ = clone(self.model).fit(X, y)
        return self

    def predict(self, X: Any) -> Any:
        return fall_back(X, self.model_.predict(X), self.share_)


def jump(inputs: Any) -> Any:
    """From 0 to 1, how far the race has left each run's level: 0 where either is unknown."""
    away = np.abs(inputs["state_pace"] - inputs["level"])
    return ((away - BEGINS) / (COMPLETE - BEGINS)).fillna(0).clip(0, 1).to_numpy()


def fall_back(inputs: Any, predicted: Any, share: float) -> Any:
    """The predictions, drawn towards the last lap by `share` of the jump."""
    last = inputs["lag_1"].to_numpy()
    weight = share * jump(inputs) * ~np.isnan(last)
    return (1 - weight) * predicted + weight * np.nan_to_num(last)


class NaiveFallback(RegressorMixin, BaseEstimator):
    """A model for each number of sectors done where it knows better than the naive answer, 0 seconds beside the anchor, and that
    answer where it does not.

    The trust in each (`trust_`) is the one of TRUST that is best on training races that `draft`, a quicker model, has not seen.
    """

    def __init__(self, model: Any, draft: Any) -> None:
        self.model = model
        self.draft = draft

    def fit(self, X: Any, y: Any) -> Self:
        self.sectors_done_ = sorted(set(X["sectors_done"]))
        self.trust_, self.models_ = [], []
        for done in self.sectors_done_:
            rows = (X["sectors_done"] == done).to_numpy()
            inputs, target = X[rows], np.asarray(y)[rows]
            drafted = predict_unseen(self.draft, inputs, target)
            errors = [np.abs(target - trust * drafted).mean() for trust in TRUST]
            self.trust_.append(TRUST[int(np.argmin(errors))])
            self.models_.append(clone(self.model).fit(inputs, target))
        return self

    def predict(self, X: Any) -> Any:
        predicted = np.zeros(len(X))
        for done, trust, model in zip(self.sectors_done_, self.trust_, self.models_, strict=True):
            rows = (X["sectors_done"] == done).to_numpy()
            if rows.any():
                predicted[rows] = trust * model.predict(X[rows])
        return predicted


def predict_unseen(draft: Any, inputs: Any, target: Any) -> Any:
    """What the draft predicts of the laps of each third of the training races, fitted on the others.

    Laps are sorted by race, so that unshuffled folds consist of whole races except at their edges.
    """
    return cross_val_predict(clone(draft), inputs, target, cv=KFold(3))
