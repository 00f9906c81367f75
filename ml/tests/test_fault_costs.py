"""One wrong row, or a start that was slower than anybody said, costs the next lap's model at most a point of its race's skill."""

from datetime import timedelta

import pytest
from django.db import transaction

from ml import datasets, estimators, features
from ml.tasks import TASKS
from ml.tests.test_one_bad_lap import flags_of, stepped
from races.models import Session
from telemetry.models import Lap

pytestmark = [pytest.mark.django_db, pytest.mark.once]
POINT = 0.01  # of skill
FAULTS = {
    "a sum of two sectors": lambda lap: {
        "lap_duration": lap.duration_sector_2 + lap.duration_sector_3,
        "duration_sector_1": None,
    },
    "a sum of two sectors beside all three": lambda lap: {"lap_duration": lap.duration_sector_2 + lap.duration_sector_3},
    "nothing": lambda lap: {"lap_duration": 0.0},
    "a negative time": lambda lap: {"lap_duration": -lap.lap_duration},
    "a slipped point": lambda lap: {"lap_duration": lap.lap_duration / 10},
    "a time without sectors": lambda lap: {
        "lap_duration": 1.0,
        "duration_sector_1": None,
        "duration_sector_2": None,
        "duration_sector_3": None,
    },
    "three seconds less": lambda lap: {"lap_duration": lap.lap_duration - 3},
    "two seconds more": lambda lap: {"lap_duration": lap.lap_duration + 2, "duration_sector_2": lap.duration_sector_2 + 2},
    "ten seconds more": lambda lap: {"lap_duration": lap.lap_duration + 10},
    "a minute more": lambda lap: {"lap_duration": lap.lap_duration + 60, "duration_sector_3": lap.duration_sector_3 + 60},
    "thirty years": lambda lap: {"lap_duration": 1e9},
    "no time": lambda lap: {"lap_duration": None},
    "a sector of a minute": lambda lap: {"duration_sector_2": lap.duration_sector_2 + 60},
    "a negative sector": lambda lap: {"duration_sector_1": -3.0},
    "an out-lap that was none": lambda lap: {"is_pit_out_lap": True},
    "an hour early": lambda lap: {"date_start": lap.date_start - timedelta(hours=1)},
    "an hour late": lambda lap: {"date_start": lap.date_start + timedelta(hours=1)},
    "another century": lambda lap: {"date_start": lap.date_start.replace(year=1926)},
    "no start": lambda lap: {"date_start": None},
    "a speed that cannot be": lambda lap: {"i1_speed": 99999, "i2_speed": 99999, "st_speed": 99999},
}


@pytest.fixture(scope="module")
def last_race(laps, table):
    """(session, the model learnt from the other races, the usual errors of its laps and of the naive answer, in seconds)."""
    key = int(laps.loc[laps["session_date"].idxmax(), "session_id"])
    others = laps["session_id"] != key
    problem = TASKS["next_lap"](laps[others], table[others])
    model = estimators.gradient_boosting(problem.inputs, seed=0, bag=1, max_iter=60)
    model.fit(problem.inputs, (problem.target - problem.anchor).clip(-3, 3))
    usual, naive = errors(laps[~others], model)
    return key, model, usual, naive


def errors(laps, model):
    """Errors of the model and of the last clean lap, in seconds, by car and lap."""
    problem = TASKS["next_lap"](laps, features.build(laps))
    place = [problem.laps["driver_number"], problem.laps["lap_number"]]
    error = (problem.anchor + model.predict(problem.inputs) - problem.target).abs()
    naive = (problem.baselines["previous clean lap"] - problem.target).abs()
    return error.groupby(place).first(), naive.groupby(place).first()


def cost(last_race, laps, spoilt=()):
    """Points of skill that the race's other laps lose."""
    _, model, usual, naive = last_race
    now, usual = (values.drop(index=[*spoilt], errors="ignore") for values in (errors(laps, model)[0], usual))
    both = usual.index.intersection(now.index)
    assert len(both) >= 0.95 * len(usual)
    return (now[both].sum() - usual[both].sum()) / naive[both].sum()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("number", [4, 15])
def test_one_wrong_row_costs_its_race_at_most_a_point(last_race, fault, number):
    session = last_race[0]
    lap = Lap.objects.filter(session_id=session, lap_number=number, lap_duration__isnull=False).order_by("driver_number")[4]
    with transaction.atomic():
        Lap.objects.filter(pk=lap.pk).update(**FAULTS[fault](lap))
        loaded = datasets.load(Session.objects.filter(pk=session))
        transaction.set_rollback(True)
    assert cost(last_race, loaded, [(lap.driver_number, number)]) <= POINT


@pytest.mark.parametrize("seconds", [10, 60])
def test_a_slow_start_costs_its_race_at_most_a_point(last_race, laps, seconds):
    session = last_race[0]
    slowed = stepped(laps[laps["session_id"] == session], flags_of(session), seconds)
    begun = [(car, number) for car, number in last_race[2].index if number <= 4]  # the slow laps, and those judged by them
    assert cost(last_race, slowed, begun) <= POINT
