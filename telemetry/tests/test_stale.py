"""Which race weekends are due for another sync."""

from datetime import UTC, datetime, timedelta

import pytest

from mirror.feeds import registry
from mirror.models import PieceState
from mirror.reporting import Observer
from mirror.tests.upstream import Rows, client
from races.models import Race, Session
from telemetry.stale import due_races, sync_interval, sync_stale

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("days", "has_holes", "expected"),
    [
        (0, False, 1),
        (14, False, 1),
        (15, False, 7),
        (15, True, 1),
        (90, False, 7),
        (91, False, 30),
        (91, True, 7),
        (2000, False, 30),
    ],
)
def test_the_older_a_session_the_rarer_it_is_looked_at(days, has_holes, expected):
    assert sync_interval(days * DAY, has_holes=has_holes) == expected * DAY


def weekend(key, *, days_ago, synced_days_ago=None, **more):
    race = Race.objects.create(race_id=key, race_name="Grand Prix", year=2026, source="openf1")
    options = {"year": 2026, "session_name": "Race", "date_start": NOW - days_ago * DAY, "source": "openf1"} | more
    session = Session.objects.create(session_id=key * 10, race=race, **options)
    if synced_days_ago is not None:
        for feed in registry().values():
            if feed.by_default and not feed.lists:
                PieceState.objects.create(
                    session_id=session.pk, collection=feed.collection, stored=0, synced_at=NOW - synced_days_ago * DAY
                )


@pytest.mark.django_db
def test_weekends_are_due_by_their_age_and_their_last_sync():
    weekend(1, days_ago=3, synced_days_ago=2)
    weekend(2, days_ago=3, synced_days_ago=0.5)
    weekend(3, days_ago=30, synced_days_ago=6)
    weekend(4, days_ago=30, synced_days_ago=8)
    weekend(5, days_ago=300, synced_days_ago=29)
    weekend(6, days_ago=300, synced_days_ago=31)
    weekend(7, days_ago=1)
    weekend(8, days_ago=-1)
    weekend(9, days_ago=2, is_cancelled=True)
    weekend(10, days_ago=2, source="demo")
    assert due_races(NOW) == [7, 1, 4, 6]


@pytest.mark.django_db
def test_a_session_with_a_collection_that_was_never_synced_is_due():
    weekend(1, days_ago=300, synced_days_ago=1)
    PieceState.objects.filter(collection="laps").delete()
    assert due_races(NOW) == [1]


@pytest.mark.django_db
def test_what_is_due_is_synced_and_then_no_longer_due():
    weekend(1, days_ago=3, synced_days_ago=2)
    meeting = {"meeting_key": 2, "meeting_name": "New Grand Prix", "year": 2026, "date_start": "2026-06-30T12:00:00+00:00"}
    session = {
        "session_key": 20,
        "meeting_key": 2,
        "session_name": "Race",
        "year": 2026,
        "date_start": "2026-06-30T12:00:00+00:00",
    }
    upstream = Rows(meetings=[meeting], sessions=[session])
    report = sync_stale(client=client(upstream), observer=Observer(), now=NOW)
    assert not report.errors
    assert {request.path_url for request in upstream.asked} >= {"/v1/laps?meeting_key=1", "/v1/laps?meeting_key=2"}
    PieceState.objects.update(synced_at=NOW)
    assert due_races(NOW) == []
