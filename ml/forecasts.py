"""Forecasts of a race that has been driven, lap by lap, each from what was known when that lap began, and what came of them.

This module loads scikit-learn: import it inside functions.
"""

import math
from typing import Any

import numpy as np
import pandas as pd

from mirror import versions
from ml import tasks
from ml.champions import Champion, NoChampion, load_champion
from ml.prediction import FIRST_LAP_TASKS, LATER_LAPS_TASK, Race, announced_laps, later_intervals, load_race, single_threaded
from races.models import Race as RaceWeekend
from races.models import Session

TRAFFIC = 3.0  # seconds behind another car, from which it slows one down
AFTER_FLAG = 3  # laps after a neutralisation in which tyres and gaps are not yet what they were
CAUSES = ("weather", "flags", "traffic", "clear air")
MEASURES = ("mae", "baseline_mae", "skill", "skill_low", "skill_high", "coverage", "width", "laps")


@single_threaded
def forecast_race(session_id: int) -> dict[str, Any]:
    """Forecasts of every lap of a race from every lap before it in the same run, and the errors by driver and cause.

    `cars`: {car number: columns `start` (the lap from which it was forecast), `lap`, `seconds`, `low`, `high`, and `hold`, the
    last clean lap then}; `causes`: rows of driver, cause, laps and errors in seconds; `champions`: who made them. As JSON has it.
    Errors as of `ml.prediction`, NoChampion where next_lap or rest_of_stint has none.
    """
    session = Session.objects.get(pk=session_id)
    length, version = announced_laps(session), versions.of_session(session_id)
    champions = {task: load_champion(task) for task in (FIRST_LAP_TASKS[0], LATER_LAPS_TASK)}
    race = load_race(session_id, champions[FIRST_LAP_TASKS[0]], length, version)
    tables = [first_laps(race), later_laps(race, champions[LATER_LAPS_TASK])]
    try:
        champion = load_champion(FIRST_LAP_TASKS[1])
    except NoChampion:
        pass
    else:
        champions[FIRST_LAP_TASKS[1]] = champion
        tables.insert(1, first_laps(load_race(session_id, champion, length, version)))
    both = pd.concat(tables).drop_duplicates(["car", "start", "lap"]).sort_values(["car", "start", "lap"])
    return {
        "cars": {str(car): columns(own) for car, own in both.groupby("car")},
        "causes": errors_by_cause(race),
        "champions": [describe(task, champion, session_id) for task, champion in champions.items()],
    }


def columns(own: pd.DataFrame) -> dict[str, list[Any]]:
    rounded = own[["seconds", "low", "high", "hold"]].round(3).astype("object")
    times = rounded.where(rounded.notna(), None)
    return {"start": own["start"].astype(int).tolist(), "lap": own["lap"].astype(int).tolist()} | {
        name: times[name].tolist() for name in times
    }


def first_laps(race: Race) -> pd.DataFrame:
    """The forecast of each lap from its own beginning."""
    laps = race.laps.loc[race.predictions.index]
    found = pd.DataFrame({"car": laps["driver_number"], "start": laps["lap_number"], "lap": laps["lap_number"]})
    hold = race.table.loc[laps.index, "lag_1"]
    return found.assign(hold=hold, **{name: race.predictions[name] for name in ("seconds", "low", "high")})


def later_laps(race: Race, champion: Champion) -> pd.DataFrame:
    """The forecasts of the laps after those, until the run ends: that it ends there is hindsight, no forecast depends on it."""
    laps = race.laps
    last = laps.groupby(["driver_number", "run"])["lap_number"].transform("max")
    able = race.table["median_5"].notna() & laps["start"].notna() & (last > laps["lap_number"])
    counts = (last - laps["lap_number"])[able].astype(int)
    rows = np.repeat(counts.index.to_numpy(), counts.to_numpy())
    if not len(rows):
        return pd.DataFrame(columns=["car", "start", "lap", "hold", "seconds", "low", "high"])
    ahead = pd.Series(np.concatenate([np.arange(2, count + 2) for count in counts]))
    known = race.table.loc[rows].reset_index(drop=True)
    inputs = tasks.later_laps(known, ahead)
    champion.check_inputs(inputs)
    moments = laps.loc[rows, "start"].reset_index(drop=True)
    low, high = later_intervals(race, inputs, moments=moments, champion=champion)
    start, anchor = laps.loc[rows, "lap_number"].to_numpy(), known["median_5"].to_numpy()
    return pd.DataFrame(
        {
            "car": laps.loc[rows, "driver_number"].to_numpy(),
            "start": start,
            "lap": start + ahead.to_numpy() - 1,
            "hold": known["lag_1"].to_numpy(),
            "seconds": anchor + champion.estimator.predict(inputs),
            "low": anchor + low,
            "high": anchor + high,
        }
    )


def errors_by_cause(race: Race) -> list[dict[str, Any]]:
    """Mean errors of the next lap in seconds, of the model and of holding the last lap, by driver and by what the lap met."""
    driven = race.predictions.index.intersection(race.laps.index[(race.laps["excluded"] == "") & race.laps["end"].notna()])
    laps, table = race.laps.loc[driven], race.table.loc[driven]
    actual = laps["lap_duration"]
    flags = (laps["track_state"] != "") | (table["laps_since_neutralised"] <= AFTER_FLAG)
    met = np.select([laps["rainfall"] > 0, flags, table["gap_ahead"] <= TRAFFIC], CAUSES[:-1], CAUSES[-1])
    errors = pd.DataFrame(
        {
            "car": laps["driver_number"],
            "cause": met,
            "error": (actual - race.predictions.loc[driven, "seconds"]).abs(),
            "hold": (actual - table["lag_1"]).abs(),
        }
    ).dropna()
    means = errors.groupby(["car", "cause"])[["error", "hold"]].agg(["mean", "size"])
    return [
        {
            "car": int(car),
            "cause": cause,
            "laps": int(row["error", "size"]),
            "error": round(float(row["error", "mean"]), 3),
            "hold": round(float(row["hold", "mean"]), 3),
        }
        for (car, cause), row in means.iterrows()
    ]


def describe(task: str, champion: Champion, session_id: int) -> dict[str, Any]:
    """A champion, its figures on the races it was tested on, the worst of them, and whether it has learnt from this race."""
    skills = champion.run.metrics.filter(key="skill", context__startswith="race=").values_list("value", "context")
    worst, context = min(skills, default=(math.nan, ""))
    race = RaceWeekend.objects.filter(pk=context.removeprefix("race=") or 0).first()
    return {
        "task": task,
        "model": champion.run.model,
        "run": str(champion.run.pk),
        "split": champion.run.split,
        "measured": {name: champion.measured[name] for name in MEASURES if name in champion.measured},
        "worst": {"race": f"{race.race_name} {race.year}", "skill": worst} if race else None,
        "has_learnt_from_it": session_id in champion.summary["sessions"],
    }
