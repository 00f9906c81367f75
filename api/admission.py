"""How many long answers are made at once, so that questions of a moment are always answered in one.

Long are streamed answers, which keep a thread while the client reads, syncs, and expensive answers, of time or memory. Each
kind has a limit by address and one of the process. Beyond it a request waits, a while and in a short queue, and is then refused.
The counts are of one process: with WEB_CONCURRENCY=2 the limits are twice as high.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from rest_framework.exceptions import APIException

from api.throttling import client_address
from jobs.wording import plural

LONG = "f1site.long"  # the key in `request.META` of a function that lets the server count a request as long
PATIENCE = 10  # seconds that a request waits for its turn
WAITING, WAITING_BY_ADDRESS = 14, 10  # requests

waiting: Counter[str] = Counter()  # requests by address
changed = threading.Condition()
making = threading.BoundedSemaphore(2)  # pieces of streamed answers at once


class Busy(APIException):
    """Too many long answers are under way."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{reason}; try again in {PATIENCE} seconds.")
        self.status_code = status
        self.wait = PATIENCE  # which REST framework puts into Retry-After


class Limit:
    """How many long answers of a kind are made at once."""

    def __init__(self, kind: str, *, by_address: int, together: int) -> None:
        self.kind, self.by_address, self.together = kind, by_address, together
        self.running: Counter[str] = Counter()  # answers by address

    def enter(self, address: str) -> None:
        """Wait for a turn; raises Busy when there is none in time, or when too many wait already."""
        with changed:
            if not self.has_room(address):
                self.wait(address)
            self.running[address] += 1

    def wait(self, address: str) -> None:
        if waiting[address] >= WAITING_BY_ADDRESS or waiting.total() >= WAITING:
            raise self.refusal(address)
        waiting[address] += 1
        try:
            if not changed.wait_for(partial(self.has_room, address), PATIENCE):
                raise self.refusal(address)
        finally:
            count_down(waiting, address)

    def has_room(self, address: str) -> bool:
        return self.running[address] < self.by_address and self.running.total() < self.together

    def refusal(self, address: str) -> Busy:
        if self.running[address] >= self.by_address:
            return Busy(429, f"{self.under_way(self.by_address)} to your address, and no more at once")
        return Busy(503, f"{self.under_way(self.together)}, and no more at once")

    def under_way(self, limit: int) -> str:
        return f"{plural(limit, f'{self.kind} answer is', f'{self.kind} answers are')} under way"

    def leave(self, address: str) -> None:
        with changed:
            count_down(self.running, address)
            changed.notify_all()


def count_down(counts: Counter[str], address: str) -> None:
    counts[address] -= 1
    if not counts[address]:
        del counts[address]


EXPENSIVE, STREAMED, SYNCS, SQL = (  # syncs wait for OpenF1; a question in SQL is a process with up to 512 MB
    Limit(kind, by_address=settings.LONG_ANSWERS_BY_ADDRESS[kind], together=settings.LONG_ANSWERS[kind])
    for kind in ("expensive", "streamed", "sync", "SQL")
)
THREADS = EXPENSIVE.together + STREAMED.together + SYNCS.together + SQL.together + WAITING


@contextmanager
def turn(limit: Limit, request: HttpRequest) -> Iterator[None]:
    """A turn to make a long answer during a `with`; raises Busy."""
    enter(limit, request)
    try:
        yield
    finally:
        limit.leave(client_address(request))


def enter(limit: Limit, request: HttpRequest) -> None:
    if LONG in request.META:
        request.META[LONG]()
    limit.enter(client_address(request))


class Leaving:
    """The pieces of a streamed answer. Some answers at a time make a piece; the turn ends when the answer is closed."""

    def __init__(self, pieces: Iterator[bytes], leave: Callable[[], None]) -> None:
        self.pieces, self.leave = pieces, leave

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with making:
                piece = next(self.pieces, None)
            if piece is None:
                return
            yield piece

    def close(self) -> None:
        self.leave()


class AdmissionMiddleware:
    """Let streamed answers take turns, and refuse what finds no turn."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not isinstance(response, StreamingHttpResponse) or request.method == "HEAD":
            return response
        try:
            enter(STREAMED, request)
        except Busy as busy:
            response.close()
            return refuse(busy)
        response.streaming_content = Leaving(iter(response), partial(STREAMED.leave, client_address(request)))
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Of views outside the REST API."""
        return refuse(exception) if isinstance(exception, Busy) else None


def refuse(busy: Busy) -> JsonResponse:
    return JsonResponse({"detail": busy.detail}, status=busy.status_code, headers={"Retry-After": str(busy.wait)})
