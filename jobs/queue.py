"""Giving work to the workers, taking it back, and finding work that was lost."""

import logging
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from kombu.exceptions import ChannelError, KombuError

from api import observing
from f1site.celery import app, make_broker_folder
from jobs.models import MANUAL, Job
from mirror import leases, runs

log = logging.getLogger(__name__)

# The word of a job that has been waiting so long may have been lost; sooner while no worker does anything.
SEND_AGAIN, SEND_AGAIN_WHEN_IDLE = timedelta(minutes=10), timedelta(seconds=30)
WORKER = "worker "  # begins the names of the leases that workers hold
ATTEMPTS = 5  # a job whose worker died so often is not tried again


def add(kind: str, parameters: dict[str, Any] | None = None, *, description: str = "", owner=None) -> Job:
    """Put a job into the queue; workers are told once the transaction is over."""
    job = Job.objects.create(
        kind=kind, parameters=parameters or {}, description=description, owner=owner, request_id=observing.request_id()
    )
    transaction.on_commit(partial(send, job.pk))
    return job


def send(job_id: int) -> bool:
    """Tell the workers of a job; False when the broker cannot be reached. The job then waits until it can."""
    try:
        make_broker_folder()
        app.send_task("f1site.jobs.run", args=[job_id])
    except (KombuError, ChannelError, OSError) as error:
        log.error("The broker cannot be reached, job %s waits: %s", job_id, error)
        return False
    Job.objects.filter(pk=job_id).update(sent_at=timezone.now())
    return True


def cancel(job: Job) -> None:
    """End a job: at once while it waits or is logged by hand, at its next step while a worker is at it."""
    now = timezone.now()
    mine = Job.objects.filter(pk=job.pk)
    mine.filter(Q(state=Job.State.QUEUED) | Q(state=Job.State.RUNNING, kind=MANUAL)).update(
        state=Job.State.CANCELLED, ended_at=now, cancel_requested=True
    )
    mine.filter(state=Job.State.RUNNING).update(cancel_requested=True)
    job.refresh_from_db()


def has_worker() -> bool:
    """Whether a worker has given a sign of life lately."""
    return leases.alive().filter(name__startswith=WORKER).exists()


def take_up() -> int:
    """Queue what dead workers left behind, and send again what got lost; how many jobs were sent."""
    now = timezone.now()
    runs.close_dead_runs()
    left = Job.objects.filter(leases.silent("heartbeat_at", now), state=Job.State.RUNNING).exclude(kind=MANUAL)
    left.filter(cancel_requested=True).update(state=Job.State.CANCELLED, ended_at=now)
    died = f"Its worker died {ATTEMPTS} times."
    left.filter(attempts__gte=ATTEMPTS).update(state=Job.State.FAILED, ended_at=now, error=died)
    left.update(state=Job.State.QUEUED, sent_at=None, message="Its worker died; it is taken up again.")
    busy = Job.objects.filter(state=Job.State.RUNNING).exclude(kind=MANUAL).exists()
    patience = SEND_AGAIN if busy else SEND_AGAIN_WHEN_IDLE
    lost = Q(sent_at=None) | Q(sent_at__lt=now - patience) | Q(sent_at__gt=now + patience)
    waiting = Job.objects.filter(lost, state=Job.State.QUEUED).order_by("pk")
    sent = 0
    for job_id in waiting.values_list("pk", flat=True):
        if not send(job_id):
            break
        sent += 1
    return sent


def claim(job_id: int) -> Job | None:
    """Take a queued job; None when it has been taken, cancelled or deleted."""
    now = timezone.now()
    begun = Job.objects.filter(pk=job_id, state=Job.State.QUEUED).update(
        state=Job.State.RUNNING, heartbeat_at=now, attempts=F("attempts") + 1, message="", done=0, total=None
    )
    if not begun:
        return None
    Job.objects.filter(pk=job_id, started_at=None).update(started_at=now)
    return Job.objects.get(pk=job_id)


def prune(days: int) -> int:
    """Delete what ended more than so many days ago; what people logged by hand stays."""
    old = Job.objects.filter(ended_at__lt=timezone.now() - timedelta(days=days)).exclude(kind=MANUAL)
    return old.delete()[0]
