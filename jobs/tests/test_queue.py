"""Queueing, taking up again, and what a worker does with a job, without processes."""

import logging
from datetime import datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import OperationalError
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from f1site.celery import app
from jobs import leases, queue, running, tasks
from jobs.kinds import KINDS, Kind
from jobs.models import MANUAL, Job, Lease
from jobs.progress import Failed
from mirror.models import SyncRun
from races.jobs import is_race_weekend
from races.models import Race, Session

pytestmark = pytest.mark.django_db

LATE = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def broker(settings, tmp_path):
    """A folder of this test's own."""
    folder = settings.CELERY_BROKER_FOLDER = tmp_path / "broker"
    options = {"data_folder_in": str(folder), "data_folder_out": str(folder), "control_folder": str(folder / "control")}
    before = app.conf.broker_url, app.conf.broker_transport_options
    app.conf.broker_url, app.conf.broker_transport_options = "filesystem://localhost", options
    app._after_fork()  # connections are opened anew
    yield folder
    app.conf.broker_url, app.conf.broker_transport_options = before
    app._after_fork()


def messages(folder):
    return len(list(folder.glob("*.msg")))


def kind(monkeypatch, run):
    monkeypatch.setitem(KINDS, "test", Kind(run=run, about=""))


def run_job(job) -> Job:
    running.run(job.pk)
    job.refresh_from_db()
    return job


