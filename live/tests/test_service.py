"""`manage.py live` as processes of its own, beside a server that plays OpenF1's side: TLS, tokens, faults, two processes."""

import asyncio
import gc
import json
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
import warnings
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import AsyncMock, Mock

import psycopg
import pytest
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, connections

from jobs import leases
from live.connection import Connection, cancel
from live.engine import Engine
from live.intake import Piece
from live.journal import read_session
from live.service import LEASE, SILENT, STANDBY, Service
from live.tests.feeding import ask_rest, listed_session, newest, recorded, woven
from mirror.client import Token
from mirror.feeds import registry
from mirror.models import Source, SyncRun
from mirror.storage import FileStorage
from tools.live.broker import Broker
from tools.live.server import FeedServer

pytestmark = pytest.mark.django_db(transaction=True)
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
def database_url(request, tmp_path):
    """The database that is tested, for processes: a file with the session, or the test's own database of PostgreSQL."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{request.getfixturevalue('database')}"
        return
    listed_session(9069, 2023)
    own = connection.settings_dict
    yield f"postgres://{own['USER']}:{own['PASSWORD']}@{own['HOST']}:{own['PORT']}/{own['NAME']}"
    with connection.cursor() as cursor:  # the server notices a little later that a killed process is gone
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", [own["NAME"]]
        )


@pytest.fixture
def site(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "media")


@contextmanager
def receiving(url, server, *options):
    Path(settings.MEDIA_ROOT).mkdir(parents=True, exist_ok=True)
    env = os.environ | server.settings | {"DATABASE_URL": url}
    env |= {"MEDIA_ROOT": settings.MEDIA_ROOT, "DATA_ROOT": str(Path(settings.MEDIA_ROOT).parent)}
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


def query(url, sql):
    if not url.startswith("sqlite"):
        with psycopg.connect(url) as own:
            return own.execute(sql).fetchall()
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as copy:
        return copy.execute(sql).fetchall()


@pytest.mark.once
def test_a_broken_connection_and_a_killed_process_lose_nothing(
    messages, certificate, database, database_url, site, tmp_path, monkeypatch
):
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
        with receiving(database_url, server, "--silence", "90", "--lease", "4") as first:
            await until(lambda: subscribed(server), "the first process does not connect")
            with receiving(database_url, server, "--silence", "10", "--lease", "4") as second:
                await server.send(messages[:third])
                await until(lambda: len(journal()) == third, "the first part does not arrive")
                server.broker.disconnect_all()
                await until(lambda: subscribed(server), "it does not connect again")
                await server.send(messages[third : 2 * third])
                await until(lambda: len(journal()) == 2 * third, "the second part does not arrive")
                assert query(database_url, "SELECT process FROM live_livestate")[0][0].endswith(f":{first.pid}")
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
    states = query(database_url, "SELECT state FROM openf1_syncrun WHERE kind = 'live' ORDER BY run_id")
    assert states == [("interrupted",), ("done",)]


@pytest.mark.once
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_takes_seconds_also_while_rest_does_not_answer(database_url, site, number):
    """It waited for the sync that it had begun: a minute for each of eight attempts."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts connections, and no more
        server = SimpleNamespace(settings={"OPENF1_BASE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/v1"})
        server.settings |= {"OPENF1_MQTT_URL": "mqtt://127.0.0.1:1", "OPENF1_USERNAME": "u", "OPENF1_PASSWORD": "p"}

        async def stop():
            with receiving(database_url, server) as process:
                await until(lambda: query(database_url, "SELECT process FROM live_livestate"), "it does not begin")
                process.send_signal(number)
                assert process.wait(15) == 128 + number

        asyncio.run(stop())
    assert query(database_url, "SELECT state FROM openf1_syncrun WHERE kind = 'live'") == [("interrupted",)]
    assert not query(database_url, "SELECT name FROM openf1_lease WHERE name = 'live session'")


