"""FastF1's laps beside OpenF1's: what is read, what is compared, what is written."""

import gzip
import sys
from datetime import UTC, datetime
from io import StringIO
from textwrap import dedent

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.urls import reverse

from mirror import editing, versions
from mirror.models import Correction
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.tests.pages import told
from mirror.tests.upstream import Rows, client
from races.models import Session
from telemetry.fastf1.comparing import OpenF1Lap, compare
from telemetry.fastf1.merging import accept_proposals, merge, open_proposals
from telemetry.fastf1.names import name_of_file, normalise
from telemetry.fastf1.reading import LapRow, parse_seconds, read_laps
from telemetry.models import FastF1Comparison, Lap

HEADER = "Driver,DriverNumber,LapTime,LapNumber,PitOutTime,PitInTime,Compound,TrackStatus"
FILE = "2023-03-05_Sao_Paulo_Grand_Prix_Race.csv"


def line(lap, time="", *, car=4, pit_in="", pit_out="", compound="HARD", status="1"):
    return f"NOR,{car},{time},{lap}.0,{pit_out},{pit_in},{compound},{status}"


def lap_row(lap, time=None, **other):
    values = {"pit_in_time": None, "pit_out_time": None, "track_status": "1", "tyre_compound": "HARD"} | other
    return LapRow(driver_number=4, lap_number=lap, lap_duration=time, **values)


@pytest.fixture
def upstream():
    """A race of one car: three laps, the last without a time."""
    key = {"meeting_key": 1, "session_key": 10, "driver_number": 4}
    start = {"date_start": "2023-03-05T15:00:00+00:00", "year": 2023}
    return Rows(
        meetings=[{"meeting_key": 1, "meeting_name": "São Paulo Grand Prix"} | start],
        sessions=[{"meeting_key": 1, "session_key": 10, "session_name": "Race"} | start],
        laps=[key | {"lap_number": n, "lap_duration": time} for n, time in ((1, 95.5), (2, 90.123), (3, None))],
        stints=[key | {"stint_number": 1, "lap_start": 1, "lap_end": 3, "compound": "HARD", "tyre_age_at_start": 0}],
    )


@pytest.fixture
def mirror(db, upstream):
    def sync_all():
        scope = Scope(seasons=(2023,))
        report = sync(client=client(upstream), scope=scope, collections=("meetings", "sessions", "stints", "laps"), force=True)
        assert not report.errors
        return report

    sync_all()
    return sync_all


@pytest.fixture
def session(mirror):
    return Session.objects.get()


@pytest.fixture
def folder(tmp_path, mirror):
    rows = [
        line(1, pit_in="0 days 01:02:03.500000", status="12"),
        line(2, "0 days 00:01:30.123000", pit_out="0 days 01:02:30"),
        line(3, "0 days 00:01:31"),
    ]
    (tmp_path / FILE).write_text("\n".join([HEADER, *rows, ""]))
    return tmp_path


def run(*arguments):
    out, err = StringIO(), StringIO()
    call_command("merge_fastf1", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue()


# --- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0 days 00:01:37.974000", 97.974),
        ("0 days 01:02:30", 3750.0),
        ("1 days 00:00:00.000001", 86400.000001),
        ("-1 days +23:59:59.500000", -0.5),
        ("", None),
        ("NaT", None),
    ],
)
def test_a_duration_is_read_in_seconds(text, wanted):
    assert parse_seconds(text) == wanted


