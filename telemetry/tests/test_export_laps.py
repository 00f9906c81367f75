"""`manage.py export_laps`: laps with their stints as a clean CSV file."""

import csv
import io
import tracemalloc

import pytest
from django.core.management import CommandError, call_command

from drivers.models import Driver
from races.models import Race, Session
from telemetry.models import Lap, Stint

pytestmark = pytest.mark.django_db

HEADER = (
    "race_id,session_id,session_name,driver_id,circuit_location,lap_number,stint_number,stint_lap_number,tyre_compound,"
    "tyre_age_at_start,duration_sector_1,duration_sector_2,duration_sector_3,pit_in_time,pit_out_time,track_status,lap_duration"
)
CLEAN = {"lap_duration": 90.5, "duration_sector_1": 30.1, "duration_sector_2": 30.2, "duration_sector_3": 30.2}


def session(number=1, *, name="Race", year=2023, **fields):
    race, _ = Race.objects.get_or_create(pk=year, defaults={"race_name": "Monaco Grand Prix", "year": year, "location": "Monaco"})
    return Session.objects.create(pk=number, race=race, session_name=name, year=year, **fields)


def laps(session, numbers, *, car=16, **fields):
    rows = [Lap(session=session, driver_number=car, lap_number=number, **CLEAN | fields) for number in numbers]
    return Lap.objects.bulk_create(rows)


def stint(session, number, first, last, *, car=16, compound="HARD", age=0):
    Stint.objects.create(
        session=session,
        driver_number=car,
        stint_number=number,
        lap_start=first,
        lap_end=last,
        tyre_compound=compound,
        tyre_age_at_start=age,
    )


def export(*arguments):
    """(rows of the file as dicts, what was reported)"""
    out, report = io.StringIO(), io.StringIO()
    call_command("export_laps", "--output", "-", *arguments, stdout=out, stderr=report)
    return list(csv.DictReader(io.StringIO(out.getvalue()))), report.getvalue()


def stints_of(rows):
    return {int(row["lap_number"]): (int(row["stint_number"]), int(row["stint_lap_number"])) for row in rows}


def test_a_row_has_its_race_session_driver_and_stint():
    practice = session(9, name="Practice 2", location="Monte Carlo")
    driver = Driver.objects.create(driver_id="charles_leclerc", full_name="Charles Leclerc")
    laps(practice, [5], driver=driver, pit_in_time=4102.5, track_status="14")
    stint(practice, 2, 4, 9, compound="SOFT", age=3)
    rows, _ = export()
    assert ",".join(rows[0]) == HEADER
    assert (
        ",".join(rows[0].values()) == "2023,9,Practice 2,charles_leclerc,Monte Carlo,5,2,2,SOFT,3,30.1,30.2,30.2,4102.5,,14,90.5"
    )


def test_where_a_session_names_no_place_the_race_does():
    race = session()
    laps(race, [1])
    stint(race, 1, 1, 1)
    rows, _ = export()
    assert rows[0]["circuit_location"] == "Monaco"


def test_a_lap_that_two_stints_share_is_exported_once_with_the_earlier_one():
    race = session()
    laps(race, range(1, 5))
    stint(race, 1, 1, 2, compound="MEDIUM")
    stint(race, 2, 2, 4)
    rows, _ = export()
    assert stints_of(rows) == {1: (1, 1), 2: (1, 2), 3: (2, 2), 4: (2, 3)}
    assert [row["tyre_compound"] for row in rows] == ["MEDIUM", "MEDIUM", "HARD", "HARD"]


def test_stints_that_nobody_drove_and_stints_of_others_give_no_lap_its_tyres():
    race, other = session(), session(2)
    laps(race, [1, 2])
    stint(race, 1, None, None, compound="WET")  # bounds unknown
    stint(race, 2, 2, 1, compound="WET")  # ends before it begins
    stint(race, 4, 1, 2)
    stint(race, 5, 3, 9, compound="SOFT")  # begins after the last lap
    stint(race, 1, 1, 2, car=44, compound="SOFT")
    stint(other, 1, 1, 2, compound="SOFT")
    rows, _ = export()
    assert stints_of(rows) == {1: (4, 1), 2: (4, 2)}
    assert {row["tyre_compound"] for row in rows} == {"HARD"}


