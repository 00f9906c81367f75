"""Running a job in a worker: heartbeat, progress, cancelling and its outcome."""

import logging
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from jobs import leases, queue
from jobs.kinds import KINDS, following_jobs
from jobs.models import Job
from jobs.progress import Cancelled, Failed, Lost, Progress

log = logging.getLogger(__name__)


def run(job_id: int) -> None:
    """Run a job, unless another worker has claimed it; its log lines carry its number and the id of its HTTP request."""
    job = queue.claim(job_id)
    if job is not None:
        context = {"request_id": job.request_id} if job.request_id else {}
        with structlog.contextvars.bound_contextvars(job=job.pk, **context):
            run_claimed(job)


def run_claimed(job: Job) -> None:
    """Run a job that this worker has claimed, and write its outcome to its row."""
    log.info("%s starts.", job)
    progress = Progress(job)
    try:
        with leases.beating(progress.beat):
            outcome = run_kind(progress)
    except Lost:
        log.warning("%s was taken over by another worker.", job)
    except Cancelled:
        end(progress, Job.State.CANCELLED)
    except (OperationalError, InterfaceError) as error:
        log.warning("%s lost the database: %s", job, error)
        close_old_connections()
        requeue(progress, error, "The database was unavailable")
    except ConnectionError as error:  # of the storage of files; kinds of jobs report what else they cannot reach
        log.warning("%s lost a connection: %s", job, error)
        requeue(progress, error, str(error))
    except Exception as error:
        log.exception("%s failed.", job)
        end(progress, Job.State.FAILED, error=f"{type(error).__name__}: {error}")
    except BaseException:  # the worker was told to stop: the next one continues
        progress.own_row.update(state=Job.State.QUEUED, sent_at=None, heartbeat_at=None, message="")
        raise
    else:
        end(progress, **outcome)


def run_kind(progress: Progress) -> dict[str, Any]:
    """Call the function of the job's kind and queue what follows; returns {state, error, result} of the job."""
    job = progress.job
    outcome: dict[str, Any]
    try:
        outcome = {"state": Job.State.SUCCEEDED, "result": KINDS[job.kind].run(progress, job)}
    except Failed as failure:
        outcome = {"state": Job.State.FAILED, "error": str(failure), "result": failure.result}
    for kind, parameters in following_jobs(job, outcome["result"]):
        queue.add(kind, parameters, description=f"after {job}", owner=job.owner)
    return outcome


def end(progress: Progress, state: str, *, error: str = "", result: Any = None) -> None:
    """Write the final state of a job to its row, unless another worker has taken it over."""
    log.info("%s %s.", progress.job, state)
    progress.own_row.update(state=state, ended_at=timezone.now(), message="", error=error, result=result)


def requeue(progress: Progress, error: Exception, reason: str) -> None:
    """Queue a job again that lost the database or the storage of files, unless that happened too often."""
    try:
        if progress.job.attempts >= queue.MAX_ATTEMPTS:
            end(progress, Job.State.FAILED, error=f"{type(error).__name__}: {error}")
        else:
            message = f"{reason.rstrip('.')}; the job will be tried again."
            progress.own_row.update(state=Job.State.QUEUED, sent_at=None, heartbeat_at=None, message=message)
    except DatabaseError:  # still unavailable: `take_up` queues the job again once its heartbeat is too old
        log.warning("%s waits until the database is back.", progress.job)
