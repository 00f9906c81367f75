"""The questions that are put to models: which laps are asked for, what may be known, and what anybody could say without a model.

Every task is answered at the start of a lap (`in_lap` during it), about clean laps only; that the lap will be a clean one is
hindsight. A model learns the difference to `anchor`, seconds that are known beforehand, so that circuits of every length are one
problem.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ml import circuits
from ml.datasets import TELEMETRY
from ml.features import LAST_SECTORS, SECTORS

if TYPE_CHECKING:
    import pandas as pd

STINT_KNOWN_LAPS = 5  # clean laps of a run after which its rest is predicted
TRUST = 0.65  # of the last lap beside the run's level, in what the run says of the next lap
STATE = 0.5  # of the race's state beside what the run says, in the anchor of the next lap
MAX_STATE_TERM = 1.0  # seconds by which the race's state moves an anchor at most
LIMIT = 5.0  # seconds beyond which differences are not told apart
ASKED_AFTER = (1, 2)  # sectors of a lap, that `in_lap` is asked after

# Seconds, of which the models see the difference to the anchor.
ABSOLUTE = (
    "level",
    "lag_1",
    "lag_2",
    "lag_3",
    "lag_4",
    "lag_5",
    "median_3",
    "median_5",
    "last_any",
    "race_median",
    "earlier_runs",
    "reference",
    "state_pace",
    "state_pace_others",
)
SPEEDS = tuple(f"{name}_surprise" for name in ("trap_speed", "i1_speed", "i2_speed", *TELEMETRY))
OWN_RUN = (
    "level",
    "slope",
    "noise",
    "clean_laps",
    "gap_in_laps",
    "lag_1",
    "lag_2",
    "lag_3",
    "lag_4",
    "lag_5",
    "median_3",
    "median_5",
    "last_any",
    "race_median",
    "to_reference",
    "sector_1_surprise",
    "sector_2_surprise",
    "sector_3_surprise",
    *SPEEDS,
    "gap_ahead_change",
    "pace_ahead",
    "level_ahead",
    "lag_ahead",
    "level_second",
    "mate_pace",
    "mate_surprise",
    "compound_surprise",
    "last_delta",
    "race_delta",
    "surprise_ahead",
    "laps_in_run",
    "gap_ahead_before",
    "state_pace",
    "state_slope",
)


class Problem(NamedTuple):
    """A task put to the laps of a dataset; all tables have the same rows, one per lap that is asked for."""

    laps: "pd.DataFrame"  # who, where, when
    inputs: "pd.DataFrame"  # what a model sees: numbers, and `circuit` and `driver` as texts where a task shows them
    asked_at: "pd.Series"  # when the question is put, in seconds since 1970: nothing later is known
    anchor: "pd.Series"  # seconds
    target: "pd.Series"  # seconds
    baselines: "pd.DataFrame"  # seconds, a column per naive answer; circuit medians are added by whoever knows the training rows
    # True where a race's own level is left to the intervals: then a model learns only what happens within races.
    within_races: bool = False
    testable: "pd.Series | None" = None  # which rows may be predicted, the others only teach; None for all


def differences(features: "pd.DataFrame", anchor: "pd.Series") -> "pd.DataFrame":
    """The features with every lap time as its difference to the anchor."""
    shown = features.copy()
    shown["to_reference"] = features["reference"] - anchor  # also where there is no level yet
    for name in ABSOLUTE:
        if name in shown:
            shown[name] = (shown[name] - anchor).clip(-LIMIT, LIMIT)
    return shown.drop(columns=["lap_number", *LAST_SECTORS], errors="ignore")


def naive(features: "pd.DataFrame") -> "pd.DataFrame":
    return features[["lag_1", "median_3", "median_5", "race_median"]].set_axis(
        ["previous clean lap", "rolling median of 3", "rolling median of 5", "driver's running median"], axis=1
    )


def expected(features: "pd.DataFrame") -> "pd.Series":
    """Between the run's level, its last clean lap and the state of the race; NaN before the run has a clean lap."""
    own = features["level"] + TRUST * (features["lag_1"] - features["level"])
    return own + state_term(features, own)


