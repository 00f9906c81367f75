"""A condition for schedules: that it is a race weekend."""

from datetime import datetime, timedelta

from jobs import kinds
from mirror.models import Source
from races.models import Session

LEAD_TIME, FOLLOW_UP_TIME = timedelta(hours=1), timedelta(hours=30)  # before and after the start of a session


def is_race_weekend(now: datetime) -> bool:
    """Whether a session starts within the next hour or started within the last 30 hours."""
    near = Session.objects.filter(date_start__gte=now - FOLLOW_UP_TIME, date_start__lte=now + LEAD_TIME)
    return near.exclude(source=Source.DEMO).exists()


kinds.register_condition("only_on_race_weekends", is_race_weekend)
