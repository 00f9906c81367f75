"""`manage.py live` as processes of its own, beside a server that plays OpenF1's side: TLS, tokens, faults, two processes."""

import asyncio
import os
import signal
import sqlite3
import ssl
import subprocess
import sys
import time
from contextlib import closing, contextmanager

import pytest
from django.conf import settings
from django.db import connection

from live.journal import read_session
from live.tests.feeding import ask_rest, listed_session, newest, recorded, woven
from mirror.feeds import registry
from mirror.storage import FileStorage
from tools.live.server import FeedServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
PATIENCE = 120


@pytest.fixture
def messages(recording):
    rest = woven(9069, 2023, **{name: recorded(name, 9069) for name in ("drivers", "race_control", "weather")})
    return sorted([*recording, *rest], key=lambda message: message.t)


@pytest.fixture
def certificate(tmp_path):
    """A certificate for localhost that signs itself."""
    options = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    subprocess.run(["openssl", *options.split(), *files], check=True, capture_output=True)  # noqa: S607 - wherever it is
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return context


@pytest.fixture
def database(tmp_path):
    """A database file with the session in the calendar and nothing else."""
    if connection.vendor != "sqlite":
        pytest.skip("copies the database by SQLite's own means")
    listed_session(9069, 2023)
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path)) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=WAL")
    return path


@pytest.fixture
def site(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "media")


@contextmanager
def receiving(database, server, *options):
    env = os.environ | server.settings | {"DATABASE_URL": f"sqlite:///{database}", "MEDIA_ROOT": str(database.parent / "media")}
    env |= {"DATA_ROOT": str(database.parent), "SSL_CERT_FILE": str(database.parent / "cert.pem")}
    env |= {"OPENF1_REQUESTS_PER_SECOND": "0", "OPENF1_REQUESTS_PER_MINUTE": "0"}
    command = [sys.executable, "manage.py", "live", "--session", "9069", *options]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=env)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def until(holds, what):
    give_up_at = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < give_up_at, what
        await asyncio.sleep(0.05)


def subscribed(server, before=()):
    """Whether somebody receives who did not before."""
    return any(filters and writer not in before for writer, filters in server.broker.subscribers.items())


def rows_in(path):
    """{table: rows} of the session's tables, without keys and times of storing."""
    rows = {}
    with closing(sqlite3.connect(path)) as copy:
        for collection, feed in registry().items():
            if not feed.lists and not isinstance(feed.storage, FileStorage):
                fields = feed.model._meta.concrete_fields
                names = [field.column for field in fields if not field.primary_key and field.name != "changed_at"]
                cursor = copy.execute(f"SELECT {', '.join(names)} FROM {feed.model._meta.db_table}")  # noqa: S608 - no input
                rows[collection] = sorted(cursor.fetchall(), key=repr)
    return rows


def query(path, sql):
    with closing(sqlite3.connect(path)) as copy:
        return copy.execute(sql).fetchall()


def test_a_broken_connection_and_a_killed_process_lose_nothing(messages, certificate, database, site, tmp_path):
    """The feed pauses while nobody receives it, so that there is nothing that could be lost."""
    third = len(messages) // 3

    def journal():
        return {(message.topic, message.payload["_id"]) for message in read_session(9069)}

    async def session():
        server = FeedServer(token_seconds=20)
        await server.start(certificate)
        with receiving(database, server, "--silence", "90", "--lease", "10") as first:
            await until(lambda: subscribed(server), "the first process does not connect")
            with receiving(database, server, "--silence", "20", "--lease", "10") as second:
                await server.send(messages[:third])
                await until(lambda: len(journal()) == third, "the first part does not arrive")
                server.broker.disconnect_all()
                await until(lambda: subscribed(server), "it does not connect again")
                await server.send(messages[third : 2 * third])
                await until(lambda: len(journal()) == 2 * third, "the second part does not arrive")
                assert query(database, "SELECT process FROM live_livestate")[0][0].endswith(f":{first.pid}")
                before = {*server.broker.subscribers}
                first.send_signal(signal.SIGKILL)
                first.wait()
                await until(lambda: subscribed(server, before), "the second process does not go on")
                await server.send(messages[2 * third :])
                await until(lambda: second.poll() is not None, "the second process does not end")
                assert second.returncode == 0
        await server.stop()

    asyncio.run(session())
    live = rows_in(database)
    assert journal() == {(message.topic, message.payload["_id"]) for message in messages}
    ask_rest(newest(messages), 9069)
    with closing(sqlite3.connect(tmp_path / "synced.sqlite3")) as copy:
        connection.connection.backup(copy)
    assert live == rows_in(tmp_path / "synced.sqlite3")
    states = query(database, "SELECT state FROM openf1_syncrun WHERE kind = 'live' ORDER BY run_id")
    assert states == [("interrupted",), ("done",)]
