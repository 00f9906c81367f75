"""Doing a job in a worker: signs of life, progress, cancelling, and what came of it."""

import logging
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from jobs import queue
from jobs.kinds import KINDS
from jobs.models import Job
from jobs.progress import Cancelled, Failed, Lost, Progress
from mirror import leases

log = logging.getLogger(__name__)


def run(job_id: int) -> None:
    """Do a job, unless somebody else does already; its row says how it went, and its lines in the log who asked for it."""
    job = queue.claim(job_id)
    if job is not None:
        asked_by = {"request_id": job.request_id} if job.request_id else {}
        with structlog.contextvars.bound_contextvars(job=job.pk, **asked_by):
            do(job)


def do(job: Job) -> None:
    log.info("%s begins.", job)
    progress = Progress(job)
    try:
        with leases.beating(progress.beat):
            result = KINDS[job.kind].run(progress, job)
    except Lost:
        log.warning("%s was taken up by another worker.", job)
    except Cancelled:
        end(progress, Job.State.CANCELLED)
    except Failed as failure:
        end(progress, Job.State.FAILED, error=str(failure), result=failure.result)
    except (OperationalError, InterfaceError) as error:
        log.error("%s lost the database: %s", job, error)
        give_back(progress, error)
    except Exception as error:
        log.exception("%s failed.", job)
        end(progress, Job.State.FAILED, error=f"{type(error).__name__}: {error}")
    except BaseException:  # the worker is told to stop: the next one goes on
        progress.mine.update(state=Job.State.QUEUED, sent_at=None, heartbeat_at=None, message="")
        raise
    else:
        end(progress, Job.State.SUCCEEDED, result=result)


def end(progress: Progress, state: str, *, error: str = "", result: Any = None) -> None:
    log.info("%s %s.", progress.job, state)
    progress.mine.update(state=state, ended_at=timezone.now(), message="", error=error, result=result)


def give_back(progress: Progress, error: Exception) -> None:
    """Queue a job again that lost the database, unless that happened too often."""
    close_old_connections()
    try:
        if progress.job.attempts >= queue.ATTEMPTS:
            end(progress, Job.State.FAILED, error=f"{type(error).__name__}: {error}")
        else:
            message = "The database was away; it is taken up again."
            progress.mine.update(state=Job.State.QUEUED, sent_at=None, heartbeat_at=None, message=message)
    except DatabaseError:  # it still is: the job is taken up again when it has given no sign of life for long enough
        log.error("%s waits until the database is back.", progress.job)
