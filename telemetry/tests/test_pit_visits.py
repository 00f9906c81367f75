"""Visits to the pit lane: which of them are stops."""

from dataclasses import replace
from datetime import timedelta

import pytest

from races.neutralisations import Window
from telemetry.pit_visits import Kind, VisitClassifier
from telemetry.quality import rows as kinds
from telemetry.quality.lacking import lacking_pits, no_car_stopped
from telemetry.quality.pit import visits_without_stop
from telemetry.quality.stints import compound_changes_without_stop, stint_after_last_lap, stints_leave_a_gap
from telemetry.tests import quality

START = quality.START
CARS = range(1, 9)
LAP = 90.0  # seconds


def moment(lap):
    """The end of a lap."""
    return START + timedelta(seconds=LAP * lap)


def lap(car, number, **changes):
    start = moment(number - 1)
    return quality.lap(car, number, date_start=start, lap_duration=LAP, is_pit_out_lap=number == 11)._replace(**changes)


def field(*, lane=22.0, compound="HARD", age=0, still=None, at=10):
    """Stints, laps and pit rows of eight cars that change to hard tyres on lap 10; car 1's visit is the one that is told."""
    stints, pits, laps = [], [], []
    for car in CARS:
        own = car == 1
        stints.append(quality.stint(car, 1, lap_start=1, lap_end=10, tyre_compound="MEDIUM", tyre_age_at_start=3))
        if not own or compound is not None:
            second = compound if own else "HARD"
            stints.append(
                quality.stint(car, 2, lap_start=11, lap_end=20, tyre_compound=second, tyre_age_at_start=age if own else 0)
            )
        else:
            stints[-1] = stints[-1]._replace(lap_end=20)
        seconds = lane if own else 21.5 + car / 10
        row = quality.pit(car, lap_number=at, date=moment(10), lane_duration=seconds, pit_duration=seconds, stop_duration=None)
        pits.append(row._replace(stop_duration=still) if own else row)
        laps += [lap(car, number) for number in range(1, 21)]
    return {"stints": stints, "pits": pits, "laps": laps}


def window(state, first, last):
    return Window(state, moment(first), moment(last), None)


def kind_of_car_1(rows, *windows):
    classifier = VisitClassifier(stints=rows["stints"], laps=rows["laps"], windows=windows)
    visits = {visit.driver_number: visit.kind for visit in classifier.classify(rows["pits"])}
    assert {visits[car] for car in CARS[1:]} <= {Kind.TYRE_CHANGE, Kind.RED_FLAG}
    return visits[1]


SAFETY_CAR = window("safety car", 8, 13)


@pytest.mark.parametrize(
    ("told", "windows", "kind"),
    [
        ({}, (), Kind.TYRE_CHANGE),
        ({"compound": "MEDIUM", "age": 0}, (), Kind.TYRE_CHANGE),
        ({}, (SAFETY_CAR,), Kind.TYRE_CHANGE),  # all eight cars in one lap, as 14 at Jeddah 2024
        ({"compound": "MEDIUM", "age": 0, "lane": 22.0}, (SAFETY_CAR,), Kind.TYRE_CHANGE),
        ({"compound": "MEDIUM", "age": 13, "lane": 15.7}, (SAFETY_CAR,), Kind.TRANSIT),  # Melbourne 2025
        ({"compound": "MEDIUM", "age": 0, "lane": 15.7}, (SAFETY_CAR,), Kind.TRANSIT),  # Spielberg 2023: a wrong age
        ({"compound": "HARD", "lane": 15.7}, (SAFETY_CAR,), Kind.TRANSIT),  # Spielberg 2023, car 22: a wrong compound
        (
            {"compound": "MEDIUM", "age": 13, "lane": 24.0},
            (SAFETY_CAR,),
            Kind.TRANSIT,
        ),  # in a queue, as in the sprint of Miami 2024
        ({"compound": None, "lane": 15.7}, (SAFETY_CAR,), Kind.TRANSIT),
        ({"compound": None, "lane": 14.0}, (), Kind.DRIVE_THROUGH),
        ({"compound": "MEDIUM", "age": 13, "lane": 34.3}, (), Kind.STANDSTILL),  # Silverstone 2023, car 24
        ({"compound": None, "lane": 15.7, "still": 2.1}, (SAFETY_CAR,), Kind.STANDSTILL),
        ({"compound": "MEDIUM", "age": 13, "lane": None}, (), Kind.UNKNOWN),
        ({"compound": "MEDIUM", "age": None, "lane": 22.0}, (), Kind.STOP),
        ({"compound": "UNKNOWN", "age": 0, "lane": 22.0}, (), Kind.TYRE_CHANGE),
        ({"lane": 1500.0}, (window("red flag", 9, 30),), Kind.RED_FLAG),
        ({"lane": 23.0}, (window("red flag", 9, 30),), Kind.RED_FLAG),
        ({"lane": 2485.9}, (), Kind.GARAGE),
    ],
)
def test_a_visit_is_told_by_tyres_and_time(told, windows, kind):
    assert kind_of_car_1(field(**told), *windows) == kind