def test_a_table_is_read_also_when_it_is_compressed(tmp_path):
    row = line(2, "0 days 00:01:30.123000", pit_in="0 days 01:00:00", compound="UNKNOWN", status="")
    path = tmp_path / "laps.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n{row}\n".encode()))
    assert read_laps(path) == [LapRow(4, 2, 90.123, 3600.0, None, None, None)]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("Driver,LapNumber\n", "lacks the column DriverNumber"),
        (f"{HEADER}\n{line(1, '97.9')}\n", "line 2: LapTime is '97.9', which is not empty or a time such as"),
        (f"{HEADER}\n{line(0)}\n", "line 2: LapNumber is '0.0', which is not a whole number from 1 on"),
        (f"{HEADER}\n{line(1, status='green')}\n", "line 2: TrackStatus is 'green', which is not empty or up to ten digits"),
        (f"{HEADER}\n{line(1)}\n{line(1)}\n", "line 3 is a second lap 1 of car 4"),
    ],
)
def test_what_is_no_table_of_laps_is_refused_with_place_and_reason(tmp_path, content, why):
    path = tmp_path / "laps.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=why.replace("(", r"\(")):
        read_laps(path)


@pytest.mark.parametrize("days", ["11", "-11", "9" * 400])
def test_a_time_of_ages_is_none(days):
    with pytest.raises(ValueError, match="a time within a session"):
        parse_seconds(f"{days} days 00:00:01")


@pytest.mark.parametrize("position", [0, 3, 12, 30, -8, -1], ids=str)
def test_a_compressed_table_with_a_flipped_byte_is_refused(tmp_path, position):
    content = bytearray(gzip.compress(f"{HEADER}\n{line(1)}\n".encode() * 20, mtime=0))
    content[position] ^= 0xFF
    path = tmp_path / "laps.csv.gz"
    path.write_bytes(content)
    with pytest.raises((ValueError, OSError)):
        read_laps(path)


@pytest.mark.parametrize(
    ("file", "race", "session"),
    [
        ("2024-03-02_Bahrain_Grand_Prix_Race.csv.gz", "Bahrain Grand Prix", "Race"),
        ("2023-11-03_Sao_Paulo_Grand_Prix_FP1.csv", "São Paulo Grand Prix", "Practice 1"),
        ("2023-11-04_São_Paulo_Grand_Prix_Sprint_Shootout.csv", "São Paulo Grand Prix", "Sprint Shootout"),
        ("2023-11-04_Sao_Paulo_Grand_Prix_SS.csv", "São Paulo Grand Prix", "Sprint Qualifying"),
        ("2023-11-04_Sao_Paulo_Grand_Prix_Sprint.csv", "São Paulo Grand Prix", "Sprint"),
        ("2023-11-03_Sao_Paulo_Grand_Prix_Qualifying.csv", "São Paulo Grand Prix", "Qualifying"),
    ],
)
def test_a_file_name_tells_season_race_and_session(file, race, session):
    assert name_of_file(file) == normalise(int(file[:4]), race, session)


def test_a_sprint_qualifying_is_not_taken_for_a_qualifying():
    assert name_of_file("2024-05-03_Miami_Grand_Prix_Sprint_Qualifying.csv") != normalise(2024, "Miami Grand Prix", "Qualifying")


# --- comparing -------------------------------------------------------------------------------------------------------


def test_lap_times_are_compared_to_the_millisecond():
    openf1 = [OpenF1Lap(4, n, time, "HARD") for n, time in ((1, 90.1234), (2, 90.124), (3, 90.0), (4, None), (5, None))]
    fastf1 = [lap_row(n, time) for n, time in ((1, 90.123), (2, 90.123), (3, None), (4, 91.0), (5, None))]
    found = compare(openf1, fastf1)
    assert [found[name] for name in ("equal", "different", "untimed_fastf1", "untimed_openf1", "untimed_both")] == [1] * 5
    assert found["differences"] == [{"driver_number": 4, "lap_number": 2, "openf1": 90.124, "fastf1": 90.123}]
    assert found["proposals"] == [{"driver_number": 4, "lap_number": 4, "fastf1": 91.0}]


def test_laps_of_one_source_only_are_listed_and_lower_its_match_rate():
    found = compare([OpenF1Lap(4, n, 90.0, None) for n in (1, 2, 3, 4)], [lap_row(n, 90.0) for n in (4, 5)])
    assert (found["openf1_laps"], found["fastf1_laps"], found["matched"]) == (4, 2, 1)
    assert (found["openf1_match_rate"], found["fastf1_match_rate"]) == (0.25, 0.5)
    assert [(lap["lap_number"], lap["source"]) for lap in found["unmatched"]] == [
        (1, "openf1"),
        (2, "openf1"),
        (3, "openf1"),
        (5, "fastf1"),
    ]


def test_compounds_are_compared_where_both_know_them():
    openf1 = [OpenF1Lap(4, n, None, tyre) for n, tyre in ((1, "HARD"), (2, "SOFT"), (3, None), (4, "TEST_UNKNOWN"), (5, "WET"))]
    fastf1 = [lap_row(n, tyre_compound=None if n == 5 else "HARD") for n in (1, 2, 3, 4, 5)]
    found = compare(openf1, fastf1)
    assert (found["compounds_equal"], found["compounds_different"]) == (1, 1)


def test_nothing_matches_an_empty_table():
    found = compare([], [])
    assert (found["matched"], found["openf1_match_rate"], found["fastf1_match_rate"]) == (0, None, None)


# --- merging ---------------------------------------------------------------------------------------------------------


def columns(lap):
    return Lap.objects.values_list("pit_in_time", "pit_out_time", "track_status").get(lap_number=lap)


def test_a_merge_fills_fastf1s_columns_and_leaves_lap_times_alone(folder):
    run("--csv", folder)
    assert [columns(lap) for lap in (1, 2, 3)] == [(3723.5, None, "12"), (None, 3750.0, "1"), (None, None, "1")]
    assert list(Lap.objects.order_by("lap_number").values_list("lap_duration", flat=True)) == [95.5, 90.123, None]


def test_what_was_merged_survives_a_resync(folder, mirror, upstream):
    run("--csv", folder)
    upstream.rows["laps"][0]["lap_duration"] = 95.6
    assert mirror().total["updated"] == 1
    assert Lap.objects.get(lap_number=1).lap_duration == 95.6
    assert columns(1) == (3723.5, None, "12")


def test_a_second_merge_writes_nothing(folder):
    run("--csv", folder)
    before = list(Lap.objects.values()), list(FastF1Comparison.objects.values()), versions.everything()
    assert "0 laps written." in run("--csv", folder)
    assert (list(Lap.objects.values()), list(FastF1Comparison.objects.values()), versions.everything()) == before


def test_a_merge_writes_only_the_laps_that_changed_and_says_when(session):
    merge(session, [lap_row(1), lap_row(2)], origin="a file")
    Lap.objects.update(changed_at=datetime(2024, 1, 1, tzinfo=UTC))
    assert merge(session, [lap_row(1), lap_row(2, track_status="24")], origin="a file").updated == 1
    changed = dict(Lap.objects.values_list("lap_number", "changed_at"))
    assert [number for number, at in changed.items() if at.year != 2024] == [2]


def test_answers_kept_by_clients_end_with_a_merge(session, api):
    tag = api.get("/api/v1/laps/")["ETag"]
    merge(session, [lap_row(1)], origin="a file")
    assert api.get("/api/v1/laps/", HTTP_IF_NONE_MATCH=tag).status_code == 200


def test_laps_made_by_hand_are_neither_compared_nor_changed(session):
    Lap.objects.create(session=session, driver_number=4, lap_number=9, lap_duration=80.0)
    comparison = merge(session, [lap_row(9, 90.0)], origin="a file").comparison
    assert (comparison.openf1_laps, comparison.matched, columns(9)) == (3, 0, (None, None, None))


def test_upstreams_lap_time_is_compared_not_a_persons(session):
    lap = Lap.objects.get(lap_number=2)
    lap.lap_duration = 88.0
    editing.edit(lap, user=None)
    comparison = merge(session, [lap_row(2, 90.123)], origin="a file").comparison
    assert (comparison.equal, comparison.different) == (1, 0)


# --- proposals -------------------------------------------------------------------------------------------------------


def test_a_proposal_becomes_a_correction_when_taken_over_and_survives_a_resync(folder, mirror):
    assert "proposal: car 4 lap 3: 91.0 s" in run("--csv", folder)
    assert "1 proposal taken over" in run("--csv", folder, "--accept-proposals")
    correction = Correction.objects.get()
    assert (correction.field, correction.upstream, correction.corrected) == ("lap_duration", None, 91.0)
    assert "FastF1" in correction.reason
    mirror()
    assert Lap.objects.get(lap_number=3).lap_duration == 91.0


def test_a_proposal_that_was_taken_over_is_neither_proposed_nor_taken_again(folder):
    run("--csv", folder, "--accept-proposals")
    kept = FastF1Comparison.objects.values().get()
    again = run("--csv", folder, "--accept-proposals")
    assert "proposal" not in again
    assert FastF1Comparison.objects.values().get() == kept
    assert kept["untimed_openf1"] == 1


def test_a_time_that_a_person_gave_stands_against_a_proposal(session):
    lap = Lap.objects.get(lap_number=3)
    lap.lap_duration = 92.0
    editing.edit(lap, user=None)
    comparison = merge(session, [lap_row(3, 91.0)], origin="a file").comparison
    assert accept_proposals(comparison) == []
    assert Lap.objects.get(lap_number=3).lap_duration == 92.0


def test_the_admin_takes_proposals_over_for_whoever_may_correct_laps(session, client):
    comparison = merge(session, [lap_row(3, 91.0)], origin="a file").comparison
    user = User.objects.create_user("ada", is_staff=True)
    client.force_login(user)
    url = reverse("admin:telemetry_fastf1comparison_take_proposals", args=[comparison.pk])
    user.user_permissions.add(Permission.objects.get(codename="view_fastf1comparison"))
    assert client.get(url).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="change_lap"))
    answer = client.get(url, follow=True)
    assert "1 lap time taken over as corrections." in told(answer)
    assert Correction.objects.get().user == user
    assert Lap.objects.get(lap_number=3).lap_duration == 91.0


