"""Answers of /v1 that the server gives again without Django: the same as Django's, and none after a change."""

import asyncio
import gzip
import json
import logging
import queue
import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.db import connections

from api.logins.models import Token
from api.openf1 import before_django
from api.openf1 import rows as v1_rows
from api.openf1.answers import answers, find, keep_streamed
from f1site import asgi
from mirror import editing, versions
from mirror.models import PieceVersion
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.tests.upstream import Rows, client
from telemetry.models import Lap

pytestmark = pytest.mark.django_db

LAPS = "/v1/laps?session_key=10"
START = {"meeting_key": 1, "date_start": "2023-03-03T11:30:00+00:00", "year": 2023}
CHANGING = {"x-request-id", "x-process-time", "server-timing"}


@pytest.fixture
def upstream():
    """A weekend with two sessions and thirty laps in each."""
    lap = {"meeting_key": 1, "driver_number": 4, "lap_duration": 90.0}
    return Rows(
        meetings=[{"meeting_name": "Somewhere Grand Prix"} | START],
        sessions=[{"session_key": key, "session_name": name} | START for key, name in ((10, "Sprint"), (11, "Race"))],
        laps=[lap | {"session_key": key, "lap_number": number} for key in (10, 11) for number in range(1, 31)],
    )


def sync_all(upstream):
    scope = Scope(seasons=(2023,))
    assert not sync(client=client(upstream), scope=scope, collections=["meetings", "sessions", "laps"], force=True).errors


def settle():
    PieceVersion.objects.update(changed_at=datetime.now(UTC) - timedelta(minutes=1))


@pytest.fixture
def rows(upstream):
    sync_all(upstream)
    settle()


@pytest.fixture
def ask(monkeypatch, rows):
    """Ask the server; the answer says whether it is `by_django`. What the server gives to a thread runs in the test's."""
    work = queue.Queue()
    monkeypatch.setattr(asgi, "threads", SimpleNamespace(submit=lambda make, *arguments: work.put(partial(make, *arguments))))
    # The rows are in a transaction of the test's, so its connection stays open.
    monkeypatch.setattr(connections["default"], "close_if_unusable_or_obsolete", lambda: None)
    before_django.remembered.clear()
    answers.clear()
    before_django.waits_for_nothing.cache_clear()
    before_django.decisive_headers.cache_clear()
    asked = []
    django = asgi.django
    monkeypatch.setattr(asgi, "django", lambda environ, start: asked.append(environ) or django(environ, start))

    def request(target, method="GET", **headers):
        headers = {"host": "localhost"} | {name.replace("_", "-"): value for name, value in headers.items()}
        path, _, query = target.partition("?")
        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode()}
        scope |= {"http_version": "1.1", "scheme": "http", "server": ("localhost", 80), "client": ("192.0.2.7", 4000)}
        scope["headers"] = [(name.encode(), value.encode()) for name, value in headers.items()]
        sent, before = [], len(asked)

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        async def run():
            asgi.running = asyncio.Semaphore(asgi.RUNNING)
            await asgi.application(scope, receive, send)

        def serve():
            asyncio.run(run())
            work.put(None)

        server = threading.Thread(target=serve)
        server.start()
        while step := work.get(timeout=60):
            step()
        server.join()
        start, *parts = sent
        told = {name.decode(): value.decode() for name, value in start["headers"]}
        assert len(told) == len(start["headers"])
        body = b"".join(part["body"] for part in parts)
        return SimpleNamespace(status=start["status"], headers=told, body=body, by_django=len(asked) > before)

    return request


def same(answer):
    return answer.status, answer.body, {name: value for name, value in answer.headers.items() if name not in CHANGING}


