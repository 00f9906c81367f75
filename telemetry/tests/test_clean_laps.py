"""Which laps are clean, and why the others are not."""

from datetime import UTC, datetime, timedelta

import pytest

from mirror.models import Source
from races.models import Neutralisation, Session
from races.tests.weekends import weekend
from telemetry.lap_rules import contradicts_sectors
from telemetry.models import Lap, Pit, SessionQuality, Stint
from telemetry.models.clean_laps import EXCLUSIONS

pytestmark = pytest.mark.django_db

START = datetime(2023, 3, 5, 16, 0, tzinfo=UTC)


@pytest.fixture
def race():
    [session] = weekend("Race")
    return session


def drive(session, number, car=1, **fields):
    """A lap of 90 s, a multiple of 90 s after the start."""
    values = {"date_start": START + timedelta(seconds=90 * (number - 1)), "lap_duration": 90.0} | fields
    return Lap.objects.create(session=session, driver_number=car, lap_number=number, **values)


def neutralise(session, state, begin, end=None):
    Neutralisation.objects.create(
        session=session,
        state=state,
        date_start=START + timedelta(seconds=begin),
        date_end=None if end is None else START + timedelta(seconds=end),
    )


def why(session, car=1):
    """{lap number: why it is excluded, or an empty text}"""
    laps = Lap.objects.filter(session=session, driver_number=car)
    found = dict(laps.with_exclusion().values_list("lap_number", "excluded"))
    assert dict(laps.with_exclusion(session=session.pk).values_list("lap_number", "excluded")) == found
    return found


def test_a_lap_at_speed_on_a_free_track_is_clean(race):
    for number in (1, 2, 3):
        drive(race, number)
    assert why(race) == {1: "first lap", 2: "", 3: ""}
    assert [lap.lap_number for lap in Lap.objects.clean()] == [2, 3]


def test_the_lap_before_an_out_lap_is_an_in_lap(race):
    for number in (2, 3, 4, 5):
        drive(race, number, is_pit_out_lap=number == 4)
    assert why(race) == {2: "", 3: "in-lap", 4: "out-lap", 5: ""}


def test_a_pit_row_marks_the_in_lap_of_a_car_that_did_not_come_out_again(race):
    drive(race, 2)
    drive(race, 3)
    Pit.objects.create(session=race, driver_number=1, lap_number=3, digest=1)
    Pit.objects.create(session=race, driver_number=44, lap_number=2, digest=1)
    assert why(race) == {2: "", 3: "in-lap"}


def test_outside_races_a_pit_row_carries_the_number_of_the_out_lap():
    [practice] = weekend("Practice 1")
    for number in (2, 3, 4, 5):
        drive(practice, number, is_pit_out_lap=number == 4)
    Pit.objects.create(session=practice, driver_number=1, lap_number=4, digest=1)
    assert why(practice) == {2: "", 3: "in-lap", 4: "out-lap", 5: ""}


@pytest.mark.parametrize("state", Neutralisation.State)
def test_a_lap_that_a_neutralisation_overlaps_is_not_clean(race, state):
    for number in (2, 3, 4, 5):  # lap 2 begins after 90 s, lap 3 after 180 s, …
        drive(race, number)
    neutralise(race, state, 200, 300)
    assert why(race) == {2: "", 3: state.value, 4: state.value, 5: ""}


def test_a_neutralisation_ends_to_the_millisecond(race):
    for number in (2, 3, 4, 5):
        drive(race, number)
    neutralise(race, "safety car", 180, 270)
    assert why(race) == {2: "", 3: "safety car", 4: "", 5: ""}
    Neutralisation.objects.update(date_start=START + timedelta(seconds=179.999), date_end=START + timedelta(seconds=270.001))
    assert why(race) == {2: "safety car", 3: "safety car", 4: "safety car", 5: ""}


