"""What is due for another look: upstream rewrites its past, the recent past most."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Count, Min
from django.utils import timezone

from mirror.client import Client
from mirror.feeds import registry
from mirror.models import PieceState, Source
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.reporting import Observer, Report
from races.models import Session
from telemetry.models import SessionQuality

DAY = timedelta(days=1)
# (age of a session, how often it is looked at, how often when the quality report found holes in it)
SCHEDULE = (
    (14 * DAY, DAY, DAY),
    (90 * DAY, 7 * DAY, DAY),
    (timedelta.max, 30 * DAY, 7 * DAY),
)


def interval(age: timedelta, *, has_holes: bool) -> timedelta:
    """How long a session of this age may go without a sync."""
    return next(holes if has_holes else usual for limit, usual, holes in SCHEDULE if age <= limit)


def due_races(now: datetime, *, with_holes: Collection[int] = ()) -> list[int]:
    """Race weekends with a session that is due, the newest first: never synced completely, or too long ago for its age.

    `with_holes` are the sessions of which the quality report says that something is missing.
    """
    expected = sum(feed.by_default and not feed.lists for feed in registry().values())
    last = {
        session: synced
        for session, synced, pieces in PieceState.objects.filter(source=Source.OPENF1, driver_number=0)
        .values_list("session_id")
        .annotate(synced=Min("synced_at"), pieces=Count("pk"))
        if pieces >= expected
    }
    begun = Session.objects.filter(source=Source.OPENF1, is_cancelled=False, date_start__lte=now).order_by("-date_start")
    due = {
        race: None
        for session, race, start in begun.values_list("session_id", "race_id", "date_start")
        if session not in last or now - last[session] >= interval(now - (start or now), has_holes=session in with_holes)
    }
    return list(due)


def sync_stale(*, client: Client, observer: Observer, now: datetime | None = None) -> Report:
    """Bring this season's calendar up to date, and then every weekend that is due."""
    now = now or timezone.now()
    report = sync(client=client, scope=Scope(seasons=(now.year,)), collections=("meetings", "sessions"), force=True)
    races = due_races(now, with_holes=SessionQuality.objects.with_holes())
    if races and not report.errors:
        report.add(sync(client=client, scope=Scope(races=tuple(races)), observer=observer))
    return report
