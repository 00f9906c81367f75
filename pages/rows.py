"""Everything stored of one session that a page may need, brought in by a single query."""

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, cached_property, wraps
from typing import Any, TypeVar

from api.memory import Memory
from api.queries import Moment, Row, Statement, Tables, parameter, read_tables, union
from drivers.models import Entry, SessionResult, StartingGrid
from mirror.models import Correction
from pages.lap_times import possible_times, race_length
from pages.page_versions import SessionHead
from pages.stored_session import session_of, session_tables
from races.models import RACES, Neutralisation, RaceControl, Session, Weather
from telemetry.models import Lap, Pit, Stint

Derived = TypeVar("Derived")


class EntryRow(Row):
    driver_number: int
    driver_id: str | None
    full_name: str | None
    name_acronym: str | None
    team_name: str | None
    team_colour: str | None
    person: str | None  # the driver's name as a person, which does not shout

    PATHS = {"person": "driver__full_name"}


class ResultRow(Row):
    driver_number: int
    position: int | None
    number_of_laps: int | None
    points: float | None
    dnf: bool
    dns: bool
    dsq: bool
    duration: Any
    gap_to_leader: Any


class GridRow(Row):
    driver_number: int
    position: int
    lap_duration: float | None


class LapRow(Row):
    driver_number: int
    lap_number: int
    date_start: Moment
    lap_duration: float | None
    duration_sector_1: float | None
    duration_sector_2: float | None
    duration_sector_3: float | None
    is_pit_out_lap: bool
    stint_number: int | None
    tyre_compound: str | None
    tyre_age_at_start: int | None
    stint_lap_number: int | None
    excluded: str
    deleted: bool

    @property
    def tyre_age(self) -> int | None:
        """Laps that the tyres had done when this lap began; None where no stint covers it or its age is unknown."""
        if self.tyre_age_at_start is None or self.stint_lap_number is None:
            return None
        return self.tyre_age_at_start + self.stint_lap_number - 1


class StintRow(Row):
    driver_number: int
    stint_number: int
    lap_start: int | None
    lap_end: int | None
    tyre_compound: str | None
    tyre_age_at_start: int | None


class PitRow(Row):
    driver_number: int
    date: Moment
    lap_number: int | None
    pit_duration: float | None
    lane_duration: float | None
    stop_duration: float | None

    @property
    def seconds(self) -> float | None:
        """In the pit lane, by whichever name upstream sent them."""
        return self.lane_duration if self.pit_duration is None else self.pit_duration


class NeutralisationRow(Row):
    state: str
    sector: int | None
    date_start: datetime.datetime
    date_end: Moment


class MessageRow(Row):
    date: Moment
    driver_number: int | None
    lap_number: int | None
    category: str | None
    flag: str | None
    scope: str | None
    message: str | None


class WeatherRow(Row):
    date: datetime.datetime
    air_temperature: float | None
    track_temperature: float | None
    rainfall: int | None
    wind_speed: float | None


class CorrectionRow(Row):
    collection: str
    key: dict[str, Any]
    field: str
    upstream: Any
    corrected: Any
    reason: str


@cache
def tables() -> Tables:
    """What is loaded of a session, whose number is a `parameter`."""
    of_session = {"session": parameter("session")}
    return {
        "entries": (EntryRow, Entry.objects.filter(**of_session)),
        "results": (ResultRow, SessionResult.objects.filter(**of_session)),
        "grid": (GridRow, StartingGrid.objects.below(parameter("session")).exclude(position=None)),
        "laps": (LapRow, Lap.objects.filter(**of_session).with_exclusion(**of_session)),
        "stints": (StintRow, Stint.objects.filter(**of_session)),
        "pits": (PitRow, Pit.objects.filter(**of_session)),
        "neutralisations": (NeutralisationRow, Neutralisation.objects.filter(**of_session)),
        "messages": (MessageRow, RaceControl.objects.filter(**of_session)),
        "weather": (WeatherRow, Weather.objects.filter(**of_session)),
        "corrections": (CorrectionRow, Correction.objects.filter(session_id=parameter("session"))),
        **session_tables(),
    }


More = Callable[[], Tables]  # what a view shows besides, of the session whose number is a `parameter`


@cache
def query(*wanted: More) -> Statement:
    return union({name: table for each in wanted for name, table in each().items()})


