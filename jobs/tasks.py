"""The Celery tasks. Their arguments are keys and options; everything else is read from the database."""

import atexit
import logging
import os
import signal
import socket
from contextlib import ExitStack
from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from django.utils import timezone

from jobs import leases, queue, running
from jobs.kinds import CONDITIONS
from jobs.models import Job

log = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 3  # how long a worker may take to exit after its work has ended
worker_lease = ExitStack()  # holds this worker's lease


# The names of the tasks are stored in the schedules of existing databases.


@shared_task(name="f1site.jobs.run")
def run(job_id: int) -> None:
    """Run a job."""
    running.run(job_id)


@shared_task(name="f1site.jobs.schedule")
def schedule(kind: str, **options: Any) -> None:
    """Queue a job of this kind, unless such a job is unfinished already, or a condition among the options does not hold."""
    conditions = [CONDITIONS[name] for name in CONDITIONS.keys() & options.keys() if options.pop(name)]
    if not all(holds(timezone.now()) for holds in conditions):
        return
    if not Job.objects.filter(kind=kind, parameters=options, state__in=Job.UNFINISHED).exists():
        queue.add(kind, options, description="scheduled")


@shared_task(name="f1site.jobs.take_up")
def take_up() -> None:
    """Queue the jobs of dead workers again, and send lost messages again."""
    queue.take_up()


@shared_task(name="f1site.jobs.prune")
def prune(days: int = 30) -> None:
    """Delete jobs that ended more than so many days ago."""
    queue.prune(days)


@worker_ready.connect
def announce_worker(**signal_arguments: Any) -> None:
    """Take this worker's lease when it has started, and take up the jobs of dead workers."""
    worker_lease.enter_context(leases.held(f"{queue.WORKER_LEASE_PREFIX}{socket.gethostname()[:80]} {os.getpid()}"))
    atexit.register(withdraw_worker)
    queue.take_up()


def withdraw_worker() -> None:
    """Release this worker's lease when it exits, and let the system end the process if it does not exit in time.

    Celery's pool waits for the lock of its queue without a limit if one of its processes was killed while holding that lock.
    """
    worker_lease.close()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SHUTDOWN_SECONDS)
