"""The ASGI entry point that gunicorn serves: Django's WSGI handler, given requests that are complete.

The server waits for slow clients without a thread: a thread gets a request when its body has arrived, and is free when the answer
is made, not when it is sent. Only a streamed answer keeps its thread while it is sent, as it reads the database meanwhile;
`api.admission` bounds how many there are. The events of a live session need no thread at all: `live.routing` finds them.
"""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings

from f1site.wsgi import application as django  # first, as it sets Django up

# isort: split

from api import admission
from api.openf1 import before_django
from live import routing

RUNNING = 4  # requests that are worked on at once, beside the long ones of `api.admission`; more would only slow each other down
THREADS = RUNNING + admission.THREADS
BODY_SECONDS = 30  # within which a body has to arrive
SMALL_BODY, ALL_BODIES = 2**14, 2**26  # bytes: larger bodies may take so many together, of all requests of a process
SMALL_FILE = 2**22  # bytes of a file that is read at once
HEALTH = "/healthz/"  # what monitors ask is answered at once, without a thread: it takes less time than to wait for one
SLICE = 2**18  # bytes of an answer that are handed to the connection at once
AHEAD = 2  # messages of a streamed answer that are made before the client has taken the one before

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

threads = ThreadPoolExecutor(THREADS, thread_name_prefix="request")
running = asyncio.Semaphore(RUNNING)


class Refused(Exception):
    """A request that never reaches Django: (status, reason)."""


class Disconnected(Exception):
    """The client has closed the connection."""


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer one request."""
    if scope["type"] != "http":  # a WebSocket, which the site has none of
        await send({"type": "websocket.close"})
        return
    if serve := routing.find(scope["path"]):
        await routing.answer(serve, scope, send)
        return
    body = Body()
    try:
        await body.receive_all(receive)
        answer = Answer()
        if before_django.waits_for_nothing() and (kept := before_django.find(scope)):
            answer.finish(kept)
            await answer.send(send)
            return
        if scope["path"] == HEALTH:
            answer.make(scope, body.content)
        else:
            await answer.take_turn()
            threads.submit(answer.make, scope, body.content)
        await answer.send(send)
    except Refused as refused:
        await refuse(send, *refused.args)
    except Disconnected:
        pass
    finally:
        body.forget()


class Body:
    """The body of a request; of one that is too large only so much that Django refuses it."""

    held = 0  # bytes of all bodies that are not small

    def __init__(self) -> None:
        self.content = b""
        self.counted = 0

    async def receive_all(self, receive: Receive) -> None:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                self.content = b"".join([piece async for piece in self.pieces(receive)])
        except TimeoutError:
            raise Refused(408, f"The body did not arrive within {BODY_SECONDS} seconds.") from None

    async def pieces(self, receive: Receive) -> AsyncIterator[bytes]:
        size = 0
        more = True
        while more and size <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            message = await receive()
            if message["type"] != "http.request":
                raise Disconnected
            more = message["more_body"]
            yield message["body"]
            size += len(message["body"])
            if size > SMALL_BODY:
                self.count(size)

    def count(self, size: int) -> None:
        Body.held += size - self.counted
        self.counted = size
        if Body.held > ALL_BODIES:
            raise Refused(503, "Too many large bodies arrive at once; try again in a minute.")

    def forget(self) -> None:
        Body.held -= self.counted


async def refuse(send: Send, status: int, reason: str) -> None:
    content = f"{reason}\n".encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(content)), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


class Answer:
    """An answer on its way from the thread that makes it to the connection."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.messages: asyncio.Queue[Message | BaseException | None] = asyncio.Queue()
        self.room = threading.Semaphore(AHEAD)
        self.abandoned = False
        self.has_turn = False
        self.started: Message = {}

    # In the thread

    def make(self, scope: dict[str, Any], content: bytes) -> None:
        """Find a kept answer or let Django answer, and put the messages that are to be sent."""
        last: Sequence[Message | BaseException] = []
        try:
            kept = None if before_django.waits_for_nothing() else before_django.find(scope)
            last = kept or self.ask_django(scope, make_environ(scope, content))
        except BaseException as error:
            last = [error]
        finally:
            self.loop.call_soon_threadsafe(self.finish, last)

    def ask_django(self, scope: dict[str, Any], environ: dict[str, Any]) -> list[Message]:
        """Let Django answer, and put what is streamed; returns the messages that are to be sent after that."""
        environ[admission.LONG] = partial(self.loop.call_soon_threadsafe, self.end_turn)
        with closing(django(environ, self.start)) as response:  # type: ignore[arg-type]
            before_django.remember(scope, response, self.started)
            if environ["REQUEST_METHOD"] != "HEAD" and is_long(response):
                self.stream(response)
                return [{"type": "http.response.body", "body": b""}]
            body = b"" if environ["REQUEST_METHOD"] == "HEAD" else b"".join(response)
            return [self.started, {"type": "http.response.body", "body": body}]

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        """WSGI's start_response."""
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self.started = {"type": "http.response.start", "status": int(status[:3]), "headers": encoded}

    def stream(self, pieces: Any) -> None:
        """Put the pieces of an answer as the client takes them; its connection is closed if it takes none for long."""
        self.put(self.started)
        for piece in pieces:
            self.room.acquire()
            if self.abandoned:
                raise Disconnected
            self.put({"type": "http.response.body", "body": piece, "more_body": True})

    def put(self, message: Message) -> None:
        self.loop.call_soon_threadsafe(self.messages.put_nowait, message)

    # In the event loop

    async def take_turn(self) -> None:
        await running.acquire()
        self.has_turn = True

    def end_turn(self) -> None:
        if self.has_turn:
            self.has_turn = False
            running.release()

    def finish(self, messages: Sequence[Message | BaseException]) -> None:
        """The thread is free."""
        self.end_turn()
        for message in [*messages, None]:
            self.messages.put_nowait(message)

    async def send(self, send: Send) -> None:
        """Send what the thread makes; this ends early, by CancelledError, when the connection is closed."""
        try:
            while message := await self.messages.get():
                if isinstance(message, BaseException):
                    raise message
                for part in split(message):
                    await send(part)
                self.room.release()
        finally:
            self.abandoned = True
            self.room.release()


def is_long(response: Any) -> bool:
    """Whether an answer is streamed, and not a file that is small."""
    return response.streaming and not int(response.get("Content-Length", SMALL_FILE + 1)) <= SMALL_FILE


def split(message: Message) -> list[Message]:
    """A message in slices: the connection holds copies of what the client has not taken yet, so it gets one at a time."""
    body = message.get("body", b"")
    if len(body) <= SLICE:
        return [message]
    slices = [message | {"body": body[at : at + SLICE], "more_body": True} for at in range(0, len(body), SLICE)]
    return [*slices[:-1], slices[-1] | {"more_body": message.get("more_body", False)}]


def make_environ(scope: dict[str, Any], body: bytes) -> dict[str, Any]:
    """WSGI's description of a request."""
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": str(scope["server"][1]),
        "REMOTE_ADDR": scope["client"][0],
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        text = value.decode("latin-1")
        if key in environ:
            text = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{text}"
        environ[key] = text
    environ["CONTENT_LENGTH"] = str(len(body))  # also of a chunked body, which has none of its own
    return environ
