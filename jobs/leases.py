"""Leases: locks in the database that outlive their process by at most `settings.HEARTBEAT_TIMEOUT` seconds.

A holder renews its lease from a thread of its own while it works. A process that was killed no longer does, and after the timeout
another may take the lease. This needs neither broker nor cache, and holds for all processes that share the database.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from jobs.models import Lease

log = logging.getLogger(__name__)

MAX_WAIT = 300  # seconds that `held` waits by default
POLL_INTERVAL = 0.2  # seconds between two attempts to take a lease


def lifetime() -> timedelta:
    """How long a lease lasts without renewal, unless its holder takes it for less."""
    return timedelta(seconds=settings.HEARTBEAT_TIMEOUT)


def silent(field: str, now: datetime) -> Q:
    """Rows whose heartbeat in `field` is too old, or so far in the future that the clock must have been set back."""
    return Q(**{f"{field}__lt": now - lifetime()}) | Q(**{f"{field}__gt": now + lifetime()})


def expired(now: datetime) -> Q:
    """Leases that nobody holds any more; one that ends too far in the future was taken before the clock was set back."""
    return Q(expires_at__lt=now) | Q(expires_at__gt=now + 2 * lifetime())


def alive() -> QuerySet[Lease]:
    """The leases that are held."""
    return Lease.objects.exclude(expired(timezone.now()))


def is_held(name: str) -> bool:
    return alive().filter(name=name).exists()


def take(name: str, *, seconds: float | None = None) -> str | None:
    """Take the lease for the usual time or for `seconds`; returns the random name of its new holder, or None while another
    process holds it.

    In one statement, because a sync takes a lease for every collection of a weekend. It overwrites only an `expired` lease.
    """
    holder, now = secrets.token_hex(16), timezone.now()
    lasting = lifetime() if seconds is None else timedelta(seconds=seconds)
    table = connection.ops.quote_name(Lease._meta.db_table)
    sql = (
        f"INSERT INTO {table} (name, holder, expires_at) VALUES (%s, %s, %s) "  # noqa: S608 - no input in it
        f"ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at "
        f"WHERE {table}.expires_at < %s OR {table}.expires_at > %s"
    )
    moments = map(connection.ops.adapt_datetimefield_value, (now + lasting, now, now + 2 * lifetime()))
    with connection.cursor() as cursor:
        cursor.execute(sql, [name, holder, *moments])
        return holder if cursor.rowcount else None


def take_new(name: str) -> str:
    """Take a lease whose name no other process can know yet; returns the name of its holder."""
    holder = take(name)
    assert holder is not None
    return holder


def renew(name: str, holder: str, *, seconds: float) -> bool:
    """Hold a lease for `seconds` from now; false where another process has taken it."""
    until = timezone.now() + timedelta(seconds=seconds)
    return bool(Lease.objects.filter(name=name, holder=holder).update(expires_at=until))


def release(name: str, holder: str) -> None:
    """Give a lease back, in one statement: Django's delete would begin and end a transaction of its own around it."""
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(Lease._meta.db_table)
        cursor.execute(f"DELETE FROM {table} WHERE name = %s AND holder = %s", [name, holder])  # noqa: S608 - no input in it


class Busy(Exception):
    """Another process holds the lease and did not release it in time."""


@contextmanager
def held(name: str, *, max_wait: float = MAX_WAIT, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Hold the lease during a `with`; waits at most `max_wait` seconds for another holder, then raises Busy."""
    waited = 0.0
    while (holder := take(name)) is None:
        if waited >= max_wait:
            raise Busy(name)
        sleep(POLL_INTERVAL)
        waited += POLL_INTERVAL
    with renewed(name, holder):
        yield


@contextmanager
def renewed(name: str, holder: str) -> Iterator[None]:
    """Renew a lease that was taken already during a `with`, and release it afterwards."""
    own_lease = Lease.objects.filter(name=name, holder=holder)
    try:
        with beating(lambda: own_lease.update(expires_at=timezone.now() + lifetime())):
            yield
    finally:
        release(name, holder)


@contextmanager
def beating(beat: Callable[[], object]) -> Iterator[None]:
    """Call `beat`, which writes a heartbeat to the database, four times per lifetime from a thread during a `with`."""
    stop = threading.Event()

    def beat_until_stopped() -> None:
        while not stop.wait(settings.HEARTBEAT_TIMEOUT / 4):
            try:
                beat()
            except DatabaseError as error:  # the next heartbeat may succeed
                log.warning("A heartbeat could not be written: %s", error)
            finally:
                connection.close()

    thread = threading.Thread(target=beat_until_stopped, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
