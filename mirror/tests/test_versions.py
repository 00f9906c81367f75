"""What is known of when rows last changed, by whoever changes them."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from mirror import editing, versions
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.tests.upstream import Rows, client
from races.models import Race
from telemetry.models import Lap

pytestmark = pytest.mark.django_db


@pytest.fixture
def upstream():
    """A weekend with two sessions and a lap in each."""
    start = {"meeting_key": 1, "date_start": "2023-03-03T11:30:00+00:00", "year": 2023}
    lap = {"meeting_key": 1, "driver_number": 4, "lap_number": 1, "lap_duration": 90.0}
    return Rows(
        meetings=[{"meeting_name": "Somewhere Grand Prix"} | start],
        sessions=[{"session_key": key, "session_name": name} | start for key, name in ((10, "Sprint"), (11, "Race"))],
        laps=[lap | {"session_key": key} for key in (10, 11)],
    )


@pytest.fixture
def mirror(upstream):
    def sync_all(**options):
        lists = ["meetings", "sessions", "laps"]
        report = sync(client=client(upstream), scope=Scope(seasons=(2023,)), collections=lists, **options)
        assert not report.errors

    sync_all()
    return sync_all


def test_a_sync_that_changes_a_lap_changes_the_version_of_that_session_only(mirror, upstream):
    before = {session: versions.latest("laps", {session}) for session in (10, 11)}
    everything = versions.latest("laps")
    upstream.rows["laps"][0]["lap_duration"] = 89.0
    mirror(force=True)
    assert versions.latest("laps", {10}) != before[10]
    assert versions.latest("laps", {11}) == before[11]
    assert versions.latest("laps") != everything


def test_a_sync_that_changes_nothing_leaves_the_version_alone(mirror):
    before = versions.latest("laps")
    mirror(force=True)
    assert versions.latest("laps") == before


def test_the_version_says_when_the_rows_last_changed(mirror):
    changed_at = versions.latest("laps").changed_at
    assert changed_at is not None
    assert abs(timezone.now() - changed_at) < timedelta(minutes=1)


@pytest.mark.parametrize("act", [editing.edit, editing.delete])
def test_what_a_person_does_to_a_lap_changes_the_version(mirror, act, django_user_model):
    before = versions.latest("laps", {10})
    lap = Lap.objects.get(session_id=10)
    lap.lap_duration = 88.0
    act(lap, user=django_user_model.objects.create_user("ada"))
    assert versions.latest("laps", {10}) != before


def test_laps_that_go_with_their_race_change_the_version(mirror, django_user_model):
    before = versions.latest("laps", {10})
    editing.delete(Race.objects.get(), user=django_user_model.objects.create_user("ada"))
    assert not Lap.objects.exists()
    assert versions.latest("laps", {10}) != before


def test_a_change_that_is_rolled_back_leaves_the_version_alone(mirror):
    before = versions.latest("laps", {10})
    with transaction.atomic():
        versions.touch("laps", 10)
        transaction.set_rollback(True)
    assert versions.latest("laps", {10}) == before


def test_the_version_is_one_query(mirror, django_assert_num_queries):
    with django_assert_num_queries(1):
        versions.latest("laps", {10, 11})
    with django_assert_num_queries(1):
        versions.latest("laps")
