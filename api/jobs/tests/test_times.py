"""Logging work by hand, and what a day was spent on."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from jobs.models import MANUAL, Job

pytestmark = pytest.mark.django_db

TRACK, STOP, TIMES = (f"/api/v1/jobs/{name}/" for name in ("track", "stop", "times"))
NOON = datetime(2026, 7, 16, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def user(name):
    return User.objects.get(username=name)


def entry(owner, begin, end=None, **given):
    state = Job.State.SUCCEEDED if end else Job.State.RUNNING
    return Job.objects.create(**{"kind": MANUAL, "owner": owner, "state": state, "started_at": begin, "ended_at": end} | given)


def spent(client, **query):
    answer = client.get(TIMES, query)
    assert answer.status_code == 200, answer.json()
    return [(row["id"], row["time_spent"]) for row in answer.json()]


def test_work_is_begun_and_ended_once(stranger):
    begun = stranger.post(TRACK, {"user_id": user("stranger").pk, "description": "Sorting out pit stops"})
    assert begun.status_code == 201
    key = begun.json()["id"]
    [running] = stranger.get(TIMES).json()
    assert (running["id"], running["state"], running["ended_at"]) == (key, "running", None)
    ended = stranger.post(STOP, {"id": key})
    assert ended.status_code == 200
    assert ended.json()["description"] == "Sorting out pit stops"
    assert stranger.post(STOP, {"id": key}).status_code == 409
    assert stranger.post(STOP, {"id": key + 1}).status_code == 404


def test_who_is_not_named_is_oneself(stranger):
    stranger.post(TRACK, {"description": "x"})
    assert Job.objects.get().owner == user("stranger")


def test_a_day_has_what_overlaps_it_and_no_more_of_it(stranger):
    me = user("stranger")
    day = datetime(2026, 7, 16, tzinfo=UTC)
    inside = entry(me, NOON, NOON + HOUR)
    over_midnight = entry(me, day - HOUR, day + 2 * HOUR)
    into_the_next = entry(me, day + 23 * HOUR, day + 30 * HOUR)
    longer = entry(me, day - 100 * HOUR, day + 100 * HOUR)
    by_a_worker = entry(me, NOON + timedelta(seconds=1.5), NOON + timedelta(seconds=4), kind="sync")
    entry(me, day - 2 * HOUR, day)
    entry(me, day + 24 * HOUR, day + 25 * HOUR)
    entry(None, NOON, NOON + HOUR)
    Job.objects.create(kind="sync", owner=me)  # not begun
    assert spent(stranger, user_id=me.pk, date="2026-07-16") == [
        (longer.pk, 86400),
        (over_midnight.pk, 7200),
        (inside.pk, 3600),
        (by_a_worker.pk, 2.5),
        (into_the_next.pk, 3600),
    ]


def test_what_still_runs_counts_until_now_and_not_in_days_to_come(stranger):
    now = timezone.now()
    begun = entry(user("stranger"), now - 48 * HOUR)
    [(key, seconds)] = spent(stranger)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    assert key == begun.pk
    assert seconds == pytest.approx((now - midnight).total_seconds(), abs=5)
    assert spent(stranger, date=str((now - 24 * HOUR).date())) == [(begun.pk, 86400)]
    assert spent(stranger, date=str((now + 48 * HOUR).date())) == []
    assert spent(stranger, date="9999-12-31") == spent(stranger, date="0001-01-01") == []


def test_everybody_for_themselves_and_the_staff_for_all(api, stranger, editor):
    other = User.objects.create_user("other")
    theirs = entry(other, NOON)
    assert stranger.post(TRACK, {"user_id": other.pk, "description": "x"}).status_code == 403
    assert stranger.post(STOP, {"id": theirs.pk}).status_code == 403
    assert stranger.get(TIMES, {"user_id": other.pk}).status_code == 403
    assert stranger.get(TIMES, {"user_id": 10**6}).status_code == 403  # who exists is not their business either
    for answer in (api.post(TRACK, {"description": "x"}), api.post(STOP, {"id": theirs.pk}), api.get(TIMES)):
        assert answer.status_code == 401
    begun = editor.post(TRACK, {"user_id": other.pk, "description": "x"}).json()["id"]
    assert [key for key, _ in spent(editor, user_id=other.pk)] == [theirs.pk, begun]
    assert editor.post(STOP, {"id": theirs.pk}).status_code == 200
    assert editor.post(TRACK, {"user_id": 10**6, "description": "x"}).status_code == 404
    assert editor.get(TIMES, {"user_id": 10**6}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"description": ""},
        {"description": "x" * 501},
        {"description": "x", "user_id": "me"},
        {"description": "x", "user_id": 10**30},
        {"description": "x", "owner": 1},
        {"description": "\0"},
    ],
)
def test_what_cannot_be_tracked_is_refused(stranger, body):
    assert stranger.post(TRACK, body).status_code == 400
    assert not Job.objects.exists()


def test_what_cannot_be_stopped_or_asked_for_is_refused(stranger):
    for body in ({}, [], {"id": "x"}, {"id": 0}, {"id": 10**30}, {"id": 1, "x": 1}):
        assert stranger.post(STOP, body).status_code == 400, body
    for query in ({"date": "16.07.2026"}, {"date": ""}, {"user_id": "x"}, {"day": "2026-07-16"}):
        assert stranger.get(TIMES, query).status_code == 400, query


def test_a_workers_job_is_not_stopped_like_an_entry(stranger):
    job = entry(user("stranger"), NOON, kind="sync")
    assert stranger.post(STOP, {"id": job.pk}).status_code == 404
