"""Predictions: what the champions of the tasks say of laps to come, of a race that is stored or of one that is made up.

A model is loaded once per process, and again when another run is promoted. What a race has shown so far is worked out once, and
again when rows of its session change. This module loads scikit-learn: import it where it is needed.
"""

import json
import math
import threading
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from django.utils import timezone
from threadpoolctl import ThreadpoolController

from mirror import versions
from ml import artifacts, datasets, features, recording, tasks, trials
from ml.models import Run
from races.models import Session

NEXT = ("next_lap", "pace_delta")  # what answers for the lap that is asked about: the first where its run has a clean lap already
LATER = "rest_of_stint"  # and for the laps after it
MADE_UP = "lap_time"
MOST_WARNINGS = 5
# Trees are asked about a few laps one after another: to wake up a thread for each takes longer than to ask.
single = ThreadpoolController().wrap(limits=1, user_api="openmp")


class Outdated(ValueError):
    """The model has learnt from other features than this version of the site knows."""


class NoChampion(LookupError):
    """No model has been promoted for this task."""


class CannotSay(ValueError):
    """Too little is known; `field` is what was asked wrongly."""

    def __init__(self, field: str, message: str):
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, eq=False)
class Champion:
    """A loaded model."""

    run: Run
    estimator: Any
    ends: Any
    known: dict[str, Any]  # see `trials.known`
    measured: dict[str, float]  # on races it had not seen

    def must_know(self, inputs: pd.DataFrame) -> None:
        if [*inputs.columns] != self.known.get("inputs"):
            raise Outdated(
                f"Run '{self.run.pk}' has learnt from other features than this version of the site knows: train its model again, "
                f"and promote_model the new run."
            )

    def memory(self, before: datetime) -> features.Memory:
        """What the races before a moment said of drivers, teams and circuits."""
        memory = features.Memory()
        for race in self.known["races"]:
            if datetime.fromisoformat(race["date"]) < before:
                for *name, total, count in race["sums"]:
                    sums = memory.sums.setdefault(tuple(name), [0.0, 0.0])  # type: ignore[arg-type]
                    sums[0] += total
                    sums[1] += count
        return memory


loaded: dict[str, Champion] = {}
loading = threading.Lock()


def champion(task: str) -> Champion:
    """The model that answers for a task. NoChampion where there is none, ValueError where its files cannot be used."""
    run = Run.objects.filter(task=task, champion=True).first()
    if run is None:
        raise NoChampion(
            f"No model answers for {task} yet: train one (train_model MODEL --task {task}) and promote_model its run."
        )
    with loading:
        if task not in loaded or loaded[task].run.pk != run.pk:
            estimator, ends = artifacts.loads(run)
            memory = run.artifacts.filter(name=trials.MEMORY).first()
            if memory is None or ends is None:
                raise ValueError(f"Run '{run.pk}' has no {trials.MEMORY} or no intervals; train_model writes both.")
            measured = dict(run.metrics.filter(context="", step=0).values_list("key", "value"))
            loaded[task] = Champion(run, estimator, ends, json.loads(recording.read_artifact(memory)), measured)
        return loaded[task]


class Lap(NamedTuple):
    lap_number: int
    seconds: float
    low: float
    high: float
    task: str


class Answer(NamedTuple):
    laps: list[Lap]
    champions: dict[str, Champion]  # those that have answered, by task
    warnings: list[str]


