"""Answers that take long: kept in memory by their version, and made by one thread, or by one process, at a time."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from django.http import HttpRequest

from api import admission
from api.memory import Memory
from api.openf1.answers import MAX_ANSWER_BYTES, MAX_TOTAL_BYTES
from jobs import leases

kept = Memory[bytes](largest=MAX_ANSWER_BYTES, total=MAX_TOTAL_BYTES)
under_way: dict[str, Lock] = {}
door = Lock()


def once(key: str, make: Callable[[], bytes]) -> bytes:
    """What is kept by a key, or made and kept now; who asks the same meanwhile waits for it."""
    found = kept.get(key)
    if found is not None:
        return found
    with door:
        lock = under_way.setdefault(key, Lock())
    try:
        with lock:
            found = kept.get(key)
            if found is None:
                found = make()
                kept.put(key, found, len(found))
            return found
    finally:
        with door:
            under_way.pop(key, None)


def in_turn(request: HttpRequest, key: str, make: Callable[[], bytes]) -> bytes:
    """The same as `once`, for an expensive answer: beyond the limits `admission.Busy` is raised."""
    found = kept.get(key)
    if found is not None:
        return found
    with admission.turn(admission.EXPENSIVE, request):
        return once(key, make)


@contextmanager
def alone(*question: object) -> Iterator[None]:
    """Be the only process that answers a question during a `with`; Busy where another takes too long."""
    name = f"answer-{hashlib.blake2b(repr(question).encode(), digest_size=12).hexdigest()}"
    try:
        with leases.held(name, max_wait=admission.PATIENCE):
            yield
    except leases.Busy as error:
        raise admission.Busy(503, "Another process is answering the same question") from error
