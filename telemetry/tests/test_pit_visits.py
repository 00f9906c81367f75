"""Visits to the pit lane: which of them are stops."""

from dataclasses import replace
from datetime import timedelta

import pytest

from races.models import Race, RaceControl, Session
from races.neutralisations import Window
from telemetry.models import Lap, Pit, Stint
from telemetry.pit_visits import Kind, VisitClassifier, load_visits, read_lane_penalties
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


# --- reasons, penalties and the list over REST ------------------------------------------------------------------------


def judged(rows, *windows, penalties=()):
    classifier = VisitClassifier(stints=rows["stints"], laps=rows["laps"], windows=windows, penalties=penalties)
    return next(visit for visit in classifier.classify(rows["pits"]) if visit.driver_number == 1)


@pytest.mark.parametrize(
    ("told", "windows", "reason"),
    [
        ({}, (), "afterwards another compound"),
        ({"still": 2.3}, (), "stood for 2.3 s; afterwards another compound"),
        ({"compound": None, "lane": 14.0}, (), "afterwards the same set; 14.0 s in the lane, 22.0 s with a change of tyres"),
        ({}, (window("red flag", 8, 13),), "during a red flag"),
        ({"lane": 900.0}, (), "more than 300 s in the lane"),
    ],
)
def test_a_visit_says_what_shows_its_kind(told, windows, reason):
    assert judged(field(**told), *windows).reason == reason


def given(text, *, before=300):
    return read_lane_penalties([(moment(10) - timedelta(seconds=before), f"FIA STEWARDS: {text} PENALTY FOR CAR 1 (ONE) - X")])


def test_penalties_of_race_control_are_served_on_visits_that_can_serve_them():
    stop_go = given("10 SECOND STOP/GO")
    long = field(compound="MEDIUM", age=0, lane=30.0)  # Imola 2024, car 23: upstream began a new stint
    assert judged(long, penalties=stop_go).kind == Kind.STOP_AND_GO
    assert judged(long, penalties=stop_go).reason.endswith("race control had given a stop-go penalty")
    assert judged(long, penalties=given("10 SECOND STOP/GO", before=700)).kind == Kind.TYRE_CHANGE
    assert judged(field(), penalties=stop_go).kind == Kind.TYRE_CHANGE
    through = judged(field(compound=None, lane=15.7), SAFETY_CAR, penalties=given("DRIVE THROUGH"))
    assert (through.kind, through.is_stop) == (Kind.DRIVE_THROUGH, False)
    assert given("5 SECOND TIME") == []


@pytest.mark.parametrize(
    "text",
    [
        "fia stewards: 10 second stop/go penalty for car 1 (one) - x",
        "FIA Stewards :  10 second  Stop-Go Penalty for Car 1 (ONE)",
        " FIA STEWARDS:10 SECOND STOP GO PENALTY FOR CAR 1",
    ],
)
def test_a_penalty_in_the_lane_is_read_in_any_case_and_spacing(text):
    assert [(each.driver_number, each.kind) for each in read_lane_penalties([(START, text)])] == [(1, Kind.STOP_AND_GO)]


@pytest.mark.django_db
def test_visits_are_listed_with_their_kind_and_marked_where_they_are_derived(api):
    race = Race.objects.create(race_id=1, race_name="Somewhere Grand Prix", year=2024, source="openf1")
    session = Session.objects.create(session_id=10, race=race, year=2024, session_name="Race", slug="race", source="openf1")
    practice = Session.objects.create(session_id=11, race=race, year=2024, session_name="Practice 1", source="openf1")
    own = {"session": session, "driver_number": 1, "source": "openf1"}
    for number in range(1, 31):
        start = moment(number - 1)
        Lap.objects.create(**own, lap_number=number, date_start=start, lap_duration=LAP, is_pit_out_lap=number in (11, 21))
    for number, (first, last, compound) in enumerate([(1, 10, "MEDIUM"), (11, 20, "HARD"), (21, 30, "SOFT")], 1):
        Stint.objects.create(
            **own, stint_number=number, lap_start=first, lap_end=last, tyre_compound=compound, tyre_age_at_start=0
        )
    pit = Pit.objects.create(**own, lap_number=10, date=moment(10), pit_duration=22.5, digest=1)
    answer = api.get("/api/v1/pit-visits/", {"session_id": 10}).json()
    assert answer["kinds"] == {"tyre change": 2}
    with_row, derived = answer["visits"]
    assert (with_row["lap_number"], with_row["seconds"], with_row["derived"], with_row["pit_id"]) == (10, 22.5, False, pit.pk)
    assert (derived["lap_number"], derived["kind"], derived["derived"], derived["pit_id"]) == (20, "tyre change", True, None)
    assert derived["reason"] == "afterwards another compound"
    assert api.get("/api/v1/pit-visits/", {"session_id": 10, "kind": "red flag"}).json()["visits"] == []
    assert api.get("/api/v1/pit-visits/", {"race": "somewhere", "session": "R"}).json() == answer
    chosen = {"session_id": 10, "fields": "lap_number,seconds"}
    assert api.get("/api/v1/pit-visits/", chosen).json()["visits"][0] == {"lap_number": 10, "seconds": 22.5}
    file = api.get("/api/v1/pit-visits/", chosen | {"format": "csv"}).getvalue().decode()
    assert file.splitlines() == ["lap_number,seconds", "10,22.5", "20,"]
    sheet = api.get("/api/v1/pit-visits/", chosen | {"format": "csv", "excel": "1"}).getvalue().decode()
    assert sheet.splitlines() == ["\ufefflap_number,seconds", "10,22.5", "20,"]
    assert "There is no field 'lap'" in api.get("/api/v1/pit-visits/", chosen | {"fields": "lap"}).json()["fields"][0]
    refused = api.get("/api/v1/pit-visits/", {"race": "somewhere", "session": "R", "driver": "Nobody"})
    assert refused.json() == {"driver": ["There is no driver called 'Nobody' in this session."]}
    assert api.get("/api/v1/pit-visits/").json() == {"session_id": ["This is required, or race, year and session."]}
    for wrong in (practice.pk, 12):
        refused = api.get("/api/v1/pit-visits/", {"session_id": wrong})
        assert (refused.status_code, [*refused.json()]) == (400, ["session_id"])


@pytest.mark.django_db
def test_a_stored_penalty_counts_in_any_case():
    race = Race.objects.create(race_id=1, race_name="Somewhere Grand Prix", year=2024, source="openf1")
    session = Session.objects.create(session_id=10, race=race, year=2024, session_name="Race", source="openf1")
    own = {"session": session, "driver_number": 1, "source": "openf1"}
    Pit.objects.create(**own, lap_number=10, date=moment(10), pit_duration=32.5, stop_duration=12.0, digest=1)
    text = "Fia Stewards:  10 second stop/go  penalty for Car 1 (One) - x"
    RaceControl.objects.create(session=session, date=moment(9), message=text, digest=1, source="openf1")
    assert [visit.kind for visit in load_visits(10)] == [Kind.STOP_AND_GO]


def test_a_penalty_for_a_car_with_an_endless_number_is_for_none():
    assert read_lane_penalties([(START, f"FIA STEWARDS: DRIVE THROUGH PENALTY FOR CAR {'9' * 5_000}")]) == []
