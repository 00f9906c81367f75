"""Which session is on track or comes next, by the stored calendar."""

from datetime import datetime, timedelta

from races.models import Session

BEFORE = timedelta(minutes=30)  # a session, its feed begins
AFTER = timedelta(minutes=30)  # its scheduled end, at least so long it is received


def session_near(now: datetime) -> Session | None:
    """The session that is on track or about to be."""
    near = Session.objects.select_related("race").filter(
        is_cancelled=False, date_start__lte=now + BEFORE, date_end__gte=now - AFTER
    )
    return near.order_by("date_start").last()


def next_session(now: datetime) -> Session | None:
    coming = Session.objects.select_related("race").filter(is_cancelled=False, date_start__gt=now)
    return coming.order_by("date_start").first()


def wait_text(now: datetime) -> str:
    coming = next_session(now)
    if coming is None or coming.date_start is None:
        return "waits; no session is in the calendar, which `manage.py sync_openf1 meetings sessions` brings up to date"
    return f"waits for {coming} on {coming.date_start:%-d %B at %H:%M} UTC"
