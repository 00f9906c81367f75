"""OpenF1's drivers, and what every collection with a driver number shares."""

from collections.abc import Iterable
from typing import Any

from drivers.models import ChampionshipDriver, ChampionshipTeam, Driver, Entry, SessionResult, StartingGrid
from drivers.people import assign_drivers, car_fields, claim_entries
from drivers.teams import add_teams
from mirror.feeds import Feed
from mirror.values import extract_number


class CarFeed(Feed):
    """Rows about one car, or two: the drivers are looked up in the session's entries when a row is first stored."""

    def initial_columns(self, rows: list, scope: dict[str, Any]) -> dict[str, list]:
        drivers = Entry.objects.numbers(scope["session_key"])
        return {driver: [drivers.get(getattr(row, car)) for row in rows] for driver, car in car_fields(self.model)}


class DriverFeed(Feed):
    collection = "drivers"
    model = Entry

    def after_write(self, scope: dict[str, Any], *, source: str) -> None:
        assign_drivers(scope["session_key"], source=source)
        add_teams(scope["session_key"])


class PeopleFeed(Feed):
    """Drivers as persons: not a collection of OpenF1's, but people correct them as they do upstream's rows."""

    collection = "people"
    model = Driver

    def after_write(self, scope: dict[str, Any], *, source: str) -> None:
        claim_entries(scope["driver_id"])


class SessionResultFeed(CarFeed):
    collection = "session_result"
    model = SessionResult
    derived = ("duration_seconds", "gap_to_leader_seconds")

    def derive(self, rows: Iterable[Any]) -> None:
        for row in rows:
            row.duration_seconds = extract_number(row.duration)
            row.gap_to_leader_seconds = extract_number(row.gap_to_leader)


class StartingGridFeed(CarFeed):
    collection = "starting_grid"
    model = StartingGrid


class ChampionshipDriverFeed(CarFeed):
    collection = "championship_drivers"
    model = ChampionshipDriver


class ChampionshipTeamFeed(Feed):
    """After a broken session teams have no name; then the place they had before the race tells them apart."""

    collection = "championship_teams"
    model = ChampionshipTeam
    derived = ("team_key",)
    together = ("session_id",)

    def derive(self, rows: Iterable[Any]) -> None:
        rows = list(rows)
        named = {(row.session_id, place_of(row)): row.team_name for row in rows if row.team_name}
        for row in rows:
            row.team_key = row.team_name or named.get((row.session_id, place_of(row))) or f"place {place_of(row)}"


def place_of(row: Any) -> int | str:
    """A team's place before the race, else after it."""
    return row.position_start or row.position_current or "unknown"