@single
def of_session(*, session_id: int, driver_number: int, from_lap: int, horizon: int = 1, race_laps: int | None = None) -> Answer:
    """A car's laps from `from_lap` on, from what was known when that one began. Seconds, with 80 % intervals.

    The lap may have been driven, or be the next one. `race_laps` is the announced length; by default the number of laps driven,
    or, while the race is on, those of the last race at this circuit. CannotSay, NoChampion and ValueError as above.
    """
    session = Session.objects.filter(pk=session_id).first()
    if session is None:
        raise CannotSay("session_id", f"There is no session {session_id}.")
    length = race_laps or announced(session)
    version = versions.of_session(session_id)
    leader = champion(NEXT[0])
    race = race_of(session_id, leader, length, version)
    row = race.row(driver_number, from_lap)
    if row not in race.answers.index:
        if math.isnan(race.table.loc[row, "reference"]):
            raise CannotSay("from_lap", f"Too few clean laps have been driven before lap {from_lap} to say anything.")
        leader = champion(NEXT[1])
        race = race_of(session_id, leader, length, version)
    first = leader.run.task
    if from_lap + horizon - 1 > race.length:
        raise CannotSay(
            "horizon", f"The race has {race.length} laps; from lap {from_lap} on that is {race.length - from_lap + 1} at most."
        )
    said = race.answers.loc[row]
    laps = [Lap(from_lap, float(said["seconds"]), float(said["low"]), float(said["high"]), first)]
    champions, warnings = {first: leader}, outside(race.inputs.loc[[row]], leader)
    if horizon > 1:
        champions[LATER] = champion(LATER)
        later, more = rest(race, row, from_lap=from_lap, horizon=horizon, champion=champions[LATER])
        laps += later
        warnings += more
    for task, one in champions.items():
        if session_id in one.known["sessions"]:
            warnings.append(
                f"The model of {task} has learnt from this very race: its error here is smaller than it would be elsewhere."
            )
    return Answer(laps, champions, list(dict.fromkeys(warnings)))


def announced(session: Session) -> int | None:
    """How many laps a race that is still on will have, taken from the last one at its circuit; None once it is over."""
    from telemetry.models import Lap as Driven

    if session.date_end is None or session.date_end < timezone.now():
        return None
    before = Session.objects.filter(
        circuit_name=session.circuit_name, session_name=session.session_name, date_start__lt=session.date_start
    ).order_by("-date_start")
    driven = Driven.objects.filter(session=before.first()).order_by("-lap_number") if before else Driven.objects.none()
    return driven.values_list("lap_number", flat=True).first()


class Race:
    """What a race has shown so far, with the next lap of each car, and what a champion says of every lap of it."""

    def __init__(self, laps: pd.DataFrame, table: pd.DataFrame, leader: Champion):
        self.laps, self.table, self.session_id = laps, table, laps["session_id"].iloc[0]
        self.length = int(laps["race_laps"].max())
        # As if every lap were a clean one; but only clean laps that have ended move later intervals.
        asked = laps.assign(excluded="", end=laps["end"].where(laps["excluded"] == ""))
        problem = tasks.TASKS[leader.run.task](asked, table)
        leader.must_know(problem.inputs)
        self.inputs = problem.inputs
        low, high = leader.ends.predict(problem.inputs, problem.target - problem.anchor, problem.laps, problem.asked_at)
        beside = {"seconds": leader.estimator.predict(problem.inputs), "low": low, "high": high}
        self.answers = pd.DataFrame({name: problem.anchor + seconds for name, seconds in beside.items()})

    @cached_property
    def stints(self) -> tasks.Problem:
        """What `LATER` would have been asked of the runs that the race has shown."""
        return tasks.TASKS[LATER](self.laps, self.table)

    def row(self, driver_number: int, lap_number: int) -> Any:
        mine = self.laps[self.laps["driver_number"] == driver_number]
        if mine.empty:
            raise CannotSay("driver_number", f"Car {driver_number} has no laps in this session.")
        found = mine.index[mine["lap_number"] == lap_number]
        if found.empty:
            last = int(mine["lap_number"].max())
            raise CannotSay(
                "from_lap", f"Of car {driver_number} laps can be asked about that it has driven or that come next: to {last}."
            )
        return found[0]


@lru_cache(maxsize=32)
def race_of(session_id: int, leader: Champion, length: int | None, version: versions.Version) -> Race:
    """A race as one champion sees it; a change of its rows gives it another version."""
    laps = datasets.load(Session.objects.filter(pk=session_id))
    if laps.empty:
        raise CannotSay(
            "session_id", f"No laps of session {session_id} are stored; sync_openf1 laps --session {session_id} brings some."
        )
    laps = with_next_laps(laps)
    laps["race_laps"] = max(length or 0, int(laps.loc[laps["end"].notna() | (laps["excluded"] != ""), "lap_number"].max()))
    return Race(laps, features.build(laps, memory=leader.memory(laps["session_date"].iloc[0])), leader)