def test_the_message_of_a_job_is_sent_when_the_transaction_commits(broker, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        job = queue.add("check_data")
        assert messages(broker) == 0
    assert messages(broker) == 1
    job.refresh_from_db()
    assert job.sent_at is not None


def test_without_a_broker_jobs_wait_and_are_sent_when_it_is_back(broker, django_capture_on_commit_callbacks):
    broker.write_text("not a folder")
    with django_capture_on_commit_callbacks(execute=True):
        job = queue.add("check_data")
    assert queue.take_up() == 0
    broker.unlink()
    assert queue.take_up() == 1
    assert queue.take_up() == 0  # it is on its way
    job.refresh_from_db()
    assert (job.state, messages(broker)) == ("queued", 1)


def test_a_lost_message_is_sent_again_soon_if_workers_are_idle(broker):
    minute_ago = timezone.now() - timedelta(minutes=1)
    Job.objects.create(kind="sync", sent_at=minute_ago)
    busy = Job.objects.create(kind="sync", state="running", heartbeat_at=timezone.now())
    assert queue.take_up() == 0
    busy.delete()
    assert queue.take_up() == messages(broker) == 1


def test_jobs_of_dead_workers_are_queued_again(broker):
    now = timezone.now()
    dead = Job.objects.create(kind="sync", state="running", heartbeat_at=now - LATE, attempts=1)
    clock_was_set_back = Job.objects.create(kind="sync", state="running", heartbeat_at=now + LATE, attempts=1)
    unwanted = Job.objects.create(kind="sync", state="running", heartbeat_at=now - LATE, cancel_requested=True)
    deadly = Job.objects.create(kind="sync", state="running", heartbeat_at=now - LATE, attempts=queue.MAX_ATTEMPTS)
    alive = Job.objects.create(kind="sync", state="running", heartbeat_at=now)
    by_hand = Job.objects.create(kind=MANUAL, state="running", started_at=now - LATE)
    assert queue.take_up() == messages(broker) == 2
    states = dict(Job.objects.values_list("pk", "state"))
    assert [states[job.pk] for job in (dead, clock_was_set_back, unwanted, deadly, alive, by_hand)] == [
        "queued",
        "queued",
        "cancelled",
        "failed",
        "running",
        "running",
    ]


def test_a_job_runs_once_however_often_its_message_is_sent(monkeypatch):
    calls = []
    kind(monkeypatch, lambda progress, job: calls.append(job.pk) or {"n": 1})
    job = Job.objects.create(kind="test")
    assert run_job(job).state == run_job(job).state == "succeeded"
    assert (calls, job.result) == ([job.pk], {"n": 1})


def test_the_log_lines_of_a_job_have_the_id_of_its_request(monkeypatch, caplog, admin_client):
    """So do those of jobs that it queues itself."""

    def work(progress, job):
        logging.getLogger("f1site").info("on the way")
        queue.add("test")

    monkeypatch.setitem(KINDS, "check_data", Kind(run=work, about=""))
    asked = admin_client.post(
        "/api/v1/jobs/", {"kind": "check_data"}, "application/json", headers={"X-Request-ID": "who-asked-for-it"}
    )
    assert (asked.status_code, asked.json()["request_id"]) == (202, "who-asked-for-it")
    formatter = logging.getLogger().handlers[0].formatter
    caplog.handler.setFormatter(formatter)
    caplog.clear()
    with caplog.at_level(logging.INFO, "f1site"):
        running.run(asked.json()["job_id"])
        assert caplog.text.count("request_id=who-asked-for-it") == 3  # it begins, what it says, how it ended
        assert Job.objects.get(kind="test").request_id == "who-asked-for-it"
        caplog.clear()
        running.run(queue.add("check_data").pk)
        assert "request_id" not in caplog.text


def test_a_failed_job_has_the_error(monkeypatch, caplog):
    kind(monkeypatch, lambda progress, job: 1 / 0)
    job = run_job(Job.objects.create(kind="test"))
    assert (job.state, job.error) == ("failed", "ZeroDivisionError: division by zero")
    assert "Traceback" in caplog.text


@pytest.mark.django_db(transaction=True)  # the worker leaves its connection, which would end the test's own transaction
def test_a_job_that_loses_the_database_is_queued_again_and_fails_when_that_goes_on(monkeypatch):
    def lose(progress, job):
        raise OperationalError("server closed the connection unexpectedly")

    kind(monkeypatch, lose)
    job = Job.objects.create(kind="test")
    for _ in range(queue.MAX_ATTEMPTS - 1):
        assert run_job(job).state == "queued"
    failed = run_job(job)
    assert (failed.state, failed.error) == ("failed", "OperationalError: server closed the connection unexpectedly")


def test_a_worker_that_was_silent_for_too_long_leaves_the_job_to_the_next(monkeypatch):
    def slow(progress, job):
        Job.objects.filter(pk=job.pk).update(attempts=2)  # another has begun it
        progress.step("too late", done=1)

    kind(monkeypatch, slow)
    job = run_job(Job.objects.create(kind="test"))
    assert (job.state, job.message, job.done) == ("running", "", 0)


@pytest.mark.parametrize(("done", "total", "said"), [(12, 40, "12 of 40 steps"), (3, None, "3 steps"), (0, None, "0 steps")])
def test_a_job_that_is_taken_up_again_says_how_much_was_done_before(monkeypatch, done, total, said):
    messages = []
    kind(monkeypatch, lambda progress, job: messages.append(job.message))
    job = queue.add("test")
    run_job(job)
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, done=done, total=total, heartbeat_at=timezone.now() - LATE)
    queue.take_up()
    run_job(job)
    assert messages == ["", f"Attempt 2; the one before had done {said}."]


def test_progress_is_stored_and_a_cancelled_job_stops(monkeypatch):
    seen = []

    def steps(progress, job):
        progress.step("first", total=3)
        progress.step("second", done=1)
        job.refresh_from_db()
        seen.append((job.done, job.total, job.message))
        queue.cancel(job)
        progress.step("third", done=1)
        seen.append("went on")

    kind(monkeypatch, steps)
    assert run_job(Job.objects.create(kind="test")).state == "cancelled"
    assert seen == [(1, 3, "second")]


@pytest.mark.parametrize(("parameters", "queued"), [({"n": 2}, 1), (None, 0)])
def test_a_job_that_follows_another_is_queued_also_after_a_failure(monkeypatch, parameters, queued):
    def fail(progress, job):
        raise Failed("one of three", result=parameters)

    kind(monkeypatch, fail)
    monkeypatch.setitem(KINDS, "next", Kind(run=fail, about="", follows=("test",), parameters_after=lambda job, result: result))
    owner = User.objects.create(username="owner")
    first = run_job(Job.objects.create(kind="test", owner=owner))
    assert (first.state, first.error, first.result) == ("failed", "one of three", parameters)
    following = Job.objects.filter(kind="next", parameters=parameters, owner=owner, description=f"after {first}")
    assert (following.count(), Job.objects.filter(kind="next").count()) == (queued, queued)