@pytest.mark.parametrize(
    "headers",
    [{}, {"accept_encoding": "gzip"}, {"origin": "https://example.org"}, {"cookie": "a=1", "origin": "https://example.org"}],
)
@pytest.mark.parametrize("target", [LAPS, f"{LAPS}&csv=true", "/V1/Laps?session_key=10", "/v1/laps", "/v1/sessions?year=2023"])
def test_a_kept_answer_is_that_of_django(ask, target, headers):
    first, again = ask(target, **headers), ask(target, **headers)
    assert (first.by_django, again.by_django) == (True, False)
    assert same(again) == same(first)
    assert first.status == 200
    assert again.headers.keys() == first.headers.keys()
    answers.clear()
    before_django.remembered.clear()
    assert same(ask(target, **headers)) == same(first)


@pytest.mark.parametrize("name", ["if_none_match", "if_modified_since"])
def test_not_modified_is_that_of_django_until_a_change(ask, name):
    validator = ask(LAPS).headers[{"if_none_match": "etag", "if_modified_since": "last-modified"}[name]]
    first, again = (ask(LAPS, **{name: validator}) for _ in range(2))
    assert (first.status, first.by_django, again.by_django) == (304, True, False)
    assert same(again) == same(first)
    versions.touch("laps", 10)
    assert ask(LAPS, **{name: validator}).by_django


def test_each_request_has_an_id_a_line_and_is_counted(ask, caplog, settings):
    settings.METRICS = True
    ask(LAPS)
    before = before_django.observing.REQUESTS.labels("GET", r"^[vV]1/(?P<name>\w+)$", 200)._value.get()
    with caplog.at_level(logging.INFO, "f1site.requests"):
        answer = ask(LAPS, x_request_id="mine-1234")
    assert not answer.by_django
    assert answer.headers["x-request-id"] == "mine-1234"
    assert ask(LAPS).headers["x-request-id"] != ask(LAPS).headers["x-request-id"]
    _, line, *_ = [record for record in caplog.records if record.name == "f1site.requests"]
    assert (line.method, line.path, line.status, line.route) == ("GET", "/v1/laps", 200, r"^[vV]1/(?P<name>\w+)$")
    assert before_django.observing.REQUESTS.labels("GET", r"^[vV]1/(?P<name>\w+)$", 200)._value.get() == before + 3


def test_kept_answers_count_against_the_rate_limit(ask, settings):
    settings.THROTTLES = settings.THROTTLES | {"reads": "3/d"}
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "kept"}}
    assert [(one.status, one.by_django) for one in (ask(LAPS) for _ in range(4))] == [
        (200, True),
        (200, False),
        (200, False),
        (429, True),
    ]


def test_who_sends_a_token_is_counted_as_a_user(ask, settings):
    _, key = Token.issue(User.objects.create_user("reader"))
    settings.THROTTLES = settings.THROTTLES | {"reads": "2/d"}
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "counted"}}
    assert [ask(LAPS).status for _ in range(3)] == [200, 200, 429]
    assert [ask(LAPS, authorization=f"Bearer {key}").status for _ in range(3)] == [200, 200, 429]


def by_sync(upstream, editor):
    upstream.rows["laps"][0]["lap_duration"] = 80.5
    sync_all(upstream)


def by_rest(upstream, editor):
    lap = Lap.objects.get(session_id=10, lap_number=1)
    assert editor.patch(f"/api/v1/laps/{lap.pk}/", {"lap_duration": 80.5}).status_code == 200


def by_admin(upstream, editor):
    lap = Lap.objects.get(session_id=10, lap_number=1)
    lap.lap_duration = 80.5
    editing.edit(lap, user=User.objects.get(username="editor"))


@pytest.mark.parametrize("change", [by_sync, by_rest, by_admin])
@pytest.mark.parametrize("target", [LAPS, "/v1/laps?lap_number=1", f"{LAPS}&csv=true"])
def test_no_kept_answer_outlives_a_change(ask, upstream, editor, change, target):
    ask(target)
    assert not ask(target).by_django
    change(upstream, editor)
    changed = ask(target)
    assert changed.by_django
    assert b"80.5" in changed.body


@pytest.fixture
def streamed(monkeypatch):
    """Answers of more than one row are streamed."""
    monkeypatch.setattr(v1_rows, "CHUNK", 1)


