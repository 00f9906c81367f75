"""Which race laps are fit for learning race pace, and why the others are not.

The rule looks at a lap once it is over, and at nothing that came later: a lap's reason never changes when later laps do. (The
rule behind `Lap.objects.clean()` judges with hindsight; it is for comparing laps, this one for predicting them. Both read the
constants in `telemetry.lap_rules`.) The first reason that holds counts. That the next lap will be a clean one is hindsight all
the same, and every model card says so.
"""

from typing import TYPE_CHECKING, Any

from telemetry.lap_rules import MAX_BEST_LAP_RATIO, NEUTRALISED_STATES, SLICK_COMPOUNDS, WET_COMPOUNDS, YELLOW_FLAG

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

VERSION = 1
MIXED_CONDITIONS_SHARE = 0.10  # of the cars on wet tyres, on this lap number or the one before
RULES = {"slow": MAX_BEST_LAP_RATIO, "mixed": MIXED_CONDITIONS_SHARE}
REASONS = (
    "no time",
    "first lap",
    "out-lap",
    "in-lap",
    *NEUTRALISED_STATES,
    "wet tyres",
    "mixed conditions",
    "unknown compound",
    YELLOW_FLAG,
    "slow",
)


def reasons(laps: "pd.DataFrame", windows: "pd.DataFrame") -> "pd.Series":
    """Why each lap is left out, one of REASONS; an empty text for a clean one.

    laps: as `datasets.load` gives them, with `start` and `end` (seconds since 1970), of any number of sessions.
    windows: `session_id`, `state`, `start`, `end` (seconds since 1970; infinite where no message ended it).
    """
    import pandas as pd

    sessions = [
        session_reasons(session, windows[windows["session_id"] == key]) for key, session in laps.groupby("session_id", sort=False)
    ]
    return pd.concat(sessions).reindex(laps.index) if sessions else pd.Series(dtype="object")


def session_reasons(laps: "pd.DataFrame", windows: "pd.DataFrame") -> "pd.Series":
    """The reasons of the laps of one session."""
    import numpy as np
    import pandas as pd

    holds = conditions(laps, windows)
    first = pd.Series(np.select(list(holds.values()), list(holds), default=""), index=laps.index, dtype="object")
    candidates = laps[first == ""].sort_values("end")
    first[candidates.index[slow(candidates["lap_duration"].to_numpy())]] = "slow"
    return first


def conditions(laps: "pd.DataFrame", windows: "pd.DataFrame") -> dict[str, Any]:
    """{reason: whether it holds for each lap of the session}, in the order of REASONS; without "slow", which depends on these."""
    wet = laps["compound"].isin(WET_COMPOUNDS)
    share = wet.groupby(laps["lap_number"]).mean()
    before = laps["lap_number"].map(share.shift(1)).fillna(0)
    return {
        "no time": laps["lap_duration"].isna() | laps["start"].isna(),
        "first lap": laps["lap_number"] == 1,
        "out-lap": laps["is_pit_out_lap"],
        "in-lap": laps["is_in_lap"],
        **{state: overlaps(laps, windows[windows["state"] == state]) for state in NEUTRALISED_STATES},
        "wet tyres": wet,
        "mixed conditions": (laps["lap_number"].map(share) >= MIXED_CONDITIONS_SHARE) | (before >= MIXED_CONDITIONS_SHARE),
        "unknown compound": ~laps["compound"].isin(SLICK_COMPOUNDS),
        YELLOW_FLAG: overlaps(laps, windows[windows["state"] == YELLOW_FLAG]),
    }


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
    return durations > MAX_BEST_LAP_RATIO * best
