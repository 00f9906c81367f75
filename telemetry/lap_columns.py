"""What everybody joins to laps, as columns to include: driver, team, tyres, place and gap at the line, whether a lap is clean."""

from typing import Any

from django.db.models import Case, DateTimeField, F, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from api.selecting import Included, offer
from api.tables.columns import Column, make_column
from drivers.models import Entry
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


def with_line(laps: QuerySet) -> QuerySet:
    """Laps with `line`, the moment at which they ended: by their time, or when the car's next lap began."""
    following = Lap.objects.filter(**CAR, lap_number=OuterRef("lap_number") + 1).order_by()
    begun = Subquery(following.values("date_start")[:1])
    return laps.annotate(line=Coalesce(LapEnd("date_start", "lap_duration"), begun, output_field=DateTimeField()))


def with_position(laps: QuerySet) -> QuerySet:
    """The place of the car when it crossed the line: the last one before."""
    places = Position.objects.filter(**CAR, date__lte=OuterRef("line")).order_by("-date", "-position")
    return with_line(laps).annotate(position=Subquery(places.values("position")[:1]))


def with_gap(laps: QuerySet) -> QuerySet:
    """The gap that was measured last before the line, if during the lap."""
    gaps = Interval.objects.filter(**CAR, date__lte=OuterRef("line"), date__gte=OuterRef("date_start")).order_by(
        "-date", "-repeat"
    )
    return with_line(laps).annotate(gap_to_leader=Subquery(gaps.values("gap_to_leader")[:1]))


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
        column(Interval, "gap_to_leader"), 'seconds behind the leader at the line, or "+1 LAP"; races only', with_gap
    ),
    "clean": Included(
        (Column("clean", "clean", bool), Column("excluded", "excluded", str)),
        "whether it was driven at racing speed on a free, dry track, with a time to be trusted; `excluded` says why not",
        with_clean,
    ),
}
offer(Lap, INCLUDED)
