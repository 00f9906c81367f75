"""Who works on what: a lock in the database that outlives no process by more than `settings.HEARTBEAT_TIMEOUT` seconds.

A holder renews its lease from a thread of its own while it works. One that was killed does not, and after the time is over the
next may take it. That needs no broker and no cache, and holds for every process that shares the database.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from mirror.models import Lease

log = logging.getLogger(__name__)

PATIENCE = 300  # seconds
POLL = 0.2  # seconds between two looks at a lease that somebody else holds


def lifetime() -> timedelta:
    return timedelta(seconds=settings.HEARTBEAT_TIMEOUT)


def silent(field: str, now: datetime) -> Q:
    """Rows whose last sign of life is too old; or from so far ahead that the clock must have been set back since."""
    return Q(**{f"{field}__lt": now - lifetime()}) | Q(**{f"{field}__gt": now + lifetime()})


def expired(now: datetime) -> Q:
    return Q(expires_at__lt=now) | Q(expires_at__gt=now + 2 * lifetime())


def alive() -> QuerySet[Lease]:
    """The leases that are held."""
    return Lease.objects.exclude(expired(timezone.now()))


def take(name: str) -> str | None:
    """Take the lease; the name of its new holder, or None while somebody else has it."""
    holder, now = secrets.token_hex(16), timezone.now()
    try:
        with transaction.atomic():
            Lease.objects.create(name=name, holder=holder, expires_at=now + lifetime())
    except IntegrityError:
        late = Lease.objects.filter(expired(now), name=name)
        return holder if late.update(holder=holder, expires_at=now + lifetime()) else None
    return holder


def taken(name: str) -> str:
    """Take a lease that nobody else can know of yet."""
    holder = take(name)
    assert holder is not None
    return holder


class Busy(Exception):
    """Somebody else has the lease, and did not let go of it in time."""


@contextmanager
def held(name: str, *, patience: float = PATIENCE, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Hold the lease for the length of a `with`; waits for whoever has it, but no more than `patience` seconds."""
    waited = 0.0
    while (holder := take(name)) is None:
        if waited >= patience:
            raise Busy(name)
        sleep(POLL)
        waited += POLL
    with kept(name, holder):
        yield


@contextmanager
def kept(name: str, holder: str) -> Iterator[None]:
    """Renew a lease that was taken while the `with` lasts, and then let go of it."""
    mine = Lease.objects.filter(name=name, holder=holder)
    try:
        with beating(lambda: mine.update(expires_at=timezone.now() + lifetime())):
            yield
    finally:
        mine.delete()


@contextmanager
def beating(beat: Callable[[], object]) -> Iterator[None]:
    """Call `beat`, which writes to the database, several times in every lifetime while the `with` lasts."""
    stop = threading.Event()

    def keep_on() -> None:
        while not stop.wait(settings.HEARTBEAT_TIMEOUT / 4):
            try:
                beat()
            except DatabaseError as error:  # the next beat may get through
                log.warning("A sign of life could not be written: %s", error)
            finally:
                connection.close()

    thread = threading.Thread(target=keep_on, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