def test_a_car_without_stints_stopped_if_it_took_as_long_as_the_others():
    rows = field(lane=21.0)
    rows["stints"] = [stint for stint in rows["stints"] if stint.driver_number != 1]
    assert kind_of_car_1(rows) == Kind.STOP
    rows["pits"] = [
        pit._replace(pit_duration=15.0, lane_duration=15.0) if pit.driver_number == 1 else pit for pit in rows["pits"]
    ]
    assert kind_of_car_1(rows) == Kind.DRIVE_THROUGH


def test_a_car_that_does_not_come_out_again_retired():
    rows = field()
    rows["laps"] = [row for row in rows["laps"] if row.driver_number != 1 or row.lap_number <= 10]
    assert kind_of_car_1(rows) == Kind.RETIREMENT


def test_without_pit_rows_out_laps_show_the_visits():
    rows = field()
    classifier = VisitClassifier(stints=rows["stints"], laps=rows["laps"], windows=())
    assert [(visit.lap_number, visit.kind) for visit in classifier.classify([])] == [(10, Kind.TYRE_CHANGE)] * len(CARS)


def test_visits_that_are_no_stops_are_noted():
    rows = replace(quality.race(), **field(compound=None, lane=14.0))
    [finding] = visits_without_stop(rows)
    assert "1 visit to the pit lane without a stop, drive-through (car/lap): 1/10" in finding.message


# --- stints that nobody drove -----------------------------------------------------------------------------------------


def with_phantom():
    """A race in which upstream fitted soft tyres to car 1 after its last lap."""
    rows = quality.race()
    phantom = quality.stint(1, 3, lap_start=8, lap_end=9, tyre_compound="SOFT")
    return replace(rows, stints=[*rows.stints, phantom])


def test_tyres_that_were_never_driven_are_no_change_without_a_stop():
    rows = with_phantom()
    assert len(list(stint_after_last_lap(rows))) == 1
    assert list(compound_changes_without_stop(rows)) == []
    assert list(stints_leave_a_gap(rows)) == []
    assert lacking_pits(rows) == ""


def test_a_sprint_without_stops_lacks_no_pit_rows_because_of_a_stint_that_nobody_drove():
    one_stint = [kinds.StintRow(car, car, 1, 1, 6, "MEDIUM", 0) for car in (1, 16)]
    phantom = kinds.StintRow(99, 1, 2, 8, 9, "SOFT", 0)
    rows = replace(quality.race(), stints=[*one_stint, phantom], pits=[])
    assert no_car_stopped(rows) == "no car stopped"


@pytest.mark.parametrize(("seconds_after_leaving", "kind"), [(-1, Kind.RED_FLAG), (5, Kind.TYRE_CHANGE)])
def test_a_row_has_the_moment_of_leaving_the_lane(seconds_after_leaving, kind):
    shown = moment(10) + timedelta(seconds=seconds_after_leaving)
    rows = field()
    classifier = VisitClassifier(
        stints=rows["stints"], laps=rows["laps"], windows=[Window("red flag", shown, shown + timedelta(seconds=600), None)]
    )
    assert {visit.kind for visit in classifier.classify(rows["pits"]) if visit.driver_number == 1} == {kind}
