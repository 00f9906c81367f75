"""Which race laps are fit for learning race pace, and why the others are not.

The rule looks at a lap once it is over, and at nothing that came later, with two exceptions. When the field becomes faster, early
in a race, by so much that most clean laps so far are slow beside it, these laps were no racing laps ("slow field": a start behind
a safety car that race control did not announce); `revoked_at` says from when on this is known, and features use it from then on.
And a lap is impossible where the next twenty laps do not support it either.

The rule behind `Lap.objects.clean()` judges with hindsight; it is for comparing laps, this one for predicting them. Both read the
constants in `telemetry.lap_rules`. The first reason that holds counts. That the next lap will be a clean one is hindsight all
the same, and every model card says so.
"""

from bisect import bisect_right, insort
from math import inf, nan
from typing import TYPE_CHECKING, Any

from telemetry.lap_rules import (
    MAX_BEST_LAP_RATIO,
    MIN_LAP_RATIO,
    NEUTRALISED_STATES,
    SLICK_COMPOUNDS,
    START_JITTER,
    SUPPORTING_LAPS,
    WET_COMPOUNDS,
    YELLOW_FLAG,
    contradicts_sectors,
    supported_best,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

VERSION = 2
START_LAPS = 10  # laps of a race within which the field finds its pace; in Monaco 2024 it became 8 % faster by saving no tyres
FAR_RATIO = 1.15  # of the slowest clean lap beside the limit, from which on it alone shows a slow start
JUDGING_LAPS = 20  # laps of all cars that must have ended before one is called impossible
MIXED_CONDITIONS_SHARE = 0.10  # of the cars on wet tyres, on this lap number or the one before
RULES = {"slow": MAX_BEST_LAP_RATIO, "impossible": MIN_LAP_RATIO, "mixed": MIXED_CONDITIONS_SHARE}
SECTORS = ["duration_sector_1", "duration_sector_2", "duration_sector_3"]
REASONS = (
    "no time",
    "impossible time",
    "first lap",
    "out-lap",
    "in-lap",
    *NEUTRALISED_STATES,
    "wet tyres",
    "mixed conditions",
    "unknown compound",
    YELLOW_FLAG,
    "slow",
    "slow field",
)


def verdicts(laps: "pd.DataFrame", windows: "pd.DataFrame") -> "pd.DataFrame":
    """`excluded`: why each lap is left out, one of REASONS, or an empty text for a clean one; `revoked_at`: the end of the lap
    that showed that the field had been slow, in seconds since 1970; infinite for all other laps.

    laps: as `datasets.load` gives them, with `start` and `end` (seconds since 1970), of any number of sessions.
    windows: `session_id`, `state`, `start`, `end` (seconds since 1970; infinite where no message ended it).
    """
    import pandas as pd

    sessions = [
        session_verdicts(session, windows[windows["session_id"] == key])
        for key, session in laps.groupby("session_id", sort=False)
    ]
    return pd.concat(sessions).reindex(laps.index) if sessions else pd.DataFrame(columns=["excluded", "revoked_at"])


def session_verdicts(laps: "pd.DataFrame", windows: "pd.DataFrame") -> "pd.DataFrame":
    """The verdicts on the laps of one session."""
    import numpy as np
    import pandas as pd

    holds = conditions(laps, windows)
    first = pd.Series(np.select(list(holds.values()), list(holds), default=""), index=laps.index, dtype="object")
    measured = measured_twice(laps, holds["impossible time"])
    ended = measured[measured["time"].notna() & measured["end"].notna() & (laps["lap_number"] > 1)]
    ended = ended.sort_values("end", kind="stable")
    by_pace, revoked_by = judge_pace(
        ended["time"].tolist(),
        candidates=(first[ended.index] == "").tolist(),
        starting=(laps["lap_number"][ended.index] <= START_LAPS).tolist(),
    )
    ends = [*ended["end"], inf]
    found = pd.DataFrame({"excluded": first, "revoked_at": inf})
    found.loc[ended.index, "revoked_at"] = [ends[place] for place in revoked_by]
    found.loc[ended.index, "excluded"] = found.loc[ended.index, "excluded"].where(first[ended.index] != "", by_pace)
    return found


def measured_twice(laps: "pd.DataFrame", impossible: "np.ndarray") -> "pd.DataFrame":
    """`time` and `end` of each lap as a reference for others, in seconds: as in `telemetry.models.best_laps`.

    A time that is missing or contradicts the sectors counts where the next lap's start supports it, and else the sectors' sum
    where that start supports this; NaN without support.
    """
    import numpy as np

    car = laps.groupby("driver_number", sort=False)
    following = car["start"].shift(-1).where(car["lap_number"].shift(-1) == laps["lap_number"] + 1)
    added, time = laps[SECTORS].sum(axis=1, skipna=False), laps["lap_duration"]
    lasted, wrong = following - laps["start"], time.isna() | impossible
    supported = np.select([(lasted - other).abs() < START_JITTER for other in (time, added)], [time, added], default=nan)
    return laps[[]].assign(time=time.where(~wrong, supported), end=laps["end"].where(~wrong, following))


def conditions(laps: "pd.DataFrame", windows: "pd.DataFrame") -> dict[str, Any]:
    """{reason: whether it holds for each lap of the session}, in the order of REASONS; without those that depend on other laps'
    times."""
    import numpy as np

    times, sectors = laps["lap_duration"].tolist(), laps[SECTORS].astype("object").where(laps[SECTORS].notna(), None)
    wrong = [contradicts_sectors(time, row) for time, row in zip(times, sectors.to_numpy().tolist(), strict=True)]
    wet = laps["compound"].isin(WET_COMPOUNDS)
    share = wet.groupby(laps["lap_number"]).mean()
    before = laps["lap_number"].map(share.shift(1)).fillna(0)
    return {
        "no time": laps["lap_duration"].isna() | laps["start"].isna(),
        "impossible time": np.array(wrong, dtype=bool),
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


def judge_pace(times: list[float], *, candidates: list[bool], starting: list[bool]) -> tuple[list[str], list[int]]:
    """(the reason of each lap by its pace, the place of the lap that revoked it, or -1), of laps in the order of their ends.

    The field's pace is the best lap so far that is near the fifth best so far, of whatever laps. Only candidates, laps that
    nothing else excludes, are judged. Laps are revoked by those of the start of the race only.
    """
    reasons, revoked_by = [""] * len(times), [-1] * len(times)
    known: list[float] = []
    fifth_best: list[float] = []
    clean: list[tuple[float, int]] = []  # (seconds, place), the fastest first
    for place, time in enumerate(times):
        insort(known, time)
        best = supported_best(known)
        fifth_best.append(nan if best is None else known[SUPPORTING_LAPS - 1])
        limit = inf if best is None else MAX_BEST_LAP_RATIO * best
        if candidates[place] and time > limit:
            reasons[place] = "slow"
        elif candidates[place]:
            insort(clean, (time, place))
        if starting[place] and clean and (clean[len(clean) // 2][0] > limit or clean[-1][0] > FAR_RATIO * limit):
            first_slow = bisect_right(clean, (limit, len(times)))
            for _, earlier in clean[first_slow:]:
                reasons[earlier], revoked_by[earlier] = "slow field", place
            del clean[first_slow:]
    for place, time in enumerate(times):
        later = min(place + JUDGING_LAPS, len(times) - 1)
        if candidates[place] and time < MIN_LAP_RATIO * fifth_best[later]:
            reasons[place] = "impossible time"
    return reasons, revoked_by
