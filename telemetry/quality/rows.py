"""The kinds of rows that checks read: named tuples with the fields of the models that the checks use."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple


class SessionRow(NamedTuple):
    pk: int
    race_id: int
    session_name: str
    session_type: str | None
    year: int
    date_start: datetime | None
    date_end: datetime | None
    gmt_offset: str | None
    is_cancelled: bool
    listed: bool
    circuit_key: int | None
    country_name: str | None
    circuit_name: str | None
    location: str | None
    race__race_name: str
    race__official_name: str | None
    race__listed: bool

    @property
    def is_race(self) -> bool:
        """A grand prix or a sprint."""
        return self.session_type == "Race"

    @property
    def is_qualifying(self) -> bool:
        """Of a grand prix or of a sprint."""
        return self.session_type == "Qualifying"

    @property
    def is_test(self) -> bool:
        """A day before the season."""
        return "TEST" in self.race__race_name.upper()


class EntryRow(NamedTuple):
    pk: int
    driver_number: int
    driver_id: str | None
    full_name: str | None
    first_name: str | None
    last_name: str | None
    broadcast_name: str | None
    name_acronym: str | None
    team_name: str | None
    team_colour: str | None
    headshot_url: str | None
    country_code: str | None


class LapRow(NamedTuple):
    pk: int
    driver_number: int
    lap_number: int
    date_start: datetime | None
    lap_duration: float | None
    duration_sector_1: float | None
    duration_sector_2: float | None
    duration_sector_3: float | None
    i1_speed: int | None
    i2_speed: int | None
    st_speed: int | None
    is_pit_out_lap: bool
    segments_1: str | None  # JSON as stored
    segments_2: str | None
    segments_3: str | None

    @property
    def sectors(self) -> tuple[float | None, float | None, float | None]:
        return self.duration_sector_1, self.duration_sector_2, self.duration_sector_3

    @property
    def date_end(self) -> datetime | None:
        if self.date_start is None or self.lap_duration is None:
            return None
        return self.date_start + timedelta(seconds=self.lap_duration)

    @property
    def sum_of_sectors(self) -> float | None:
        """None where a sector is missing."""
        first, second, third = self.sectors
        return None if first is None or second is None or third is None else sum((first, second, third))


class StintRow(NamedTuple):
    pk: int
    driver_number: int
    stint_number: int
    lap_start: int | None
    lap_end: int | None
    tyre_compound: str | None
    tyre_age_at_start: int | None

    @property
    def laps(self) -> range:
        """The numbers of its laps; none where a bound is missing or the two are reversed."""
        return range(0) if self.lap_start is None or self.lap_end is None else range(self.lap_start, self.lap_end + 1)

    @property
    def compound_known(self) -> bool:
        return bool(self.tyre_compound) and "UNKNOWN" not in (self.tyre_compound or "")


class PitRow(NamedTuple):
    pk: int
    driver_number: int
    date: datetime | None
    lap_number: int | None
    pit_duration: float | None
    lane_duration: float | None
    stop_duration: float | None

    @property
    def seconds(self) -> float | None:
        """In the pit lane, by whichever name upstream gave it."""
        return self.lane_duration if self.pit_duration is None else self.pit_duration


class ResultRow(NamedTuple):
    pk: int
    driver_number: int
    position: int | None
    number_of_laps: int | None
    points: float | None
    dnf: bool
    dns: bool
    dsq: bool
    duration: Any
    gap_to_leader: Any


class GridRow(NamedTuple):
    pk: int
    driver_number: int
    position: int | None


class MessageRow(NamedTuple):
    pk: int
    date: datetime | None
    flag: str | None
    scope: str | None
    sector: int | None
    message: str | None
    category: str | None
    driver_number: int | None
    qualifying_phase: int | None


class DriverStandingRow(NamedTuple):
    pk: int
    driver_number: int
    driver_id: str | None
    points_start: float | None
    points_current: float | None
    position_current: int | None

    @property
    def holder(self) -> str | None:
        """Whose standing it is, also in other sessions."""
        return self.driver_id

    @property
    def title(self) -> str:
        return f"car {self.driver_number}"


class TeamStandingRow(NamedTuple):
    pk: int
    team_key: str
    team_name: str | None
    points_start: float | None
    points_current: float | None
    position_current: int | None

    @property
    def holder(self) -> str | None:
        """Whose standing it is, also in other sessions."""
        return self.team_name

    @property
    def title(self) -> str:
        return self.team_name or self.team_key


StandingRow = DriverStandingRow | TeamStandingRow


class PieceRow(NamedTuple):
    """A piece of a sync."""

    collection: str
    driver_number: int | None
    ok: bool
    updated: int
    vanished: int
    pruned: int
    rejected: int
    folded: int


class RejectRow(NamedTuple):
    """A row of upstream's that was not stored, as it was sent."""

    collection: str
    row: dict[str, Any]


class CorrectionRow(NamedTuple):
    """A value that a person put in the place of upstream's."""

    collection: str
    field: str
    state: str


class OutsideRow(NamedTuple):
    """A value of a row that is outside the limits, or none of the closed set, that its field declares."""

    pk: int
    collection: str
    field: str
    value: Any
    driver_number: int | None
    lap_number: int | None


class WeatherRow(NamedTuple):
    pk: int
    date: datetime


class BareLap(NamedTuple):
    """A lap of the winner during whose first minute no interval of any car is stored."""

    pk: int
    driver_number: int
    lap_number: int


class LastPlace(NamedTuple):
    """The last place that a car took in a session."""

    pk: int
    driver_number: int
    position: int


class Twice(NamedTuple):
    """A car with several places at one moment."""

    date: datetime
    driver_number: int
    first_pk: int
    last_pk: int
