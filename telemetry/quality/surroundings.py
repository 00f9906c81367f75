"""What a check has to know beyond its own session: the sessions before it, who drove where, what a weekend's sync refused."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db.models import F

from drivers.models import Driver, Entry
from drivers.names import ascii_words
from mirror.models import SyncPiece
from races.models import Session


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
    unlisted: dict[int, int] = field(default_factory=dict)  # race_id -> rows refused because no session of theirs is listed
    first_sessions: dict[int, int] = field(default_factory=dict)  # race_id -> session_id of its first session


def load_surroundings() -> Surroundings:
    """Read them from all that is stored, in four queries."""
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
    surroundings.duplicates = probable_duplicates()
    refused = SyncPiece.objects.filter(session_id=None, rejected__gt=0).order_by("pk")
    surroundings.unlisted = {race: count for race, count in refused.values_list("race_id", "rejected") if race}
    return surroundings


def load_people(surroundings: Surroundings) -> None:
    """Who had been where before each session, and all who used a number in a season."""
    entries = Entry.objects.filter(driver__isnull=False).order_by(F("session__date_start").asc(nulls_last=True), "session_id")
    fields = ("session_id", "session__year", *Appearance._fields[2:])
    last: dict[str, Appearance] = {}
    users: dict[tuple[int, int], set[str]] = defaultdict(set)
    for appearance in map(Appearance._make, entries.values_list(*fields)):
        if appearance.driver_id in last:
            surroundings.previous_appearances[appearance.session_id, appearance.driver_id] = last[appearance.driver_id]
        last[appearance.driver_id] = appearance
        users[appearance.year, appearance.driver_number].add(appearance.driver_id)
    surroundings.number_users = dict(users)


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
