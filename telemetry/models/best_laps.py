"""The best lap of a session in SQL: near the fifth best, with a time that was measured twice.

A lap is measured by its time, by its sectors, and by the start of the next lap. A time that disagrees with the sectors counts
where the next start supports it; where that supports the sectors, their sum is the lap's time here. So a change of one value
hardly ever makes another lap the best one.
"""

from typing import Any

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Least

from telemetry.lap_rules import MIN_SECTOR, MIN_SUPPORTED_RATIO, SECTOR_ROUNDING, START_JITTER, SUPPORTING_LAPS

UNLIMITED = 1e9  # seconds; SQLite's minimum of a number and null is null
SECTORS = ("duration_sector_1", "duration_sector_2", "duration_sector_3")
ADDED_SECTORS = F("duration_sector_1") + F("duration_sector_2") + F("duration_sector_3")  # null where one is missing
SHORTEST = sum((Coalesce(F(sector), MIN_SECTOR) for sector in SECTORS), Value(-SECTOR_ROUNDING))  # a lap with these sectors
SHORT_SECTOR = Q(duration_sector_1__lt=MIN_SECTOR) | Q(duration_sector_2__lt=MIN_SECTOR) | Q(duration_sector_3__lt=MIN_SECTOR)
CONTRADICTS_SECTORS = Q(lap_duration__lt=SHORTEST) | Q(lap_duration__gt=ADDED_SECTORS + SECTOR_ROUNDING) | SHORT_SECTOR


class LapEnd(models.Func):
    """When a lap ended, in SQL: its start plus its duration; null where either is unknown."""

    output_field = models.DateTimeField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Moments are texts there, and compare only when written in one way: six digits after the second, or none for zero.
        text = "strftime('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', %(expressions)s || ' seconds')"  # to the millisecond
        template = f"replace({text} || '000', '.000000', '')"
        return self.as_sql(compiler, connection, template=template, arg_joiner=", '+' || ", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s * interval '1 second')", arg_joiner=" + ", **context)


def fifth_best_lap(laps: Any, session_id: Any) -> Subquery:
    """The session's fifth best lap time, which no single lap moves further than to the time next to it."""
    times = laps.filter(session_id=session_id, lap_number__gt=1, lap_duration__isnull=False).order_by("lap_duration")
    return Subquery(times.values("lap_duration")[SUPPORTING_LAPS - 1 : SUPPORTING_LAPS])


def best_lap(laps: Any, session_id: Any) -> Least:
    """The session's best lap time; null where it has too few laps. `laps`: all laps, as the model's queryset."""
    by_time, by_sectors = (best_measured_lap(laps, session_id, seconds) for seconds in (F("lap_duration"), ADDED_SECTORS))
    return Least(by_time, Coalesce(by_sectors, Value(UNLIMITED)))


def best_measured_lap(laps: Any, session_id: Any, seconds: Any) -> Subquery:
    """The first lap, in the order of `seconds`, whose time agrees with its sectors, or `seconds` with the next start.

    An index has that order. The lap's time is `lap_duration` where that agrees with the sectors.
    """
    inner = OuterRef(session_id) if isinstance(session_id, OuterRef) else session_id
    near = MIN_SUPPORTED_RATIO * fifth_best_lap(laps, inner)
    disagrees = Case(When(Q(lap_duration=None) | CONTRADICTS_SECTORS, then=Value(1)), default=Value(0))
    timed = laps.annotate(seconds=seconds, disagrees=disagrees).filter(session_id=session_id, lap_number__gt=1, seconds__gte=near)
    measured_twice = timed.filter(Q(disagrees=0) | ends_with_next_start(laps, seconds)).order_by("seconds")
    time = Case(When(disagrees=0, then=F("lap_duration")), default=F("seconds"))
    return Subquery(measured_twice.annotate(time=time).values("time")[:1])


def ends_with_next_start(laps: Any, seconds: Any) -> Exists:
    """Condition: the car's next lap begins when this one would end that takes so many seconds."""
    following = laps.filter(
        session_id=OuterRef("session_id"), driver_number=OuterRef("driver_number"), lap_number=OuterRef("lap_number") + 1
    )
    earliest, latest = (LapEnd(OuterRef("date_start"), outer(seconds) + Value(away)) for away in (-START_JITTER, START_JITTER))
    return Exists(following.filter(date_start__gt=earliest, date_start__lt=latest))


def outer(expression: Any) -> Any:
    """The expression on the fields of the query outside."""
    if isinstance(expression, F):
        return OuterRef(expression.name)  # type: ignore[attr-defined]
    copy = expression.copy()
    copy.set_source_expressions([outer(source) for source in expression.get_source_expressions()])
    return copy
