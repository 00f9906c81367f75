"""The rules for clean laps in SQL (`Lap.objects.clean`) and in pandas (`ml.cleaning`) agree where they ask the same question."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from django.db import transaction
from django.db.models import Case, Exists, Value, When

from mirror.client import Client, Pace
from mirror.pipeline import Scope, sync
from ml import cleaning, datasets
from races.models import Neutralisation, Session
from races.tests.weekends import weekend
from telemetry.lap_rules import TRACK_STATES, stint_of_lap
from telemetry.models import Lap, Pit, Stint
from telemetry.models.clean_laps import neutralisations

pytestmark = [pytest.mark.django_db, pytest.mark.once]

START = datetime(2023, 3, 5, 16, 0, tzinfo=UTC)
SHARED_REASONS = ("first lap", "in-lap", "out-lap", *TRACK_STATES, "wet tyres")
RECORDED_RACES = (1229, 1143)  # Bahrain 2024; a race that was stopped and restarted


def sql_rule(sessions):
    """The stint, `excluded` and the conditions of every lap, by SQL."""
    laps = Lap.objects.filter(session__in=sessions).with_exclusion()
    conditions = {when.result.value: when.condition for when in laps.exclusion_reasons() if isinstance(when.result, Value)}
    conditions |= {state: Exists(neutralisations().filter(state=state)) for state in TRACK_STATES}
    holds = {
        f"reason_{place}": Case(When(condition, then=Value(True)), default=Value(False))
        for place, condition in enumerate(conditions.values())
    }
    names = ("session_id", "driver_number", "lap_number", "lap_duration", "date_start", "excluded")
    stint = ("stint_number", "stint_lap_number", "tyre_compound", "tyre_age_at_start")
    rows = pd.DataFrame(laps.annotate(**holds).values(*names, *stint, *holds))
    rows = rows.rename(columns=dict(zip(holds, conditions, strict=True))).set_index([*datasets.LAP]).sort_index()
    neutralised = rows[rows["excluded"].isin(TRACK_STATES)]
    first_states = [next(state for state in TRACK_STATES if lap[state]) for _, lap in neutralised.iterrows()]
    assert list(neutralised["excluded"]) == first_states
    return rows


def pandas_rule(sessions):
    """The same by pandas."""
    laps = datasets.load(sessions)
    windows = datasets.windows(datasets.read_tables(sessions)["neutralisations"])
    parts = [
        pd.DataFrame(cleaning.conditions(session, windows[windows["session_id"] == key]), index=session.index)
        for key, session in laps.groupby("session_id")
    ]
    return laps.join(pd.concat(parts)).set_index([*datasets.LAP]).sort_index()


def compare(sessions):
    """Both tables, checked to agree on stints, on every shared reason, and on which laps are slow."""
    sql, learnt = sql_rule(sessions), pandas_rule(sessions)
    assert len(sql)
    assert list(sql.index) == list(learnt.index)
    for column, of_sql in (("stint_number", "stint_number"), ("compound", "tyre_compound")):
        unlike = learnt[column].where(learnt[column].notna(), None) != sql[of_sql].where(sql[of_sql].notna(), None)
        assert not (unlike & (learnt[column].notna() | sql[of_sql].notna())).any()
    age = sql["tyre_age_at_start"].astype("float64") + sql["stint_lap_number"].astype("float64") - 1
    pd.testing.assert_series_equal(learnt["tyre_age"].astype("float64"), age, check_names=False)
    # A lap ends when the next one begins where that is earlier: only to the jitter of OpenF1's starts is its end the same.
    same_end = (learnt["end"] - learnt["start"] - sql["lap_duration"].astype("float64")).abs() < 1e-3
    for reason in SHARED_REASONS:
        rows = same_end | ~learnt["end"].notna() if reason in TRACK_STATES else pd.Series(True, index=learnt.index)
        other = learnt[reason].astype(bool)
        if reason == "out-lap":  # the pandas rule forgets that lap 1 began in the pit lane: it is the first lap already
            rows &= ~learnt["first lap"]
        unlike = rows & (sql[reason].astype(bool) != other)
        assert not unlike.any(), (reason, list(sql.index[unlike])[:5])
    slow = learnt["excluded"] == "slow"  # beside the best so far, so also beside the best of the session
    assert sql.loc[slow, "over 107 %"].all()
    trusted = ~sql["excluded"].isin(["flagged", "over 107 %", "impossible time"])
    clean = (learnt["excluded"] == "") & same_end & trusted
    assert (sql.loc[clean, "excluded"] == "").all()
    return sql, learnt


def test_both_agree_on_the_demo_season(laps):
    sql, learnt = compare(Session.objects.filter(session_name="Race", pk__in=laps["session_id"].unique().tolist()))
    for reason in ("in-lap", "out-lap", "safety car"):
        assert sql[reason].any()
    assert (learnt["excluded"] == "").any()


@pytest.fixture
def race():
    [session] = weekend("Race")
    return session


def drive(session, number, car=1, **fields):
    values = {"date_start": START + timedelta(seconds=90 * (number - 1)), "lap_duration": 90.0} | fields
    return Lap.objects.create(session=session, driver_number=car, lap_number=number, **values)


def test_both_agree_on_stints_that_overlap_run_backwards_or_have_no_end(race):
    for number in range(1, 13):
        drive(race, number)
    for number, (first, last, compound, age) in enumerate(
        [
            (1, 3, "SOFT", 2),
            (3, 5, "INTERMEDIATE", 0),
            (6, 5, "HARD", 0),
            (None, 8, "HARD", 0),
            (7, None, "WET", 0),
            (9, 10, None, None),
        ]
    ):
        Stint.objects.create(
            session=race,
            driver_number=1,
            stint_number=number + 1,
            lap_start=first,
            lap_end=last,
            tyre_compound=compound,
            tyre_age_at_start=age,
        )
    _, learnt = compare(Session.objects.filter(pk=race.pk))
    assert learnt["stint_number"].fillna(0).tolist() == [1, 1, 1, 2, 2, 0, 0, 0, 6, 6, 0, 0]


SHARED = [(1, 4), (4, 8), (8, 12)]  # stints that share their in-laps
APART = [(1, 4), (5, 8), (9, 12)]


@pytest.mark.parametrize(
    ("sound", "number", "wrong", "expected"),
    [
        (SHARED, None, None, "111122223333"),
        (APART, None, None, "111122223333"),
        (SHARED, 1, (1, 99), "111222223333"),  # its own in-lap is all that is lost
        (APART, 1, (1, 99), "111122223333"),
        (APART, 1, (1, 8), "111122223333"),
        (APART, 1, (1, 6), "111122223333"),
        (APART, 1, (1, 2), "110022223333"),
        (SHARED, 2, (4, 40), "111122233333"),
        (SHARED, 2, (2, 8), "111122223333"),
        (SHARED, 2, (0, 8), "111122223333"),
        (APART, 3, (1, 12), "111122223333"),
        (APART, 2, (8, 5), "111100003333"),
    ],
)
def test_one_wrong_bound_of_a_stint_spoils_no_lap_of_the_others(race, sound, number, wrong, expected):
    for lap in range(1, 13):
        drive(race, lap, is_pit_out_lap=lap in (5, 9))
    stints = [
        Stint.objects.create(
            session=race,
            driver_number=1,
            stint_number=place,
            lap_start=first,
            lap_end=last,
            tyre_compound=["SOFT", "MEDIUM", "HARD"][place - 1],
            tyre_age_at_start=0,
        )
        for place, (first, last) in enumerate(sound if number is None else [*sound[: number - 1], wrong, *sound[number:]], 1)
    ]
    _, learnt = compare(Session.objects.filter(pk=race.pk))
    assert learnt["stint_number"].fillna(0).tolist() == [int(digit) for digit in expected]
    found = [stint_of_lap(lap, stints, {5, 9}) for lap in range(1, 13)]
    assert [stint.stint_number if stint else 0 for stint in found] == [int(digit) for digit in expected]


def test_a_last_lap_that_is_too_large_gives_way_where_no_out_lap_is_known(race):
    for lap in range(1, 9):
        drive(race, lap)
    for number, (first, last, compound) in enumerate([(1, 99, "WET"), (4, 8, "HARD")], 1):
        Stint.objects.create(
            session=race, driver_number=1, stint_number=number, lap_start=first, lap_end=last, tyre_compound=compound
        )
    _, learnt = compare(Session.objects.filter(pk=race.pk))
    assert learnt["compound"].tolist() == ["WET"] * 3 + ["HARD"] * 5


def test_both_agree_on_in_laps(race):
    """Before an out-lap; by a pit row; not by the pit row of an out-lap; and not where the lap before the out-lap is missing."""
    for number in (1, 2, 3, 4, 5, 6, 8, 9):
        drive(race, number, is_pit_out_lap=number in (1, 4, 8))
    for lap in (4, 9):
        Pit.objects.create(session=race, driver_number=1, lap_number=lap, digest=lap)
    _, learnt = compare(Session.objects.filter(pk=race.pk))
    assert learnt.index[learnt["is_in_lap"]].get_level_values("lap_number").tolist() == [3, 9]


@pytest.mark.parametrize("state", TRACK_STATES)
@pytest.mark.parametrize(("begin", "end"), [(200, 300), (180, 270), (179.999, 270.001), (250, None), (0, 90)])
def test_both_agree_on_laps_that_a_window_overlaps(race, state, begin, end):
    for number in (1, 2, 3, 4, 5):
        drive(race, number)
    drive(race, 6, lap_duration=None)
    drive(race, 7, date_start=None)
    Neutralisation.objects.create(
        session=race,
        state=state,
        date_start=START + timedelta(seconds=begin),
        date_end=None if end is None else START + timedelta(seconds=end),
    )
    sql, _ = compare(Session.objects.filter(pk=race.pk))
    assert sql[state].any()


def test_both_agree_on_slow_laps_but_for_what_comes_later(race):
    Stint.objects.create(session=race, driver_number=1, stint_number=1, lap_start=1, lap_end=9, tyre_compound="HARD")
    times = [90.0, *[90.0] * 5, 96.31, 96.29, *[84.0] * 5, 89.89, 75.0]
    Stint.objects.update(lap_end=len(times))
    for number, seconds in enumerate(times, start=1):
        drive(race, number, lap_duration=seconds, date_start=START + timedelta(seconds=100 * number))
    sql, learnt = compare(Session.objects.filter(pk=race.pk))
    assert learnt["excluded"].tolist() == ["first lap", *[""] * 5, "slow", *[""] * 6, "slow", "impossible time"]
    slow = "over 107 %"
    assert sql["excluded"].tolist() == ["first lap", *[slow] * 7, *[""] * 5, slow, "impossible time"]


@pytest.fixture(scope="module")
def recorded_races(replay, django_db_setup, django_db_blocker):
    client = Client(base_url=replay.url, pace=Pace())
    collections = ("meetings", "sessions", "drivers", "stints", "laps", "pit", "race_control", "weather")
    with django_db_blocker.unblock(), transaction.atomic():
        assert not sync(client=client, scope=Scope(races=RECORDED_RACES), collections=collections, force=True).errors
        yield Session.objects.filter(race_id__in=RECORDED_RACES, session_name="Race")
        transaction.set_rollback(True)


def test_both_agree_on_recorded_races(recorded_races):
    sql, _ = compare(recorded_races)
    for reason in ("in-lap", "out-lap", "red flag"):
        assert sql[reason].any()