@pytest.mark.parametrize("headers", [{}, {"accept_encoding": "gzip"}])
def test_a_streamed_answer_is_kept_gzipped_and_is_the_same_to_all(ask, streamed, headers):
    first = ask(LAPS)
    for _ in range(3):
        ask(LAPS, **headers)
    assert [kept.gzipped for kept, _ in answers._values.values()] == [True]
    Lap.objects.filter(session_id=10).update(lap_duration=1)  # unseen, as nothing tells of it: what is kept is given
    assert ask(LAPS).body == gzip.decompress(ask(LAPS, accept_encoding="gzip").body) == first.body
    assert not ask(LAPS, accept_encoding="gzip").by_django
    assert ask(LAPS).headers.keys() == first.headers.keys()


def test_an_answer_in_one_piece_that_is_too_large_is_kept_gzipped(ask, monkeypatch):
    monkeypatch.setattr("api.openf1.answers.MAX_ANSWER_BYTES", 2_000)
    monkeypatch.setattr(answers, "_largest", 2_000)
    first, _ = ask(LAPS), ask(LAPS)
    Lap.objects.filter(session_id=10).update(lap_duration=1)  # unseen, as nothing tells of it
    assert len(first.body) > 2_000
    assert ask(LAPS).body == gzip.decompress(ask(LAPS, accept_encoding="gzip").body) == first.body


@pytest.mark.parametrize("change", [by_sync, by_rest, by_admin])
@pytest.mark.parametrize("headers", [{}, {"accept_encoding": "gzip"}])
def test_no_kept_streamed_answer_outlives_a_change(ask, streamed, upstream, editor, change, headers):
    for _ in range(3):
        before = ask(LAPS, **headers)
    assert answers._values
    change(upstream, editor)
    changed = ask(LAPS, **headers)
    assert changed.headers["etag"] != before.headers["etag"]
    assert b"80.5" in (gzip.decompress(changed.body) if headers else changed.body)


def test_a_streamed_answer_of_which_not_all_was_taken_is_not_kept():
    for _ in range(2):
        parts = keep_streamed(iter([b"a", b"b"]), "of two parts", gzip=False)
        assert next(parts) == b"a"
        parts.close()
    assert find("of two parts", gzip=False) is None


def test_a_streamed_answer_that_is_too_large_is_not_kept(monkeypatch):
    monkeypatch.setattr("api.openf1.answers.MAX_ANSWER_BYTES", 3)
    assert [*keep_streamed(iter([b"ab", b"cd"]), "of four bytes", gzip=True)] == [b"ab", b"cd"]
    assert find("of four bytes", gzip=True) is None


def test_a_change_of_another_session_leaves_the_kept_answer(ask):
    ask(LAPS)
    versions.touch("laps", 11)
    assert not ask(LAPS).by_django


@pytest.mark.parametrize(
    "target",
    ["/v1/laps?session_key=latest", "/v1/laps?session_key=%6Catest", f"{LAPS}&raw=true", "/v1/laps?lap_number=99", "/v1/nosuch"],
)
def test_what_may_be_another_answer_the_next_moment_is_asked_of_django(ask, target):
    assert ask(target).by_django
    assert ask(target).by_django


def test_a_date_of_which_parts_are_missing_is_asked_of_django_the_next_day(ask):
    target = "/v1/sessions?date_start<=Dec"
    assert ask(target).status == 200
    assert not ask(target).by_django
    for key, kept in before_django.remembered.items():
        before_django.remembered[key] = kept._replace(source=kept.source._replace(day=kept.source.day - timedelta(days=1)))
    assert ask(target).by_django


def test_what_has_just_changed_is_not_kept_as_its_last_modified_is_not_told_yet(ask):
    versions.touch("laps", 10)
    first = ask(LAPS)
    assert "last-modified" not in first.headers
    assert ask(LAPS).by_django


