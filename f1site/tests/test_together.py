"""A sync and many readers at once, as processes on a real database: nobody is turned away.

By default for ten seconds; F1_TOGETHER_SECONDS=60 makes it a minute.
"""

import os
import re
import socket
import threading
import time
from collections import Counter

import pytest
import requests

from jobs.tests.processes import PATIENCE, Site, new_database

pytestmark = pytest.mark.django_db
SECONDS = float(os.environ.get("F1_TOGETHER_SECONDS", "10"))
READERS = 16
PATHS = ["/api/v1/laps/?page_size=500", "/api/v1/laps/?ordering=lap_duration", "/api/v1/sync-runs/", "/v1/sessions", "/readyz/"]

# Deletes what the sync brings, and brings it again: each round writes thousands of rows.
SYNC = """
import time
from mirror import simulator
from mirror.pipeline import sync
from mirror.planning import Scope
from telemetry.models import Interval, Lap, Position

until, rounds = time.monotonic() + SECONDS, 0
while not rounds or time.monotonic() < until:
    for model in (Lap, Position, Interval):
        model.objects.all().delete()
    client, scope = simulator.client(simulator.Season(races=1)), Scope(seasons=(simulator.YEAR,))
    report = sync(client=client, scope=scope, collections=["laps", "position", "intervals"], force=True)
    assert not report.errors, report.errors
    assert report.total["created"] > 4000, report.total
    rounds += 1
print("rounds:", rounds)
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def read(url, path, until, statuses):
    with requests.Session() as session:
        while time.monotonic() < until:
            statuses[path, session.get(url + path, timeout=60).status_code] += 1


def test_a_sync_and_many_readers_are_all_served(tmp_path, migrated):
    database = new_database(tmp_path, migrated)
    url = f"http://127.0.0.1:{free_port()}"
    try:
        with Site(tmp_path, database) as site:
            site.manage("load_demo", "--races", "1")
            site.begin("-m", "gunicorn", "--bind", url.removeprefix("http://"), "f1site.asgi")
            await_answer(url, site)
            script = SYNC.replace("SECONDS", str(SECONDS))
            syncing = site.begin("manage.py", "shell", "-v0", "-c", script)
            statuses, until = Counter(), time.monotonic() + SECONDS
            paths = [PATHS[number % len(PATHS)] for number in range(READERS)]
            readers = [threading.Thread(target=read, args=(url, path, until, statuses)) for path in paths]
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join()
            assert syncing.wait(PATIENCE + SECONDS) == 0, site.log.read_text()
            log = site.log.read_text()
    finally:
        database.drop()
    rounds = re.search(r"rounds: (\d+)", log)
    assert rounds, log
    print(f"{sum(statuses.values())} answers in {SECONDS:.0f} s, and {rounds[1]} syncs")  # noqa: T201 - pytest -s shows it
    assert {status for _, status in statuses} == {200}, statuses
    assert {path for path, _ in statuses} == set(PATHS)
    assert not re.search("locked|Traceback", log), log


def await_answer(url, site):
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return requests.get(f"{url}/healthz/", timeout=20)
        except requests.ConnectionError:
            assert time.monotonic() < until, site.log.read_text()
            time.sleep(0.1)
