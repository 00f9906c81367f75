"""Metrics of predictions, compared with those of a baseline."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 2_000  # of the bootstrap
MISCOVERAGE = 0.2  # share of laps that intervals leave outside
ENOUGH_LAPS = 300  # of a race, for its coverage to say something of the intervals


class Interval(NamedTuple):
    """An estimate with its 95 % confidence interval."""

    value: float
    low: float
    high: float


def metrics(actual: "pd.Series", predicted: "pd.Series") -> dict[str, float]:
    """MAE, RMSE and median absolute error in seconds, MSE in their squares, R2, and the shares within 0.3 s and 0.5 s."""
    import numpy as np

    error = (actual - predicted).to_numpy()
    absolute_error = np.abs(error)
    total_variation = float(((actual - actual.mean()) ** 2).sum())
    return {
        "mae": float(absolute_error.mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "mse": float((error**2).mean()),
        "median_ae": float(np.median(absolute_error)),
        "r2": 1 - float((error**2).sum()) / total_variation if total_variation else 0.0,
        "within_0.3s": float((absolute_error <= 0.3).mean()),
        "within_0.5s": float((absolute_error <= 0.5).mean()),
    }


def skill(error: "pd.Series", naive: "pd.Series", session: "pd.Series", *, seed: int) -> Interval:
    """1 - MAE / MAE of the baseline, with a 95 % interval by bootstrap over whole races."""
    import numpy as np
    import pandas as pd

    sums = pd.DataFrame({"error": error, "naive": naive}).groupby(session).sum().to_numpy()
    resamples = np.random.default_rng(seed).integers(len(sums), size=(RESAMPLES, len(sums)))
    totals = sums[resamples].sum(axis=1)
    low, high = np.quantile(1 - totals[:, 0] / totals[:, 1], [0.025, 0.975])
    return Interval(1 - float(error.sum() / naive.sum()), float(low), float(high))


def metrics_by(predictions: "pd.DataFrame", column: str) -> Iterator[dict[str, Any]]:
    """Yield the metrics of each race, season or compound: `{column, laps, metrics…, baseline_mae, skill}`, and with intervals
    `coverage` and `width`."""
    for key, group in predictions.groupby(column, sort=False):
        values = metrics(group["actual"], group["prediction"])
        baseline_mae = float((group["actual"] - group["baseline"]).abs().mean())
        yield {
            column: key,
            "laps": len(group),
            **values,
            "baseline_mae": baseline_mae,
            "skill": 1 - values["mae"] / baseline_mae if baseline_mae else 0.0,
            **(
                {"coverage": float(is_inside(group).mean()), "width": float((group["high"] - group["low"]).mean())}
                if "low" in group
                else {}
            ),
        }


def is_inside(predictions: "pd.DataFrame") -> "pd.Series":
    """Whether each lap time is within its interval."""
    return (predictions["actual"] >= predictions["low"]) & (predictions["actual"] <= predictions["high"])


def interval_scores(predictions: "pd.DataFrame") -> "pd.Series":
    """Each interval's Winkler score in seconds, less is better: its width, and 2 / MISCOVERAGE times what the lap lies beyond it.

    Gneiting and Raftery, "Strictly proper scoring rules" (Journal of the American Statistical Association 102, 2007).
    """
    low, high, actual = predictions["low"], predictions["high"], predictions["actual"]
    beyond = (low - actual).clip(lower=0) + (actual - high).clip(lower=0)
    return high - low + 2 / MISCOVERAGE * beyond


def coverage(predictions: "pd.DataFrame") -> dict[str, float]:
    """The share of laps within their interval, the mean width and Winkler score in seconds, and the smallest and largest share
    of a race."""
    covered = is_inside(predictions)
    per_race = covered.groupby(predictions["session_id"]).mean()
    width = (predictions["high"] - predictions["low"]).mean()
    return {
        "coverage": float(covered.mean()),
        "width": float(width),
        "interval_score": float(interval_scores(predictions).mean()),
        "least_covered": float(per_race.min()),
        "most_covered": float(per_race.max()),
    }
