"""What a check has to know beyond its own session: the sessions before it, who drove where, what a weekend's sync refused."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, F

from drivers.models import ChampionshipDriver, ChampionshipTeam, Driver, Entry
from drivers.names import ascii_words
from mirror import rejects
from races.models import Session
from telemetry.quality.rows import OutsideRow


class Appearance(NamedTuple):
    """A person in a session."""

    session_id: int
    year: int
    driver_id: str
    driver_number: int
    name_acronym: str | None
    team_name: str | None
    team_colour: str | None


class SessionPlace(NamedTuple):
    """A session's place in time and space."""

    session_id: int
    race_id: int
    year: int
    date_start: datetime | None
    circuit_key: int | None
    country_name: str | None
    circuit_name: str | None
    location: str | None


class Identity(NamedTuple):
    """What an entry says of its driver."""

    session_id: int
    race_id: int
    year: int
    driver_number: int
    driver_id: str
    full_name: str | None
    first_name: str | None
    last_name: str | None
    name_acronym: str | None
    team_name: str | None
    team_colour: str | None
    country_code: str | None


class Identities:
    """What the entries of all sessions say of drivers, to fill in what one entry lacks."""

    def __init__(self, identities: Iterable[Identity] = ()):
        self.by_car: dict[tuple[str, int, int], list[Identity]] = defaultdict(list)
        self.by_driver: dict[str, list[Identity]] = defaultdict(list)
        for identity in identities:
            self.by_car["race", identity.race_id, identity.driver_number].append(identity)
            self.by_car["season", identity.year, identity.driver_number].append(identity)
            self.by_driver[identity.driver_id].append(identity)

    def agreed_value(self, field: str, *, race_id: int, year: int, driver_number: int, driver_id: str | None) -> str | None:
        """The one value that other entries of the car give a field: those of the weekend, else those of the season, and of a
        country all; None where they give none, or name several people or values.
        """
        groups = [self.by_car["race", race_id, driver_number], self.by_car["season", year, driver_number]]
        groups += [self.by_driver[driver_id]] if field == "country_code" and driver_id else []
        for group in groups:
            values = {value for identity in group if (value := getattr(identity, field))}
            if values:
                people = {identity.driver_id for identity in group}
                same = len(values) == 1 and len(people) == 1 and people <= {driver_id or next(iter(people))}
                return values.pop() if same else None
        return None


class UnlistedRows(NamedTuple):
    """Rows of one collection that belong to a session which no list has; without a number where the rows name no session."""

    session_id: int | None
    collection: str
    rows: int


@dataclass
class Surroundings:
    """What checks need to know of other sessions; each attribute says its keys and values."""

    before: dict[int, int] = field(default_factory=dict)  # session_id -> that of the session before it in the season
    previous_appearances: dict[tuple[int, str], Appearance] = field(
        default_factory=dict
    )  # (session_id, driver_id) -> the one before
    number_users: dict[tuple[int, int], set[str]] = field(default_factory=dict)  # (season, driver_number) -> driver_ids
    duplicates: dict[str, str] = field(default_factory=dict)  # driver_id -> another that is probably the same person
    spellings: dict[int, SessionPlace] = field(default_factory=dict)  # circuit_key -> its first session, whose spelling counts
    unlisted: dict[int, list[UnlistedRows]] = field(default_factory=dict)  # race_id -> rows of sessions that no list has
    points_before: dict[tuple[int, str], dict[str, float]] = field(
        default_factory=dict
    )  # (session_id, collection) -> {driver_id or team_name: points after the race before it in the season}
    identities: Identities = field(default_factory=Identities)
    first_sessions: dict[int, int] = field(default_factory=dict)  # race_id -> session_id of its first session
    outside: dict[int, list[OutsideRow]] = field(default_factory=dict)  # session_id -> values outside their limits


def load_surroundings() -> Surroundings:
    """Read them from all that is stored, in a few queries."""
    surroundings = Surroundings()
    sessions = Session.objects.order_by(F("date_start").asc(nulls_last=True), "pk")
    previous: dict[int, int] = {}
    for venue in map(SessionPlace._make, sessions.values_list("pk", *SessionPlace._fields[1:])):
        surroundings.first_sessions.setdefault(venue.race_id, venue.session_id)
        if venue.year in previous:
            surroundings.before[venue.session_id] = previous[venue.year]
        previous[venue.year] = venue.session_id
        if venue.circuit_key is not None:
            surroundings.spellings.setdefault(venue.circuit_key, venue)
    load_people(surroundings)
    load_standings(surroundings)
    surroundings.duplicates = probable_duplicates()
    load_unlisted(surroundings)
    return surroundings


def load_unlisted(surroundings: Surroundings) -> None:
    """Which rows of each weekend are not stored because no list has their session."""
    counts = rejects.of_unlisted_sessions().values_list("race_id", "session_id", "collection").annotate(Count("pk"))
    for race_id, *unlisted in counts.order_by("race_id", "session_id", "collection"):
        surroundings.unlisted.setdefault(race_id, []).append(UnlistedRows(*unlisted))


def load_people(surroundings: Surroundings) -> None:
    """Who had been where before each session, and all who used a number in a season."""
    entries = Entry.objects.filter(driver__isnull=False).order_by(F("session__date_start").asc(nulls_last=True), "session_id")
    fields = ("session_id", "session__race_id", "session__year", *Identity._fields[3:])
    identities = [*map(Identity._make, entries.values_list(*fields))]
    surroundings.identities = Identities(identities)
    last: dict[str, Appearance] = {}
    users: dict[tuple[int, int], set[str]] = defaultdict(set)
    for identity in identities:
        appearance = Appearance._make(getattr(identity, name) for name in Appearance._fields)
        if appearance.driver_id in last:
            surroundings.previous_appearances[appearance.session_id, appearance.driver_id] = last[appearance.driver_id]
        last[appearance.driver_id] = appearance
        users[appearance.year, appearance.driver_number].add(appearance.driver_id)
    surroundings.number_users = dict(users)


def load_standings(surroundings: Surroundings) -> None:
    """How many points everybody had after the race before each race of a season."""
    for collection, model, holder in (
        ("championship_drivers", ChampionshipDriver, "driver_id"),
        ("championship_teams", ChampionshipTeam, "team_name"),
    ):
        rows: Any = model._default_manager.order_by(F("session__date_start").asc(nulls_last=True), "session_id")
        last: dict[tuple[int, str], float | None] = {}
        for session, year, name, points in rows.values_list("session_id", "session__year", holder, "points_current"):
            before = last.get((year, name))
            if before is not None:
                surroundings.points_before.setdefault((session, collection), {})[name] = before
            last[year, name] = points


def probable_duplicates() -> dict[str, str]:
    """{driver_id: driver_id} of people whose names have the same words, or some of them: "Kimi" and "Andrea Kimi" Antonelli."""
    people = [
        (driver_id, frozenset(ascii_words(name))) for driver_id, name in Driver.objects.values_list("driver_id", "full_name")
    ]
    found = {}
    for one, name in people:
        for other, longer in people:
            if one != other and len(name) > 1 and name <= longer:
                found[one], found[other] = other, one
    return found
