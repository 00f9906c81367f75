"""Messages of the live feed, and the lines of a journal or a recording, which are the same messages."""

from datetime import datetime
from typing import Any

import msgspec

TOPIC = "v1/"  # before the name of a collection
MAX_BRACKETS = 100  # of a row, which has five; how deep JSON can be nested and be read depends on the calls around its decoder


class Message(msgspec.Struct, frozen=True):
    """A message and the moment of its arrival; the payload is a row of OpenF1's, or the text of what is no JSON."""

    t: datetime
    topic: str
    payload: Any

    @property
    def collection(self) -> str:
        return self.topic.removeprefix(TOPIC)

    @property
    def row(self) -> dict[str, Any] | None:
        """The row without the feed's own fields; None where the payload is none."""
        if not isinstance(self.payload, dict):
            return None
        return {name: value for name, value in self.payload.items() if name not in ("_key", "_id")}

    @property
    def version(self) -> tuple[str, int] | None:
        """(what stays the same when a newer version of the row is sent, what grows); None where the message lacks them."""
        if not isinstance(self.payload, dict):
            return None
        key, number = self.payload.get("_key"), self.payload.get("_id")
        return (key, number) if isinstance(key, str) and isinstance(number, int) and not isinstance(number, bool) else None


lines = msgspec.json.Decoder(Message)


def receive(topic: str, payload: bytes, at: datetime) -> Message:
    """A message as the broker delivered it."""
    if payload.count(b"[") + payload.count(b"{") > MAX_BRACKETS:
        return Message(at, topic, payload[:1000].decode(errors="replace"))
    try:
        return Message(at, topic, msgspec.json.decode(payload))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Message(at, topic, payload[:1000].decode(errors="replace"))