async def kill_the_process_that_works(url, messages):
    """(when it was killed, the hole that the other one has named); messages come all the time, so that some are lost."""
    server = FeedServer()
    await server.start()
    with receiving(url, server) as first, receiving(url, server) as second:
        await until(lambda: subscribed(server), "the first process does not connect")
        sending = asyncio.create_task(server.play(messages, speed=30))
        await until(lambda: any(read_session(9069)), "nothing is received")
        (works,) = query(url, "SELECT process FROM live_livestate")[0]
        gone, left = (first, second) if works.endswith(f":{first.pid}") else (second, first)
        gone.send_signal(signal.SIGKILL)
        killed_at = datetime.now(UTC)
        gone.wait()
        await until(lambda: holes_of(url, left), "the other process does not go on")
        await cancel(sending)
    await server.stop()
    (hole,) = holes_of(url, left)
    return killed_at, hole


def holes_of(url, process):
    """The holes that a process has reported; [] while it has not."""
    rows = query(url, "SELECT process, CAST(holes AS text) FROM live_livestate")
    return json.loads(rows[0][1]) if rows and rows[0][0].endswith(f":{process.pid}") else []


def test_when_a_process_is_killed_the_other_goes_on_within_five_seconds_and_names_the_hole(
    messages, database_url, settings, tmp_path
):
    for attempt in range(3):  # a machine that is busy with other tests may be late, but not always
        settings.MEDIA_ROOT = str(tmp_path / f"attempt_{attempt}" / "media")
        killed_at, hole = asyncio.run(kill_the_process_that_works(database_url, messages[500:]))
        since, to = datetime.fromisoformat(hole["from"]), datetime.fromisoformat(hole["to"])
        assert since <= killed_at < to
        assert hole["why"] == "the process before this one ended"
        if to <= killed_at + timedelta(seconds=5):
            return
    pytest.fail(f"it took {(to - killed_at).total_seconds():.1f} s")


@pytest.mark.parametrize("renewed", [False, True])
def test_a_lease_that_has_run_out_is_taken_only_where_its_holder_does_not_renew_it_soon(renewed):
    """When the whole machine stood still, whoever woke up first had it, and the session changed hands for nothing."""
    service = Service(connect=lambda: None, client=None, source=Source.OPENF1)
    holder = leases.take(LEASE, seconds=-1)

    async def wake_up():
        taking = asyncio.create_task(service.take_lease())
        await asyncio.sleep(STANDBY / 2)
        if renewed:
            assert await service.call(leases.renew, LEASE, holder, seconds=60)
        taken = await taking
        await service.call(connections.close_all)
        return taken

    assert (asyncio.run(wake_up()) is None) == renewed


@pytest.mark.once
def test_a_process_that_takes_over_late_waits_for_messages_before_it_says_that_the_session_is_over():
    service = Service(connect=lambda: None, client=None, source=Source.OPENF1, session_id=9069)
    began = datetime(2023, 4, 29, 14, tzinfo=UTC)
    connection = SimpleNamespace(last_at=began - timedelta(hours=1))
    engine = SimpleNamespace(began=began)
    assert not service.is_over(engine, connection, began + SILENT / 2)
    assert service.is_over(engine, connection, began + 2 * SILENT)


@pytest.mark.once
@pytest.mark.parametrize(("near", "answers"), [(None, [None, None, "run"]), ("next", [None])])
def test_a_session_is_synced_when_rest_is_open_again_unless_the_next_one_is_near(monkeypatch, near, answers):
    """It was asked once, at the end of the session, when it may still be closed."""
    compared = Mock()
    service = Service(connect=lambda: None, client=Mock(), source=Source.OPENF1, after=compared)
    service.sync = Mock(side_effect=answers)
    monkeypatch.setattr("live.service.session_near", lambda now: near)
    monkeypatch.setattr("live.service.RETRY", 0.0)
    engine = Mock()
    asyncio.run(service.reconcile(engine))
    assert service.sync.call_count == len(answers)
    compared.assert_called_once_with(engine, answers[-1])