@pytest.mark.parametrize(
    "other",
    [
        {"host": "127.0.0.1"},
        {"accept_encoding": "gzip"},
        {"origin": "https://example.org"},
        {"cookie": "a=1"},
        {"if_none_match": '"x"'},
        {"method": "POST"},
    ],
)
def test_a_request_that_differs_in_what_matters_is_asked_of_django(ask, other):
    ask(LAPS)
    assert ask(LAPS, **other).by_django


def test_a_header_with_an_underscore_cannot_pass_for_another_request(ask):
    before_django.remembered.clear()
    scope = {"method": "GET", "path": "/v1/laps", "scheme": "http", "raw_path": b"/v1/laps", "query_string": b""}
    keys = {before_django.key_of(scope | {"headers": headers}) for headers in ([], [(b"accept_encoding", b"gzip")])}
    assert len(keys) == 2


def test_with_tls_who_comes_without_it_is_redirected_as_before(ask, settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    before_django.decisive_headers.cache_clear()
    ask(LAPS, x_forwarded_proto="https")
    assert not ask(LAPS, x_forwarded_proto="https").by_django
    assert ask(LAPS, x_forwarded_proto="http").by_django


def test_memory_of_questions_is_bounded(ask, monkeypatch):
    monkeypatch.setattr(before_django, "MOST", 3)
    for number in range(6):
        ask(f"{LAPS}&limit={number + 1}")
    assert len(before_django.remembered) == 3
    ask(f"{LAPS}&limit={'0' * 14}1")
    assert not ask(f"{LAPS}&limit={'0' * 14}1").by_django
    long = f"{LAPS}&{'&'.join(['driver_number=4'] * 80)}"
    assert ask(long).status == 200
    assert ask(long).by_django


def test_the_database_away_leaves_it_to_django(ask, monkeypatch):
    ask(LAPS)
    monkeypatch.setattr(before_django, "read_version", lambda source: None)
    answer = ask(LAPS)
    assert (answer.status, answer.by_django) == (200, True)


@pytest.fixture
def file(tmp_path, monkeypatch):
    """An SQLite database of another process, read as the event loop reads it."""
    path = tmp_path / "some where.sqlite3"
    monkeypatch.setitem(before_django.connection.settings_dict, "NAME", str(path))
    return path


def make(path, stamp):
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE openf1_pieceversion (collection TEXT, session_id INTEGER, stamp INTEGER, changed_at TEXT)")
        database.execute("INSERT INTO openf1_pieceversion VALUES ('laps', 10, ?, '')", [stamp])
    return database


def test_the_event_loop_reads_what_another_process_has_written(file):
    reader, question = before_django.File(), versions.statement("laps", {10})
    database = make(file, 5)
    assert reader.read_stamps(*question) == (1, 5)
    database.execute("UPDATE openf1_pieceversion SET stamp = 6")
    assert reader.read_stamps(*question) == (1, 5)  # not committed
    database.commit()
    assert reader.read_stamps(*question) == (1, 6)
    with pytest.raises(sqlite3.OperationalError):
        reader.connection.execute("DELETE FROM openf1_pieceversion")


def test_the_event_loop_does_not_wait_for_a_lock(file):
    reader, question = before_django.File(), versions.statement("laps", {10})
    database = make(file, 5)
    database.execute("PRAGMA journal_mode=DELETE")
    database.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        reader.read_stamps(*question)
    assert time.monotonic() - began < 1


def test_a_file_that_was_replaced_is_opened_anew(file, settings, monkeypatch):
    reader, question = before_django.File(), versions.statement("laps", {10})
    make(file, 5).close()
    assert reader.read_stamps(*question) == (1, 5)
    for each in file.parent.glob("*"):
        each.unlink()
    make(file, 7).close()
    monkeypatch.setattr(before_django.time, "monotonic", lambda: reader.opened + 10_000)
    assert reader.read_stamps(*question) == (1, 7)


def test_a_flush_leaves_no_answer(ask):
    ask(LAPS)
    versions.PieceVersion.objects.all().delete()
    Lap.objects.all().delete()
    assert ask(LAPS).status == 404
    assert json.loads(ask(LAPS).body)["detail"]
