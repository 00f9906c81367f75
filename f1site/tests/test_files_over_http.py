"""Whole files from a real server by ranges, as pyarrow and pandas read them; DuckDB does in `make conformance`."""

import http.client
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pandas as pd
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.db import connection

from api.tests.factories import make
from api.tests.remote import RemoteFile
from mirror.versions import touch
from pages.tests.site import free_port, wait_for
from races.models import Session
from telemetry.models import Lap

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
LAPS = 12_000
PATHS = ["/v1/laps?format=parquet", "/api/v1/laps/?format=parquet"]


@pytest.fixture
def site(tmp_path):
    """The port of a site with laps."""
    if connection.vendor != "sqlite":
        pytest.skip("copies the database by SQLite's own means")
    session = make(Session)
    laps = (
        Lap(session=session, driver_number=1 + n % 60, lap_number=1 + n // 60, lap_duration=90 + n / 8000) for n in range(LAPS)
    )
    Lap.objects.bulk_create(laps, batch_size=5_000)
    touch("laps", session.pk)
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as copy:
        connection.connection.backup(copy)
    port = free_port()
    env = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3", "DATA_ROOT": str(tmp_path), "LOG_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "gunicorn", "f1site.asgi", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=env)
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz/")
        yield port
    finally:
        process.kill()
        process.wait()


class Remote(RemoteFile):
    """A file that is read by ranges over one connection."""

    def __init__(self, port, path):
        self.connection, self.path = http.client.HTTPConnection("127.0.0.1", port, timeout=60), path
        super().__init__(int(self.ask("HEAD").headers["Content-Length"]))

    def ask(self, method, **headers):
        self.connection.request(method, self.path, headers=headers)
        answer = self.connection.getresponse()
        self.content = answer.read()
        return answer

    def fetch(self, start, stop):
        answer = self.ask("GET", Range=f"bytes={start}-{stop - 1}")
        assert (answer.status, answer.headers["Content-Range"]) == (206, f"bytes {start}-{stop - 1}/{self.size}")
        return self.content

    def close(self):
        self.connection.close()
        super().close()


def test_pyarrow_and_pandas_read_a_file_of_the_site(site):
    for path in PATHS:
        with Remote(site, path) as remote:
            file = pq.ParquetFile(remote, pre_buffer=False)
            table = file.read(columns=["lap_number"], use_threads=False)
            assert (table.num_rows, max(table["lap_number"].to_pylist())) == (LAPS, LAPS // 60)
        whole = pd.read_parquet(f"http://127.0.0.1:{site}{path}")
        assert whole["lap_duration"].max() == pytest.approx(90 + (LAPS - 1) / 8000)
