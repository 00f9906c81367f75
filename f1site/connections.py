"""gunicorn's ASGI worker with limits for clients that send nothing, or half a request, or do not read what they are sent.

Such a client costs a connection and no thread. The limits bound how long it may, and how many connections there are.
"""

import asyncio
import resource
from collections.abc import Callable
from typing import Any

from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

HEAD_SECONDS = (
    20  # until the head of a connection's first request is there; of a later one, gunicorn's `keepalive` from the answer
)
STALL_SECONDS, STALL_BYTES = 20, 2**16  # in this time a client has to take as many bytes of its answer
MAX_CONNECTIONS = 4096  # of a process; beyond it the connection is closed that has waited longest for a request
OTHER_FILES = 256  # that a process may have open beside its connections


class Connection(ASGIProtocol):
    """A client's connection."""

    waiting: dict["Connection", None] = {}  # for the head of a request, longest first

    def __init__(self, worker: "Worker") -> None:
        super().__init__(worker)
        self.application, self.app = worker.asgi, self.answer
        self.under_way = 0  # requests
        self.deadline: asyncio.TimerHandle | None = None
        self.progress: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.wait_for_request(HEAD_SECONDS)
        if self.worker.nr_conns > self.worker.max_connections:
            next(iter(self.waiting)).transport.abort()

    def wait_for_request(self, seconds: float) -> None:
        self.waiting[self] = None
        self.deadline = self.worker.loop.call_later(seconds, self.transport.abort)

    def stop_waiting(self) -> None:
        self.waiting.pop(self, None)
        if self.deadline:
            self.deadline.cancel()

    async def answer(self, scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        """Call the application, as gunicorn does when the head of a request is there."""
        self.stop_waiting()
        self.under_way += 1
        try:
            await self.application(scope, receive, send)
        finally:
            self.under_way -= 1
            if not self.under_way and not self.transport.is_closing():
                self.wait_for_request(self.cfg.keepalive)

    def pause_writing(self) -> None:
        """Watch that the client goes on taking its answer, which it does slower than the answer is made."""
        super().pause_writing()
        self.check_later()

    def check_later(self) -> None:
        left = self.transport.get_write_buffer_size()
        self.progress = self.worker.loop.call_later(STALL_SECONDS, self.check_progress, left)

    def check_progress(self, before: int) -> None:
        if before - self.transport.get_write_buffer_size() < STALL_BYTES:
            self.transport.abort()
        else:
            self.check_later()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.progress:
            self.progress.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_waiting()
        if self.progress:
            self.progress.cancel()
        super().connection_lost(exc)


class Worker(gasgi.ASGIWorker):
    """The worker. A stop waits for requests under way, not for connections without one."""

    def init_process(self) -> None:
        gasgi.ASGIProtocol = Connection  # gunicorn has no setting for it
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        files = MAX_CONNECTIONS + OTHER_FILES if most == resource.RLIM_INFINITY else min(most, MAX_CONNECTIONS + OTHER_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
        self.max_connections = max(files - OTHER_FILES, files // 2)
        super().init_process()

    async def _shutdown(self) -> None:
        for connection in [*Connection.waiting]:
            connection.transport.abort()
        await super()._shutdown()
