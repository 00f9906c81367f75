"""The queue of jobs: adding, sending, claiming and cancelling them, and finding those that were lost."""

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from celery import current_app
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from kombu.exceptions import ChannelError, KombuError

from jobs import leases
from jobs.broker import make_broker_folder
from jobs.kinds import CLEAN_UPS
from jobs.models import MANUAL, Job
from jobs.wording import plural

log = logging.getLogger(__name__)

# The broker message of a queued job is sent again after so long, because it may have been lost.
RESEND_AFTER, RESEND_AFTER_WHEN_IDLE = timedelta(minutes=10), timedelta(seconds=30)
WORKER_LEASE_PREFIX = "worker "
MAX_ATTEMPTS = 5  # a job whose worker died so often is not tried again


def add(kind: str, parameters: dict[str, Any] | None = None, *, description: str = "", owner: Any = None) -> Job:
    """Queue a job; its message is sent to the broker when the current transaction commits."""
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    job = Job.objects.create(kind=kind, parameters=parameters or {}, description=description, owner=owner, request_id=request_id)
    transaction.on_commit(partial(send, job.pk))
    return job


def send(job_id: int) -> bool:
    """Send the message of a job to the broker; False when it cannot be reached, and `take_up` sends it later."""
    try:
        make_broker_folder()
        current_app.send_task("f1site.jobs.run", args=[job_id])
    except (KombuError, ChannelError, OSError) as error:
        log.warning("The broker cannot be reached, job %s waits: %s", job_id, error)
        return False
    Job.objects.filter(pk=job_id).update(sent_at=timezone.now())
    return True


def cancel(job: Job) -> None:
    """Cancel a job: at once if it is queued or logged by hand, at its next step if a worker runs it."""
    now = timezone.now()
    row = Job.objects.filter(pk=job.pk)
    row.filter(Q(state=Job.State.QUEUED) | Q(state=Job.State.RUNNING, kind=MANUAL)).update(
        state=Job.State.CANCELLED, ended_at=now, cancel_requested=True
    )
    row.filter(state=Job.State.RUNNING).update(cancel_requested=True)
    job.refresh_from_db()


def has_worker() -> bool:
    """Whether a worker is alive."""
    return leases.alive().filter(name__startswith=WORKER_LEASE_PREFIX).exists()


def take_up() -> int:
    """Queue the jobs of dead workers again, and send messages that may have been lost again; returns how many were sent."""
    for clean_up in CLEAN_UPS:
        clean_up()
    now = timezone.now()
    queue_jobs_of_dead_workers(now)
    busy = Job.objects.filter(state=Job.State.RUNNING).exclude(kind=MANUAL).exists()
    resend_after = RESEND_AFTER if busy else RESEND_AFTER_WHEN_IDLE
    # A message from the future was sent before the clock was set back.
    unsent = Q(sent_at=None) | Q(sent_at__lt=now - resend_after) | Q(sent_at__gt=now + resend_after)
    queued = Job.objects.filter(unsent, state=Job.State.QUEUED).order_by("pk")
    sent = 0
    for job_id in queued.values_list("pk", flat=True):
        if not send(job_id):
            break
        sent += 1
    return sent


def queue_jobs_of_dead_workers(now: datetime) -> None:
    """Queue running jobs without a recent heartbeat again; end those that were cancelled or tried too often."""
    dead = Job.objects.filter(leases.silent("heartbeat_at", now), state=Job.State.RUNNING).exclude(kind=MANUAL)
    dead.filter(cancel_requested=True).update(state=Job.State.CANCELLED, ended_at=now)
    error = f"Its worker died {MAX_ATTEMPTS} times."
    dead.filter(attempts__gte=MAX_ATTEMPTS).update(state=Job.State.FAILED, ended_at=now, error=error)
    dead.update(state=Job.State.QUEUED, sent_at=None, message="Its worker died; it is taken up again.")


def claim(job_id: int) -> Job | None:
    """Mark a queued job as running by this worker; None when it was claimed, cancelled or deleted meanwhile."""
    now = timezone.now()
    queued = Job.objects.filter(pk=job_id, state=Job.State.QUEUED)
    before = queued.first()
    message = describe_resumption(before) if before else ""
    claimed = queued.update(
        state=Job.State.RUNNING, heartbeat_at=now, attempts=F("attempts") + 1, message=message, done=0, total=None
    )
    if not claimed:
        return None
    if message:
        log.info("Job %s: %s", job_id, message)
    Job.objects.filter(pk=job_id, started_at=None).update(started_at=now)
    return Job.objects.get(pk=job_id)


def describe_resumption(job: Job) -> str:
    """What the attempts before did of a job; empty before the first."""
    if not job.attempts:
        return ""
    steps = f"{job.done:,} of {plural(job.total, 'step')}" if job.total else plural(job.done, "step")
    return f"Attempt {job.attempts + 1}; the one before had done {steps}."


def prune(days: int) -> int:
    """Delete jobs that ended more than so many days ago, except work logged by hand; returns how many rows went."""
    old = Job.objects.filter(ended_at__lt=timezone.now() - timedelta(days=days)).exclude(kind=MANUAL)
    return old.delete()[0]
