"""A time limit for every SQL statement of a request, set by STATEMENT_TIMEOUT; beyond it the answer is 503 and says so.

PostgreSQL ends the statement itself. SQLite calls a function now and then while it works, which ends the statement when its
thread has computed for so long: a statement may be read slowly, as the client takes the answer. Commands and jobs have no limit.
"""

import time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponseBase
from psycopg.errors import QueryCanceled
from psycopg.pq import TransactionStatus

STEPS = 10_000  # instructions of SQLite's virtual machine between two looks at the clock, about a millisecond
known: WeakKeyDictionary[Any, float] = WeakKeyDictionary()  # connections to PostgreSQL, and the limit that each knows


class StatementTimeoutMiddleware:
    """Limit the statements of the thread's connection from now on, also those that are run while an answer is streamed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if limit not in connection.execute_wrappers:
            connection.execute_wrappers.append(limit)
        return self.get_response(request)


def limit(execute: Callable, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Run a statement within the limit: a wrapper as Django calls it around each."""
    if context["connection"].vendor == "sqlite":
        limit_on_sqlite(context["connection"])
    else:
        limit_on_postgresql(context["connection"])
    return execute(sql, params, many, context)


def limit_on_sqlite(database: Any) -> None:
    seconds = settings.STATEMENT_TIMEOUT
    if not seconds:
        database.connection.set_progress_handler(None, 0)
        return
    until = time.thread_time() + seconds
    database.connection.set_progress_handler(lambda: time.thread_time() > until, STEPS)


def limit_on_postgresql(database: Any) -> None:
    raw, seconds = database.connection, settings.STATEMENT_TIMEOUT
    if known.get(raw) == seconds or raw.info.transaction_status == TransactionStatus.INERROR:
        return
    with raw.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = {round(seconds * 1000)}")
    if not database.in_atomic_block:  # a transaction that fails would take the limit back
        known[raw] = seconds


def is_timeout(error: Exception) -> bool:
    """Whether a statement was ended because of the limit."""
    return isinstance(error, OperationalError) and (isinstance(error.__cause__, QueryCanceled) or str(error) == "interrupted")
