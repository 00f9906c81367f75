"""Decide which race weekends are due for another sync: OpenF1 changes its past data, the most recent data most often."""

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
# (maximum age of a session, time between its syncs, the same if the quality report found something missing)
SCHEDULE = (
    (14 * DAY, DAY, DAY),
    (90 * DAY, 7 * DAY, DAY),
    (timedelta.max, 30 * DAY, 7 * DAY),
)


def sync_interval(age: timedelta, *, has_holes: bool) -> timedelta:
    """The time between two syncs of a session of this age."""
    return next(with_holes if has_holes else usual for max_age, usual, with_holes in SCHEDULE if age <= max_age)


def due_races(now: datetime, *, with_holes: Collection[int] = ()) -> list[int]:
    """Race weekends with a session that was never synced completely, or too long ago for its age; the newest first.

    `with_holes` are the sessions in which the quality report found something missing.
    """
    expected = sum(feed.by_default and not feed.lists for feed in registry().values())
    synced_at = {
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
        if session not in synced_at
        or now - synced_at[session] >= sync_interval(now - (start or now), has_holes=session in with_holes)
    }
    return list(due)


def sync_stale(*, client: Client, observer: Observer, now: datetime | None = None) -> Report:
    """Sync this season's calendar, and then every race weekend that is due; returns the report of both."""
    now = now or timezone.now()
    report = sync(
        client=client, scope=Scope(seasons=(now.year,), optional=True), collections=("meetings", "sessions"), force=True
    )
    races = due_races(now, with_holes=SessionQuality.objects.with_holes())
    if races and not report.errors:
        report.add(sync(client=client, scope=Scope(races=tuple(races)), observer=observer))
    return report