def with_next_laps(laps: pd.DataFrame) -> pd.DataFrame:
    """The laps, and the one that each car begins next: after a stop on tyres that nobody knows yet."""
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


def rest(race: Race, row: Any, *, from_lap: int, horizon: int, champion: Champion) -> tuple[list[Lap], list[str]]:
    """The laps after the first, from what was known when that one began."""
    known = race.table.loc[[row] * (horizon - 1)].reset_index(drop=True)
    if math.isnan(known["median_5"].iloc[0]):
        raise CannotSay("horizon", f"Only one lap can be predicted: car and run have no clean lap before lap {from_lap}.")
    ahead = pd.Series(range(2, horizon + 1), index=known.index)
    inputs = tasks.later_laps(known, ahead)
    champion.must_know(inputs)
    anchor = known["median_5"]
    seconds = anchor + champion.estimator.predict(inputs)
    moment = race.laps.loc[row, "start"]
    # The intervals know how those of the runs before it missed.
    stints = race.stints
    over = (stints.laps["end"] <= moment).to_numpy()
    nothing = pd.Series(np.nan, index=known.index)
    low, high = champion.ends.predict(
        pd.concat([stints.inputs[over], inputs]),
        pd.concat([(stints.target - stints.anchor)[over], nothing]),
        pd.concat([stints.laps.loc[over, ["session_id", "end"]], pd.DataFrame({"session_id": race.session_id, "end": nothing})]),
        pd.concat([stints.asked_at[over], nothing.fillna(moment)]),
    )
    found = zip(from_lap - 1 + ahead, seconds, anchor + low[over.sum() :], anchor + high[over.sum() :], strict=True)
    later = [Lap(int(number), float(middle), float(least), float(most), LATER) for number, middle, least, most in found]
    warnings = outside(inputs.iloc[[-1]], champion)
    if (clean := int(known["clean_laps"].iloc[0])) != tasks.FIRST:
        warnings.append(
            f"The model of {LATER} has learnt to be asked after {tasks.FIRST} clean laps of a run; here there are {clean}."
        )
    return later, warnings


@single
def made_up(
    *, lap_number: int, circuit_name: str, driver_id: str = "", tyre_compound: str = "UNKNOWN", **numbers: float
) -> Answer:
    """A lap nobody has driven: absolute seconds from circuit, driver, tyres and weather. What is left out counts as unknown.

    numbers: `stint_number`, `tyre_age` (laps), `air_temperature`, `track_temperature` (°C), `rainfall` (0 or 1).
    """
    leader = champion(MADE_UP)
    columns = ("stint_number", "tyre_age", "air_temperature", "track_temperature", "rainfall")
    inputs = pd.DataFrame(
        {
            "lap_number": [float(lap_number)],
            **{name: [float(numbers.get(name, np.nan))] for name in columns},
            "compound": [tyre_compound],
            "driver": [driver_id],
            "circuit": [circuit_name],
        }
    )
    nothing = pd.Series([np.nan])
    low, high = leader.ends.predict(inputs, nothing, pd.DataFrame({"session_id": [0], "end": [np.nan]}), pd.Series([0.0]))
    lap = Lap(lap_number, float(leader.estimator.predict(inputs)[0]), float(low[0]), float(high[0]), MADE_UP)
    return Answer([lap], {MADE_UP: leader}, outside(inputs, leader))


def outside(inputs: pd.DataFrame, champion: Champion) -> list[str]:
    """What of the inputs lies outside what the model has seen."""
    found = []
    for name, value in inputs.iloc[0].items():
        if name in champion.known["texts"]:
            if value not in champion.known["texts"][name]:
                found.append(f"{name} {value or '(none)'}: the model has not seen it.")
        elif name in champion.known["limits"] and not math.isnan(value):
            low, high = champion.known["limits"][name]
            if not low <= value <= high:
                found.append(f"{name} {value:.4g} is outside what the model has seen, {low:.4g} to {high:.4g}.")
    left_out = len(found) - MOST_WARNINGS
    return found if left_out <= 0 else [*found[:MOST_WARNINGS], f"{left_out} more are outside what the model has seen."]
