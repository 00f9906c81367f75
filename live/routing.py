"""Which paths are answered in the event loop, and by what."""

from collections.abc import Awaitable, Callable
from typing import Any

from live import events, streams
from live.hubs import Refused, Send, refuse

Serve = Callable[[dict[str, Any], Send], Awaitable[None]]


def find(path: str) -> Serve | None:
    """What answers a path; None for those of Django."""
    if path == events.PATH:
        return events.serve
    return streams.serve if streams.PATH.fullmatch(path) else None


async def answer(serve: Serve, scope: dict[str, Any], send: Send) -> None:
    """Answer a request; a refusal is told."""
    try:
        if scope["method"] != "GET":
            raise Refused(405, "Events are there for GET only.")  # noqa: TRY301 - told as others are
        await serve(scope, send)
    except Refused as refused:
        await refuse(send, *refused.args)