def test_one_without_an_end_lasts_and_one_of_another_session_does_not_count(race):
    [sprint] = weekend("Sprint", race_id=2)
    for number in (2, 3, 4):
        drive(race, number)
    neutralise(race, "red flag", 200)
    neutralise(sprint, "safety car", 0)
    assert why(race) == {2: "", 3: "red flag", 4: "red flag"}


def test_moments_without_fractions_of_a_second_count_too(race):
    drive(race, 2, date_start=START + timedelta(seconds=90), lap_duration=90.5)
    drive(race, 3, date_start=START + timedelta(seconds=180, milliseconds=500))
    neutralise(race, "yellow flag", 180.25, 180.4)
    assert why(race) == {2: "yellow flag", 3: ""}


def test_laps_on_wet_tyres_are_not_clean_and_a_shared_lap_belongs_to_the_earlier_stint(race):
    for number in (2, 3, 4, 5):
        drive(race, number)
    Stint.objects.create(session=race, driver_number=1, stint_number=1, lap_start=1, lap_end=3, tyre_compound="MEDIUM")
    Stint.objects.create(session=race, driver_number=1, stint_number=2, lap_start=3, lap_end=4, tyre_compound="INTERMEDIATE")
    Stint.objects.create(session=race, driver_number=1, stint_number=3, lap_start=9, lap_end=9, tyre_compound="WET")
    assert why(race) == {2: "", 3: "", 4: "wet tyres", 5: ""}
    assert Lap.objects.with_exclusion().count() == 4


def drive_at(session, seconds, car=44, laps=5):
    """As many laps of another car as support a best lap."""
    for number in range(2, laps + 2):
        drive(session, number, car=car, lap_duration=seconds)


def test_slow_is_over_107_per_cent_of_the_sessions_best_of_any_car(race):
    drive(race, 2, lap_duration=96.31)
    drive(race, 3, date_start=START + timedelta(seconds=200), lap_duration=96.29)
    drive_at(race, 90.0)
    assert why(race) == {2: "over 107 %", 3: ""}


def test_the_best_lap_counts_only_near_the_fifth_best(race):
    drive(race, 2, lap_duration=96.31)
    drive_at(race, 92.0)
    drive(race, 7, car=44, lap_duration=90.0)
    assert why(race) == {2: "over 107 %"}
    Lap.objects.filter(lap_number=7).update(lap_duration=89.0)
    assert why(race) == {2: ""}
    assert why(race, 44)[7] == ""


@pytest.mark.parametrize("seconds", [-5.0, 0.0, 9.675, 58.693, 80.0])
def test_a_lap_that_is_far_too_short_spoils_itself_only(race, seconds):
    drive_at(race, 90.0)
    drive(race, 2, lap_duration=seconds)
    drive(race, 3)
    assert why(race) == {2: "impossible time", 3: ""}
    assert set(why(race, 44).values()) == {""}


@pytest.mark.parametrize(
    "times",
    [
        {"lap_duration": 58.693, "duration_sector_2": 30.209, "duration_sector_3": 28.484},
        {"lap_duration": 96.75, "duration_sector_2": 30.209, "duration_sector_3": 99.0},
        {"duration_sector_1": 30.0, "duration_sector_2": 30.0, "duration_sector_3": 30.003},
        {"duration_sector_1": 30.0, "duration_sector_2": 30.0, "duration_sector_3": 29.0},
        {"duration_sector_1": -3.0, "duration_sector_2": 63.0, "duration_sector_3": 30.0},
        {"duration_sector_1": 0.0, "duration_sector_2": 60.0, "duration_sector_3": 30.0},
    ],
)
def test_a_lap_whose_time_contradicts_its_sectors_is_not_clean(race, times):
    drive(race, 2, **times)
    drive(race, 3, duration_sector_1=30.0, duration_sector_2=30.0, duration_sector_3=30.001)
    drive(race, 4, duration_sector_2=30.0)
    assert why(race) == {2: "impossible time", 3: "", 4: ""}
    for lap in Lap.objects.all():
        sectors = (lap.duration_sector_1, lap.duration_sector_2, lap.duration_sector_3)
        assert contradicts_sectors(lap.lap_duration, sectors) == (lap.lap_number == 2)


