"""Time tracking: what a person worked on, whether a worker did it for them or they logged it by hand."""

from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Q
from django.utils import timezone

from jobs.models import MANUAL, Job


def track(owner, description: str) -> Job:
    """Begin an entry by hand."""
    return Job.objects.create(
        kind=MANUAL, description=description, owner=owner, state=Job.State.RUNNING, started_at=timezone.now()
    )


def stop(entry: Job) -> bool:
    """End an entry; False when it had ended already."""
    running = Job.objects.filter(pk=entry.pk, state=Job.State.RUNNING)
    return bool(running.update(state=Job.State.SUCCEEDED, ended_at=timezone.now()))


def spent_on(owner, day: date, *, now: datetime) -> list[Job]:
    """The owner's entries that overlap the UTC day, the earliest first, each with `time_spent`: its seconds on that day."""
    begin = datetime.combine(day, time(), UTC)
    end = begin + timedelta(days=1) if day < date.max else datetime.max.replace(tzinfo=UTC)
    overlaps = Q(ended_at=None, started_at__lte=now) | Q(ended_at__gt=begin)
    entries = []
    if begin <= now:
        entries = list(Job.objects.filter(overlaps, owner=owner, started_at__lt=end).order_by("started_at", "pk"))
    for entry in entries:
        seconds = (min(entry.ended_at or now, end) - max(entry.started_at or now, begin)).total_seconds()
        entry.time_spent = max(seconds, 0.0)
    return entries
