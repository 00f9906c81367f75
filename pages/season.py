"""A season: its calendar with winners, the standings and how they came about, and how complete each session is."""

import datetime
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from pages.addresses import race_url, session_url
from pages.season_rows import SeasonRows, SessionLine
from races.models import RACES


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a championship."""

    place: int
    name: str
    key: str  # the driver's ID or else the name; of a team the name
    driver_id: str | None
    team: str
    colour: str | None  # six hexadecimal digits
    acronym: str
    points: float
    wins: int
    podiums: int
    progress: list[float]  # points after each round


class Winner(msgspec.Struct, frozen=True):
    """Who was first in a session."""

    name: str
    driver_id: str | None
    team: str


class Weekend(msgspec.Struct, frozen=True, kw_only=True):
    """A race weekend of the calendar."""

    race_id: int
    name: str
    url: str
    race_url: str  # of the race itself; of a weekend without one the weekend's
    circuit: str
    country: str
    start: datetime.date | None
    end: datetime.date | None
    state: str  # past, next, later, now, cancelled
    winner: Winner | None = None
    pole: Winner | None = None
    sprint_winner: Winner | None = None
    sessions: list[tuple[str, str, str]] = []  # (name, address, grade or "not checked")


class Season(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page of a season shows."""

    year: int
    weekends: list[Weekend]
    drivers: list[Standing]
    teams: list[Standing]
    rounds: list[str]  # names of the weekends that gave points, in order
    computed: bool  # the standings are summed up here, because upstream's are not stored


def season_page(year: int, rows: SeasonRows, now: datetime.datetime) -> Season:
    scoring = [row for row in rows.sessions if row.session_name in RACES and rows.results_of.get(row.session_id)]
    rounds = list(dict.fromkeys(row.race_id for row in scoring))
    names = {row.race_id: short_name(row.race_name) for row in scoring}
    drivers, teams = summed_up(rows, scoring, rounds)
    last = scoring[-1].session_id if scoring else 0
    official = {row.driver_id: row for row in rows.driver_standings if row.session_id == last and row.points_current is not None}
    official_teams = {
        rows.latest_names.get(row.team_name or "", row.team_name): row
        for row in rows.team_standings
        if row.session_id == last and row.points_current is not None
    }
    return Season(
        year=year,
        weekends=weekends(rows, now),
        drivers=ranked(drivers, official),
        teams=ranked(teams, official_teams),
        rounds=[names[race] for race in rounds],
        computed=bool(scoring) and not official,
    )


def short_name(race_name: str) -> str:
    return race_name.replace(" Grand Prix", "")