def state_term(features: "pd.DataFrame", own: "pd.Series") -> "pd.Series":
    """What the race's state adds to an anchor, in seconds: bounded, and nothing after a step, when the state is far off."""
    away = (features["state_pace"] - own).fillna(0)
    return (STATE * away).clip(-MAX_STATE_TERM, MAX_STATE_TERM).where(away.abs() <= LIMIT, 0.0)


def next_lap(laps: "pd.DataFrame", features: "pd.DataFrame") -> Problem:
    """The next lap of a run that has a clean lap already."""
    rows = (laps["excluded"] == "") & features["lag_1"].notna()
    laps, features = laps[rows], features[rows]
    anchor = expected(features)
    return Problem(laps, differences(features, anchor), laps["start"], anchor, laps["lap_duration"], naive(features))


def pace_delta(laps: "pd.DataFrame", features: "pd.DataFrame", *, earlier_runs_only: bool = False) -> Problem:
    """A lap beside the field's pace, the median of the last 60 clean laps of all cars. All own earlier laps are known."""
    rows = (laps["excluded"] == "") & features["reference"].notna()
    laps, features = laps[rows], features[rows]
    before = features["reference"] + features["race_delta"].fillna(0)
    anchor = expected(features).fillna(before + state_term(features, before))
    shown = differences(features, anchor)
    naive_answers = naive(features).assign(**{"field's median": features["reference"]})
    if earlier_runs_only:
        anchor = features["reference"]
        shown = differences(features, anchor).drop(columns=[*OWN_RUN])
        naive_answers = (
            features[["earlier_runs"]].set_axis(["driver's earlier stints"], axis=1).assign(**{"field's median": anchor})
        )
    filled = naive_answers.apply(lambda answer: answer.fillna(features["reference"]))
    return Problem(laps, shown, laps["start"], anchor, laps["lap_duration"], filled)


def pace_delta_earlier_stints(laps: "pd.DataFrame", features: "pd.DataFrame") -> Problem:
    """The same when of the driver's own race only the stints before this one are known."""
    return pace_delta(laps, features, earlier_runs_only=True)


def rest_of_stint(laps: "pd.DataFrame", features: "pd.DataFrame") -> Problem:
    """Every clean lap of a run after its fifth, from what was known at the end of that one; of the lap itself only its number."""
    import pandas as pd

    key = [laps["session_id"], laps["driver_number"], laps["run"]]
    clean = laps["excluded"] == ""
    count = clean.groupby(key).cumsum()
    rows = clean & (count > STINT_KNOWN_LAPS)
    # What is known when the fifth clean lap has ended is what the features of the lap after it say.
    begins = pd.DataFrame({"row": laps.index, "lap": laps["lap_number"], "start": laps["start"]}, index=laps.index)
    known_then = (count - clean == STINT_KNOWN_LAPS) & (features["clean_laps"] == STINT_KNOWN_LAPS)
    sixth = begins[known_then].groupby([part[known_then] for part in key]).first()
    asked = pd.MultiIndex.from_arrays([part[rows] for part in key])
    seen = sixth.reindex(asked)
    rows = rows[rows].index[seen["row"].notna().to_numpy()]
    seen = seen[seen["row"].notna()]
    laps, known = laps.loc[rows], features.loc[seen["row"].astype(int)].set_axis(rows)
    horizon = laps["lap_number"] - seen["lap"].to_numpy() + 1
    anchor = known["median_5"]
    answers = {"hold the median of five": known["median_5"], "hold the last lap": known["lag_1"]}
    return Problem(
        laps, later_laps(known, horizon), seen["start"].set_axis(rows), anchor, laps["lap_duration"], pd.DataFrame(answers)
    )


def later_laps(known: "pd.DataFrame", horizon: "pd.Series") -> "pd.DataFrame":
    """What a model sees of the lap that is `horizon` laps ahead (1: the next one) of what is known: nothing but its number."""
    return differences(known, known["median_5"]).assign(horizon=horizon, race_slope_ahead=known["race_slope"] * (horizon + 2))


