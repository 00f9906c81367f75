"""`manage.py live` as processes of its own, beside a server that plays OpenF1's side: TLS, tokens, faults, two processes."""

import asyncio
import json
import os
import signal
import sqlite3
import ssl
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection

from live.connection import cancel
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
    env |= {"DATA_ROOT": str(database.parent)}
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


def test_a_broken_connection_and_a_killed_process_lose_nothing(messages, certificate, database, site, tmp_path, monkeypatch):
    """The feed pauses while nobody receives it, so that there is nothing that could be lost."""
    third = len(messages) // 3
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))

    def journal():
        return {(message.topic, message.payload["_id"]) for message in read_session(9069)}

    async def session():
        server = FeedServer(token_seconds=20)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*certificate)
        await server.start(tls)
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


def test_when_a_process_is_killed_the_other_goes_on_within_five_seconds_and_names_the_hole(messages, database, site):
    """Messages come all the time, so that those between the two processes are lost."""

    async def session():
        server = FeedServer()
        await server.start()
        with receiving(database, server) as first, receiving(database, server) as second:
            await until(lambda: subscribed(server), "the first process does not connect")
            sending = asyncio.create_task(server.play(messages[500:], speed=30))
            await until(lambda: any(read_session(9069)), "nothing is received")
            (works,) = query(database, "SELECT process FROM live_livestate")[0]
            gone, left = (first, second) if works.endswith(f":{first.pid}") else (second, first)
            gone.send_signal(signal.SIGKILL)
            killed_at = datetime.now(UTC)
            gone.wait()
            await until(lambda: left_has_a_hole(left), "the other process does not go on")
            await cancel(sending)
        await server.stop()
        return killed_at

    def left_has_a_hole(left):
        rows = query(database, "SELECT process, holes FROM live_livestate")
        return rows[0][0].endswith(f":{left.pid}") and rows[0][1] != "[]"

    killed_at = asyncio.run(session())
    (hole,) = json.loads(query(database, "SELECT holes FROM live_livestate")[0][0])
    since, to = datetime.fromisoformat(hole["from"]), datetime.fromisoformat(hole["to"])
    assert since <= killed_at < to <= killed_at + timedelta(seconds=5)
    assert hole["why"] == "the process before this one ended"