def test_laps_that_say_nothing_of_pace_are_left_out_and_counted_under_the_first_reason():
    race = session()
    stint(race, 1, 1, 10)
    stint(race, 2, 11, 20, compound="TEST_UNKNOWN")
    stint(race, 3, 21, 30, compound=None)
    laps(race, [1], lap_duration=None, duration_sector_1=None, is_pit_out_lap=True)
    laps(race, [2, 3], duration_sector_3=None, is_pit_out_lap=True)
    laps(race, [21, 22, 40], is_pit_out_lap=True)  # no stint covers lap 40
    laps(race, [11], is_pit_out_lap=True)
    laps(race, [4, 5], is_pit_out_lap=True, lap_duration=1080.0)
    laps(race, [6], lap_duration=60.0)
    laps(race, [7], lap_duration=150.0)
    laps(race, [8], lap_duration=60.001)
    laps(race, [9], lap_duration=149.999)
    rows, report = export()
    assert [row["lap_number"] for row in rows] == ["8", "9"]
    assert report.split("\n")[:-1] == [
        "-: 2 of 13 laps",
        "       1 left out: no lap time",
        "       2 left out: a sector time is missing",
        "       3 left out: no tyre compound",
        "       1 left out: unknown tyre compound",
        "       2 left out: out-lap",
        "       2 left out: not between 60 and 150 s",
    ]


def test_races_and_second_practices_are_exported_unless_others_are_named():
    for number, (name, year) in enumerate([("Race", 2023), ("Practice 2", 2024), ("Sprint", 2024), ("Qualifying", 2023)]):
        lone = session(number, name=name, year=year)
        laps(lone, [1])
        stint(lone, 1, 1, 1)

    def names(*arguments):
        return {row["session_name"] for row in export(*arguments)[0]}

    assert names() == {"Race", "Practice 2"}
    assert names("--season", "2024") == {"Practice 2"}
    assert names("--season", "2023", "--season", "2024", "--session-name", "Sprint", "Qualifying") == {"Sprint", "Qualifying"}


def test_a_mistyped_session_name_is_an_error_that_lists_the_right_ones():
    session(name="Race")
    with pytest.raises(CommandError, match="No session of 2023 is named Rcae; there are: Race"):
        export("--season", "2023", "--session-name", "Race", "Rcae")
    with pytest.raises(CommandError, match="sync or load some first"):
        export("--season", "1950")


def test_the_file_is_replaced_only_by_a_complete_one(tmp_path):
    race = session()
    laps(race, [1])
    stint(race, 1, 1, 1)
    path = tmp_path / "laps.csv"
    path.write_text("older")
    with pytest.raises(CommandError):
        call_command("export_laps", "--output", str(path), "--session-name", "Nothing")
    assert path.read_text() == "older"
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_laps", "--output", str(tmp_path))
    out = io.StringIO()
    call_command("export_laps", "--output", str(path), stdout=out)
    assert "laps.csv: 1 of 1 laps" in out.getvalue()
    assert len(path.read_text().splitlines()) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_memory_and_queries_do_not_grow_with_the_number_of_laps(tmp_path, django_assert_num_queries):
    def cost(count):
        race = session(count)
        stint(race, 1, 1, count)
        laps(race, range(1, count + 1))
        tracemalloc.start()
        with django_assert_num_queries(2):
            call_command("export_laps", "--output", str(tmp_path / "laps.csv"), stdout=io.StringIO())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    cost(10)  # whatever is imported or cached once
    few, many = cost(2_000), cost(6_000)
    assert many < 1.3 * few
