"""Turns of tools that take long: those of the request that a tool is called by; a tool on the command line needs none."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.http import HttpRequest

from api import admission

current_request: ContextVar[HttpRequest | None] = ContextVar("current_request", default=None)


@contextmanager
def turn(limit: admission.Limit) -> Iterator[None]:
    """A turn to make a long answer during a `with`; raises admission.Busy."""
    request = current_request.get()
    if request is None:
        yield
        return
    with admission.turn(limit, request):
        yield
