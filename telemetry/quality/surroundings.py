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


class Outing(NamedTuple):
    """A person in a session."""

    session_id: int
    year: int
    driver_id: str
    driver_number: int
    name_acronym: str | None
    team_name: str | None
    team_colour: str | None


class Venue(NamedTuple):
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
    before: dict[int, int] = field(default_factory=dict)  # session_id -> that of the session before it in the season
    last_outing: dict[tuple[int, str], Outing] = field(default_factory=dict)  # (session_id, driver_id) -> the one before
    number_users: dict[tuple[int, int], set[str]] = field(default_factory=dict)  # (season, driver_number) -> driver_ids
    doubles: dict[str, str] = field(default_factory=dict)  # driver_id -> another that is probably the same person
    spellings: dict[int, Venue] = field(default_factory=dict)  # circuit_key -> its first session, whose spelling counts
    unlisted: dict[int, int] = field(default_factory=dict)  # race_id -> rows refused because no session of theirs is listed
    first_of: dict[int, int] = field(default_factory=dict)  # race_id -> session_id of its first session


def survey() -> Surroundings:
    """Read them from all that is stored, in four queries."""
    around = Surroundings()
    sessions = Session.objects.order_by(F("date_start").asc(nulls_last=True), "pk")
    previous: dict[int, int] = {}
    for venue in map(Venue._make, sessions.values_list("pk", *Venue._fields[1:])):
        around.first_of.setdefault(venue.race_id, venue.session_id)
        if venue.year in previous:
            around.before[venue.session_id] = previous[venue.year]
        previous[venue.year] = venue.session_id
        if venue.circuit_key is not None:
            around.spellings.setdefault(venue.circuit_key, venue)
    follow_people(around)
    around.doubles = doubles()
    refused = SyncPiece.objects.filter(session_id=None, rejected__gt=0).order_by("pk")
    around.unlisted = {race: count for race, count in refused.values_list("race_id", "rejected") if race}
    return around


def follow_people(around: Surroundings) -> None:
    """Who had been where before each session, and all who used a number in a season."""
    entries = Entry.objects.filter(driver__isnull=False).order_by(F("session__date_start").asc(nulls_last=True), "session_id")
    fields = ("session_id", "session__year", *Outing._fields[2:])
    last: dict[str, Outing] = {}
    users: dict[tuple[int, int], set[str]] = defaultdict(set)
    for outing in map(Outing._make, entries.values_list(*fields)):
        if outing.driver_id in last:
            around.last_outing[outing.session_id, outing.driver_id] = last[outing.driver_id]
        last[outing.driver_id] = outing
        users[outing.year, outing.driver_number].add(outing.driver_id)
    around.number_users = dict(users)


def doubles() -> dict[str, str]:
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
