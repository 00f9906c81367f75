"""Which sessions `check_data --changed` checks again."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from mirror import editing, versions
from mirror.models import PieceVersion, Reject, SyncPiece, SyncRun
from races.models import Race, Session
from races.tests.weekends import weekend
from telemetry.models import Lap, SampleFile, SessionQuality
from telemetry.quality.due import due_sessions
from telemetry.quality.report import check_sessions

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def sessions(db):
    """Two sessions of 2023 and two of 2024, checked an hour ago, with nothing changed for months."""
    ids = [session.pk for year in (2023, 2024) for session in weekend("Qualifying", "Race", race_id=year, year=year)]
    Session.objects.update(date_end=LONG_AGO, changed_at=LONG_AGO)
    Race.objects.update(changed_at=LONG_AGO)
    PieceVersion.objects.update(changed_at=LONG_AGO)
    list(check_sessions(ids))
    SessionQuality.objects.update(checked_at=datetime.now(UTC) - timedelta(hours=1))
    PieceVersion.objects.update(changed_at=LONG_AGO)
    return ids


def test_nothing_is_due_while_nothing_changes(sessions):
    assert due_sessions(sessions) == []


def test_an_edit_makes_its_session_due(sessions, admin_user):
    editing.edit(Lap(session_id=sessions[2], driver_number=1, lap_number=1, lap_duration=90), user=admin_user)
    assert due_sessions(sessions) == [sessions[2]]


def test_so_does_a_sync_that_only_refused_rows(sessions):
    run = SyncRun.objects.create(scope={})
    SyncPiece.objects.create(run=run, collection="laps", session_id=sessions[1], rejected=1)
    assert due_sessions(sessions) == [sessions[1]]


def test_refused_rows_of_a_weekend_make_its_sessions_due(sessions):
    race, now = Session.objects.get(pk=sessions[0]).race_id, datetime.now(UTC)
    Reject.objects.create(collection="laps", race_id=race, row={}, reason="", first_seen=now, last_seen=now, digest=1)
    assert due_sessions(sessions) == sessions[:2]


def test_entries_count_for_their_season_and_later_ones(sessions):
    versions.touch("drivers", sessions[2])
    assert due_sessions(sessions) == sessions[2:]
    versions.touch("drivers", sessions[0])
    assert due_sessions(sessions) == sessions


def test_so_does_the_calendar(sessions):
    Session.objects.filter(pk=sessions[3]).update(changed_at=datetime.now(UTC))
    assert due_sessions(sessions) == sessions[2:]


def test_sessions_that_have_just_ended_or_have_files_or_no_report_are_due(sessions):
    Session.objects.filter(pk=sessions[0]).update(date_end=datetime.now(UTC) - timedelta(days=1))
    SampleFile.objects.create(session_id=sessions[1], driver_number=1, collection="car_data", rows=0, size=0, sha256="0" * 64)
    SessionQuality.objects.filter(session=sessions[2]).delete()
    assert due_sessions(sessions) == sessions[:3]


def test_the_command_checks_them_alone(sessions):
    versions.touch("laps", sessions[3])
    output = StringIO()
    call_command("check_data", changed=True, stdout=output)
    assert [int(line.split()[0]) for line in output.getvalue().splitlines()[:-1]] == [sessions[3]]
