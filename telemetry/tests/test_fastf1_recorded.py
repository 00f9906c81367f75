"""Recorded races as OpenF1 and as FastF1 have them."""

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import transaction

from mirror.client import Client
from mirror.pace import Pace
from mirror.pipeline import sync
from mirror.planning import Scope
from races.models import Session
from telemetry.fastf1.names import name_of, name_of_file
from telemetry.models import FastF1Comparison, Lap

pytestmark = [pytest.mark.django_db, pytest.mark.once]

RECORDED = settings.BASE_DIR.parent / "shared" / "openf1" / "fastf1"
EQUAL = {7953: 1035, 9094: 1492, 9472: 1107, 9480: 853, 9523: 1210, 9531: 1247}  # lap times of each race


@pytest.fixture(scope="module")
def merged(replay, django_db_setup, django_db_blocker):
    """What a merge says of the races that both recorded; nothing of it stays."""
    if not RECORDED.is_dir():
        pytest.skip(f"FastF1's recorded laps are not at {RECORDED}")
    client = Client(base_url=replay.url, pace=Pace())
    with django_db_blocker.unblock(), transaction.atomic():
        sync(client=client, scope=Scope(seasons=(2023, 2024)), collections=("meetings", "sessions"), force=True)
        places = {name_of(session): session.pk for session in Session.objects.select_related("race")}
        sessions = tuple(places[name_of_file(path.name)] for path in RECORDED.iterdir())
        assert not sync(client=client, scope=Scope(sessions=sessions), collections=("stints", "laps"), force=True).errors
        call_command("merge_fastf1", csv=RECORDED)
        yield FastF1Comparison.objects.in_bulk(field_name="session_id")
        transaction.set_rollback(True)


def test_every_lap_that_both_time_is_equal_to_the_millisecond(merged):
    assert {session: comparison.equal for session, comparison in merged.items()} == EQUAL
    assert [comparison.differences for comparison in merged.values()] == [[]] * len(EQUAL)


def test_openf1_has_every_lap_that_fastf1_has_and_times_them(merged):
    assert {comparison.fastf1_match_rate for comparison in merged.values()} == {1.0}
    assert min(comparison.openf1_match_rate for comparison in merged.values()) > 0.99
    assert {comparison.untimed_openf1 for comparison in merged.values()} == {0}


def test_both_name_the_same_compounds(merged):
    assert {comparison.compounds_different for comparison in merged.values()} == {0}
    assert sum(comparison.compounds_equal for comparison in merged.values()) > 7_000


def test_every_matched_lap_has_a_track_status_and_stops_have_their_times(merged):
    assert Lap.objects.exclude(track_status=None).count() == sum(comparison.matched for comparison in merged.values())
    assert Lap.objects.exclude(pit_in_time=None).count() == 221
    assert Lap.objects.get(session=9523, driver_number=16, lap_number=1).pit_in_time == 56 * 60 + 45.433
