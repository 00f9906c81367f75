"""Progress of a running job: writes it to the job's row, and stops the job when it was cancelled."""

from typing import Any

from django.utils import timezone

from jobs.models import Job


class Cancelled(Exception):
    """A user cancelled the job."""


class Lost(Exception):
    """Another worker has taken the job over, because this one sent no heartbeat for too long."""


class Failed(Exception):
    """The job ran to its end but failed; `result` holds what it achieved nevertheless."""

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


class Progress:
    """Writes the progress of one attempt at a job; code that runs it calls `step` between two transactions."""

    def __init__(self, job: Job) -> None:
        self.job = job
        # Matches no row any more once another worker has taken the job over.
        self.own_row = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, attempts=job.attempts)
        self.done = 0

    def beat(self) -> None:
        """Write a heartbeat."""
        self.own_row.update(heartbeat_at=timezone.now())

    def step(self, message: str = "", *, done: int = 0, total: int | None = None) -> None:
        """Record that `done` more of `total` steps are complete; raises Cancelled or Lost when the job must not continue."""
        self.done += done
        values: dict[str, Any] = {"done": self.done, "heartbeat_at": timezone.now()}
        values |= {"message": message} if message else {}
        values |= {"total": total} if total is not None else {}
        if not self.own_row.filter(cancel_requested=False).update(**values):
            raise Cancelled if self.own_row.exists() else Lost
