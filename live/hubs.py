"""What all who read events of one kind share: a query for all of them, four times a second while there is anybody."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import DatabaseError, close_old_connections

from live.frames import EVERY

log = logging.getLogger(__name__)

MAX_READERS = 3_000  # of a process, of one kind
QUIET = 15.0  # seconds after which a comment keeps the connection open
SLOW_SECONDS = 15.0  # within which a reader has to take what is sent
TOO_SLOW = b"event: dropped\ndata: this connection takes less than is sent\n\n"
NOTHING_NEW = b": nothing new\n\n"
HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]

Send = Callable[[dict[str, Any]], Awaitable[None]]
Kind = TypeVar("Kind", bound="Hub")


class Refused(Exception):
    """The request is not answered with events: (status, reason)."""


class Hub(ABC):
    """Rows of the database that readers wait for."""

    of_loops: dict[tuple[type["Hub"], asyncio.AbstractEventLoop], "Hub"] = {}  # of the process's event loop, or of a test's

    def __init__(self) -> None:
        self.readers = 0
        self.changed = asyncio.Event()
        self.reading: asyncio.Task[None] | None = None
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="live")

    @classmethod
    def here(cls: type[Kind]) -> Kind:
        """The hub of this event loop."""
        for key in [key for key in cls.of_loops if key[1].is_closed()]:
            del cls.of_loops[key]
        hub = cls.of_loops.setdefault((cls, asyncio.get_running_loop()), cls())
        assert isinstance(hub, cls)
        return hub

    @abstractmethod
    def last(self) -> int:
        """The number of the newest row that is known."""

    @abstractmethod
    def load(self, number: int) -> list[Any]:
        """The rows after a number, from the database."""

    @abstractmethod
    def add(self, rows: list[Any]) -> None:
        """Keep new rows."""

    def join(self) -> None:
        self.readers += 1
        if self.reading is None or self.reading.done():
            self.reading = asyncio.create_task(self.keep_reading())

    def leave(self) -> None:
        self.readers -= 1

    def check_room(self) -> None:
        if self.readers >= MAX_READERS:
            raise Refused(503, f"{MAX_READERS} readers are connected to this process, and no more at once.")

    async def keep_reading(self) -> None:
        """Read rows while there are readers."""
        loop = asyncio.get_running_loop()
        while self.readers:
            began = loop.time()
            try:
                self.add(await loop.run_in_executor(self.thread, self.load_new, self.last()))
            except DatabaseError as error:
                log.warning("Live rows cannot be read: %s", error)
            self.wake()
            await asyncio.sleep(max(0.02, EVERY - (loop.time() - began)))

    def load_new(self, number: int) -> list[Any]:
        close_old_connections()
        return self.load(number)

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class Stream:
    """A connection: it is kept open, and ends when its reader is too slow."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.loop = asyncio.get_running_loop()
        self.sent_at = self.loop.time()

    async def start(self) -> None:
        await self.send({"type": "http.response.start", "status": 200, "headers": HEADERS})

    async def write(self, body: bytes) -> bool:
        """Send something, or a comment after a while of nothing; false when the reader was too slow and is dropped."""
        if not body and self.loop.time() - self.sent_at > QUIET:
            body = NOTHING_NEW
        if not body:
            return True
        began = self.loop.time()
        await self.send({"type": "http.response.body", "body": body, "more_body": True})
        self.sent_at = self.loop.time()
        if self.sent_at - began <= SLOW_SECONDS:
            return True
        await self.send({"type": "http.response.body", "body": TOO_SLOW, "more_body": False})
        return False


async def refuse(send: Send, status: int, reason: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{reason}\n".encode()})


def number_after(scope: dict[str, Any], query: dict[str, list[str]]) -> int | None:
    """The number of the last event that a client has had: in `Last-Event-ID`, or in `after`."""
    header = dict(scope["headers"]).get(b"last-event-id", b"").decode("latin-1")
    after = header or query.get("after", [""])[0]
    if after and not (after.isascii() and after.isdigit() and len(after) < 19):
        raise Refused(400, f"after={after!r} is not the number of an event.")
    return int(after) if after else None
