"""Answers of /v1 that are kept in memory, given by the server before it asks Django.

What Django answered, with the headers of all its middleware, is sent again to a request that is the same in everything that
matters, while the version of the rows is the same. Whatever else is asked, Django answers.
"""

import sqlite3
import time
from collections import OrderedDict
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection, connections
from django.db.backends.sqlite3.base import DatabaseWrapper

from api import observing, throttling
from api.openf1.answers import answers
from mirror import versions

MOST = 2_000  # answers, of which status and headers are remembered; the bodies are in `answers`
LONGEST = 1_000  # bytes of a question that is remembered
# The request headers that an answer of /v1 depends on, and those that name the client to the rate limits and logs.
DECISIVE = {b"host", b"origin", b"cookie", b"accept-encoding", b"if-none-match", b"if-modified-since", b"range"}
OF_A_REQUEST = {name.lower().encode() for name in observing.headers_of("", 0)}  # response headers
LOCAL_CACHE = "django.core.cache.backends.locmem.LocMemCache"

Key = tuple[Any, ...]
Message = dict[str, Any]


class Source(NamedTuple):
    """What the view made an answer of, which it says by the attribute `source` of its response."""

    collection: str
    sessions: set[int] | None
    version: versions.Version
    key: str  # of the body in `answers`
    day: date  # of which dates in the query may be parts
    route: str


class Kept(NamedTuple):
    source: Source
    status: int
    headers: list[tuple[bytes, bytes]]


remembered: OrderedDict[Key, Kept] = OrderedDict()


def remember(scope: Message, response: Any, start: Message) -> None:
    """Keep the status and the headers of an answer that may be given again."""
    source = getattr(response, "source", None)
    if source is None:
        return
    key = key_of(scope)
    if key is not None:
        headers = [(name, value) for name, value in start["headers"] if name not in OF_A_REQUEST]
        remembered[key] = Kept(source, start["status"], headers)
        with suppress(KeyError):  # of an empty memory, which another thread has cleared
            while len(remembered) > MOST:
                remembered.popitem(last=False)


def key_of(scope: Message) -> Key | None:
    """What two requests have in common that get the same answer; None for a request that Django is to answer."""
    if scope["method"] != "GET" or scope["path"][:4].lower() != "/v1/":
        return None
    decisive = decisive_headers()  # by WSGI's names, in which _ and - are one
    headers = [(name, value) for name, value in scope["headers"] if name.replace(b"_", b"-") in decisive]
    key = (scope["scheme"], scope["raw_path"], scope["query_string"], *headers)
    return key if len(scope["query_string"]) + sum(len(value) for _, value in headers) < LONGEST else None


@cache
def decisive_headers() -> set[bytes]:
    of_proxy = settings.SECURE_PROXY_SSL_HEADER
    return DECISIVE | ({of_proxy[0].removeprefix("HTTP_").lower().replace("_", "-").encode()} if of_proxy else set())


def find(scope: Message) -> list[Message] | None:
    """The messages of the kept answer to a request; None where Django has to answer."""
    began = time.perf_counter()
    key = key_of(scope)
    kept = remembered.get(key) if key is not None else None
    if kept is None or kept.source.day != datetime.now(UTC).date():
        return None
    body = answers.get(kept.source.key) if kept.status == 200 else None  # not modified has none
    if kept.status == 200 and body is None:
        return None
    if read_version(kept.source) != kept.source.version[:2] or is_throttled(scope):
        return None
    observing.ANSWERS.labels("kept" if body else "not modified").inc()
    request_id = observing.begin(header(scope, b"x-request-id"))
    seconds = time.perf_counter() - began
    observing.record("GET", scope["path"], kept.source.route, kept.status, seconds, lambda: None)
    structlog.contextvars.clear_contextvars()
    own = [(name.lower().encode(), value.encode()) for name, value in observing.headers_of(request_id, seconds).items()]
    start = {"type": "http.response.start", "status": kept.status, "headers": [*kept.headers, *own]}
    return [start, {"type": "http.response.body", "body": body.body if body else b""}]


def header(scope: Message, name: bytes) -> str:
    return b",".join(value for given, value in scope["headers"] if given == name).decode("latin-1")


def is_throttled(scope: Message) -> bool:
    """Count the request; beyond the limit Django says so, and where there may be a user it counts."""
    if not settings.THROTTLES["reads"]:
        return False
    if header(scope, b"authorization"):
        return True
    address = throttling.address_of(header(scope, b"x-forwarded-for"), scope["client"][0])
    return bool(throttling.count_request("reads", f"address_{address}"))


# The version of the rows


@cache
def waits_for_nothing() -> bool:
    """Whether `find` may run in the event loop: it reads a local file, and no counter of another server."""
    counts_elsewhere = settings.THROTTLES["reads"] and settings.CACHES["default"]["BACKEND"] != LOCAL_CACHE
    in_file = isinstance(connections["default"], DatabaseWrapper) and not connections["default"].is_in_memory_db()
    return in_file and not counts_elsewhere


def read_version(source: Source) -> tuple[int, int] | None:
    """The first two parts of a version, which tell of every change; None where the database does not say at once."""
    if waits_for_nothing():
        try:
            return file.read_stamps(*versions.statement(source.collection, source.sessions))
        except sqlite3.Error:
            return None
    try:
        return versions.latest(source.collection, source.sessions)[:2]
    except (DatabaseError, InterfaceError):
        return None
    finally:
        close_old_connections()


class File:
    """An SQLite file read in the event loop, where Django's connections refuse to be used. It waits for no lock."""

    def __init__(self) -> None:
        self.connection: sqlite3.Connection | None = None
        self.opened = 0.0

    def read_stamps(self, sql: str, params: list[Any]) -> tuple[int, int]:
        if self.connection is None or time.monotonic() - self.opened > settings.DATABASES["default"]["CONN_MAX_AGE"]:
            self.open()
        assert self.connection
        pieces, stamps, _ = self.connection.execute(sql.replace("%s", "?"), params).fetchone()
        return pieces, stamps

    def open(self) -> None:
        """Open the file that has the name now, as Django's connections do from time to time."""
        if self.connection:
            self.connection.close()
            self.connection = None
        name = Path(connection.settings_dict["NAME"]).resolve().as_uri()
        self.connection = sqlite3.connect(f"{name}?mode=ro", uri=True, timeout=0, isolation_level=None)
        self.opened = time.monotonic()


file = File()