def in_lap(laps: "pd.DataFrame", features: "pd.DataFrame") -> Problem:
    """A lap that is under way, once after its first sector and once after its second, from the sectors driven so far."""
    import numpy as np
    import pandas as pd

    if not {*LAST_SECTORS} <= {*features}:
        raise ValueError("This dataset was built before there were the features of in_lap: build it again.")
    after = [after_sectors(laps, features, done) for done in ASKED_AFTER]
    places = np.concatenate([laps.index.get_indexer(problem.laps.index) for problem in after])
    order = np.argsort(places, kind="stable")  # a lap's questions follow each other, and so do those of a race
    tables = (pd.concat([getattr(problem, name) for problem in after]) for name in Problem._fields[:6])
    return Problem(*(table.iloc[order].reset_index(drop=True) for table in tables))


def after_sectors(laps: "pd.DataFrame", features: "pd.DataFrame", done: int) -> Problem:
    """Laps when so many sectors of them are done. The anchor: these, and the others as in the last clean lap of the run."""
    import pandas as pd

    driven = laps[[*SECTORS[:done]]].astype("float64")
    rows = (laps["excluded"] == "") & driven.notna().all(axis=1) & features[LAST_SECTORS[-1]].notna() & laps["start"].notna()
    laps, features, driven = laps[rows], features[rows], driven[rows]
    so_far = driven.sum(axis=1)
    anchor = so_far + features[[*LAST_SECTORS[done:]]].sum(axis=1)
    changes = {
        f"sector_{number}_change": (
            (driven[SECTORS[number - 1]] - features[LAST_SECTORS[number - 1]]).clip(-LIMIT, LIMIT) if number <= done else math.nan
        )
        for number in ASKED_AFTER
    }
    answers = {"own sectors, the rest as in the last clean lap": anchor, "previous clean lap": features["lag_1"]}
    return Problem(
        laps.assign(sectors_done=done),
        differences(features, expected(features)).assign(**changes, sectors_done=float(done)),
        laps["start"] + so_far,
        anchor,
        laps["lap_duration"],
        pd.DataFrame(answers),
    )


def lap_time(laps: "pd.DataFrame", features: "pd.DataFrame") -> Problem:
    """A lap of a race that has not begun, in seconds, from what the last race at its circuit says, and lap, tyres and driver."""
    import pandas as pd

    rows = laps["excluded"] == ""
    laps, features = laps[rows], features[rows]
    earlier = circuits.with_earlier_race(laps)
    anchor = hypothetical_anchor(laps, earlier, features["driver_delta"].fillna(0.0))
    level = pd.DataFrame({"circuit's last race": earlier["level"]})
    return Problem(
        laps,
        hypothetical_inputs(laps, features["driver_delta"]),
        laps["start"],
        anchor,
        laps["lap_duration"],
        level,
        within_races=True,
        testable=earlier["is_earlier"].astype(bool),
    )


def hypothetical_anchor(laps: "pd.DataFrame", earlier: "pd.DataFrame", driver_delta: "pd.Series") -> "pd.Series":
    """The level of the circuit's earlier race, with what fuel, driver and the track's temperature change."""
    fuel = circuits.fuel(laps["lap_number"], laps["race_laps"])
    return earlier["level"] + fuel + driver_delta + circuits.warmth(laps["track_temperature"], earlier["track_temperature"])


def hypothetical_inputs(laps: "pd.DataFrame", driver_delta: "pd.Series") -> "pd.DataFrame":
    """What a model of `lap_time` sees: nothing that tells one race from another."""
    numbers = laps[["tyre_age", "stint_number", "rainfall"]].astype("float64")
    return numbers.assign(
        race_done=laps["lap_number"] / laps["race_laps"], driver_delta=driver_delta, compound=laps["compound"].fillna("UNKNOWN")
    )


TASKS: dict[str, Callable[["pd.DataFrame", "pd.DataFrame"], Problem]] = {
    task.__name__: task for task in (next_lap, pace_delta, pace_delta_earlier_stints, rest_of_stint, in_lap, lap_time)
}
