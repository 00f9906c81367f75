"""Forecasts of a race while it runs, for all cars at once: their next laps, and where each would rejoin after a stop.

Only what was known when a car began its lap is used, so a race that has been driven is forecast as it would have been then.
This module loads scikit-learn: import it inside functions.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mirror import versions
from ml import tasks
from ml.champions import Champion, NoChampion, load_champion
from ml.prediction import (
    FIRST_LAP_TASKS,
    IN_LAP_TASK,
    LATER_LAPS_TASK,
    CannotPredict,
    Race,
    later_intervals,
    load_race,
    single_threaded,
)
from ml.strategy import rejoin
from ml.strategy.asking import CannotAnswer, entry_moment, load
from ml.strategy.rejoin import Question

LAPS_AHEAD = 3


@single_threaded
def next_laps(*, session_id: int, laps: Mapping[int, int], race_laps: int | None = None) -> dict[int, list[dict[str, Any]]]:
    """{car: forecasts of the lap that it is on and of the two after it}: `lap`, `seconds`, and `low` and `high` of 80 %.

    `laps` has the lap that each car is on, `race_laps` is the announced length. Cars with too few clean laps are left out;
    without a champion for later laps there is one lap each. CannotPredict without any laps, and the errors of `load_champion`.
    """
    version = versions.of_session(session_id)
    races = [load_race(session_id, load_champion(FIRST_LAP_TASKS[0]), race_laps, version)]
    if champion := champion_if_any(FIRST_LAP_TASKS[1]):
        races.append(load_race(session_id, champion, race_laps, version))
    found: dict[int, list[dict[str, Any]]] = {}
    rows: dict[int, Any] = {}
    for car, lap in laps.items():
        try:
            row = races[0].find_row(car, lap)
        except CannotPredict:
            continue
        if race := next((race for race in races if row in race.predictions.index), None):
            rows[car], first = row, race.predictions.loc[row]
            found[car] = [forecast_of(lap, *first[["seconds", "low", "high"]])]
    if champion := champion_if_any(LATER_LAPS_TASK):
        add_later_laps(found, races[0], rows, champion)
    return found


def champion_if_any(task: str) -> Champion | None:
    try:
        return load_champion(task)
    except NoChampion:
        return None


def forecast_of(lap: int, seconds: float, low: float, high: float) -> dict[str, Any]:
    return {"lap": int(lap), "seconds": round(float(seconds), 3), "low": round(float(low), 3), "high": round(float(high), 3)}


def add_later_laps(found: dict[int, list[dict[str, Any]]], race: Race, rows: Mapping[int, Any], champion: Champion) -> None:
    """Add the laps after the first to the cars whose run has a clean lap."""
    able = [car for car, row in rows.items() if not np.isnan(race.table.loc[row, "median_5"])]
    cars = np.repeat(able, LAPS_AHEAD - 1)
    if not len(cars):
        return
    index = [rows[car] for car in cars]
    known = race.table.loc[index].reset_index(drop=True)
    ahead = pd.Series(np.tile(np.arange(2, LAPS_AHEAD + 1), len(able)))
    inputs = tasks.later_laps(known, ahead)
    champion.check_inputs(inputs)
    moments = race.laps.loc[index, "start"].reset_index(drop=True)
    low, high = later_intervals(race, inputs, moments=moments, champion=champion)
    seconds, anchor = champion.estimator.predict(inputs), known["median_5"].to_numpy()
    laps = race.laps.loc[index, "lap_number"].to_numpy() + ahead.to_numpy() - 1
    for car, lap, *times in zip(cars, laps, anchor + seconds, anchor + low, anchor + high, strict=True):
        if lap <= race.length:
            found[int(car)].append(forecast_of(lap, *times))


@single_threaded
def laps_under_way(*, session_id: int, laps: Mapping[int, int], race_laps: int | None = None) -> dict[int, dict[str, Any]]:
    """{car: forecast of the lap that it is on, from the `sectors` (1 or 2) of it that are done}; see `next_laps`.

    Cars that have ended no sector of it are left out.
    """
    race = load_race(session_id, load_champion(IN_LAP_TASK), race_laps, versions.of_session(session_id))
    found = {}
    for car, lap in laps.items():
        for done in tasks.ASKED_AFTER:
            try:
                row = race.find_question(race.find_row(car, lap), done)
            except CannotPredict:
                break
            found[car] = forecast_of(lap, *race.predictions.loc[row, ["seconds", "low", "high"]]) | {"sectors": done}
    return found


@single_threaded
def rejoin_places(*, session_id: int, laps: Mapping[int, int], race_laps: int | None = None) -> dict[int, dict[str, Any]]:
    """{car: where it rejoins if it comes in at the end of the lap that it is on}: `place`, `low` and `high` of the set of 80 %.

    The place is the order in which the cars end the out-lap. Cars that cannot be told about are left out: on their first lap, on
    the last one, retired, before a lap is timed. CannotAnswer without any laps, and the errors of `load`.
    """
    strategy, race = load(session_id, race_laps)
    found = {}
    for car, lap in laps.items():
        row = race.row.get(car)
        if row is None or not 2 <= lap < race.race_laps or lap > race.crossing.shape[1] or np.isnan(race.crossing[row, lap - 1]):
            continue
        known = race.as_of(float(race.crossing[row, lap - 1]))
        try:
            moment = entry_moment(known, row, lap, strategy)
        except CannotAnswer:
            continue
        question = Question(row, lap, moment, has_entered=False)
        places = rejoin.place_probabilities(
            rejoin.project(known, question, strategy.rejoin), strategy.rejoin.errors, cars=len(race.cars)
        )
        likely = rejoin.smallest_set(places)
        found[car] = {"lap": lap, "place": rejoin.median_place(places), "low": likely[0], "high": likely[-1]}
    return found
