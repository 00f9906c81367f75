"""How a job says how far it is, and hears that it shall stop."""

from typing import Any

from django.utils import timezone

from jobs.models import Job
from mirror.pipeline import Observer


class Cancelled(Exception):
    """Somebody does not want the job done any more."""


class Lost(Exception):
    """Another worker has the job: this one was silent for too long."""


class Failed(Exception):
    """The job came to an end, and not to a good one; `result` is what there is all the same."""

    def __init__(self, message: str, result: Any = None):
        super().__init__(message)
        self.result = result


class Progress(Observer):
    """Writes down how far a job is. Whoever runs it calls `step` where it may be stopped: between two transactions."""

    def __init__(self, job: Job):
        self.job = job
        self.mine = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, attempts=job.attempts)
        self.done = 0

    def beat(self) -> None:
        self.mine.update(heartbeat_at=timezone.now())

    def step(self, message: str = "", *, done: int = 0, total: int | None = None) -> None:
        """`done` more steps are done. Raises Cancelled or Lost when the job must not go on."""
        self.done += done
        values: dict[str, Any] = {"done": self.done, "heartbeat_at": timezone.now()}
        values |= {"message": message} if message else {}
        values |= {"total": total} if total is not None else {}
        if not self.mine.filter(cancel_requested=False).update(**values):
            raise Cancelled if self.mine.exists() else Lost

    # What a sync tells

    def planned(self, weekends, feeds):
        self.step(total=len(weekends) * len(feeds))

    def fetching(self, feed, weekend):
        self.step(f"{weekend.name}: {feed.collection}")

    def stored(self, feed, weekend, counts):
        self.step(done=1)

    def car(self, feed, session, driver_number, samples, seconds):
        self.step(f"session {session}, car {driver_number}: {feed.collection}")

    def failed(self, what, error):
        self.step(f"{what}: {error}")
