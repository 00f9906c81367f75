"""The connection to the live feed: token, MQTT over TLS or websockets, renewal before the token ends, reconnects, holes."""

import asyncio
import logging
import random
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiomqtt
from django.conf import settings
from django.db import connections

from live.inbox import Inbox
from live.journal import Hole
from live.messages import Message, receive
from mirror.client import Token
from mirror.errors import OpenF1Error

log = logging.getLogger(__name__)

RENEW_BEFORE = 300  # seconds before a token ends, or a tenth of its life
RENEW_WITHIN, RENEW_AGAIN = 10.0, 15.0  # seconds for the next connection, and between two attempts to renew
OVERLAP = 5.0  # seconds in which the old and the new connection both receive; what comes twice is recognised
MAX_DELAY = 30.0  # seconds between two attempts to connect
SILENCE = 90.0  # seconds without any message, after which the connection is made anew
MAX_DUE = 5_000  # messages of a recording that are given at once
MAX_HOLES = 50  # that are described
Result = TypeVar("Result")


@dataclass(kw_only=True)
class Connection:
    """Receives messages for as long as it runs; `log_in` fetches a token, None without one."""

    url: str
    topics: tuple[str, ...] = ("v1/#",)
    log_in: Callable[[], Token | None]
    username: str = ""
    silence: float = SILENCE
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    inbox: Inbox = field(default_factory=Inbox)
    holes: list[Hole] = field(default_factory=list)  # in which nothing was received
    condition: str = "connects"
    connected_at: datetime | None = None
    last_at: datetime | None = None  # of the last message
    lost: str = ""  # why the connection was lost, until messages come again

    @property
    def all_holes(self) -> list[Hole]:
        """Also those of the journal, in order of time."""
        return sorted([*self.holes, *self.inbox.holes], key=lambda hole: hole.since)[-MAX_HOLES:]

    async def run(self) -> None:
        """Stay connected until cancelled."""
        failures = 0
        while True:
            began = time.monotonic()
            try:
                token = await in_thread(self.log_in)
                await self.stay_connected(token)
            except Exception as error:  # whatever it is, the next attempt may succeed
                self.lose(str(error) or type(error).__name__)
            failures = 0 if time.monotonic() - began > MAX_DELAY else failures + 1
            delay = min(MAX_DELAY, 0.5 * 2 ** (failures - 1)) * random.uniform(0.5, 1) if failures else 0  # noqa: S311 - no secret
            await asyncio.sleep(delay)

    def continue_after(self, holes: list[Hole], last_at: datetime, reason: str) -> None:
        """Take over from a process that received until `last_at`: its holes, and the one between it and this connection."""
        self.holes = [*holes, *self.holes]
        if self.inbox.waiting:
            self.holes.append(Hole(last_at, self.inbox.waiting[0].t, reason))
        else:
            self.last_at, self.lost = last_at, self.lost or reason
        del self.holes[:-MAX_HOLES]

    def lose(self, reason: str) -> None:
        log.warning("The live feed is lost: %s", reason)
        self.lost = self.lost or reason
        self.condition, self.connected_at = f"is not connected: {reason}"[:200], None

    async def stay_connected(self, token: Token | None) -> None:
        """Receive by one connection; before the token ends open the next, and close the first only once that receives."""
        current, coming = asyncio.create_task(self.listen(token, asyncio.Event())), None
        life = life_of(token)
        try:
            while True:
                await asyncio.wait([current], timeout=life)
                if current.done():
                    return current.result()
                try:
                    token = await in_thread(self.log_in)
                    subscribed = asyncio.Event()
                    coming = asyncio.create_task(self.listen(token, subscribed))
                    async with asyncio.timeout(RENEW_WITHIN):
                        await subscribed.wait()
                except (OpenF1Error, OSError) as error:  # TimeoutError is one
                    log.warning("The live feed's token could not be renewed yet: %r", error)
                    life = RENEW_AGAIN
                    await cancel(coming)
                else:
                    await asyncio.wait([current, coming], timeout=OVERLAP, return_when=asyncio.FIRST_COMPLETED)
                    await cancel(current)
                    current, life = coming, life_of(token)
        finally:
            await cancel(current)
            await cancel(coming)

    async def listen(self, token: Token | None, subscribed: asyncio.Event) -> None:
        """Receive by one connection until it ends."""
        arrived: asyncio.Queue[aiomqtt.Message] = asyncio.Queue()
        async with open_client(self.url, self.username, token.text if token else "", arrived) as client:
            for topic in self.topics:
                await client.subscribe(topic)
            subscribed.set()
            self.condition, self.connected_at = "is connected", self.now()
            messages = aiter(client.messages)
            while True:
                async with asyncio.timeout(self.silence):
                    message = await anext(messages)
                self.note(message)
                while not arrived.empty():  # one after the other would be slower than they come in a flood
                    self.note(arrived.get_nowait())

    def note(self, delivered: aiomqtt.Message) -> None:
        """Take a message over; the first one after a loss ends the hole."""
        message = receive(str(delivered.topic), bytes(delivered.payload), self.now())
        if self.lost:
            self.holes.append(Hole(self.last_at or message.t, message.t, self.lost))
            del self.holes[:-MAX_HOLES]
            self.lost = ""
        self.last_at = message.t
        self.inbox.put(message)


