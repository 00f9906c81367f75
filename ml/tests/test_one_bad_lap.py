"""One wrong lap spoils itself only: clean laps, analysis and predictions of all other laps stay as they were."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mirror.client import Client
from mirror.pace import Pace
from mirror.pipeline import sync
from mirror.planning import Scope
from ml import analysis, cleaning, datasets, estimators, features
from ml.tasks import TASKS
from races.models import Session
from telemetry.models import Lap, Stint

pytestmark = [pytest.mark.django_db, pytest.mark.once]
BAHRAIN_2024 = 9472
FASTEST = (1, 39)  # 1.6 % faster than any other lap of that race
SUM_OF_TWO = {"duration_sector_1": None, "duration_sector_2": 30.209, "duration_sector_3": 28.484, "lap_duration": 58.693}
SECONDS = st.none() | st.floats(-100, 300) | st.floats(allow_nan=False, allow_infinity=False)
CHANGES = {
    "lap_duration": SECONDS,
    "duration_sector_1": SECONDS,
    "duration_sector_2": SECONDS,
    "duration_sector_3": SECONDS,
    "is_pit_out_lap": st.booleans(),
    "date_start": st.none() | st.integers(-7200, 7200).map(lambda seconds: timedelta(seconds=seconds)),
    "i1_speed": st.none() | st.integers(0, 100_000),
    "st_speed": st.none() | st.integers(0, 100_000),
}


@pytest.fixture(scope="module")
def bahrain(laps, replay, django_db_setup, django_db_blocker):
    """Laps of Bahrain 2024, as recorded; after `laps`, which would else be rolled back with them."""
    client = Client(base_url=replay.url, pace=Pace())
    collections = ("meetings", "sessions", "drivers", "stints", "laps", "pit", "race_control", "weather")
    with django_db_blocker.unblock(), transaction.atomic():
        assert not sync(client=client, scope=Scope(sessions=(BAHRAIN_2024,)), collections=collections, force=True).errors
        yield Lap.objects.filter(session_id=BAHRAIN_2024)
        transaction.set_rollback(True)


def sql_verdicts(laps):
    return {(car, number): reason for car, number, reason in laps.with_exclusion().values_list(*datasets.LAP[1:], "excluded")}


def learnt_verdicts():
    laps = datasets.load(Session.objects.filter(pk=BAHRAIN_2024))
    return {(car, number): reason for car, number, reason in laps[[*datasets.LAP[1:], "excluded"]].itertuples(index=False)}


@pytest.fixture(scope="module")
def verdicts(bahrain, django_db_blocker):
    with django_db_blocker.unblock():
        return sql_verdicts(bahrain), learnt_verdicts()


def change(laps, car, number, changes):
    lap = laps.get(driver_number=car, lap_number=number)
    if isinstance(changes.get("date_start"), timedelta):
        changes = {"date_start": lap.date_start and lap.date_start + changes["date_start"]}
    laps.filter(pk=lap.pk).update(**changes)


def moved(before, after):
    return {lap for lap in before if before[lap] != after[lap]}


def test_clean_laps_of_a_recorded_race_are_counted(verdicts):
    sql, learnt = verdicts
    assert list(sql.values()).count("") == 974
    assert list(learnt.values()).count("") == 1005


def check_one_change(laps, verdicts, *, lap, changes, learnt):
    car, number = lap
    with transaction.atomic():
        change(laps, car, number, changes)
        after = learnt_verdicts() if learnt else sql_verdicts(laps)
        transaction.set_rollback(True)
    assert moved(verdicts[learnt], after) <= {lap, (car, number - 1)}  # the lap before: its end, and whether it was an in-lap


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(place=FASTEST, field="lap_duration", data=9.26)
@example(place=FASTEST, field="lap_duration", data=120.0)
@example(place=FASTEST, field="lap_duration", data=None)
@example(place=FASTEST, field="duration_sector_2", data=1e9)
@example(place=FASTEST, field="duration_sector_2", data=38.0)
@example(place=FASTEST, field="duration_sector_2", data=None)
@example(place=FASTEST, field="is_pit_out_lap", data=True)
@example(place=FASTEST, field="date_start", data=timedelta(minutes=-3))
@example(place=(1, 40), field="is_pit_out_lap", data=True)
@example(place=(44, 30), field="lap_duration", data=9.675)
@given(place=st.integers(0), field=st.sampled_from([*CHANGES]), data=st.data())
def test_no_change_of_one_lap_moves_the_verdict_on_others(bahrain, verdicts, place, field, data):
    laps = sorted(verdicts[0])
    lap = laps[place % len(laps)] if isinstance(place, int) else place
    value = data.draw(CHANGES[field]) if hasattr(data, "draw") else data
    check_one_change(bahrain, verdicts, lap=lap, changes={field: value}, learnt=False)


@pytest.mark.parametrize(
    ("lap", "changes"),
    [
        ((44, 30), SUM_OF_TWO),
        ((44, 30), {"lap_duration": 9.675}),
        ((44, 2), {"lap_duration": 1.0, "duration_sector_1": None, "duration_sector_2": None, "duration_sector_3": None}),
        ((63, 57), {"lap_duration": 0.0}),
        ((63, 20), {"lap_duration": 1e9}),
        ((16, 12), {"is_pit_out_lap": True}),
        (FASTEST, {"lap_duration": 9.26}),
        (FASTEST, {"lap_duration": 120.0}),
        (FASTEST, {"lap_duration": None}),
        (FASTEST, {"duration_sector_2": 38.0}),
        (FASTEST, {"is_pit_out_lap": True}),
        ((16, 25), {"date_start": timedelta(hours=-1)}),
    ],
)
def test_no_change_of_one_lap_moves_what_is_learnt_from_others(bahrain, verdicts, lap, changes):
    check_one_change(bahrain, verdicts, lap=lap, changes=changes, learnt=False)
    check_one_change(bahrain, verdicts, lap=lap, changes=changes, learnt=True)


@pytest.mark.parametrize("changes", [SUM_OF_TWO, {"lap_duration": 9.675}, {"lap_duration": -1.0}])
def test_one_bad_lap_does_not_change_an_analysis(bahrain, changes):
    def ask():
        race_pace = {row["name"]: row["pace"] for row in analysis.ask("race-pace", BAHRAIN_2024)["rows"]}
        tyres = {row["compound"]: row["slope"] for row in analysis.ask("degradation", BAHRAIN_2024)["rows"]}
        return race_pace, tyres

    race_pace, tyres = ask()
    with transaction.atomic():
        change(bahrain, 44, 30, changes)
        changed_pace, changed_tyres = ask()
        transaction.set_rollback(True)
    assert changed_pace == pytest.approx(race_pace, abs=0.1)
    assert changed_tyres == pytest.approx(tyres, abs=0.005)


@pytest.mark.parametrize("age", [30, 60, 140])
@pytest.mark.parametrize(("car", "number"), [(55, 2), (63, 1), (14, 3)])
def test_one_wrong_age_of_tyres_decides_nothing_about_tyres(bahrain, car, number, age):
    """An age of 140 laps made of 0.106 s that hard tyres lose with a lap 0.009 s, of soft ones 0.001 s."""

    def ask():
        answer = analysis.ask("degradation", BAHRAIN_2024)
        together = {name: slope["value"] for name, slope in answer["free"]["slopes"].items()}
        return together, {row["compound"]: row["slope"] for row in answer["rows"]}

    together, alone = ask()
    with transaction.atomic():
        Stint.objects.filter(session_id=BAHRAIN_2024, driver_number=car, stint_number=number).update(tyre_age_at_start=age)
        changed_together, changed_alone = ask()
        transaction.set_rollback(True)
    assert changed_together == pytest.approx(together, abs=0.01)
    assert changed_alone == pytest.approx(alone, abs=0.005)


def test_a_compound_of_one_car_is_not_what_others_are_compared_with(bahrain):
    def gaps():
        return {row["compound"]: row["gap"] for row in analysis.ask("race-pace", BAHRAIN_2024)["compounds"]}

    before = gaps()
    with transaction.atomic():
        Stint.objects.filter(session_id=BAHRAIN_2024, driver_number=10, stint_number=4).update(tyre_compound="MEDIUM")
        after = gaps()
        transaction.set_rollback(True)
    assert before.keys() == {"SOFT", "HARD"}
    assert after == pytest.approx(before, abs=0.1)


def test_one_wrong_lap_number_does_not_lengthen_the_race(bahrain):
    with transaction.atomic():
        bahrain.filter(driver_number=44, lap_number=30).update(lap_number=3000)
        laps = datasets.load(Session.objects.filter(pk=BAHRAIN_2024))
        transaction.set_rollback(True)
    assert set(laps["race_laps"]) == {57}


def flags_of(session_id):
    """When the track was not free, as `datasets.windows` gives it."""
    return datasets.windows(datasets.read_tables(Session.objects.filter(pk=session_id))["neutralisations"])


def test_one_wrong_lap_number_ends_no_other_lap_before_it_began(bahrain):
    """As with lap 5 of car 14 in Montréal 2024 as its lap 300: its last lap counted from the wet start on, as the best so far."""
    ends = datasets.load(Session.objects.filter(pk=BAHRAIN_2024)).set_index(["driver_number", "lap_number"])["end"]
    with transaction.atomic():
        bahrain.filter(driver_number=44, lap_number=5).update(lap_number=300)
        laps = datasets.load(Session.objects.filter(pk=BAHRAIN_2024))
        transaction.set_rollback(True)
    changed = laps.set_index(["driver_number", "lap_number"])["end"]
    assert abs(changed - ends).drop(index=[(44, 4)]).max() == 0  # its end: the start of lap 5


def stepped(laps, windows, seconds):
    """Laps 2 and 3 of every car of a race take so many seconds longer; everything later happens later."""
    number = laps["lap_number"]
    slow = number.isin([2, 3])
    later = seconds * (number.clip(2, 4) - 2)
    lap_4 = laps.loc[number == 4, "start"].min()
    sectors = {name: laps[name] + slow * seconds / 3 for name in cleaning.SECTORS}
    laps = laps.assign(
        **sectors,
        lap_duration=laps["lap_duration"] + slow * seconds,
        start=laps["start"] + later,
        end=laps["end"] + later + slow * seconds,
    )
    windows = windows.assign(**{name: windows[name] + 2 * seconds * (windows[name] >= lap_4) for name in ("start", "end")})
    return laps.assign(**cleaning.verdicts(laps, windows))


def errors_of_late_laps(laps, windows, *, seconds, estimator):
    """Absolute errors from lap 6 on, in seconds, where laps 2 and 3 were so much slower."""
    slowed = stepped(laps, windows, seconds)
    problem = TASKS["next_lap"](slowed, features.build(slowed))
    late = problem.laps["lap_number"] >= 6
    predicted = problem.anchor + (estimator.predict(problem.inputs) if estimator else 0)
    return (predicted - problem.target).abs()[late]


def check_slow_start(laps, windows, estimator=None):
    usual = errors_of_late_laps(laps, windows, seconds=0, estimator=estimator)
    for seconds in (10, 60):
        after_step = errors_of_late_laps(laps, windows, seconds=seconds, estimator=estimator)
        assert len(after_step) >= 0.95 * len(usual)
        assert after_step.mean() <= usual.mean() + 0.05
        first = after_step[after_step.index.isin(laps.index[laps["lap_number"] == 6])]
        assert first.mean() <= usual.reindex(first.index).mean() + 0.3


@pytest.mark.parametrize("place", range(4))
def test_a_slow_start_costs_later_predictions_nothing(laps, table, place):
    key = laps["session_id"].unique()[place]
    others = TASKS["next_lap"](laps[laps["session_id"] != key], table[laps["session_id"] != key])
    estimator = estimators.MODELS["linear"](others.inputs, seed=0).fit(others.inputs, others.target - others.anchor)
    check_slow_start(laps[laps["session_id"] == key], flags_of(key), estimator)


def test_a_slow_start_of_a_recorded_race_costs_later_predictions_nothing(bahrain):
    laps = datasets.load(Session.objects.filter(pk=BAHRAIN_2024))
    check_slow_start(laps, flags_of(BAHRAIN_2024))


def test_a_start_behind_a_safety_car_that_nobody_announced_is_not_clean(laps):
    one = laps[laps["session_id"] == laps["session_id"].unique()[1]]
    slowed = stepped(one, flags_of(one["session_id"].iloc[0]), 60)
    start = slowed["lap_number"].isin([2, 3])
    assert (slowed.loc[start & (one["excluded"] == ""), "excluded"] == "slow field").all()
    pd.testing.assert_series_equal(slowed.loc[~start, "excluded"], one.loc[~start, "excluded"])
    assert np.isinf(slowed.loc[~start, "revoked_at"]).all()


def test_a_slow_start_is_not_known_before_the_field_is_faster(laps, table):
    """Features of a lap use the slow laps as clean ones until then."""
    one = laps[laps["session_id"] == laps["session_id"].unique()[0]]
    slowed = stepped(one, flags_of(one["session_id"].iloc[0]), 60)
    known_at = slowed["revoked_at"].min()
    found, usual = features.build(slowed), table.loc[one.index]
    before = (slowed["start"] < known_at) & (slowed["lap_number"] == 4)
    later = slowed["start"] >= known_at
    slower = (found["lag_1"] - usual["lag_1"])[before].dropna()
    assert len(slower)
    assert (slower > 50).all()
    for name in ("lag_1", "level", "reference", "state_pace"):
        assert (found.loc[later, name].dropna() < usual[name].max() + 2).all(), name


def test_a_lap_of_the_start_that_was_clean_for_want_of_others_is_revoked():
    """As at Suzuka 2024 after the restart, where only one car's lap began after the red flag."""
    times = [*[213.0] * 6, *[99.0] * 7]
    reasons, revoked_by = cleaning.judge_pace(times, candidates=[False] * 5 + [True] * 8, starting=[True] * 13)
    assert reasons == [*[""] * 5, "slow field", *[""] * 7]
    assert revoked_by[5] == 10
