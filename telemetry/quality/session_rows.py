"""Everything stored of one session, loaded once and read by every check."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, wraps
from statistics import median
from typing import Any, TypeVar

from races import neutralisations
from races.neutralisations import Window
from telemetry.quality.measuring import FileRow, Measured, measure
from telemetry.quality.rows import (
    BareLap,
    CorrectionRow,
    DriverStandingRow,
    EntryRow,
    GridRow,
    LapRow,
    LastPlace,
    MessageRow,
    PieceRow,
    PitRow,
    RejectRow,
    ResultRow,
    SessionRow,
    StintRow,
    TeamStandingRow,
    Twice,
    WeatherRow,
)
from telemetry.quality.surroundings import Surroundings

# {collection: attribute of SessionRows} of the collections whose rows are loaded; those of all others are counted.
LOADED = {
    "drivers": "entries",
    "laps": "laps",
    "stints": "stints",
    "pit": "pits",
    "weather": "weather",
    "race_control": "messages",
    "session_result": "results",
    "starting_grid": "grid",
    "championship_drivers": "driver_standings",
    "championship_teams": "team_standings",
}


Computed = TypeVar("Computed")


def by_car(rows: Iterable[Any]) -> dict[int, list[Any]]:
    """{driver_number: rows}, in the order given."""
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.driver_number].append(row)
    return dict(found)


@dataclass
class SessionRows:
    """One session's rows. Those that no check reads are counted: `counts` is {collection: {driver_number: rows}}, with the
    number None where a collection has none.
    """

    session: SessionRow
    surroundings: Surroundings
    now: datetime
    entries: list[EntryRow] = field(default_factory=list)
    laps: list[LapRow] = field(default_factory=list)
    stints: list[StintRow] = field(default_factory=list)
    pits: list[PitRow] = field(default_factory=list)
    results: list[ResultRow] = field(default_factory=list)
    grid: list[GridRow] = field(default_factory=list)
    messages: list[MessageRow] = field(default_factory=list)
    weather: list[WeatherRow] = field(default_factory=list)
    driver_standings: list[DriverStandingRow] = field(default_factory=list)
    team_standings: list[TeamStandingRow] = field(default_factory=list)
    laps_without_intervals: list[BareLap] = field(default_factory=list)  # of races that have intervals
    last_places: list[LastPlace] = field(default_factory=list)
    places_twice: list[Twice] = field(default_factory=list)
    counts: dict[str, dict[int | None, int]] = field(default_factory=dict)
    files: list[FileRow] = field(default_factory=list)  # of samples
    pieces: list[PieceRow] = field(default_factory=list)  # oldest first
    rejects: list[RejectRow] = field(default_factory=list)
    corrections: list[CorrectionRow] = field(default_factory=list)
    computed: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False)  # by `once_per_session`

    @property
    def is_race(self) -> bool:
        return self.session.is_race

    def count_rows(self, collection: str) -> int:
        """How many rows of a collection are stored: loaded, counted, or in files of samples."""
        if collection in LOADED:
            return len(getattr(self, LOADED[collection]))
        in_files = sum(file.rows for file in self.files if file.collection == collection)
        return in_files + sum(self.counts.get(collection, {}).values())

    @cached_property
    def laps_of(self) -> dict[int, list[LapRow]]:
        return by_car(self.laps)

    @cached_property
    def stints_of(self) -> dict[int, list[StintRow]]:
        return by_car(self.stints)

    @cached_property
    def pits_of(self) -> dict[int, list[PitRow]]:
        return by_car(self.pits)

    @cached_property
    def result_of(self) -> dict[int, ResultRow]:
        return {row.driver_number: row for row in self.results}

    @cached_property
    def drove(self) -> set[int]:
        """Numbers of the cars that drove a lap, as laps and results say; where there are neither, of those with stints."""
        cars = set(self.laps_of) | {row.driver_number for row in self.results if row.number_of_laps}
        return cars or set(self.stints_of)

    @cached_property
    def usual_sectors(self) -> list[float | None]:
        """The session's median of each of the three sectors in seconds; None where no lap has it."""
        columns = [[lap.sectors[n] for lap in self.laps] for n in range(3)]
        there = [[value for value in column if value is not None] for column in columns]
        return [median(values) if values else None for values in there]

    @cached_property
    def measured(self) -> list[Measured]:
        """The files of samples, each read once."""
        return [measure(file) for file in self.files]

    @cached_property
    def windows(self) -> list[Window]:
        """When the track was not free."""
        gmt_offset = neutralisations.parse_gmt_offset(self.session.gmt_offset) or timedelta()
        read = [neutralisations.Message(m.date, m.flag, m.scope, m.sector, m.message) for m in self.messages if m.date]
        laps = [
            neutralisations.TimedLap(lap.driver_number, lap.date_start, lap.lap_duration)
            for lap in self.laps
            if lap.date_start is not None and lap.lap_duration is not None and not lap.is_pit_out_lap
        ]
        return neutralisations.find_windows(read, gmt_offset=gmt_offset, laps=laps)

    def neutralised(self, lap: LapRow) -> bool:
        """Whether the track was not free for a part of the lap; false where it is not known when the lap was driven."""
        start, end = lap.date_start, lap.date_end
        if start is None or end is None:
            return False
        return any(w.date_start < end and (w.date_end is None or w.date_end > start) for w in self.windows)

    @cached_property
    def last_laps(self) -> dict[int, int]:
        """{driver_number: number of its last stored lap}"""
        return {car: max(lap.lap_number for lap in laps) for car, laps in self.laps_of.items()}

    def last_lap(self, car: int) -> int | None:
        """Number of a car's last lap; where no laps are stored, what its result says."""
        if car in self.last_laps:
            return self.last_laps[car]
        return self.result_of[car].number_of_laps if car in self.result_of else None


def once_per_session(function: Callable[[SessionRows], Computed]) -> Callable[[SessionRows], Computed]:
    """Let a function of a session's rows compute its value once, for all checks that ask for it; none may change it."""

    @wraps(function)
    def compute(rows: SessionRows) -> Computed:
        if function not in rows.computed:
            rows.computed[function] = function(rows)
        return rows.computed[function]

    return compute
