"""A site of its own for tests with real processes: a database of the kind that is tested, a folder as broker, the demo season
behind HTTP.
"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import psycopg
from django.conf import settings
from django.db import connection

from mirror.simulator import Season
from mirror.simulator.transport import Simulator

PATIENCE = 40  # seconds


class Upstream:
    """The demo season as OpenF1 would serve it; `arrivals` are the moments of the requests, by a monotonic clock."""

    def __init__(self, delay: float = 0):
        season, self.arrivals = Simulator(Season(races=1)), list[float]()
        lock, arrivals = threading.Lock(), self.arrivals

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                arrivals.append(time.monotonic())
                time.sleep(delay)
                with lock:
                    status, body = season.answer("GET", f"http://x{self.path}")
                content = msgspec.json.encode(body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with suppress(OSError):  # who asked may have been killed
                    self.wfile.write(content)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.server.shutdown()
        self.server.server_close()


class SQLiteFile:
    """A database in a file of its own, which is a copy of another where that is given."""

    def __init__(self, folder: Path, template: "SQLiteFile | str" = ""):
        self.path = folder / "db.sqlite3"
        self.url = f"sqlite:///{self.path}"
        if isinstance(template, SQLiteFile):
            shutil.copy(template.path, self.path)

    def rows(self, query: str) -> list[tuple]:
        with closing(sqlite3.connect(self.path, timeout=20)) as database:
            return database.execute(query).fetchall()

    def drop(self) -> None:
        """Its folder goes by itself."""


class PostgreSQLDatabase:
    """The same on the server that is tested."""

    def __init__(self, folder: Path, template: "PostgreSQLDatabase | str" = ""):
        told: dict[str, Any] = settings.DATABASES["default"]
        self.name = f"{told['NAME']}_{os.getpid()}_{folder.name}"[-63:]
        self.server = f"postgres://{quote(told['USER'])}:{quote(told['PASSWORD'])}@{told['HOST']}:{told['PORT'] or 5432}/"
        self.url = self.server + quote(self.name)
        self.tell(f'CREATE DATABASE "{self.name}"' + (f' TEMPLATE "{template}"' if template else ""))

    def __str__(self) -> str:
        return self.name

    def tell(self, statement: str) -> None:
        with psycopg.connect(f"{self.server}postgres", autocommit=True) as server:
            server.execute(statement.encode())

    def rows(self, query: str) -> list[tuple]:
        with psycopg.connect(self.url) as database:
            return database.execute(query.encode()).fetchall()

    def drop(self) -> None:
        self.tell(f'DROP DATABASE "{self.name}" WITH (FORCE)')


def new_database(folder: Path, template: Any = "") -> SQLiteFile | PostgreSQLDatabase:
    folder.mkdir(exist_ok=True)
    return (SQLiteFile if connection.vendor == "sqlite" else PostgreSQLDatabase)(folder, template)


def copy_of_tested(tested: Any, folder: Path) -> SQLiteFile | PostgreSQLDatabase:
    """A copy of the database that the tests use by the connection `tested`."""
    if tested.vendor == "sqlite":
        copy = SQLiteFile(folder)
        with tested.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(copy.path)])
        with closing(sqlite3.connect(copy.path)) as own:  # as `migrate` leaves it: two processes cannot both switch to it at once
            own.execute("PRAGMA journal_mode=WAL")
        copy.path.chmod(0o600)
        return copy
    tested.close()  # a database with connections is no template
    return PostgreSQLDatabase(folder, tested.settings_dict["NAME"])


class Site:
    """A database and its processes."""

    def __init__(self, folder: Path, database: SQLiteFile | PostgreSQLDatabase, **environment: str):
        self.database = database
        self.rows = database.rows
        self.processes: list[subprocess.Popen] = []
        self.log = folder / "log.txt"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPENF1_", "CELERY_"))} | {
            "DATABASE_URL": database.url,
            "MEDIA_ROOT": str(folder / "media"),
            "HEARTBEAT_TIMEOUT": "2",
            "WORKER_CONCURRENCY": "1",
            "OPENF1_REQUESTS_PER_SECOND": "0",
            "OPENF1_REQUESTS_PER_MINUTE": "0",
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
            **environment,
        }

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def begin(self, *command: str) -> subprocess.Popen:
        """A process in a group of its own."""
        with self.log.open("a") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=settings.BASE_DIR,
                env=self.environment,
                start_new_session=True,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def manage(self, *command: str) -> None:
        assert self.begin("manage.py", *command).wait(PATIENCE) == 0, self.log.read_text()

    def python(self, code: str) -> None:
        self.manage("shell", "-v0", "-c", code)

    def worker(self) -> subprocess.Popen:
        return self.begin("-m", "celery", "-A", "f1site", "-q", "worker", "--without-mingle", "--without-gossip", "-l", "WARNING")

    def add(self, kind: str, **parameters) -> None:
        self.python(f"from jobs import queue; queue.add({kind!r}, {parameters!r})")

    def wait(self, query: str, wanted) -> list[tuple]:
        """The rows of a query as soon as `wanted` says yes to them."""
        until = time.monotonic() + PATIENCE
        while not wanted(found := self.rows(query)):
            assert time.monotonic() < until, (found, self.log.read_text())
            time.sleep(0.05)
        return found

    def job(self) -> dict:
        """The first job."""
        [row] = self.rows("SELECT state, attempts, error, result FROM jobs_job WHERE job_id = 1")
        result = row[3] if isinstance(row[3], dict) else json.loads(row[3] or "null")
        return dict(zip(("state", "attempts", "error"), row, strict=False)) | {"result": result}

    def dumped(self, folder: Path) -> dict[str, bytes]:
        """Everything that is mirrored, by collection."""
        self.manage("dump", "--format", "csv", "--output", str(folder))
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*.csv*"))}
