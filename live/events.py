"""Server-sent events for viewers, in the event loop of a web process: neither a thread nor a query for each of them.

Frames are kept encoded, once, for as long as the longest delay reaches back. A viewer is a place among them: whoever reads slowly
falls behind and is dropped, and costs no more memory than the connection's own buffer.
"""

from bisect import bisect_right
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import msgspec
from django.utils import timezone

from live.frames import KEPT, MAX_DELAY, Frame, read_after
from live.hubs import Hub, Refused, Send, Stream, number_after
from live.patches import merge

PATH = "/live/events"
MAX_RESUMED = 480  # events that are sent to a viewer who was away, two minutes; instead of more of them the whole board is
WAITING = b"event: waiting\ndata: {}\n\n"


class Event(NamedTuple):
    """A frame as it is sent; `whole` where it does not need those before it."""

    number: int
    at: datetime
    update: bytes
    whole: str
    patch: str


def event_of(frame: Frame) -> Event:
    kind, data = ("update", frame.patch) if frame.patch else ("initial", frame.whole)
    update = f"id: {frame.number}\nevent: {kind}\ndata: {data}\n\n".encode()
    return Event(frame.number, frame.at, update, frame.whole, frame.patch)


class Frames(Hub):
    """The frames of the last minutes."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.numbers: list[int] = []
        self.boards: dict[int, bytes] = {}  # {number: the `initial` event as of it}, the newest few

    def last(self) -> int:
        return self.numbers[-1] if self.numbers else 0

    def load(self, number: int) -> list[Frame]:
        return read_after(number)

    def add(self, rows: list[Frame]) -> None:
        self.events += map(event_of, rows)
        self.numbers += [frame.number for frame in rows]
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
            return self.initial(end - 1)
        return b"".join(event.update for event in self.events[begin:end])

    def initial(self, place: int) -> bytes:
        """The whole board as of an event; nothing where none is known."""
        number = self.numbers[place]
        if number not in self.boards:
            base = next((at for at in range(place, -1, -1) if self.events[at].whole), None)
            if base is None:
                return b""
            board = msgspec.json.decode(self.events[base].whole)
            for event in self.events[base + 1 : place + 1]:
                board = merge(board, msgspec.json.decode(event.patch)) if event.patch else board
            self.boards[number] = b"id: %d\nevent: initial\ndata: %b\n\n" % (number, msgspec.json.encode(board))
            for old in sorted(self.boards)[:-8]:
                del self.boards[old]
        return self.boards[number]


async def serve(scope: dict[str, Any], send: Send) -> None:
    """Send events until the client closes the connection; raises Refused."""
    delay, after = parameters(scope)
    hub = Frames.here()
    hub.check_room()
    hub.join()
    try:
        stream = Stream(send)
        await stream.start()
        cursor: int | None = None
        while True:
            end, body = hub.end(delay), b""
            if end:
                if cursor is None and after in hub.numbers[:end][-MAX_RESUMED:]:
                    cursor = after
                body = hub.between(cursor, end)
                cursor = hub.numbers[end - 1]
            elif stream.loop.time() - stream.sent_at > 1:
                body = WAITING
            if not await stream.write(body):
                return
            await hub.changed.wait()
    finally:
        hub.leave()


def parameters(scope: dict[str, Any]) -> tuple[int, int | None]:
    """(delay, number of the last event that the client has); raises Refused."""
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if unknown := query.keys() - {"delay", "after"}:
        raise Refused(400, f"There is no parameter {sorted(unknown)[0]!r} here; events take delay and after.")
    delay = query.get("delay", ["0"])[0]
    if not delay.isascii() or not delay.isdigit() or int(delay) > MAX_DELAY:
        raise Refused(400, f"delay={delay!r} is not a number of seconds from 0 to {MAX_DELAY}.")
    return int(delay), number_after(scope, query)
