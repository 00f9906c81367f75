"""What everybody joins to laps, as columns to include: driver, team, tyres, place and gap at the line, whether a lap is clean."""

from typing import Any

from django.db.models import Case, DateTimeField, F, Func, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest

from api.selecting import Included, offer
from api.tables.columns import Column, make_column
from drivers.models import Entry
from mirror.fields import JSONText
from races.models import RACES
from telemetry.models import Interval, Lap, Position, Stint
from telemetry.models.best_laps import LapEnd

CAR = {"session_id": OuterRef("session_id"), "driver_number": OuterRef("driver_number")}


def of_entry(name: str) -> Any:
    """A function that adds a field of the driver's entry in the session to laps."""
    entry = Entry.objects.filter(**CAR)
    return lambda laps: laps.annotate(**{name: Subquery(entry.values(name)[:1])})


def with_tyre_age(laps: Any) -> QuerySet:
    """Laps that the tyres had done before this one."""
    return laps.with_stint().annotate(tyre_age=F("tyre_age_at_start") + F("stint_lap_number") - 1)


def next_start() -> Subquery:
    """When the car's next lap began."""
    following = Lap.objects.filter(**CAR, lap_number=OuterRef("lap_number") + 1).order_by()
    return Subquery(following.values("date_start")[:1])


def with_line(laps: QuerySet) -> QuerySet:
    """Laps with `line`, the moment at which they ended: by their time, or when the car's next lap began."""
    by_time = LapEnd("date_start", "lap_duration")
    return laps.annotate(line=Coalesce(by_time, next_start(), output_field=DateTimeField()))


def with_position(laps: QuerySet) -> QuerySet:
    """The place of the car when it crossed the line: the last one before."""
    places = Position.objects.filter(**CAR, date__lte=OuterRef("line")).order_by("-date", "-position")
    return with_line(laps).annotate(position=Subquery(places.values("position")[:1]))


class SecondsBetween(Func):
    """Seconds from the first moment to the second, to the millisecond, as JSON."""

    output_field = JSONText()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(round((julianday(%(expressions)s)) * -86400, 3) + 0 AS text)"
        return self.as_sql(compiler, connection, template=template, arg_joiner=") - julianday(", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "round(extract(epoch from %(expressions)s) * -1, 3)::float8::text"
        return self.as_sql(compiler, connection, template=template, arg_joiner=" - ", **context)


def with_last_line(laps: QuerySet) -> QuerySet:
    """Laps with `last_line`: when they ended by their time or the next start, whichever says later.

    A time that is too short, or a start that is too early, makes no other car the leader.
    """
    by_time = LapEnd("date_start", "lap_duration")
    return laps.annotate(last_line=Coalesce(Greatest(by_time, next_start()), by_time, next_start(), output_field=DateTimeField()))


def with_gap(laps: QuerySet) -> QuerySet:
    """The gap that was measured last before the line, if during the lap; else, in races, to the first car that ended this lap."""
    measured = Interval.objects.filter(**CAR, date__lte=OuterRef("line"), date__gte=OuterRef("date_start"))
    measured = measured.order_by("-date", "-repeat")
    same = Lap.objects.filter(
        session_id=OuterRef("session_id"),
        session__session_name__in=RACES,
        driver_number__gte=0,  # all, by the index of cars and laps
        lap_number=OuterRef("lap_number"),
    )
    first = with_last_line(same).order_by().annotate(first=Func(F("last_line"), function="MIN")).values("first")
    driven = SecondsBetween(Subquery(first), F("last_line"))
    return with_last_line(with_line(laps)).annotate(
        gap_to_leader=Coalesce(Subquery(measured.values("gap_to_leader")[:1]), driven)
    )


def with_clean(laps: Any) -> QuerySet:
    """`clean`, and the reason of a lap that is not in `excluded`."""
    laps = laps.with_exclusion()
    return laps.annotate(clean=Case(When(excluded="", then=Value(True)), default=Value(False)))


def column(model: Any, name: str) -> tuple[Column, ...]:
    return (make_column(model._meta.get_field(name)),)


INCLUDED = {
    "name_acronym": Included(column(Entry, "name_acronym"), "three letters of the driver", of_entry("name_acronym")),
    "team_name": Included(column(Entry, "team_name"), "the team in the session", of_entry("team_name")),
    "tyre_compound": Included(column(Stint, "tyre_compound"), "the compound of the lap's stint", lambda laps: laps.with_stint()),
    "tyre_age": Included(
        (Column("tyre_age", "tyre_age", int, low=-999, high=1149),), "laps that the tyres had done before this one", with_tyre_age
    ),
    "stint_number": Included(column(Stint, "stint_number"), "the lap's stint", lambda laps: laps.with_stint()),
    "position": Included(column(Position, "position"), "the place at the line, at the end of the lap", with_position),
    "gap_to_leader": Included(
        column(Interval, "gap_to_leader"),
        'seconds behind the leader at the line, or "+1 LAP", as `intervals` say; without such a row in the lap, seconds behind '
        "the first car to end a lap of this number, of lapped cars, too, by starts and times of laps (nine of ten "
        "within 0.12 s of the race trace); races only",
        with_gap,
    ),
    "clean": Included(
        (Column("clean", "clean", bool), Column("excluded", "excluded", str)),
        "whether it was driven at racing speed on a free, dry track, with a time to be trusted; `excluded` says why not",
        with_clean,
    ),
}
offer(Lap, INCLUDED)
