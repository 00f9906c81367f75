"""Server-sent events for viewers, in the event loop of a web process: neither a thread nor a query for each of them.

One query, four times a second while there is a viewer, brings the new frames of all. They are kept encoded, once, for as long as
the longest delay reaches back. A viewer is a place among them: whoever reads slowly falls behind and is dropped, and costs no
more memory than the connection's own buffer.
"""

import asyncio
import logging
from bisect import bisect_right
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import msgspec
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from live.frames import EVERY, KEPT, MAX_DELAY, Frame, read_after
from live.patches import merge

log = logging.getLogger(__name__)

PATH = "/live/events"
MAX_VIEWERS = 3_000  # of a process
SLOW_SECONDS = 15.0  # within which a viewer has to take what is sent
MAX_RESUMED = 480  # events that are sent to a viewer who was away, two minutes; instead of more of them the whole board is
QUIET = 15.0  # seconds after which a comment keeps the connection open
TOO_SLOW = b"event: dropped\ndata: this connection takes less than is sent\n\n"

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]


class Event(NamedTuple):
    """A frame as it is sent; `whole` where it does not need those before it."""

    number: int
    at: datetime
    update: bytes
    whole: str
    patch: str


def event_of(frame: Frame) -> Event:
    kind, data = ("update", frame.patch) if frame.patch else ("initial", frame.whole)
    return Event(
        frame.number, frame.at, f"id: {frame.number}\nevent: {kind}\ndata: {data}\n\n".encode(), frame.whole, frame.patch
    )


class Hub:
    """The frames of the last minutes, and the viewers who wait for the next."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.numbers: list[int] = []
        self.viewers = 0
        self.changed = asyncio.Event()
        self.reading: asyncio.Task[None] | None = None
        self.boards: dict[int, bytes] = {}  # {number: the `initial` event as of it}, the newest few
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="live-frames")

    def join(self) -> None:
        self.viewers += 1
        if self.reading is None or self.reading.done():
            self.reading = asyncio.create_task(self.read())

    def leave(self) -> None:
        self.viewers -= 1

    async def read(self) -> None:
        """Read frames while there are viewers."""
        loop = asyncio.get_running_loop()
        while self.viewers:
            began = loop.time()
            try:
                self.add(await loop.run_in_executor(self.thread, read_new, self.numbers[-1] if self.numbers else 0))
            except DatabaseError as error:
                log.warning("Live frames cannot be read: %s", error)
            self.changed.set()
            self.changed = asyncio.Event()
            await asyncio.sleep(max(0.02, EVERY - (loop.time() - began)))

    def add(self, frames: list[Frame]) -> None:
        self.events += map(event_of, frames)
        self.numbers += [frame.number for frame in frames]
        oldest = timezone.now() - KEPT
        gone = next((at for at, event in enumerate(self.events) if event.at >= oldest), len(self.events))
        if gone > 100:
            del self.events[:gone], self.numbers[:gone]

    def end(self, delay: int) -> int:
        """How many of the events a viewer with this delay may see."""
        if not delay:
            return len(self.events)
        return bisect_right(self.events, timezone.now() - timedelta(seconds=delay), key=lambda event: event.at)

    def between(self, cursor: int | None, end: int) -> bytes:
        """What a viewer lacks who has had the event `cursor`, up to the `end`th: events, or the whole board."""
        begin = end if cursor is None else bisect_right(self.numbers, cursor)
        if cursor is None or end - begin > MAX_RESUMED:
            return self.initial(end - 1) or b""
        return b"".join(event.update for event in self.events[begin:end])

    def initial(self, place: int) -> bytes | None:
        """The whole board as of an event; None where none is known."""
        number = self.numbers[place]
        if number not in self.boards:
            base = next((at for at in range(place, -1, -1) if self.events[at].whole), None)
            if base is None:
                return None
            board = msgspec.json.decode(self.events[base].whole)
            for event in self.events[base + 1 : place + 1]:
                board = merge(board, msgspec.json.decode(event.patch)) if event.patch else board
            self.boards[number] = b"id: %d\nevent: initial\ndata: %b\n\n" % (number, msgspec.json.encode(board))
            for old in sorted(self.boards)[:-8]:
                del self.boards[old]
        return self.boards[number]


def read_new(number: int) -> list[Frame]:
    close_old_connections()
    return read_after(number)


hubs: dict[asyncio.AbstractEventLoop, Hub] = {}  # one of each event loop: of the process, or of a test


def hub() -> Hub:
    loop = asyncio.get_running_loop()
    for ended in [each for each in hubs if each.is_closed()]:
        del hubs[ended]
    if loop not in hubs:
        hubs[loop] = Hub()
    return hubs[loop]


class Refused(Exception):
    """The request is not answered with events: (status, reason)."""


async def serve(scope: dict[str, Any], send: Send) -> None:
    """Send events until the client closes the connection."""
    try:
        delay, after = parameters(scope)
    except Refused as refused:
        await refuse(send, *refused.args)
        return
    own = hub()
    own.join()
    try:
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send_events(own, send, delay=delay, after=after)
    finally:
        own.leave()


async def refuse(send: Send, status: int, reason: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{reason}\n".encode()})


def parameters(scope: dict[str, Any]) -> tuple[int, int | None]:
    """(delay, number of the last event that the client has); raises Refused."""
    if scope["method"] != "GET":
        raise Refused(405, "Events are there for GET only.")
    if hub().viewers >= MAX_VIEWERS:
        raise Refused(503, f"{MAX_VIEWERS} viewers are connected to this process, and no more at once.")
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if unknown := query.keys() - {"delay", "after"}:
        raise Refused(400, f"There is no parameter {sorted(unknown)[0]!r} here; events take delay and after.")
    delay = query.get("delay", ["0"])[0]
    if not delay.isascii() or not delay.isdigit() or int(delay) > MAX_DELAY:
        raise Refused(400, f"delay={delay!r} is not a number of seconds from 0 to {MAX_DELAY}.")
    header = dict(scope["headers"]).get(b"last-event-id", b"").decode("latin-1")
    after = header or query.get("after", [""])[0]
    if after and not (after.isascii() and after.isdigit() and len(after) < 19):
        raise Refused(400, f"after={after!r} is not the number of an event.")
    return int(delay), int(after) if after else None


async def send_events(own: Hub, send: Send, *, delay: int, after: int | None) -> None:
    """Send what the viewer may see, from the event after `after` where that is known, else from a whole board on."""
    loop = asyncio.get_running_loop()
    cursor: int | None = None
    sent_at = loop.time()
    while True:
        end = own.end(delay)
        body = b""
        if end:
            if cursor is None and after in own.numbers[:end][-MAX_RESUMED:]:
                cursor = after
            body = own.between(cursor, end)
            cursor = own.numbers[end - 1]
        elif loop.time() - sent_at > 1:
            body = b"event: waiting\ndata: {}\n\n"
        if not body and loop.time() - sent_at > QUIET:
            body = b": nothing new\n\n"
        if body:
            began = loop.time()
            await write(send, body)
            sent_at = loop.time()
            if sent_at - began > SLOW_SECONDS:
                await write(send, TOO_SLOW, more=False)
                return
        await own.changed.wait()


async def write(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})
