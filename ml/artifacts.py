"""Models as files. They are read by skops, which builds nothing but types that are named here, and only where the SHA-256 and the
version of scikit-learn are those that the database has. Nothing is ever unpickled.

This module is imported by whoever trains or predicts, for it loads scikit-learn.
"""

import zipfile
from importlib.metadata import version
from typing import Any

from skops import io

from ml import recording
from ml.models import Run

# Besides what skops trusts by itself: what the models of `estimators` and the intervals are made of.
TRUSTED = [
    "ml.clipping.Blank",
    "ml.clipping.Clipper",
    "ml.clipping.Columns",
    "ml.fallback.LastLapFallback",
    "ml.fallback.NaiveFallback",
    "ml.intervals.AdaptiveIntervals",
    "ml.intervals.EndwiseIntervals",
    "ml.intervals.Intervals",
    "ml.intervals.StintIntervals",
    "ml.race_level_intervals.RaceLevelIntervals",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._regression.mean_absolute_error",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.TimeSeriesSplit",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
]


def dumps(estimator: Any, ends: Any) -> bytes:
    """A fitted model and its intervals (or None) as a file's content."""
    return io.dumps({"estimator": estimator, "ends": ends}, compression=zipfile.ZIP_DEFLATED, compresslevel=3)


def loads(run: Run) -> tuple[Any, Any]:
    """(estimator, intervals or None) of a run.

    ValueError where the run has no model, where its file is not what was stored, where it holds anything else than models, or
    where another version of scikit-learn wrote it.
    """
    artifact = run.artifacts.filter(name=recording.MODEL_FILE).first()
    if artifact is None:
        raise ValueError(f"Run '{run.pk}' has no {recording.MODEL_FILE}.")
    written, here = run.libraries.get("scikit-learn"), version("scikit-learn")
    if written != here:
        raise ValueError(
            f"The model of run '{run.pk}' was written with scikit-learn {written}, and this is {here}: train it again."
        )
    content = recording.read_artifact(artifact)
    try:
        found = io.loads(content, trusted=TRUSTED)
        return found["estimator"], found["ends"]
    except (TypeError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{artifact.file} holds something else than a model: {error}") from error