def test_one_empty_or_wild_lap_leaves_all_others_as_they_were(race):
    """A lap that is the sum of two sectors once emptied a whole race."""
    for number in range(1, 11):
        for car, slower in ((1, 0.0), (12, 0.3), (44, 6.2)):
            drive(race, number, car=car, lap_duration=90.0 + slower + number / 100)
    before = {lap.pk: lap.excluded for lap in Lap.objects.with_exclusion()}
    assert set(before.values()) == {"", "first lap"}
    wild = Lap.objects.get(driver_number=12, lap_number=6)
    for changes in (
        {"lap_duration": 58.693, "duration_sector_2": 30.209, "duration_sector_3": 28.484},
        {"lap_duration": 1e9},
        {"lap_duration": None},
        {"lap_duration": 0.001, "is_pit_out_lap": False},
    ):
        Lap.objects.filter(pk=wild.pk).update(**changes)
        after = {lap.pk: lap.excluded for lap in Lap.objects.with_exclusion()}
        assert {pk for pk in before if before[pk] != after[pk]} == {wild.pk}


def test_a_short_cut_through_the_pits_is_not_the_best_lap(race):
    drive(race, 1, lap_duration=50.0)
    drive(race, 2, lap_duration=60.0, is_pit_out_lap=True)
    drive(race, 3, lap_duration=80.0)
    drive(race, 4, lap_duration=85.0, is_pit_out_lap=True)
    drive(race, 5)
    assert why(race)[5] == ""


def test_the_best_lap_is_that_of_the_session_however_the_laps_are_filtered(race):
    drive(race, 2, lap_duration=97.0)
    drive_at(race, 90.0)
    assert Lap.objects.filter(driver_number=1).clean().count() == 0
    assert Lap.objects.clean().filter(driver_number=1).count() == 0


def test_a_lap_without_a_time_is_not_clean_even_where_nothing_else_is_known_of_it(race):
    drive(race, 2, lap_duration=None, date_start=None)
    drive(race, 3, lap_duration=None)
    drive(race, 4, date_start=None)
    assert why(race) == {2: "no time", 3: "no time", 4: ""}


def test_a_lap_that_the_quality_report_does_not_trust_is_flagged(race):
    laps = [drive(race, number) for number in (2, 3)]
    report = SessionQuality.objects.create(
        session=race, checked_at=START, grade="partial", errors=1, warnings=0, notes=0, grades={}, findings=[]
    )
    report.spoilt_laps.add(laps[0])
    assert why(race) == {2: "flagged", 3: ""}
    laps[0].delete()
    assert why(race) == {3: ""}


def test_the_first_reason_is_the_one_that_is_told(race):
    drive(race, 2, is_pit_out_lap=True, lap_duration=200.0)
    drive(race, 3)
    neutralise(race, "safety car", 0)
    neutralise(race, "red flag", 0)
    assert why(race) == {2: "out-lap", 3: "red flag"}
    assert {*why(race).values()} <= set(EXCLUSIONS)


def test_a_correction_counts_at_once(race, admin_user):
    from mirror import editing

    drive_at(race, 90.0)
    slow = drive(race, 3, lap_duration=120.0, source=Source.OPENF1)
    assert why(race)[3] == "over 107 %"
    slow.lap_duration = 90.5
    editing.edit(slow, user=admin_user)
    assert why(race)[3] == ""


def test_it_is_one_query(race, django_assert_num_queries):
    Session.objects.update(gmt_offset="00:00:00")
    for number in range(1, 20):
        drive(race, number)
    with django_assert_num_queries(1):
        assert len(Lap.objects.clean()) == 18
