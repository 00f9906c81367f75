"""The checks on recorded sessions: every fault that is known to be in them is found, and nothing that is not.

By default the weekends whose faults are known by name, and of all others what a list of sessions says; with F1_WHOLE_MIRROR=1
both recorded seasons.
"""

import os
import time

import pytest
from django.db import transaction

from mirror.client import Client
from mirror.pace import Pace
from mirror.pipeline import sync
from mirror.planning import Scope
from races.models import Neutralisation
from telemetry.models import Lap, SessionQuality
from telemetry.models.clean_laps import EXCLUSIONS
from telemetry.quality.report import check_sessions

pytestmark = [pytest.mark.django_db, pytest.mark.once]

WHOLE = os.environ.get("F1_WHOLE_MIRROR") == "1"
SEASONS = (2023, 2024)
WEEKENDS = (1143, 1215, 1217, 1221, 1229, 1232, 1235, 1237)
ROWS = (
    "drivers",
    "stints",
    "laps",
    "pit",
    "weather",
    "race_control",
    "position",
    "intervals",
    "overtakes",
    "team_radio",
    "session_result",
    "starting_grid",
    "championship_drivers",
    "championship_teams",
)
SECONDS = 20.0  # that the report of both recorded seasons may take on one core


@pytest.fixture(scope="module")
def reports(replay, django_db_setup, django_db_blocker):
    """{session_id: report} of all recorded sessions, from a sync into an empty database."""
    client = Client(base_url=replay.url, pace=Pace())
    scope = Scope(seasons=SEASONS) if WHOLE else Scope(races=WEEKENDS)
    with django_db_blocker.unblock(), transaction.atomic():
        sync(client=client, scope=Scope(seasons=SEASONS), collections=("meetings", "sessions"), force=True)
        assert not sync(client=client, scope=scope, collections=ROWS, force=True).errors
        began = time.process_time()
        found = {report.session.pk: report for report in check_sessions()}
        assert time.process_time() - began < SECONDS
        yield found
        transaction.set_rollback(True)


def messages(report, check):
    return [finding.message for finding in report.findings if finding.check == check]


def test_all_recorded_sessions_are_checked(reports):
    assert len(reports) == 236 == SessionQuality.objects.count()
    assert {report.grade for report in reports.values()} <= {"complete", "partial", "missing"}


@pytest.mark.parametrize(
    ("session", "check", "count", "said"),
    [
        (7787, "stint_bounds_missing", 1, "No first or last lap on car 16 in stint 1."),
        (7787, "stint_reversed", 1, "Stint 5 of car 77 runs backwards, from lap 55 to 54."),
        (7787, "lap_start_missing", 1, "2 laps without a start (car/lap): 11/1 and 77/1."),
        (
            7787,
            "giant_laps",
            1,
            "65 laps of up to 2015 s (car/lap): 1/8, 1/9, 1/56, 1/58, 2/8, 2/54, 2/55, 4/8, 4/55, 4/56, 4/57, 10/8 and 53 more.",
        ),
        (7787, "out_laps_at_restarts", 1, "49 out-laps under a red flag: restarts, not stops."),
        (9149, "fewer_laps_than_result", 9, "Car 55 has 0 laps; its result says 72."),
        (9223, "entry_names_two_people", 15, "Car 1 is Paul ARON and Max Verstappen at once."),
        (9223, "driver_incomplete", 15, "Car 5 (Gabriel BORTOLETO) has no first name, last name, team and team colour."),
        (9223, "more_cars_than_a_grid", 1, "35 entries; a grid has 26 at most."),
        (9223, "pit_twice_on_a_lap", 10, "Car 1 has 2 pit rows on lap 1."),
        (9223, "pit_lap_missing", 1, "30 pit rows without a lap: cars 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 18 more."),
        (9298, "two_places_at_once", 1, "7 moments with two places of a car, first at 13:27:05: 2, 10, 18, 22, 23, 27 and 55."),
        (9466, "weather_of_another_session", 1, "72 measurements from over two hours after the end."),
        (9496, "laps_run_backwards", 18, "Lap 2 of car 1 began before lap 1."),
        (9508, "stints_overlap", 8, "Stint 4 of car 1 begins on lap 1, the one before ends on lap 7."),
        (9531, "out_laps_on_lap_1", 1, "Lap 1 of 20 cars is flagged as an out-lap."),
        (9531, "laps_do_not_join", 8, "Lap 17 of car 1 began 2.1 s after lap 16 ended."),
    ],
)
def test_a_known_fault_is_found(reports, session, check, count, said):
    found = messages(reports[session], check)
    assert len(found) == count
    assert found[0] == said


def test_faults_that_no_recorded_lap_has_are_found_nowhere(reports):
    never = {"sectors_do_not_add_up", "laps_twice", "lap_time_could_be_known", "result_positions_repeat", "rows_refused"}
    assert [f.message for report in reports.values() for f in report.findings if f.check in never] == []


def test_a_good_race_has_no_errors(reports):
    assert reports[9472].counts["error"] == 0
    assert reports[9472].grades["laps"].grade == "complete"


def test_collections_are_graded_by_what_upstream_has(reports):
    def grade(session, collection):
        return reports[session].grades[collection].grade

    assert grade(7787, "pit") == "not provided"
    assert grade(9472, "pit") == "complete"
    assert grade(9149, "laps") == "partial"
    assert grade(9472, "intervals") == "missing"
    assert grade(9466, "intervals") == "not provided"
    assert (grade(9468, "starting_grid"), grade(9472, "starting_grid")) == ("complete", "not provided")
    assert reports[9566].grade == "missing"


def test_most_racing_laps_are_clean_and_the_others_say_why(reports):
    laps = Lap.objects.filter(session__session_type="Race").with_exclusion()
    reasons = list(laps.values_list("excluded", flat=True))
    assert len(reasons) == Lap.objects.filter(session__session_type="Race").count()
    assert set(reasons) <= {"", *EXCLUSIONS}
    assert 0.6 < reasons.count("") / len(reasons) < 0.85
    assert {"first lap", "in-lap", "out-lap", "safety car", "virtual safety car", "red flag", "wet tyres"} < set(reasons)


def test_stopped_races_are_read_from_their_messages(reports):
    stops = Neutralisation.objects.filter(session=9496, state="red flag")
    assert [(stop.date_start.strftime("%H:%M:%S"), stop.date_end.strftime("%H:%M:%S")) for stop in stops] == [
        ("05:04:24", "05:37:00")
    ]
