"""How the live process is, and what the sync after a session shows of it: what never came, what was rewritten."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from live import condition
from live.engine import Engine
from live.models import LiveReview, LiveState
from live.reviewing import review
from live.tests.feeding import ask_rest, listed_session, newest, play
from mirror.models import Source, SyncRun

pytestmark = pytest.mark.django_db
NOW = datetime(2023, 4, 29, 13, tzinfo=UTC)


def test_the_view_of_changes_says_what_never_came_live_and_what_was_rewritten(recording, client):
    session = listed_session(9069, 2023)
    lost = [message for message in recording if message.payload.get("lap_number") == 7 and message.payload["driver_number"] == 1]
    received = [message for message in recording if message not in lost]
    engine = Engine(session, source=Source.OPENF1, now=NOW)
    engine.open_run()
    play(engine, received, batch=3000)
    final = newest(recording)
    rewritten = next(row for row in final["laps"] if row["driver_number"] == 16 and row["lap_number"] == 3)
    rewritten["lap_duration"] = 99.9
    ask_rest(final, 9069)
    found = review(engine, SyncRun.objects.filter(kind=SyncRun.Kind.SYNC).latest("run_id"))
    laps = found.collections["laps"]
    assert (laps["never"], laps["rewritten"], laps["only_live"]) == (1, 1, 0)
    assert laps["rows"]["never"] == ["driver number 1, lap number 7"]
    page = client.get("/f1/2023/azerbaijan/sprint/changes/").content.decode()
    assert "Live against final, laps: 1 row never came live, 1 was rewritten" in page
    assert "never came live" in page


def test_without_a_sync_there_is_no_review(recording):
    engine = Engine(listed_session(9069, 2023), source=Source.OPENF1, now=NOW)
    assert review(engine, None) is None
    assert not LiveReview.objects.exists()


def test_the_live_feed_is_named_where_it_is_wrong_and_takes_no_site_out_of_service(client, settings):
    assert client.get("/readyz/").json()["parts"]["live"] == "ok"
    settings.OPENF1_USERNAME = "team"
    answer = client.get("/readyz/")
    assert "manage.py live" in answer.json()["parts"]["live"]
    assert answer.status_code == 200
    condition.report("waits for the next session", now=timezone.now())
    assert client.get("/readyz/").json()["parts"]["live"] == "ok"
    condition.report("is not connected: refused", healthy=False, now=timezone.now(), session_id=9069)
    assert condition.wrong() == "is not connected: refused"
    LiveState.objects.update(changed_at=timezone.now() - timedelta(minutes=1), healthy=True)
    assert "has said nothing for 60 s" in condition.wrong()


def test_metrics_tell_the_rate_the_holes_and_the_age_of_messages(client, settings):
    settings.METRICS = True
    last = (timezone.now() - timedelta(seconds=5)).isoformat()
    topics = {"laps": {"messages": 3, "last": last}}
    condition.report("is connected", now=timezone.now(), per_second=77.5, topics=topics, holes=[{}])
    text = client.get("/metrics/").content.decode()
    assert "f1site_live_messages_per_second 77.5" in text
    assert "f1site_live_holes 1" in text
    assert 'f1site_live_message_age_seconds{collection="laps"} 5.' in text