def summed_up(
    rows: SeasonRows, scoring: list[SessionLine], rounds: list[int]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Points, wins and podiums of drivers and of teams, round by round, from the results."""
    drivers: dict[str, dict[str, Any]] = {}
    teams: dict[str, dict[str, Any]] = {}
    for session in scoring:
        at = rounds.index(session.race_id)
        for result in rows.results_of[session.session_id]:
            entry = rows.entry_of.get((session.session_id, result.driver_number))
            team = (entry.team_name if entry else None) or "unknown"
            name = result.person or (entry.full_name if entry else None) or f"Car {result.driver_number}"
            key = result.driver_id or name
            about = {"team": team, "colour": entry.team_colour if entry else None}
            person = drivers.setdefault(
                key, {"key": key, "driver_id": result.driver_id, "rounds": [0.0] * len(rounds), "wins": 0, "podiums": 0}
            )
            person |= about | {"name": name, "acronym": (entry.name_acronym if entry else None) or str(result.driver_number)}
            lasting = rows.latest_names.get(team, team)
            crew = teams.setdefault(
                lasting, {"key": lasting, "driver_id": None, "rounds": [0.0] * len(rounds), "wins": 0, "podiums": 0}
            )
            crew |= about | {"name": team, "acronym": team}
            for each in (person, crew):
                each["rounds"][at] += result.points or 0.0
                if session.session_name == "Race":
                    each["wins"] += result.position == 1
                    each["podiums"] += bool(result.position and result.position <= 3)
    return list(drivers.values()), list(teams.values())


def ranked(summed: Iterable[dict[str, Any]], official: dict[str | None, Any]) -> list[Standing]:
    """Standings by upstream's points and places where those are stored, else by the sums; ties by wins, then podiums."""
    lines = []
    for each in summed:
        known = official.get(each["key"])
        total = known.points_current if known else sum(each["rounds"])
        lines.append(((known.position_current if known else None) or 99, -total, -each["wins"], -each["podiums"], each, total))
    lines.sort(key=lambda line: line[:4])
    return [
        Standing(
            place=place,
            name=each["name"],
            key=each["key"],
            driver_id=each["driver_id"],
            team=each["team"],
            colour=each["colour"],
            acronym=each["acronym"],
            points=total,
            wins=each["wins"],
            podiums=each["podiums"],
            progress=running_total(each["rounds"]),
        )
        for place, (*_, each, total) in enumerate(lines, 1)
    ]


def running_total(points: list[float]) -> list[float]:
    sums, total = [], 0.0
    for each in points:
        total += each
        sums.append(total)
    return sums


def weekends(rows: SeasonRows, now: datetime.datetime) -> list[Weekend]:
    """The calendar; the next weekend is the first that has not ended."""
    by_race: dict[int, list[SessionLine]] = defaultdict(list)
    for row in rows.sessions:
        by_race[row.race_id].append(row)
    found = []
    is_next = True
    for sessions in by_race.values():
        state = state_of(sessions, now)
        if state == "later" and is_next:
            state, is_next = "next", False
        found.append(weekend(rows, sessions, state))
    return found


def state_of(sessions: list[SessionLine], now: datetime.datetime) -> str:
    start, end = sessions[0].date_start, sessions[-1].date_end or sessions[-1].date_start
    if all(session.is_cancelled or session.race_cancelled for session in sessions):
        return "cancelled"
    if end is None or now > end:
        return "past"
    return "now" if start and now >= start else "later"


def weekend(rows: SeasonRows, sessions: list[SessionLine], state: str) -> Weekend:
    first, last = sessions[0], sessions[-1]
    by_name = {session.session_name: session for session in sessions}
    return Weekend(
        race_id=first.race_id,
        name=first.race_name,
        url=race_url(first.year, first.race_slug),
        race_url=url_in(by_name.get("Race") or first, "Race"),
        circuit=first.circuit_name or first.location or "",
        country=first.country_name or "",
        start=first.date_start.date() if first.date_start else None,
        end=last.date_start.date() if last.date_start else None,
        state=state,
        winner=first_of(rows, by_name.get("Race")),
        pole=first_of(rows, by_name.get("Qualifying")),
        sprint_winner=first_of(rows, by_name.get("Sprint")),
        sessions=[
            (session.session_name, session_url(session.year, session.race_slug, session.slug), session.grade or "not checked")
            for session in sessions
        ],
    )


def first_of(rows: SeasonRows, session: SessionLine | None) -> Winner | None:
    """Whoever was first in a session; None where that is not known."""
    results = rows.results_of.get(session.session_id, []) if session else []
    if session is None or not results or results[0].position != 1:
        return None
    first = results[0]
    entry = rows.entry_of.get((session.session_id, first.driver_number))
    return Winner(first.person or f"Car {first.driver_number}", first.driver_id, (entry.team_name if entry else None) or "")


def url_in(session: SessionLine, name: str) -> str:
    """The address of a session of that name, or else that of its weekend."""
    if session.session_name == name:
        return session_url(session.year, session.race_slug, session.slug)
    return race_url(session.year, session.race_slug)


def results_told(rows: SeasonRows, session: SessionLine) -> list[Winner]:
    """The first three of a session; empty where that is not known."""
    told = []
    for result in rows.results_of.get(session.session_id, [])[:3]:
        entry = rows.entry_of.get((session.session_id, result.driver_number))
        if result.position:
            team = (entry.team_name if entry else None) or ""
            told.append(Winner(result.person or f"Car {result.driver_number}", result.driver_id, team))
    return told


def session_state(session: SessionLine, now: datetime.datetime) -> str:
    """In a word or two: cancelled, on track now, still to come; empty once it is over."""
    if session.is_cancelled or session.race_cancelled:
        return "cancelled"
    if session.date_start and now < session.date_start:
        return "still to come"
    return "on track now" if session.date_end and now < session.date_end else ""
