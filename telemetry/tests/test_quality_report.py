"""The quality report: loaded from the database, kept per session, told on the command line."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from api.tests.factories import make
from drivers.models import ChampionshipDriver, ChampionshipTeam, Driver, Entry, SessionResult, StartingGrid
from mirror import versions
from mirror.models import Correction, Reject, Source, SyncPiece, SyncRun
from races.models import Race, RaceControl, Session, Weather
from races.tests.weekends import weekend
from telemetry.models import Interval, Lap, Overtake, Pit, Position, SessionQuality, Stint
from telemetry.quality.findings import MAX_STORED_KEYS
from telemetry.quality.report import MAX_STORED_FINDINGS, check_sessions

START = datetime(2024, 3, 5, 16, 0, tzinfo=UTC)
NOW = datetime(2024, 6, 1, tzinfo=UTC)


@pytest.fixture
def held(db):
    """A race of two cars with one fault: the sectors of lap 2 of car 44 do not add up."""
    [stored] = weekend("Race", year=2024)
    Session.objects.update(session_type="Race", date_end=START + timedelta(hours=2), gmt_offset="00:00:00", location="Town")
    for car, name in ((1, "Ada ALPHA"), (44, "Bea BETA")):
        first, last = name.split()
        driver = Driver.objects.create(driver_id=name.lower().replace(" ", "_"), full_name=name)
        Entry.objects.create(
            session=stored,
            driver_number=car,
            driver=driver,
            full_name=name,
            first_name=first,
            last_name=last.title(),
            name_acronym=last[:3],
            team_name="Team",
            team_colour="AABBCC",
            headshot_url="https://example.org",
            country_code="SOM",
        )
        for number in (1, 2, 3):
            seconds = 90 + car / 1000
            Lap.objects.create(
                session=stored,
                driver_number=car,
                lap_number=number,
                lap_duration=seconds,
                date_start=START + timedelta(seconds=(number - 1) * seconds),
                duration_sector_1=30,
                duration_sector_2=30,
                duration_sector_3=31.5 if (car, number) == (44, 2) else seconds - 60,
                i1_speed=280,
                i2_speed=290,
                st_speed=300,
                segments_sector_1=[2049],
                segments_sector_2=[2049],
                segments_sector_3=[2049],
            )
        Stint.objects.create(
            session=stored, driver_number=car, stint_number=1, lap_start=1, lap_end=3, tyre_compound="HARD", tyre_age_at_start=0
        )
        SessionResult.objects.create(session=stored, driver_number=car, position=1 if car == 1 else 2, number_of_laps=3)
        Position.objects.create(session=stored, driver_number=car, date=START, position=1 if car == 1 else 2)
    end = START + timedelta(minutes=5)
    RaceControl.objects.create(session=stored, digest=0, date=end, flag="CHEQUERED", scope="Track", message="CHEQUERED FLAG")
    return stored


def report_of(session, **options):
    [report] = check_sessions([session.pk], now=NOW, **options)
    return report


def told(report):
    return {finding.check for finding in report.findings}


# --- loading and keeping ----------------------------------------------------------------------------------------------


def test_a_fault_is_found_kept_and_spoils_its_lap(held):
    report = report_of(held)
    spoilt = Lap.objects.get(driver_number=44, lap_number=2)
    [finding] = report.findings
    assert (finding.check, finding.driver_number, finding.lap_number) == ("sectors_do_not_add_up", 44, 2)
    assert finding.rows == {"laps": [spoilt.pk]}
    kept = SessionQuality.objects.get()
    assert (kept.session, kept.checked_at, kept.errors, kept.warnings, kept.notes) == (held, NOW, 1, 0, 0)
    assert kept.findings == [finding.as_dict()]
    assert kept.findings[0]["count"] == 1
    assert list(kept.spoilt_laps.all()) == [spoilt]
    assert not Lap.objects.clean().filter(pk=spoilt.pk).exists()


def test_the_last_place_of_a_car_is_the_newest(held):
    for seconds, car, place in ((5, 44, 1), (5, 1, 2), (9, 1, 1)):
        Position.objects.create(session=held, driver_number=car, date=START + timedelta(seconds=seconds), position=place)
    [message] = [f.message for f in report_of(held).findings if f.check == "last_places_repeat"]
    assert message.startswith("Cars 1 and 44 both end in place 1 by position, nobody in 2.")


def test_intervals_are_looked_for_on_the_winner_s_laps(held):
    assert "intervals_break_off" not in told(report_of(held))
    for seconds in (1, 100, 250):  # laps 2 and 3 begin after 90.001 and 180.002 s
        Interval.objects.create(session=held, driver_number=44, date=START + timedelta(seconds=seconds))
    [finding] = [f for f in report_of(held).findings if f.check == "intervals_break_off"]
    assert finding.rows == {"laps": [Lap.objects.get(driver_number=1, lap_number=3).pk]}


def test_standings_are_compared_with_those_of_the_race_before(held):
    [before] = weekend("Sprint", race_id=2, year=2024)
    Session.objects.filter(pk=before.pk).update(date_start=START - timedelta(days=1))
    for session, start, current in ((before, 0, 7), (held, 8, 8)):
        ChampionshipDriver.objects.create(
            session=session, driver_number=44, driver_id="bea_beta", points_start=start, points_current=current
        )
        ChampionshipTeam.objects.create(
            session=session, team_key="Team", team_name="Team", points_start=start, points_current=current
        )
    found = [f for f in report_of(held).findings if f.check == "standings_do_not_continue"]
    assert [f.message for f in found] == [
        "Car 44 begins with 8 points, and had 7 after the race before.",
        "Team begins with 8 points, and had 7 after the race before.",
    ]


def test_a_repaired_row_is_no_longer_found(held):
    report_of(held)
    Lap.objects.filter(driver_number=44, lap_number=2).update(duration_sector_3=30.044)
    report_of(held)
    kept = SessionQuality.objects.get()
    assert (kept.errors, kept.findings, kept.spoilt_laps.count()) == (0, [], 0)


def test_every_collection_reaches_the_checks(held):
    Pit.objects.create(session=held, driver_number=1, digest=1)
    StartingGrid.objects.create(session=held, driver_number=1, position=1)
    RaceControl.objects.create(session=held, digest=1, message="CAR 44 NOTED")
    Weather.objects.create(session=held, date=START)
    Weather.objects.create(session=held, date=START + timedelta(hours=1))
    Position.objects.create(session=held, driver_number=1, date=START, position=9)
    Overtake.objects.create(session=held, date=START, overtaking_driver_number=77, overtaken_driver_number=1)
    run = SyncRun.objects.create(scope={})
    SyncPiece.objects.create(run=run, collection="drivers", race_id=1, session_id=held.pk, rejected=1)
    make(Reject, 1, collection="drivers", race_id=1, session_id=held.pk, row={"driver_number": 1, "full_name": "Cleo GAMMA"})
    make(Reject, 2, collection="laps", race_id=held.race_id, session_id=99)
    Correction.objects.create(
        collection="laps", session_id=held.pk, key={"lap_number": 1}, field="lap_duration", state="conflict", source=Source.OPENF1
    )
    assert told(report_of(held)) >= {
        "pit_lap_missing",
        "grid_not_with_qualifying",
        "messages_undated",
        "messages_without_car",
        "weather_has_gaps",
        "two_places_at_once",
        "car_without_entry",
        "rows_refused",
        "number_sent_for_two_people",
        "corrections_in_conflict",
        "rows_of_unlisted_sessions",
    }


def test_values_outside_the_limits_of_the_models_are_found_in_every_collection(held):
    """What upstream sends, also of the race and the session themselves, is kept and named with value and limits."""
    Lap.objects.filter(session=held, driver_number=1, lap_number=2).update(i1_speed=99_999, lap_duration=1e9)
    Lap.objects.filter(session=held, driver_number=1, lap_number=3).update(segments_sector_1="abc")
    Stint.objects.filter(session=held).update(tyre_compound="C3")
    Weather.objects.create(session=held, date="1900-01-01T00:00Z", air_temperature=451.0)
    Position.objects.create(session=held, driver_number=1, date=START, position=999)
    Overtake.objects.create(session=held, date=START, overtaking_driver_number=77, overtaken_driver_number=1, position=0)
    RaceControl.objects.create(session=held, digest=1, date=START, flag="PURPLE", lap_number=7_000)
    Session.objects.filter(pk=held.pk).update(circuit_key=-1)
    Race.objects.filter(pk=held.race_id).update(year=3024, circuit_image="javascript:alert(1)", meeting_code="Bahrain")
    Session.objects.filter(pk=held.pk).update(gmt_offset="GMT+3", country_code="bhr")
    Entry.objects.filter(session=held, driver_number=1).update(team_colour="#E8002", name_acronym="A1", headshot_url="//x/y.png")
    SessionResult.objects.filter(session=held, driver_number=1).update(gap_to_leader="+1 lap")
    checks = ("values_outside_limits", "texts_unknown", "texts_misshapen")
    messages = [f.message for f in report_of(held).findings if f.check in checks]
    expected = [
        "1 row of laps with i1_speed outside 0 to 450: 99999 (car 1, lap 2)",
        "1 row of laps with lap_duration outside 1 to 14400: 1000000000.0 (car 1, lap 2)",
        "1 row of laps with segments_sector_1 that is not a list of whole numbers, with null for what is unknown: 'abc'",
        "of stints with tyre_compound that is not known: 'C3'",
        "1 row of weather with date outside 1950 to 2100: 1900-01-01T00:00:00+00:00",
        "1 row of weather with air_temperature outside -60 to 60: 451.0",
        "1 row of position with position outside 1 to 60: 999 (car 1)",
        "1 row of overtakes with position outside 1 to 60: 0 (car 77)",
        "1 row of race_control with flag that is not known: 'PURPLE'",
        "1 row of race_control with lap_number outside 0 to 999: 7000 (lap 7000)",
        "1 row of sessions with circuit_key outside 0 to 2147483647: -1",
        "1 row of meetings with year outside 1950 to 2100: 3024",
        "1 row of meetings with circuit_image that is not an address that begins with https:// or http://: 'javascript:alert(1)'",
        "1 row of meetings with meeting_code that is not three capital letters: 'Bahrain'",
        "1 row of sessions with gmt_offset that is not hours and minutes up to 14:00, such as -04:00:00: 'GMT+3'",
        "1 row of sessions with country_code that is not three capital letters: 'bhr'",
        "1 row of drivers with team_colour that is not six hexadecimal digits without #: '#E8002' (car 1)",
        "1 row of drivers with name_acronym that is not three capital letters: 'A1' (car 1)",
        "1 row of drivers with headshot_url that is not an address that begins with https:// or http://: '//x/y.png' (car 1)",
        '1 row of session_result with gap_to_leader that is not a number of seconds, "+1 LAP", "+2 LAPS" and so on, '
        "or a list of them and null: '+1 lap' (car 1)",
    ]
    assert [text for text in expected if not any(text in message for message in messages)] == []
    assert len(messages) == len(expected)


def test_what_other_sessions_say_is_known(held):
    [before] = weekend("Qualifying", race_id=9, year=2024)
    Session.objects.filter(pk=before.pk).update(date_start="2024-03-04T16:00Z", circuit_key=7, country_name="Great Britain")
    Session.objects.filter(pk=held.pk).update(circuit_key=7, country_name="United Kingdom")
    person = Driver.objects.get(driver_id="ada_alpha")
    Entry.objects.create(session=before, driver_number=44, driver=person, full_name="Ada ALPHA", name_acronym="ADA")
    Driver.objects.create(driver_id="ada_b_alpha", full_name="Ada B Alpha")
    assert told(report_of(held)) >= {
        "session_id_out_of_order",
        "place_spelt_differently",
        "number_changed",
        "acronym_changed",
        "number_of_several_people",
        "person_under_two_names",
    }


def test_many_sessions_take_as_many_queries_as_a_few(held):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert len(list(check_sessions(now=NOW))) == Session.objects.count()
        return len(captured)

    queries()
    few = queries()
    for number in range(2, 10):
        weekend("Race", race_id=number)
    assert queries() == few


def test_the_kept_findings_are_bounded_and_the_counts_exact(held):
    for number in range(4, MAX_STORED_FINDINGS + 20):
        Lap.objects.create(
            session=held,
            driver_number=1,
            lap_number=number,
            lap_duration=91,
            duration_sector_1=30,
            duration_sector_2=30,
            duration_sector_3=30,
        )
    report = report_of(held)
    kept = SessionQuality.objects.get()
    assert kept.errors == report.counts["error"] == MAX_STORED_FINDINGS + 17
    assert len(kept.findings) == MAX_STORED_FINDINGS
    assert {finding["severity"] for finding in kept.findings} == {"error"}
    assert kept.spoilt_laps.count() == MAX_STORED_FINDINGS + 17
    speeds = next(f for f in report.findings if f.check == "speeds_missing")
    assert (speeds.count, len(speeds.as_dict()["rows"]["laps"])) == (MAX_STORED_FINDINGS + 16, MAX_STORED_KEYS)


def test_a_session_that_goes_takes_its_report_along(held):
    report_of(held)
    held.race.delete()
    assert SessionQuality.objects.count() == 0


def test_sessions_with_holes_are_looked_at_again_sooner(held):
    assert SessionQuality.objects.with_holes() == set()
    report_of(held)
    assert SessionQuality.objects.with_holes() == {held.pk}


# --- over HTTP ---------------------------------------------------------------------------------------------------------


def test_rest_tells_the_quality_of_a_session(held, client):
    report_of(held)
    weekend("Race", race_id=2, year=2023)
    assert len(list(check_sessions(now=NOW))) == 2
    [found] = client.get("/api/v1/quality/", {"session_id": held.pk}).json()["results"]
    assert (found["session_id"], found["race_id"], found["grade"], found["errors"]) == (held.pk, 1, "partial", 1)
    assert found["grades"]["laps"] == {"grade": "complete", "stored": 6, "reason": ""}
    assert found["findings"][0]["check"] == "sectors_do_not_add_up"
    assert client.get(found["url"]).json() == found
    assert client.get(f"/api/v1/sessions/{held.pk}/quality/").json()["results"] == [found]


def test_rest_filters_by_season_and_grade(held, client):
    weekend("Race", race_id=2, year=2023)
    assert len(list(check_sessions(now=NOW))) == 2

    def found(**query):
        return [row["session_id"] for row in client.get("/api/v1/quality/", query).json()["results"]]

    assert found(season=2023) == found(grade="missing") == [20]
    assert found(grade="partial") == found(errors__gte=1) == [held.pk]


def test_rest_cannot_write_it(held, admin_client):
    report_of(held)
    assert admin_client.post("/api/v1/quality/", {}, content_type="application/json").status_code == 405


# --- the command ------------------------------------------------------------------------------------------------------


def check_data(*args, **options):
    out = StringIO()
    call_command("check_data", *args, stdout=out, **options)
    return out.getvalue()


def test_the_command_tells_one_line_per_session(held):
    line, total = check_data().splitlines()
    assert line.startswith("10 2024 Town Race: partial, 1 error, 0 warnings, 0 notes; Lap 2 of car 44 takes -1.456 s")
    assert total.startswith("1 session: 1 error, 0 warnings, 0 notes.")
    assert SessionQuality.objects.count() == 1


def test_the_command_tells_everything_of_one_session(held):
    lines = check_data(session=[held.pk]).splitlines()
    assert "  laps: complete, 6 rows" in lines
    assert "  intervals: missing, 0 rows (never synced)" in lines
    assert lines[-1].endswith("[sectors_do_not_add_up]")


def test_the_command_prints_json_for_programs(held):
    [told] = json.loads(check_data(json=True))["sessions"]
    assert (told["session_id"], told["grade"], told["errors"], told["warnings"]) == (held.pk, "partial", 1, 0)
    assert told["grades"]["laps"] == {"grade": "complete", "stored": 6, "reason": ""}
    [finding] = told["findings"]
    assert (finding["check"], finding["severity"], finding["driver_number"], finding["lap_number"]) == (
        "sectors_do_not_add_up",
        "error",
        44,
        2,
    )


def test_the_command_looks_at_the_seasons_it_is_given(held):
    weekend("Race", race_id=2, year=2023)
    assert len(check_data(season=[2023]).splitlines()) == 2
    assert list(SessionQuality.objects.values_list("session_id", flat=True)) == [20]


def test_faults_are_no_failure_unless_asked_for(held):
    assert check_data()
    with pytest.raises(CommandError, match="1 finding of severity error"):
        check_data(fail_on="error")


@pytest.mark.parametrize(
    ("options", "said"), [({"season": [1999]}, "season 1999"), ({"session": [1]}, "session 1"), ({}, "No session is stored")]
)
def test_what_is_not_stored_cannot_be_checked(db, options, said):
    with pytest.raises(CommandError, match=said):
        check_data(**options)


def test_the_command_lists_the_checks(db):
    assert "stint_reversed (error): A stint that ends before it begins (7787/77: laps 55 to 54)." in check_data(checks=True)


def test_which_laps_are_clean_counts_as_a_change_of_the_session(held):
    """Predictions are worked out from clean laps, and kept until the session changes."""
    before = versions.of_session(held.pk)
    [*check_sessions()]
    after = versions.of_session(held.pk)
    assert after != before
    [*check_sessions()]  # finds the same again
    assert versions.of_session(held.pk) == after
