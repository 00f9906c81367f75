"""The rows that the pages of a season are made of, brought in by one query."""

import datetime
from collections import defaultdict
from functools import cached_property

import msgspec
from django.db.models import QuerySet

from api.queries import Moment, Row, fetch
from drivers.models import ChampionshipDriver, ChampionshipTeam, Entry, SessionResult, Team
from drivers.teams import latest_names
from races.models import RACES, Session

LISTED = (*RACES, "Qualifying")  # sessions whose result the calendar tells


class SessionLine(Row):
    """A session of the calendar with its weekend."""

    session_id: int
    session_name: str
    date_start: Moment
    date_end: Moment
    is_cancelled: bool
    slug: str
    race_id: int
    race_name: str
    race_slug: str
    race_cancelled: bool
    circuit_name: str | None
    location: str | None
    country_name: str | None
    year: int
    grade: str | None

    PATHS = {
        "race_name": "race__race_name",
        "race_slug": "race__slug",
        "race_cancelled": "race__is_cancelled",
        "grade": "quality__grade",
    }


class ResultLine(Row):
    """A classified car of a race, a sprint or a qualifying."""

    session_id: int
    driver_number: int
    driver_id: str | None
    position: int | None
    points: float | None
    person: str | None

    PATHS = {"person": "driver__full_name"}


class EntryLine(Row):
    """Who drove a car in a race or sprint, and for whom."""

    session_id: int
    driver_number: int
    name_acronym: str | None
    full_name: str | None
    team_name: str | None
    team_colour: str | None


class DriverStandingRow(Row):
    session_id: int
    driver_number: int
    driver_id: str | None
    position_current: int | None
    points_current: float | None


class TeamStandingRow(Row):
    session_id: int
    team_name: str | None
    position_current: int | None
    points_current: float | None


class SuccessorRow(Row):
    """A team that went on under another name."""

    name: str
    successor_name: str

    PATHS = {"successor_name": "successor__name"}


class SeasonRows(msgspec.Struct, dict=True):
    """The rows that a season's page is made of, in order of time."""

    sessions: list[SessionLine]
    results: list[ResultLine]
    entries: list[EntryLine]
    driver_standings: list[DriverStandingRow]
    team_standings: list[TeamStandingRow]
    successors: list[SuccessorRow]

    @cached_property
    def results_of(self) -> dict[int, list[ResultLine]]:
        by_session: dict[int, list[ResultLine]] = defaultdict(list)
        for row in sorted(self.results, key=lambda row: (row.position is None, row.position or 0)):
            by_session[row.session_id].append(row)
        return by_session

    @cached_property
    def entry_of(self) -> dict[tuple[int, int], EntryLine]:
        return {(row.session_id, row.driver_number): row for row in self.entries}

    @cached_property
    def latest_names(self) -> dict[str, str]:
        """{a team's former name: its latest one}: a team that is renamed between two races is one team."""
        return latest_names({row.name: row.successor_name for row in self.successors})


def load_season(year: int) -> SeasonRows:
    """One query, whatever the number of races."""
    wanted: dict[str, tuple[type[Row], QuerySet]] = {
        "sessions": (SessionLine, Session.objects.filter(year=year)),
        "results": (ResultLine, SessionResult.objects.filter(session__year=year, session__session_name__in=LISTED)),
        "entries": (EntryLine, Entry.objects.filter(session__year=year, session__session_name__in=RACES)),
        "driver_standings": (DriverStandingRow, ChampionshipDriver.objects.filter(session__year=year)),
        "successors": (SuccessorRow, Team.objects.exclude(successor=None)),
        "team_standings": (TeamStandingRow, ChampionshipTeam.objects.filter(session__year=year)),
    }
    rows = fetch(wanted)
    rows["sessions"].sort(key=in_order)
    return SeasonRows(**rows)


def in_order(session: SessionLine) -> tuple[datetime.datetime, int]:
    """Sessions in order of time, those without a date last."""
    return session.date_start or datetime.datetime.max.replace(tzinfo=datetime.UTC), session.session_id
