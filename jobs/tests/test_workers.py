"""Workers as processes: they are killed, stopped and share a pace, and the rows come out the same."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from jobs.tests.processes import Site, Upstream, new_database

pytestmark = pytest.mark.django_db

RACE = 900_001
STATE = "SELECT state, done FROM jobs_job WHERE job_id = 1"


@pytest.fixture
def site(tmp_path, migrated):
    """Makes sites with a database of their own, and ends their processes."""
    made = []

    def new(name: str, **environment) -> Site:
        made.append(Site(tmp_path / name, new_database(tmp_path / name, migrated), **environment))
        return made[-1]

    yield new
    for each in made:
        each.__exit__()
        each.database.drop()


def half_way(rows):
    return rows[0][0] == "running" and rows[0][1] >= 3


def test_a_sync_whose_workers_are_stopped_and_killed_ends_as_if_nothing_had_happened(site, tmp_path):
    with Upstream(delay=0.15) as upstream:
        plain = site("plain", OPENF1_BASE_URL=upstream.url)
        plain.manage("sync_openf1", "--race", str(RACE))
        broken = site("broken", OPENF1_BASE_URL=upstream.url)
        broken.add("sync", races=[RACE])

        first = broken.worker()
        broken.wait(STATE, half_way)
        first.send_signal(signal.SIGQUIT)  # what Ctrl-C on `make run` sends it
        assert first.wait(40) is not None
        assert broken.job()["state"] == "queued"
        assert broken.rows("SELECT state FROM openf1_syncrun") == [("interrupted",)]

        second = broken.worker()
        broken.wait(STATE, lambda rows: rows[0][0] == "running")
        time.sleep(0.4)
        os.killpg(second.pid, signal.SIGKILL)
        second.wait()
        assert broken.job()["state"] == broken.rows("SELECT state FROM openf1_syncrun")[0][0] == "running"

        time.sleep(2.5)  # its heartbeat runs out
        broken.worker()
        broken.wait(STATE, lambda rows: rows[0][0] not in ("queued", "running"))
        job = broken.job()
        assert (job["state"], job["attempts"], job["error"]) == ("succeeded", 3, "")
        assert job["result"]["skipped"] > 0  # what was there was not fetched again
        assert {state for (state,) in broken.rows("SELECT state FROM openf1_syncrun")} == {"done"}
        broken.wait("SELECT kind, state FROM jobs_job ORDER BY 1", lambda rows: ("check_data", "succeeded") in rows)
        assert broken.rows("SELECT count(*) FROM telemetry_sessionquality") == [(5,)]
    ours, theirs = broken.dumped(tmp_path / "ours"), plain.dumped(tmp_path / "theirs")
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert len(ours["laps.csv"]) > 10_000


def test_one_weekend_synced_by_two_processes_at_once_is_stored_once(site):
    with Upstream(delay=0.05) as upstream:
        both = site("both", OPENF1_BASE_URL=upstream.url)
        sync = ("manage.py", "sync_openf1", "laps", "stints", "pit", "position", "--race", str(RACE))
        processes = [both.begin(*sync, *options) for options in ((), ("--force",))]
        assert [process.wait(40) for process in processes] == [0, 0], both.log.read_text()
    stored = {"laps": "lap", "stints": "stint", "pit": "pit", "position": "position"}
    created = dict(both.rows("SELECT collection, sum(created) FROM openf1_syncpiece GROUP BY 1"))
    for collection, table in stored.items():
        [(count,)] = both.rows(f"SELECT count(*) FROM telemetry_{table}")  # noqa: S608 - of this test's own
        assert created[collection] == count > 0
    assert both.rows("SELECT state, unchanged > 0 FROM openf1_syncrun ORDER BY 2") == [("done", 0), ("done", 1)]


def test_processes_share_one_pace(site):
    """Nine requests each, three at once, and never more than four in any second."""
    with Upstream() as upstream:
        shared = site("shared", OPENF1_BASE_URL=upstream.url, OPENF1_REQUESTS_PER_SECOND="4", OPENF1_REQUESTS_PER_MINUTE="1000")
        ask = "from mirror.client import from_settings; c = from_settings(); [c.rows('meetings', {}) for _ in range(9)]"
        processes = [shared.begin("manage.py", "shell", "-v0", "-c", ask) for _ in range(3)]
        assert [process.wait(40) for process in processes] == [0, 0, 0], shared.log.read_text()
    arrivals = sorted(upstream.arrivals)
    assert len(arrivals) == 27
    assert min(later - earlier for earlier, later in zip(arrivals, arrivals[4:], strict=False)) >= 1
    assert arrivals[-1] - arrivals[0] < 15  # and not much slower than allowed


def test_a_running_sync_ends_at_its_next_piece_when_it_is_cancelled(site):
    with Upstream(delay=0.6) as upstream:  # slow enough that the sync is still running when the command has started
        one = site("one", OPENF1_BASE_URL=upstream.url)
        one.add("sync", races=[RACE])
        one.worker()
        one.wait(STATE, half_way)
        one.python("from jobs import queue; from jobs.models import Job; queue.cancel(Job.objects.get(pk=1))")
        one.wait(STATE, lambda rows: rows[0][0] == "cancelled")
        asked = len(upstream.arrivals)
        time.sleep(1.5)
        assert len(upstream.arrivals) == asked
        assert one.rows("SELECT state FROM openf1_syncrun") == [("interrupted",)]


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
def test_a_worker_ends_though_one_of_its_processes_was_killed(site):
    """While it waited for work, and so held the lock of the pool's queue."""
    one = site("one")
    worker = one.worker()
    one.wait("SELECT name FROM openf1_lease", bool)
    for child in Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)
    time.sleep(1)
    worker.send_signal(signal.SIGQUIT)
    assert worker.wait(30) is not None


@pytest.mark.parametrize("broker", ["amqp://guest:guest@127.0.0.1:5672//", "redis://127.0.0.1:6379/0"], ids=["rabbitmq", "redis"])
def test_jobs_go_through_a_real_broker(site, broker):
    from kombu import Connection

    try:
        with Connection(broker, connect_timeout=2, transport_options={"socket_connect_timeout": 2}) as connection:
            connection.ensure_connection(max_retries=1, timeout=3)
    except Exception as error:
        pytest.skip(f"no broker answers at {broker}: {error}")
    queue = f"test-{os.getpid()}-{time.time_ns()}"
    one = site("one", CELERY_BROKER_URL=broker, CELERY_QUEUE=queue)
    one.add("check_data")
    one.worker()
    one.wait(STATE, lambda rows: rows[0][0] == "succeeded")
    one.add("dump", format="csv")  # while the worker runs
    one.wait("SELECT state FROM jobs_job WHERE job_id = 2", lambda rows: rows == [("succeeded",)])
    one.__exit__()  # a worker would make the queue anew
    with Connection(broker) as connection:
        used = connection.SimpleQueue(queue)
        used.queue.delete()
        used.queue.exchange(connection.default_channel).delete()