@dataclass(frozen=True)
class SessionRows:
    """The rows of a session by table, each in a sensible order: by car and number, or by time."""

    session: Session
    entries: list[EntryRow]
    results: list[ResultRow]
    grid: list[GridRow]
    laps: list[LapRow]
    stints: list[StintRow]
    pits: list[PitRow]
    neutralisations: list[NeutralisationRow]
    messages: list[MessageRow]
    weather: list[WeatherRow]
    corrections: list[CorrectionRow]
    version: object = None  # as of which they were read: of equal versions whatever is computed from the rows is equal
    beside: object = None  # what `View.version` said, where it was asked already
    also: dict[More, dict[str, list[Any]]] = field(default_factory=dict)  # see `more`
    raw: bool = field(default=False)  # whether upstream's values stand in place of the corrected ones
    derived: dict[str, Any] = field(default_factory=dict, init=False)  # what `derived_once` functions have made of the rows

    @cached_property
    def is_race(self) -> bool:
        return self.session.session_name in RACES

    @cached_property
    def laps_of(self) -> dict[int, list[LapRow]]:
        """{car number: its laps in order}"""
        return grouped(self.laps)

    @cached_property
    def stints_of(self) -> dict[int, list[StintRow]]:
        return grouped(self.stints)

    @cached_property
    def pits_of(self) -> dict[int, list[PitRow]]:
        return grouped(self.pits)

    @cached_property
    def result_of(self) -> dict[int, ResultRow]:
        return {row.driver_number: row for row in self.results}

    @cached_property
    def entry_of(self) -> dict[int, EntryRow]:
        return {row.driver_number: row for row in self.entries}

    @cached_property
    def possible_times(self) -> dict[tuple[int, int], float]:
        """{(car number, lap number): the lap's time} of laps whose time can be, see `pages.lap_times`."""
        return possible_times(self.laps_of, is_race=self.is_race)

    def seconds_of(self, lap: LapRow) -> float | None:
        """A lap's time; None without one, and where it cannot be."""
        return self.possible_times.get((lap.driver_number, lap.lap_number))

    @cached_property
    def race_laps(self) -> int:
        """The laps of the race by its result; without one those of the car that drove most, 0 where none are stored.

        Cars can have a lap too many: upstream begins one after the flag.
        """
        counts = [result.number_of_laps or 0 for result in self.results] if self.is_race else []
        return race_length(counts, self.laps_of)

    def version_beside(self, read: Callable[[int], Any]) -> Any:
        """What `View.version` says of the session: as the answer has read it already, or read now."""
        return read(self.session.pk) if self.beside is None else self.beside

    def more(self, tables: More) -> dict[str, list[Any]]:
        """The rows of further tables, in no order: as they were read with these rows, or read now."""
        if tables not in self.also:
            self.also[tables] = read_tables(tables(), query(tables), session=self.session.pk)
        return self.also[tables]


loaded = Memory[SessionRows](largest=1, total=4)  # sessions that were looked at last; about 2 MB each


def derived_once(derive: Callable[[SessionRows], Derived]) -> Callable[[SessionRows], Derived]:
    """Decorator: what is derived from a session's rows is computed once, though several charts of a page rest on it."""

    @wraps(derive)
    def answer(rows: SessionRows) -> Derived:
        if derive.__name__ not in rows.derived:
            rows.derived[derive.__name__] = derive(rows)
        return rows.derived[derive.__name__]

    return answer


def grouped(rows: Iterable[Any]) -> dict[int, list[Any]]:
    """{car number: its rows}"""
    by_car: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_car[row.driver_number].append(row)
    return dict(by_car)


def load(found: Session | SessionHead, *, version: object = None, beside: object = None, more: More | None = None) -> SessionRows:
    """The rows of a session as they are stored, corrections included, and what the view needs besides; one query, or none where
    a view has read this version.
    """
    key = repr((found.session_id, version, beside))
    rows = loaded.get(key) if version else None
    if rows is None:
        also = more() if more else {}
        read = read_tables({**tables(), **also}, query(tables, more) if more else query(tables), session=found.session_id)
        in_order: dict[str, Any] = {name: sorted(read[name], key=order) for name, order in ORDER.items()}
        rows = SessionRows(session=session_of(read), version=version, beside=beside, **in_order)
        if more:
            rows.also[more] = {name: read[name] for name in also}
        if version:
            loaded.put(key, rows, 1)
    return rows


FIRST = datetime.datetime.min.replace(tzinfo=datetime.UTC)


def by_moment(row: Any) -> datetime.datetime:
    """Rows in order of time, those without a moment first."""
    return row.date or FIRST


ORDER: dict[str, Any] = {
    "entries": lambda row: row.driver_number,
    "results": lambda row: (not row.position, row.position or 0, -(row.number_of_laps or 0), row.driver_number),
    "grid": lambda row: row.position,
    "laps": lambda row: (row.driver_number, row.lap_number),
    "stints": lambda row: (row.driver_number, row.stint_number),
    "pits": by_moment,
    "neutralisations": lambda row: row.date_start,
    "messages": by_moment,
    "weather": by_moment,
    "corrections": lambda row: (row.collection, row.field),
}