async def in_thread(function: Callable[..., Result], *args: Any) -> Result:
    """Call a function that waits for another server: in a thread that the end of this process does not wait for."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if not future.done():
            future.set_exception(error) if error else future.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, failure = None, None
        try:
            result = function(*args)
        except Exception as error:
            failure = error
        finally:
            connections.close_all()  # those of this thread
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=work, daemon=True, name="upstream").start()
    return await future


def life_of(token: Token | None) -> float | None:
    """Seconds after which a token is to be renewed; None without one."""
    return token.seconds - min(RENEW_BEFORE, token.seconds / 10) if token else None


async def cancel(task: "asyncio.Task[None] | None") -> None:
    if task is None:
        return
    task.cancel()
    with suppress(asyncio.CancelledError, aiomqtt.MqttError, OSError):
        await task


def open_client(url: str, username: str, password: str, arrived: asyncio.Queue[aiomqtt.Message] | None = None) -> aiomqtt.Client:
    """A client of a broker: mqtt://, mqtts:// (TLS), ws:// and wss://, with a login in the address where none is given.

    `arrived` is the queue that its messages are put into.
    """
    parts = urlsplit(url)
    secure, web = parts.scheme in ("mqtts", "wss"), parts.scheme in ("ws", "wss")
    options: dict[str, Any] = {"tls_context": ssl.create_default_context()} if secure else {}
    if web:
        options |= {"transport": "websockets", "websocket_path": parts.path or "/mqtt"}
    return aiomqtt.Client(
        parts.hostname or "localhost",
        parts.port or {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}[parts.scheme],
        username=username or parts.username,
        password=password or parts.password,
        timeout=10,
        queue_type=(lambda maxsize: arrived) if arrived is not None else None,  # type: ignore[arg-type]
        **options,
    )


def hosted() -> Connection:
    """The connection that the settings describe; the token comes from OpenF1's REST service."""
    from mirror.client import from_settings

    client = from_settings()
    logs_in = bool(settings.OPENF1_USERNAME)
    return Connection(
        url=settings.OPENF1_MQTT_URL,
        username=settings.OPENF1_USERNAME,
        log_in=client.fetch_token if logs_in else lambda: None,
    )


async def played(messages: Iterable[Message], speed: float) -> AsyncIterator[list[Message]]:
    """The messages of a recording in the time that they took, `speed` times as fast."""
    began, first = time.monotonic(), None
    due: list[Message] = []
    for message in messages:
        first = first or message.t
        while message.t - first > timedelta(seconds=(time.monotonic() - began) * speed):
            yield due
            due = []
            await asyncio.sleep(0.05)
        due.append(message)
        if len(due) >= MAX_DUE:
            yield due
            due = []
    yield due
