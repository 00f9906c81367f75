"""How good predictions are, always beside what anybody could have said without a model."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 2_000


class Interval(NamedTuple):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def metrics(actual: "pd.Series", predicted: "pd.Series") -> dict[str, float]:
    """MAE, RMSE and median absolute error in seconds, MSE in their squares, R2, and the shares within 0.3 s and 0.5 s."""
    import numpy as np

    error = (actual - predicted).to_numpy()
    size = np.abs(error)
    spread = float(((actual - actual.mean()) ** 2).sum())
    return {
        "mae": float(size.mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "mse": float((error**2).mean()),
        "median_ae": float(np.median(size)),
        "r2": 1 - float((error**2).sum()) / spread if spread else 0.0,
        "within_0.3s": float((size <= 0.3).mean()),
        "within_0.5s": float((size <= 0.5).mean()),
    }


def skill(error: "pd.Series", naive: "pd.Series", session: "pd.Series", *, seed: int) -> Interval:
    """1 - MAE / MAE of the baseline, with a 95 % interval from drawing whole races with replacement."""
    import numpy as np
    import pandas as pd

    sums = pd.DataFrame({"error": error, "naive": naive}).groupby(session).sum().to_numpy()
    drawn = np.random.default_rng(seed).integers(len(sums), size=(RESAMPLES, len(sums)))
    totals = sums[drawn].sum(axis=1)
    low, high = np.quantile(1 - totals[:, 0] / totals[:, 1], [0.025, 0.975])
    return Interval(1 - float(error.sum() / naive.sum()), float(low), float(high))


def by(predictions: "pd.DataFrame", column: str) -> Iterator[dict[str, Any]]:
    """The figures of each race, season or compound: `{column, laps, metrics…, baseline_mae, skill}`, and `coverage` and `width`
    where there are intervals."""
    for key, group in predictions.groupby(column, sort=False):
        found = metrics(group["actual"], group["prediction"])
        naive = float((group["actual"] - group["baseline"]).abs().mean())
        yield {
            column: key,
            "laps": len(group),
            **found,
            "baseline_mae": naive,
            "skill": 1 - found["mae"] / naive if naive else 0.0,
            **(
                {"coverage": float(inside(group).mean()), "width": float((group["high"] - group["low"]).mean())}
                if "low" in group
                else {}
            ),
        }


def inside(predictions: "pd.DataFrame") -> "pd.Series":
    """Whether each lap is within its interval."""
    return (predictions["actual"] >= predictions["low"]) & (predictions["actual"] <= predictions["high"])


def coverage(predictions: "pd.DataFrame") -> dict[str, float]:
    """Share of the laps within their interval, the mean width in seconds, and the least and the most covered race."""
    held = inside(predictions)
    per_race = held.groupby(predictions["session_id"]).mean()
    width = (predictions["high"] - predictions["low"]).mean()
    return {
        "coverage": float(held.mean()),
        "width": float(width),
        "least_covered": float(per_race.min()),
        "most_covered": float(per_race.max()),
    }
