"""Drivers and teams over the years: their seasons, their results, and what the sessions say of team-mates.

A driver's team in a session is the one of the session's entry; team-mates are the other entries of that team there.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Any

import msgspec
from django.db.models import Exists, OuterRef, QuerySet

from api.queries import Row, fetch
from drivers.models import ChampionshipDriver, ChampionshipTeam, Entry, SessionResult
from pages.addresses import race_url, session_url
from pages.season import short_name
from pages.season_rows import LISTED, SessionLine, in_order
from pages.templatetags.f1 import team_url
from races.models import RACES, Session


class CarLine(Row):
    """A car of the team in a session, with the person who drove it."""

    session_id: int
    driver_number: int
    driver_id: str | None
    name_acronym: str | None
    full_name: str | None
    person: str | None
    team_name: str | None
    team_colour: str | None

    PATHS = {"person": "driver__full_name"}

    @property
    def key(self) -> str:
        """The person, as far as that is known."""
        return self.driver_id or f"car {self.driver_number}"

    @property
    def name(self) -> str:
        return self.person or self.full_name or f"Car {self.driver_number}"


class Outcome(Row):
    """The result of a car; see `SessionResult`."""

    session_id: int
    driver_number: int
    position: int | None
    points: float | None
    dnf: bool
    dns: bool
    dsq: bool
    duration: Any


class Place(Row):
    """A place in a championship after a session."""

    session_id: int
    position_current: int | None
    points_current: float | None


class SeasonLine(msgspec.Struct, frozen=True, kw_only=True):
    """A season of a driver or a team in figures."""

    year: int
    beside: list[tuple[str, str]]  # (name, address): of a driver the teams, of a team the drivers
    races: int
    wins: int
    podiums: int
    poles: int
    best: int | None
    points: float
    place: int | None  # in the championship, where upstream's rows are stored


class ResultOf(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver did at a weekend; each text with the address of the session."""

    race: str
    url: str
    driver: str
    driver_id: str | None
    team: str
    sessions: dict[str, tuple[str, str]]  # {"Race": ("1", address)}
    points: float


class CareerRows(msgspec.Struct, dict=True):
    """The rows behind the page of a driver or a team; `cars` are those of the team in each session, in order of number."""

    sessions: list[SessionLine]
    cars: list[CarLine]
    results: list[Outcome]
    standings: list[Place]

    @cached_property
    def session_of(self) -> dict[int, SessionLine]:
        return {row.session_id: row for row in self.sessions}

    @cached_property
    def result_of(self) -> dict[tuple[int, int], Outcome]:
        return {(row.session_id, row.driver_number): row for row in self.results}

    @cached_property
    def years(self) -> list[int]:
        """The newest first."""
        return sorted({row.year for row in self.sessions}, reverse=True)

    def cars_in(self, year: int) -> list[CarLine]:
        """The cars of a season in order of time."""
        order = {row.session_id: place for place, row in enumerate(self.sessions) if row.year == year}
        return sorted((car for car in self.cars if car.session_id in order), key=lambda car: order[car.session_id])


def load_driver(key: str) -> CareerRows:
    """The rows of a driver and of his team-mates; one query."""
    mine = Entry.objects.filter(driver=key, session=OuterRef("session"), team_name=OuterRef("team_name"))
    sessions = Entry.objects.filter(driver=key).values("session")
    cars = Entry.objects.filter(Exists(mine) | qualified(driver=key), session__in=sessions, session__session_name__in=LISTED)
    return load(cars, sessions, ChampionshipDriver.objects.filter(driver=key))


def qualified(**lookups: Any) -> Any:
    """The condition on an entry itself: a car without a team is its driver's all the same."""
    return Exists(Entry.objects.filter(pk=OuterRef("pk"), **lookups))


def load_team(names: Collection[str]) -> CareerRows:
    """The rows of a team's cars under its names; one query."""
    cars = Entry.objects.filter(team_name__in=names, session__session_name__in=LISTED)
    return load(cars, cars.values("session"), ChampionshipTeam.objects.filter(team_name__in=names))


