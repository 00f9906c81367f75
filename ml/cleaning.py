"""Which race laps are fit for learning race pace, and why the others are not.

The rule looks at a lap once it is over, and at nothing that came later: a lap's reason never changes when later laps do. (The
rule behind `Lap.objects.clean()` judges with hindsight; it is for comparing laps, this one for predicting them.) The first
reason that holds wins. That the next lap will be a clean one is hindsight all the same, and every model card says so.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

VERSION = 1
NEUTRAL = ("red flag", "safety car", "virtual safety car")
WET = ("INTERMEDIATE", "WET")
SLICKS = ("SOFT", "MEDIUM", "HARD")
REASONS = (
    "no time",
    "first lap",
    "out-lap",
    "in-lap",
    "red flag",
    "safety car",
    "virtual safety car",
    "wet tyres",
    "mixed conditions",
    "unknown compound",
    "yellow flag",
    "slow",
)
SLOW = 1.07  # times the best clean lap completed so far
MIXED = 0.10  # share of the cars on wet tyres, on this lap number or the one before
RULES = {"slow": SLOW, "mixed": MIXED}


def reasons(laps: "pd.DataFrame", windows: "pd.DataFrame") -> "pd.Series":
    """Why each lap is left out; an empty text for a clean one.

    laps: as `datasets.load` gives them, with `start` and `end` (seconds since 1970), of any number of sessions.
    windows: `session_id`, `state`, `start`, `end` (seconds since 1970; infinite where no message ended it).
    """
    import pandas as pd

    found = [
        of_session(session, windows[windows["session_id"] == key]) for key, session in laps.groupby("session_id", sort=False)
    ]
    return pd.concat(found).reindex(laps.index) if found else pd.Series(dtype="object")


def of_session(laps: "pd.DataFrame", windows: "pd.DataFrame") -> "pd.Series":
    import numpy as np
    import pandas as pd

    wet = laps["compound"].isin(WET)
    share = wet.groupby(laps["lap_number"]).mean()
    before = laps["lap_number"].map(share.shift(1)).fillna(0)
    conditions = {
        "no time": laps["lap_duration"].isna() | laps["start"].isna(),
        "first lap": laps["lap_number"] == 1,
        "out-lap": laps["is_pit_out_lap"],
        "in-lap": laps["is_in_lap"],
        **{state: overlaps(laps, windows[windows["state"] == state]) for state in NEUTRAL},
        "wet tyres": wet,
        "mixed conditions": (laps["lap_number"].map(share) >= MIXED) | (before >= MIXED),
        "unknown compound": ~laps["compound"].isin(SLICKS),
        "yellow flag": overlaps(laps, windows[windows["state"] == "yellow flag"]),
    }
    found = pd.Series(np.select(list(conditions.values()), list(conditions), default=""), index=laps.index, dtype="object")
    candidates = laps[found == ""].sort_values("end")
    found[candidates.index[slow(candidates["lap_duration"].to_numpy())]] = "slow"
    return found


def overlaps(laps: "pd.DataFrame", windows: "pd.DataFrame") -> "np.ndarray":
    """Whether each lap shares a moment with any of the windows."""
    import numpy as np

    start, end = laps["start"].to_numpy()[:, None], laps["end"].to_numpy()[:, None]
    return ((start < windows["end"].to_numpy()) & (end > windows["start"].to_numpy())).any(axis=1) | np.zeros(len(laps), bool)


def slow(durations: "np.ndarray") -> "np.ndarray":
    """Whether each of these laps, in the order of their ends, took over 107 % of the best clean one so far."""
    import numpy as np

    if not len(durations):
        return np.zeros(0, bool)
    best = np.minimum.accumulate(durations)
    return durations > SLOW * best
