"""Predictions of the laps of a stored race by the champions of the tasks.

The features of a race are computed once, and again when rows of its session change. This module loads scikit-learn: import it
inside functions.
"""

import math
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from django.utils import timezone
from threadpoolctl import ThreadpoolController

from mirror import versions
from ml import datasets, features, tasks
from ml.champions import Champion, NoChampion, load_champion
from races import neutralisations
from races.models import Session

__all__ = ["CannotPredict", "NoChampion", "Prediction", "predict_session"]

# The task that predicts the first lap: next_lap where its run has a clean lap already, else pace_delta.
FIRST_LAP_TASKS = ("next_lap", "pace_delta")
IN_LAP_TASK = "in_lap"  # predicts it when some of its sectors are done
LATER_LAPS_TASK = "rest_of_stint"
# Trees predict a few laps one after another: starting a thread for each takes longer than to predict them.
single_threaded = ThreadpoolController().wrap(limits=1, user_api="openmp")


class CannotPredict(ValueError):
    """Too few laps, or a wrong value; `field` is the parameter that has to change."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Lap(NamedTuple):
    """A predicted lap time with its 80 % interval, in seconds, and the task that predicted it."""

    lap_number: int
    seconds: float
    low: float
    high: float
    task: str


class Prediction(NamedTuple):
    """Predicted laps, the models that predicted them by task, and reasons to trust them less than usual."""

    laps: list[Lap]
    champions: dict[str, Champion]
    warnings: list[str]


@single_threaded
def predict_session(
    *, session_id: int, driver_number: int, from_lap: int, horizon: int = 1, race_laps: int | None = None, sectors_done: int = 0
) -> Prediction:
    """Predict a car's laps from `from_lap` on, from what was known when that one began. Seconds, with 80 % intervals.

    The lap may have been driven, be under way, or be the next one. With `sectors_done` (1 or 2) it is predicted from these of its
    own sectors as well; later laps are not. `race_laps` is the announced length; by default the number of laps driven,
    or, while the race is on, those of the last race at this circuit. CannotPredict, and the errors of `load_champion`.
    """
    session = Session.objects.filter(pk=session_id).first()
    if session is None:
        raise CannotPredict("session_id", f"There is no session {session_id}.")
    race, row = load_race_with_lap(
        session, driver_number=driver_number, from_lap=from_lap, race_laps=race_laps, sectors_done=sectors_done
    )
    if from_lap + horizon - 1 > race.length:
        left = race.length - from_lap + 1
        raise CannotPredict("horizon", f"The race has {race.length} laps; from lap {from_lap} on that is {left} at most.")
    asked = race.find_question(row, sectors_done)
    first = race.predictions.loc[asked]
    laps = [Lap(from_lap, float(first["seconds"]), float(first["low"]), float(first["high"]), race.task)]
    champions, warnings = {race.task: race.champion}, race.champion.range_warnings(race.inputs.loc[[asked]])
    if horizon > 1:
        champions[LATER_LAPS_TASK] = load_champion(LATER_LAPS_TASK)
        later, more = predict_later_laps(race, row, from_lap=from_lap, horizon=horizon, champion=champions[LATER_LAPS_TASK])
        laps += later
        warnings += more
    warnings += [
        f"The model of {task} has learnt from this very race: its error here is smaller than it would be elsewhere."
        for task, champion in champions.items()
        if session_id in champion.summary["sessions"]
    ]
    if not neutralisations.are_known(session_id):
        warnings.append(
            "Neutralisations are unknown: no message of race control is stored of this session, so earlier laps behind a safety "
            "car count as laps at racing speed."
        )
    return Prediction(laps, champions, list(dict.fromkeys(warnings)))


def load_race_with_lap(
    session: Session, *, driver_number: int, from_lap: int, race_laps: int | None, sectors_done: int
) -> "tuple[Race, Any]":
    """(the race as the first champion sees it that can predict this lap, the lap's row in its tables)."""
    length = race_laps or announced_laps(session)
    version = versions.of_session(session.pk)
    if sectors_done:
        race = load_race(session.pk, load_champion(IN_LAP_TASK), length, version)
        return race, race.find_row(driver_number, from_lap)
    next_lap, pace_delta = FIRST_LAP_TASKS
    race = load_race(session.pk, load_champion(next_lap), length, version)
    row = race.find_row(driver_number, from_lap)
    if row in race.predictions.index:
        return race, row
    if math.isnan(race.table.loc[row, "reference"]):
        raise CannotPredict("from_lap", f"Too few clean laps have been driven before lap {from_lap} to predict it.")
    return load_race(session.pk, load_champion(pace_delta), length, version), row


def announced_laps(session: Session) -> int | None:
    """How many laps a race that is not over will have, taken from the last one at its circuit; None once it is over."""
    from telemetry.models import Lap as DrivenLap

    if session.date_end is None or session.date_end < timezone.now():
        return None
    previous = Session.objects.filter(
        circuit_name=session.circuit_name, session_name=session.session_name, date_start__lt=session.date_start
    ).order_by("-date_start")
    last = previous.first()
    if last is None:
        return None
    return DrivenLap.objects.filter(session=last).order_by("-lap_number").values_list("lap_number", flat=True).first()


class Race:
    """The laps of a race so far and the next lap of each car, with a champion's prediction for every lap."""

    def __init__(self, laps: pd.DataFrame, table: pd.DataFrame, champion: Champion) -> None:
        """laps: as `datasets.load` gives them, of one session; table: their features."""
        self.laps, self.table, self.champion = laps, table, champion
        self.session_id, self.length = laps["session_id"].iloc[0], int(laps["race_laps"].max())
        self.task = champion.run.task
        # Every lap is predicted as if it were a clean one, but only clean laps that have ended may change later intervals.
        as_clean = laps.assign(excluded="", end=laps["end"].where(laps["excluded"] == ""))
        problem = tasks.TASKS[self.task](as_clean, table)
        champion.check_inputs(problem.inputs)
        self.inputs, self.questions = problem.inputs, problem.laps
        low, high = champion.intervals.predict(problem.inputs, problem.target - problem.anchor, problem.laps, problem.asked_at)
        differences = {"seconds": champion.estimator.predict(problem.inputs), "low": low, "high": high}
        self.predictions = pd.DataFrame({name: problem.anchor + seconds for name, seconds in differences.items()})

    @cached_property
    def stints(self) -> tasks.Problem:
        """`LATER_LAPS_TASK` on the runs of the race so far."""
        return tasks.TASKS[LATER_LAPS_TASK](self.laps, self.table)

    def find_row(self, driver_number: int, lap_number: int) -> Any:
        """The index of a lap in the tables; CannotPredict for a car or a lap that the race does not have."""
        car = self.laps[self.laps["driver_number"] == driver_number]
        if car.empty:
            raise CannotPredict("driver_number", f"Car {driver_number} has no laps in this session.")
        rows = car.index[car["lap_number"] == lap_number]
        if rows.empty:
            last = int(car["lap_number"].max())
            raise CannotPredict(
                "from_lap", f"Only laps that car {driver_number} has driven, or its next one, can be predicted: up to {last}."
            )
        return rows[0]

    def find_question(self, row: Any, sectors_done: int) -> Any:
        """The index of a lap's prediction; CannotPredict where its first sectors are not known, or those of a lap before."""
        if not sectors_done:
            return row
        number, car = self.laps.loc[row, ["lap_number", "driver_number"]]
        asked = self.questions[self.questions["sectors_done"] == sectors_done]
        rows = asked.index[(asked["lap_number"] == number) & (asked["driver_number"] == car)]
        if rows.empty:
            raise CannotPredict(
                "sectors_done",
                f"Lap {number} of car {car} cannot be predicted after sector {sectors_done}: that takes the times of its sectors "
                "so far, and a clean lap before it in the same run.",
            )
        return rows[0]


@lru_cache(maxsize=32)
def load_race(session_id: int, champion: Champion, length: int | None, version: versions.Version) -> Race:
    """A race as one champion sees it; a change of its rows gives it another version, and so another entry of the cache."""
    laps = datasets.load(Session.objects.filter(pk=session_id))
    if laps.empty:
        raise CannotPredict(
            "session_id", f"No laps of session {session_id} are stored; sync_openf1 laps --session {session_id} brings some."
        )
    laps = with_next_laps(laps)
    driven = laps["end"].notna() | (laps["excluded"] != "")
    laps["race_laps"] = max(length or 0, int(laps.loc[driven, "lap_number"].max()))
    return Race(laps, features.build(laps, memory=champion.memory(laps["session_date"].iloc[0])), champion)


def with_next_laps(laps: pd.DataFrame) -> pd.DataFrame:
    """The laps, and the one that each car begins next; after a stop its tyres are unknown."""
    last = laps.sort_values("lap_number").groupby("driver_number").tail(1)
    unknown = dict.fromkeys(
        [*features.SECTORS, "lap_duration", "i1_speed", "i2_speed", "st_speed", "end", *datasets.TELEMETRY], np.nan
    )
    coming = last.assign(
        lap_number=last["lap_number"] + 1,
        start=last["end"],
        tyre_age=(last["tyre_age"] + 1).where(~last["is_in_lap"]),
        run=last["run"] + last["is_in_lap"],
        is_in_lap=False,
        is_pit_out_lap=False,
        excluded="",
        **unknown,
    )
    both = pd.concat([laps, coming]).sort_values(["driver_number", "lap_number"], kind="stable")
    return both.reset_index(drop=True)


def predict_later_laps(race: Race, row: Any, *, from_lap: int, horizon: int, champion: Champion) -> tuple[list[Lap], list[str]]:
    """(the laps after the first, from what was known when that one began; warnings)."""
    known = race.table.loc[[row] * (horizon - 1)].reset_index(drop=True)
    anchor = known["median_5"]
    if math.isnan(anchor.iloc[0]):
        raise CannotPredict("horizon", f"Only one lap can be predicted: car and run have no clean lap before lap {from_lap}.")
    ahead = pd.Series(range(2, horizon + 1), index=known.index)
    inputs = tasks.later_laps(known, ahead)
    champion.check_inputs(inputs)
    seconds = anchor + champion.estimator.predict(inputs)
    moments = pd.Series(race.laps.loc[row, "start"], index=inputs.index)
    low, high = later_intervals(race, inputs, moments=moments, champion=champion)
    columns = zip(from_lap - 1 + ahead, seconds, anchor + low, anchor + high, strict=True)
    laps = [
        Lap(int(number), float(middle), float(lower), float(upper), LATER_LAPS_TASK) for number, middle, lower, upper in columns
    ]
    warnings = champion.range_warnings(inputs.iloc[[-1]])
    if (clean := int(known["clean_laps"].iloc[0])) != tasks.STINT_KNOWN_LAPS:
        warnings.append(
            f"The model of {LATER_LAPS_TASK} was trained to predict after {tasks.STINT_KNOWN_LAPS} clean laps of a run; here "
            f"there are {clean}."
        )
    return laps, warnings


def later_intervals(race: Race, inputs: pd.DataFrame, *, moments: pd.Series, champion: Champion) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends beside the anchor, corrected by how the intervals of runs before each row's moment missed."""
    stints = race.stints
    unknown = pd.Series(np.nan, index=inputs.index)
    low, high = champion.intervals.predict(
        pd.concat([stints.inputs, inputs]),
        pd.concat([stints.target - stints.anchor, unknown]),
        pd.concat([stints.laps[["session_id", "end"]], pd.DataFrame({"session_id": race.session_id, "end": unknown})]),
        pd.concat([stints.asked_at, moments]),
    )
    return low[len(stints.inputs) :], high[len(stints.inputs) :]
