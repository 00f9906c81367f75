"""Time tracking: the work that a person logs by hand, and the time that their jobs took on a day."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from jobs.models import MANUAL, Job


def track(owner: Any, description: str) -> Job:
    """Start an entry that a person logs by hand."""
    return Job.objects.create(
        kind=MANUAL, description=description, owner=owner, state=Job.State.RUNNING, started_at=timezone.now()
    )


def stop(entry: Job) -> bool:
    """End an entry; False if it had ended already."""
    running = Job.objects.filter(pk=entry.pk, state=Job.State.RUNNING)
    return bool(running.update(state=Job.State.SUCCEEDED, ended_at=timezone.now()))


def jobs_on_day(owner: Any, day: date, *, now: datetime) -> list[Job]:
    """The owner's jobs that overlap the UTC day, the earliest first, each with `time_spent`: its seconds on that day."""
    day_start = datetime.combine(day, time(), UTC)
    day_end = day_start + timedelta(days=1) if day < date.max else datetime.max.replace(tzinfo=UTC)
    if day_start > now:
        return []
    overlaps = Q(ended_at=None, started_at__lte=now) | Q(ended_at__gt=day_start)
    jobs = list(Job.objects.filter(overlaps, owner=owner, started_at__lt=day_end).order_by("started_at", "pk"))
    for job in jobs:
        seconds = (min(job.ended_at or now, day_end) - max(job.started_at or now, day_start)).total_seconds()
        job.time_spent = max(seconds, 0.0)
    return jobs