def load(cars: QuerySet, sessions: QuerySet, standings: QuerySet) -> CareerRows:
    among = cars.filter(session=OuterRef("session"), driver_number=OuterRef("driver_number"))
    wanted: dict[str, tuple[type[Row], QuerySet]] = {
        "sessions": (SessionLine, Session.objects.filter(pk__in=sessions.order_by(), session_name__in=LISTED)),
        "cars": (CarLine, cars),
        "results": (Outcome, SessionResult.objects.filter(Exists(among), session__in=sessions.order_by())),
        "standings": (Place, standings),
    }
    rows = fetch(wanted)
    rows["sessions"].sort(key=in_order)
    rows["cars"].sort(key=lambda row: (row.session_id, row.driver_number))
    return CareerRows(**rows)


def seasons_of(rows: CareerRows, driver: str | None) -> list[SeasonLine]:
    """The seasons, the newest first; of one driver, or of all cars with None."""
    return [season_of(rows, year, driver) for year in rows.years]


def season_of(rows: CareerRows, year: int, driver: str | None) -> SeasonLine:
    cars = [car for car in rows.cars_in(year) if driver is None or car.driver_id == driver]
    if driver is None:
        beside = {car.name: f"/f1/drivers/{car.driver_id}/" if car.driver_id else "" for car in cars}
    else:
        beside = {car.team_name: team_url(car.team_name) for car in cars if car.team_name}
    named = [(car, rows.session_of[car.session_id].session_name) for car in cars]
    outcomes = [(name, rows.result_of.get((car.session_id, car.driver_number))) for car, name in named]
    results = [(name, found) for name, found in outcomes if found]
    races = [found for name, found in results if name == "Race" and not found.dns]
    places = [found.position for found in races if found.position]
    return SeasonLine(
        year=year,
        beside=[*beside.items()],
        races=len(races) if driver else len({car.session_id for car, name in named if name == "Race"}),
        wins=places.count(1),
        podiums=sum(place <= 3 for place in places),
        poles=sum(name == "Qualifying" and found.position == 1 for name, found in results),
        best=min(places, default=None),
        points=sum(found.points or 0 for name, found in results if name in RACES),
        place=place_in(rows, year),
    )


def place_in(rows: CareerRows, year: int) -> int | None:
    """The last known place in a season's championship."""
    standing = {row.session_id: row.position_current for row in rows.standings}
    known = [standing[row.session_id] for row in rows.sessions if row.year == year and row.session_id in standing]
    return known[-1] if known else None


def results_in(rows: CareerRows, year: int, driver: str | None) -> list[ResultOf]:
    """The weekends of a season, the newest first; of one driver, or of all cars with None."""
    by_weekend: dict[tuple[int, str], list[CarLine]] = defaultdict(list)
    for car in rows.cars_in(year):
        if driver is None or car.driver_id == driver:
            by_weekend[rows.session_of[car.session_id].race_id, car.key].append(car)
    return [weekend_of(rows, cars) for cars in by_weekend.values()][::-1]


def weekend_of(rows: CareerRows, cars: list[CarLine]) -> ResultOf:
    """A driver's weekend, from the cars driven in its sessions."""
    found: dict[str, tuple[str, str]] = {}
    points = 0.0
    for car in cars:
        session = rows.session_of[car.session_id]
        outcome = rows.result_of.get((car.session_id, car.driver_number))
        found[session.session_name] = (outcome_text(outcome), session_url(session.year, session.race_slug, session.slug))
        points += (outcome.points or 0) if outcome and session.session_name in RACES else 0
    session, last = rows.session_of[cars[0].session_id], cars[-1]
    return ResultOf(
        race=short_name(session.race_name),
        url=race_url(session.year, session.race_slug),
        driver=last.name,
        driver_id=last.driver_id,
        team=last.team_name or "",
        sessions=found,
        points=points,
    )


def outcome_text(outcome: Outcome | None) -> str:
    """The place, or why there is none."""
    if outcome is None:
        return "–"
    word = "DSQ" if outcome.dsq else "DNS" if outcome.dns else "DNF" if outcome.dnf else "–"
    return str(outcome.position) if outcome.position else word


def colour_of(cars: Iterable[CarLine]) -> str | None:
    """The newest team colour that is known; `cars` in order of time."""
    return next((car.team_colour for car in reversed([*cars]) if car.team_colour), None)
