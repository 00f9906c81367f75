"""Sessions' rows from the database: a few queries for many sessions at once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

from django.db import models
from django.db.models import (
    Count,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Subquery,
    TextField,
    Value,
    Window,
)
from django.db.models.functions import Cast, RowNumber

from drivers.models import ChampionshipDriver, ChampionshipTeam, Entry, SessionResult, StartingGrid
from drivers.people import car_fields
from mirror.feeds import registry
from mirror.models import Correction, Reject, SyncPiece
from mirror.storage import FileStorage
from races.models import RaceControl, Session, Weather
from telemetry.models import Interval, Lap, Pit, Position, SampleFile, Stint
from telemetry.quality import rows as kinds
from telemetry.quality.measuring import FileRow
from telemetry.quality.session_rows import LOADED, SessionRows
from telemetry.quality.surroundings import Surroundings

# Rows without a date or a place come last on every database.
DATED, PLACED = F("date").asc(nulls_last=True), F("position").asc(nulls_last=True)
FIRST_MINUTE = timedelta(minutes=1)  # of a lap: intervals are sent every four seconds
SESSIONS_PER_BATCH = 20  # sessions: a query costs more to put together than the rows of one session to read

Row = TypeVar("Row", bound=tuple)


class Batch:
    """The rows of some sessions; each method is one query."""

    def __init__(self, sessions: list[int]):
        self.sessions = sessions

    def of(self, model: type[models.Model]) -> models.QuerySet:
        return model._default_manager.filter(session_id__in=self.sessions)

    def load(self, kind: type[Row], model: type[models.Model], *order: Any, **computed: Any) -> dict[int, list[Row]]:
        """{session_id: rows as tuples of `kind`}, whose fields are the model's; `computed` are expressions for the others."""
        names = kind._fields  # type: ignore[attr-defined]
        found = self.of(model).order_by("session_id", *order).annotate(**computed).values_list("session_id", *names)
        return grouped(kind, found)

    def count(self, model: type[models.Model]) -> dict[int, dict[int | None, int]]:
        """{session_id: {driver_number: rows}}; the number is None in a model without one."""
        number = next((F(name) for _, name in car_fields(model)), Value(None, output_field=IntegerField()))
        counts: dict[int, dict[int | None, int]] = defaultdict(dict)
        rows = self.of(model).order_by().annotate(car=number).values_list("session_id", "car")
        for session, car, count in rows.annotate(Count("pk")):
            counts[session][car] = count
        return counts

    def rejects(self) -> dict[int, list[kinds.RejectRow]]:
        rows = Reject.objects.filter(session_id__in=self.sessions).order_by("session_id", "pk")
        return grouped(kinds.RejectRow, rows.values_list("session_id", "collection", "row"))

    def places_twice(self) -> dict[int, list[kinds.Twice]]:
        moments = self.of(Position).order_by("session_id", "date", "driver_number").values("session_id", "date", "driver_number")
        moments = moments.annotate(first_pk=Min("pk"), last_pk=Max("pk")).filter(first_pk__lt=F("last_pk"))
        return grouped(kinds.Twice, moments.values_list("session_id", *kinds.Twice._fields))

    def laps_without_intervals(self) -> dict[int, list[kinds.BareLap]]:
        """{session_id: laps}. Subqueries find them, because a race's intervals, some 20,000, take long to read."""
        of_session = Interval.objects.filter(session=OuterRef("session"))
        winner = SessionResult.objects.filter(session=OuterRef("session"), position=1).values("driver_number")[:1]
        begun = OuterRef("date_start")
        there = of_session.filter(date__gte=begun, date__lt=ExpressionWrapper(begun + FIRST_MINUTE, output_field=DateTimeField()))
        laps = self.of(Lap).filter(lap_number__gt=1, date_start__isnull=False, driver_number=Subquery(winner))
        bare = laps.filter(Exists(of_session), ~Exists(there)).order_by("session_id", "lap_number")
        return grouped(kinds.BareLap, bare.values_list("session_id", *kinds.BareLap._fields))

    def last_places(self) -> dict[int, list[kinds.LastPlace]]:
        newest_first = Window(
            RowNumber(), partition_by=["session_id", "driver_number"], order_by=[F("date").desc(), F("pk").desc()]
        )
        places = self.of(Position).alias(age=newest_first).filter(age=1).order_by("session_id", "driver_number")
        return grouped(kinds.LastPlace, places.values_list("session_id", *kinds.LastPlace._fields))


def grouped(kind: type[Row], values: Iterable[tuple]) -> dict[int, list[Row]]:
    """{first value: tuples of `kind` of the others}, from values in the order of the first."""
    make = kind._make  # type: ignore[attr-defined]
    found = {key: [make(row[1:]) for row in rows] for key, rows in groupby(values, key=itemgetter(0))}
    return defaultdict(list, found)


def load(session_ids: Iterable[int], *, surroundings: Surroundings, now: datetime) -> Iterator[SessionRows]:
    """What is stored of sessions, in the order given."""
    ids = list(session_ids)
    for first in range(0, len(ids), SESSIONS_PER_BATCH):
        yield from load_together(ids[first : first + SESSIONS_PER_BATCH], surroundings=surroundings, now=now)


def load_together(session_ids: list[int], *, surroundings: Surroundings, now: datetime) -> Iterator[SessionRows]:
    batch = Batch(session_ids)
    segments = {f"segments_{n}": Cast(f"segments_sector_{n}", TextField()) for n in (1, 2, 3)}
    named = Session.objects.filter(pk__in=session_ids).values_list(*kinds.SessionRow._fields)
    sessions = {row[0]: kinds.SessionRow._make(row) for row in named}
    parts: dict[str, dict[int, list]] = {
        "entries": batch.load(kinds.EntryRow, Entry, "driver_number"),
        "laps": batch.load(kinds.LapRow, Lap, "driver_number", "lap_number", **segments),
        "stints": batch.load(kinds.StintRow, Stint, "driver_number", "stint_number"),
        "pits": batch.load(kinds.PitRow, Pit, "driver_number", DATED, "pk"),
        "results": batch.load(kinds.ResultRow, SessionResult, PLACED, "pk"),
        "grid": batch.load(kinds.GridRow, StartingGrid, PLACED, "pk"),
        "messages": batch.load(kinds.MessageRow, RaceControl, DATED, "pk"),
        "weather": batch.load(kinds.WeatherRow, Weather, "date"),
        "driver_standings": batch.load(kinds.DriverStandingRow, ChampionshipDriver, "pk"),
        "team_standings": batch.load(kinds.TeamStandingRow, ChampionshipTeam, "pk"),
        "last_places": batch.last_places(),
        "places_twice": batch.places_twice(),
        "files": batch.load(FileRow, SampleFile, "collection", "driver_number"),
        "pieces": batch.load(kinds.PieceRow, SyncPiece, "pk"),
        "rejects": batch.rejects(),
        "corrections": batch.load(kinds.CorrectionRow, Correction, "pk"),
    }
    counts = {
        feed.collection: batch.count(feed.model)
        for feed in registry().values()
        if not (feed.lists or isinstance(feed.storage, FileStorage) or feed.collection in LOADED)
    }
    parts["laps_without_intervals"] = batch.laps_without_intervals() if counts["intervals"] else defaultdict(list)
    for session_id in session_ids:
        yield SessionRows(
            sessions[session_id],
            surroundings,
            now,
            counts={name: cars.get(session_id, {}) for name, cars in counts.items()},
            **{name: rows[session_id] for name, rows in parts.items()},
        )