# --- the command -----------------------------------------------------------------------------------------------------


def test_files_about_testing_or_sessions_that_are_not_stored_are_skipped_with_a_word(folder):
    for name in ("2023-02-23_Pre-Season_Testing_Practice_1.csv", "2023-03-05_Sao_Paulo_Grand_Prix_FP2.csv"):
        (folder / name).write_text(HEADER)
    out = run("--csv", folder)
    assert "2023-02-23_Pre-Season_Testing_Practice_1.csv: skipped: testing" in out
    assert "Prix_FP2.csv: skipped: no such session is stored" in out
    assert "1 session compared" in out


def test_a_file_that_cannot_be_read_fails_the_command_after_the_others_are_merged(folder):
    (folder / "2023-03-01_notes.csv").write_text("x")
    with pytest.raises(CommandError, match="1 session could not be read"):
        run("--csv", folder)
    assert FastF1Comparison.objects.count() == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--race", "7"], "--race 7: no such race is stored"),
        (["--season", "2030"], "--season 2030: no such season is stored"),
        (["--race", "nowhere"], "--race: There is no race weekend called 'nowhere'"),
        (["--session", "quly"], "--session: There is no kind of session called 'quly'"),
        (["--csv", "/nosuch"], "--csv /nosuch is no folder"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(mirror, arguments, why):
    with pytest.raises(CommandError, match=why):
        run(*arguments)


def test_races_and_sessions_go_by_their_names(folder, session):
    out = run("--csv", folder, "--race", "sao paulo", "--year", 2023, "--session", "R")
    assert f"{session.pk} " in out
    assert "1 session compared" in out


def test_it_fails_when_nothing_was_compared(mirror, tmp_path):
    with pytest.raises(CommandError, match="none was compared"):
        run("--csv", tmp_path)


def test_without_the_library_it_says_what_to_install(mirror, settings, tmp_path):
    settings.BASE_DIR = tmp_path
    with pytest.raises(CommandError, match="make fastf1"):
        run()


LIBRARY = """
    import pandas as pd

    __version__ = "3.9.0"

    class Cache:
        @staticmethod
        def configure(*, cache_dir):
            open(f"{cache_dir}/used", "w").close()

    def get_event_schedule(year, *, include_testing):
        return {"EventName": ["Bahrain Grand Prix", "São Paulo Grand Prix"], "RoundNumber": [1, 2]}

    class Session:
        def load(self, **what):
            print("loading", what, file=__import__("sys").stderr)
            times = pd.to_timedelta([None, 90.123, 91.0], unit="s")
            self.laps = pd.DataFrame({"DriverNumber": "4", "LapNumber": [1.0, 2.0, 3.0], "LapTime": times, "PitInTime": times,
                "PitOutTime": pd.NaT, "TrackStatus": "12", "Compound": "HARD"})

    def get_session(year, number, name):
        assert (year, number, name) == (2023, 2, "Race"), (year, number, name)
        return Session()
"""


@pytest.fixture
def library(settings, tmp_path, monkeypatch):
    """A FastF1 of few words, installed where the site looks for it."""
    python = tmp_path / ".venv-fastf1" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (tmp_path / "fastf1.py").write_text(dedent(LIBRARY))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    settings.BASE_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    return tmp_path


def test_the_library_is_asked_in_its_own_python_with_its_own_cache(mirror, library):
    out = run()
    assert "1 timed by both: 1 equal to the millisecond" in out
    assert columns(2) == (90.123, None, "12")
    assert FastF1Comparison.objects.get().origin == "FastF1 3.9.0"
    assert (library / "media" / "fastf1" / "used").exists()


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("echo no JSON", "load_laps.py gave no usable answer"),
        ("printf '\\377'", "load_laps.py gave no usable answer"),
        ("exit 3", "load_laps.py ended with status 3"),
        ("", "FastF1 cannot be run"),
    ],
)
def test_a_library_that_cannot_be_run_is_said_in_words(mirror, library, program, why):
    python = library / ".venv-fastf1" / "bin" / "python"
    python.write_text(f"#!/bin/sh\n{program}\n")
    python.chmod(0o755 if program else 0o644)
    with pytest.raises(CommandError, match=why):
        run()


def test_a_lap_time_that_cannot_be_is_not_proposed(session):
    comparison = merge(session, [lap_row(3, 100_000.0)], origin="x").comparison
    assert comparison.proposals
    assert open_proposals(comparison) == []


def test_a_session_that_the_library_does_not_have_fails_by_name(mirror, library):
    (library / "fastf1.py").write_text(dedent(LIBRARY).replace("São Paulo", "Monaco"))
    with pytest.raises(CommandError, match="1 session could not be read"):
        run()
