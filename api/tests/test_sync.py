"""A sync over HTTP that would have to wait is left to a worker, or refused with the time to wait."""

import time

import pytest

from api import sync
from jobs import leases
from jobs.models import Job
from mirror.pace import Pace

pytestmark = pytest.mark.django_db
WORKER = "worker test"


@pytest.fixture
def full(settings, monkeypatch):
    """The pace towards OpenF1 has no room for half a minute; nobody sleeps."""
    settings.OPENF1_BASE_URL = "http://127.0.0.1:9/v1"
    pace = Pace((1, 30.0))
    pace.answered()
    monkeypatch.setattr("mirror.client.shared_pace", lambda *rules: pace)
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail(f"slept {seconds} s"))


@pytest.mark.parametrize(
    "path", ["/api/v1/laps/sync/1229/", "/api/v1/races/sync/", "/api/v1/races/1229/sync/", "/api/v1/laps/1229/"]
)
def test_without_a_worker_the_answer_is_503_with_the_time_to_wait(editor, full, path):
    answer = editor.post(path)
    assert answer.status_code == 503
    assert 25 <= int(answer["Retry-After"]) <= 30
    assert "there is no worker" in answer.json()["detail"]
    assert not Job.objects.exists()


def test_with_a_worker_it_becomes_a_job(editor, full):
    leases.take(WORKER)
    answer = editor.post("/api/v1/laps/sync/1229/")
    assert answer.status_code == 202
    job = Job.objects.get()
    assert answer["Location"] == answer.json()["url"]
    assert editor.get(answer["Location"]).json()["job_id"] == job.pk
    assert (job.kind, job.parameters) == ("sync", {"races": [1229], "collections": ["laps"], "force": True})
    assert job.owner.username == "editor"
    assert editor.post("/api/v1/races/sync/", {"season": 2024}).status_code == 202
    assert Job.objects.first().parameters == {"seasons": [2024], "collections": ["meetings"], "force": True}


def test_another_sync_of_the_same_is_not_waited_for(editor, settings, monkeypatch):
    monkeypatch.setattr(sync, "PATIENCE", 0.3)
    settings.OPENF1_BASE_URL = "http://127.0.0.1:9/v1"
    leases.take("openf1: lists")
    began = time.monotonic()
    assert editor.post("/api/v1/laps/sync/1229/").status_code == 503
    assert time.monotonic() - began < 5


def test_short_waits_are_waited_for(monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    waiting = sync.Waiting(None)
    waiting.sleep(2)
    waiting.sleep(3)
    with pytest.raises(sync.TakesLonger):
        waiting.sleep(0.1)
    assert slept == [2, 3]
