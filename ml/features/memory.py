"""What past races say of drivers, teams and circuits."""

from typing import TYPE_CHECKING, Any

from ml.features.field import MAX_DELTA

if TYPE_CHECKING:
    import pandas as pd

PRIOR_LAPS = 40  # weight of a mean of 0 beside the laps of past races
MAX_DRIFT = 1.5  # seconds
MEMORY_KEYS = (("driver", "driver_number"), ("team", "team"), ("circuit", "circuit"))  # (name in features, column of laps)


class Memory:
    """Sums over past races by driver, team and circuit; read before a race, updated after it."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, str, Any], list[float]] = {}  # {(name, measure, key): [sum in seconds, laps]}

    def mean(self, name: str, measure: str, key: Any) -> float:
        """A mean over past races in seconds, shrunk towards 0 by `PRIOR_LAPS`; 0 for what was never met."""
        total, count = self.sums.get((name, measure, key), (0.0, 0.0))
        return total / (count + PRIOR_LAPS)

    def recall(self, laps: "pd.DataFrame") -> "pd.DataFrame":
        """Means over past races in seconds, shrunk towards 0 by `PRIOR_LAPS`."""
        import pandas as pd

        columns = {
            f"{name}_{measure}": laps[column].map({key: self.mean(name, measure, key) for key in laps[column].dropna().unique()})
            for name, column in MEMORY_KEYS
            for measure in ("drift", "noise", "delta")
        }
        return pd.DataFrame(columns, index=laps.index).astype("float64")

    def learn(self, laps: "pd.DataFrame", features: "pd.DataFrame") -> None:
        """Add the clean laps of a race that is over."""
        import numpy as np

        clean = laps["excluded"] == ""
        drift = (laps["lap_duration"] - features["level"]).where(clean).clip(-MAX_DRIFT, MAX_DRIFT)
        delta = (laps["lap_duration"] - features["reference"]).where(clean).clip(-MAX_DELTA, MAX_DELTA)
        for measure, values in (("drift", drift), ("noise", np.abs(drift)), ("delta", delta)):
            for name, column in MEMORY_KEYS:
                for key, group in values.groupby(laps[column]):
                    sums = self.sums.setdefault((name, measure, key), [0.0, 0.0])
                    sums[0] += float(group.sum())
                    sums[1] += int(group.count())
