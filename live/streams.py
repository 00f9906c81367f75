"""`/v1/<collection>/stream`: the messages of the feed as server-sent events, for programs without MQTT."""

import re
from bisect import bisect_right
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import msgspec

from live.hubs import Hub, Refused, Send, Stream, number_after
from live.messages import TOPIC, Message
from live.models import LiveBatch
from mirror.feeds import registry

PATH = re.compile(r"/v1/([a-z_]+)/stream/?")
KEPT = timedelta(minutes=2)
PRUNED_EVERY = 40  # batches
HELD = 480  # batches that a process holds for those who come back


class BatchWriter:
    """Stores the messages of each tick for the web processes."""

    def __init__(self) -> None:
        self.written = 0

    def write(self, messages: list[Message], at: datetime) -> None:
        rows = [[message.topic, message.payload] for message in messages if isinstance(message.payload, dict)]
        if not rows:
            return
        LiveBatch.objects.create(at=at, messages=msgspec.json.encode(rows).decode())
        self.written += 1
        if self.written % PRUNED_EVERY == 0:
            LiveBatch.objects.filter(at__lt=at - KEPT).delete()


def events_by_collection(number: int, messages: str) -> dict[str, bytes]:
    """{collection: the rows of a batch as events}"""
    bodies: dict[str, list[bytes]] = {}
    rows: list[tuple[str, dict[str, Any]]] = msgspec.json.decode(messages)
    for topic, row in rows:
        event = b"id: %d\ndata: %b\n\n" % (number, msgspec.json.encode(row))
        bodies.setdefault(topic.removeprefix(TOPIC), []).append(event)
    return {collection: b"".join(events) for collection, events in bodies.items()}


class Batches(Hub):
    """The batches of the last two minutes, as events."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[tuple[int, dict[str, bytes]]] = []

    def last(self) -> int:
        return self.batches[-1][0] if self.batches else 0

    def load(self, number: int) -> list[tuple[int, str]]:
        rows = LiveBatch.objects.filter(number__gt=number).order_by("number")
        return list(rows.values_list("number", "messages"))

    def add(self, rows: list[tuple[int, str]]) -> None:
        self.batches += [(number, events_by_collection(number, messages)) for number, messages in rows]
        del self.batches[:-HELD]

    def after(self, number: int, collection: str) -> bytes:
        """The events of a collection after a batch."""
        begin = bisect_right(self.batches, number, key=lambda batch: batch[0])
        return b"".join(events.get(collection, b"") for _, events in self.batches[begin:])


async def serve(scope: dict[str, Any], send: Send) -> None:
    """Send the messages of a collection from now on, or from a known one on; raises Refused."""
    found = PATH.fullmatch(scope["path"])
    collection = found[1] if found else ""
    if collection not in registry():
        raise Refused(404, f"There is no collection {collection!r}; there are: {', '.join(registry())}.")
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if unknown := query.keys() - {"after"}:
        raise Refused(400, f"There is no parameter {sorted(unknown)[0]!r} here; a stream takes after.")
    after = number_after(scope, query)
    hub = Batches.here()
    hub.check_room()
    hub.join()
    try:
        stream = Stream(send)
        await stream.start()
        await hub.changed.wait()  # by then what is stored has been read
        cursor = hub.last() if after is None else after
        while await stream.write(hub.after(cursor, collection)):
            cursor = max(cursor, hub.last())
            await hub.changed.wait()
    finally:
        hub.leave()