@pytest.mark.once
@pytest.mark.parametrize("turns", range(5))
def test_the_server_of_these_tests_closes_a_connection_that_has_only_just_begun(turns):
    """A process that is killed while it connects: on a busy machine its task was cancelled before it had begun."""

    async def connect_and_stop():
        server = FeedServer()
        await server.start()
        asked = [socket.create_connection(("127.0.0.1", port)) for port in (server.http_port, server.broker.port)]
        for _ in range(turns):  # of the loop
            await asyncio.sleep(0)
        await asyncio.wait_for(server.stop(), 10)
        for each in asked:
            each.settimeout(10)
            with suppress(ConnectionResetError):
                assert each.recv(1) == b""
            each.close()

    asyncio.run(connect_and_stop())
    gc.collect()  # what is not closed warns


@pytest.mark.once
def test_the_server_of_these_tests_goes_on_when_a_subscriber_is_gone():
    """Until the end of its connection is noticed: to send to a process that had just been killed ended the whole feed."""

    async def send():
        broker = Broker()
        gone = AsyncMock(drain=AsyncMock(side_effect=ConnectionResetError), write=Mock())
        there = AsyncMock(write=Mock())
        broker.subscribers = {gone: ["v1/#"], there: ["v1/#"]}
        await broker.publish("v1/laps", b"{}")
        await broker.drain()
        return there.write.called and there.drain.called

    assert asyncio.run(send())


async def receive_with_a_database_that_fails(messages, monkeypatch, failures):
    """Messages come while statements fail: when the process begins, and those that write rows."""
    server, store, open_run, left = FeedServer(), Piece.store, Engine.open_run, [*failures]
    await server.start()

    def fail(piece, **options):
        if left:
            raise left.pop()
        return store(piece, **options)

    def fail_once(engine):
        monkeypatch.setattr(Engine, "open_run", open_run)
        raise failures[0]

    monkeypatch.setattr(Piece, "store", fail)
    monkeypatch.setattr(Engine, "open_run", fail_once)
    url = f"mqtt://localhost:{server.broker.port}"
    server.tokens["token"] = time.monotonic() + 60
    service = Service(
        connect=lambda: Connection(url=url, username="team", log_in=lambda: Token("token", 3600)),
        client=None,
        source=Source.OPENF1,
        session_id=9069,
        silent=timedelta(seconds=4),
    )
    running = asyncio.create_task(service.run())
    await until(lambda: subscribed(server), "it does not connect")
    await server.send(messages)
    await asyncio.wait_for(running, PATIENCE)
    await service.call(connections.close_all)
    await server.stop()


@pytest.mark.parametrize("error", [OperationalError("database or disk is full"), InterfaceError("connection already closed")])
def test_a_database_that_fails_for_a_while_costs_nothing(messages, settings, tmp_path, monkeypatch, error):
    """It ended the process: on a full disk at each start again."""
    settings.MEDIA_ROOT = str(tmp_path)
    monkeypatch.setattr("live.service.TRY_AGAIN", 0.1)
    session = listed_session(9069, 2023)
    weather = [message for message in messages if message.collection == "weather"]
    asyncio.run(receive_with_a_database_that_fails(weather, monkeypatch, [error] * 5))
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):  # connections of threads that have ended
        gc.collect()
    assert session.weather.count() == len(weather)
    assert SyncRun.objects.get(kind=SyncRun.Kind.LIVE).state == SyncRun.State.DONE
    assert not leases.is_held(LEASE)


def test_rows_that_were_taken_when_the_database_failed_are_shown_when_it_answers_again(messages, monkeypatch):
    session = listed_session(9069, 2023)
    engine = Engine(session, source=Source.OPENF1, now=datetime(2023, 4, 29, 14, tzinfo=UTC))
    laps = [message for message in messages if message.collection == "laps"]
    with monkeypatch.context() as patched:
        patched.setattr("live.engine.overlay.corrections_in_scope", Mock(side_effect=OperationalError))
        with pytest.raises(OperationalError):
            engine.receive(laps)
    engine.receive(laps)
    assert len(engine.picture.laps[1]) == 18