def test_old_jobs_are_deleted_and_work_logged_by_hand_stays():
    old = timezone.now() - timedelta(days=40)
    Job.objects.create(kind="sync", state="failed", ended_at=old)
    kept = [Job.objects.create(kind=MANUAL, state="succeeded", ended_at=old), Job.objects.create(kind="sync", state="queued")]
    assert queue.prune(30) == 1
    assert list(Job.objects.order_by("pk")) == kept


def test_a_dump_and_a_check_do_what_the_commands_do(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    Session.objects.create(pk=1, race=Race.objects.create(pk=1, race_name="x", year=2024), year=2024, session_name="Race")
    dumped = run_job(Job.objects.create(kind="dump", parameters={"format": "csv", "seasons": [2024]})).result
    assert (tmp_path / dumped["folder"] / "manifest.json").exists()
    assert dumped["manifest"]["collections"]["sessions"]["rows"] == 1
    checked = run_job(Job.objects.create(kind="check_data", parameters={"sessions": [1]}))
    assert (checked.state, checked.result["sessions"], checked.done, checked.total) == ("succeeded", 1, 1, 1)


# Schedules


@pytest.fixture
def schedules(db):
    """What the migration brought, once more: tests that commit empty the tables behind them."""
    import_module("jobs.migrations.0002_schedules").deliver(apps, None)


def test_the_site_comes_with_schedules_of_tasks_that_exist(schedules):
    app.loader.import_default_modules()
    found = dict(PeriodicTask.objects.values_list("name", "task"))
    assert len(found) == 4
    assert set(found.values()) == {"f1site.jobs.schedule", "f1site.jobs.prune", "f1site.jobs.take_up"} <= set(app.tasks)
    assert all(str(task.scheduler) for task in PeriodicTask.objects.all())


def test_a_schedule_does_not_pile_jobs_up():
    tasks.schedule("sync_stale")
    tasks.schedule("sync_stale")
    assert Job.objects.count() == 1
    Job.objects.update(state="succeeded")
    tasks.schedule("sync_stale")
    assert Job.objects.count() == 2


def test_the_hourly_sync_is_for_race_weekends():
    race = Race.objects.create(pk=1, race_name="x", year=2024)
    begin = datetime.fromisoformat("2024-03-02T15:00:00+00:00")
    Session.objects.create(pk=1, race=race, year=2024, session_name="Race", date_start=begin, source="openf1")
    hours = timedelta(hours=1)
    for after, wanted in ((-30, False), (-0.5, True), (2, True), (24, True), (40, False)):
        assert is_race_weekend(begin + after * hours) is wanted, after
    tasks.schedule("sync_stale", only_on_race_weekends=True)
    assert not Job.objects.exists()


# Leases


def test_a_lease_has_one_holder_until_it_ends_or_is_not_renewed():
    with leases.held("x"):
        assert leases.take("x") is None
    holder = leases.take("x")
    assert holder
    for expiry in (timezone.now() - LATE, timezone.now() + LATE):  # from so far ahead only when the clock was set back
        Lease.objects.update(expires_at=expiry)
        assert leases.take("x") not in (None, holder)
        assert leases.take("x") is None


def test_waiting_for_a_lease_ends_after_a_while():
    with leases.held("x"), pytest.raises(leases.Busy), leases.held("x", sleep=lambda seconds: None):
        pytest.fail("two held it")


def test_a_sync_run_whose_process_was_killed_is_marked_interrupted():
    dead, alive = (SyncRun.objects.create(scope={"n": n}) for n in range(2))
    with leases.held(f"run {alive.pk}"):
        queue.take_up()
    states = dict(SyncRun.objects.values_list("pk", "state"))
    assert (states[dead.pk], states[alive.pk]) == ("interrupted", "running")
    dead.refresh_from_db()
    assert dead.ended_at is not None
