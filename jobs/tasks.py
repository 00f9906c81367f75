"""What is sent through the broker. Arguments are keys; everything else is in the database."""

import atexit
import logging
import os
import signal
import socket
from contextlib import ExitStack
from datetime import datetime, timedelta

from celery.signals import worker_ready
from django.utils import timezone

from f1site.celery import app
from jobs import queue, running
from jobs.models import Job
from mirror import leases
from mirror.models import Source
from races.models import Session

log = logging.getLogger(__name__)

BEFORE, AFTER = timedelta(hours=1), timedelta(hours=30)  # around a session: how long it is a race weekend
LEAVING = 3  # seconds that a worker may take to end when its work has
presence = ExitStack()  # holds this worker's lease


@app.task(name="f1site.jobs.run")
def run(job_id: int) -> None:
    """Do a job."""
    running.run(job_id)


@app.task(name="f1site.jobs.schedule")
def schedule(kind: str, only_on_race_weekends: bool = False, **parameters) -> None:
    """Queue a job of this kind, unless one is waiting or running already."""
    if only_on_race_weekends and not is_race_weekend(timezone.now()):
        return
    if not Job.objects.filter(kind=kind, parameters=parameters, state__in=Job.UNFINISHED).exists():
        queue.add(kind, parameters, description="scheduled")


@app.task(name="f1site.jobs.take_up")
def take_up() -> None:
    """Queue what dead workers left behind, and send again what got lost."""
    queue.take_up()


@app.task(name="f1site.jobs.prune")
def prune(days: int = 30) -> None:
    """Delete jobs that ended long ago."""
    queue.prune(days)


def is_race_weekend(now: datetime) -> bool:
    """Whether a session is about to begin, or began not long ago."""
    near = Session.objects.filter(date_start__gte=now - AFTER, date_start__lte=now + BEFORE)
    return near.exclude(source=Source.DEMO).exists()


@worker_ready.connect
def begin(**event) -> None:
    """A worker says that it is there, and takes up what others left behind."""
    presence.enter_context(leases.held(f"{queue.WORKER}{socket.gethostname()[:80]} {os.getpid()}"))
    atexit.register(leave)
    queue.take_up()


def leave() -> None:
    """A worker that ends says so.

    Celery's pool then waits for the lock of its queue, for ever if one of its processes was terminated while it held that: the
    system ends the worker where this takes too long.
    """
    presence.close()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(LEAVING)
