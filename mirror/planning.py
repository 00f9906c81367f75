"""What a sync covers: its scope, and the race weekends and sessions in it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.utils import timezone

from mirror.changes import Changes, rows_in_scope, unique
from mirror.feeds import Feed, registry
from mirror.overlay import deleted_keys

FIRST_SEASON = 2023  # OpenF1 has no data before it
EARLIEST_TELEMETRY = timedelta(hours=1)  # before a session starts, upstream can already have rows of it


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What to sync; without any field every season."""

    seasons: tuple[int, ...] = ()
    races: tuple[int, ...] = ()
    sessions: tuple[int, ...] = ()
    latest: bool = False

    def filters(self) -> list[dict[str, Any]]:
        """The parts of the scope, each as a filter in OpenF1's names."""
        parts: list[dict[str, Any]] = [{"year": year} for year in self.seasons]
        parts += [{"meeting_key": race} for race in self.races]
        parts += [{"session_key": session} for session in self.sessions]
        if self.latest:
            parts.append({"meeting_key": "latest"})
        return parts or [{"year": year} for year in range(FIRST_SEASON, timezone.now().year + 1)]


@dataclass
class Weekend:
    """A race weekend, and its sessions that are in the scope."""

    race_id: int
    name: str
    sessions: list[int] = field(default_factory=list)
    whole: bool = True  # `sessions` are all sessions of the weekend, so that one request fetches them


@dataclass
class Listing:
    """Races or sessions that match a filter."""

    entries: list  # structs of upstream's rows, or stored instances
    rows: list[dict] | None = None  # as upstream sent them; None when it was not asked or failed


class Fetch(Protocol):
    """Request the rows of a feed; None after a failure, which has been reported."""

    def __call__(self, feed: Feed, filters: dict[str, Any], *, weekend: Weekend) -> list[dict] | None: ...


@dataclass(kw_only=True)
class Planner:
    """Finds the race weekends of a scope, and brings the lists of races and sessions up to date on the way."""

    feeds: list[Feed]  # those of the sync
    fetch: Fetch
    store: Callable[[Feed, Weekend, list[dict], dict[str, Any]], Changes]  # (feed, weekend, rows, filters)
    reject: Callable[[Feed, Weekend, list[dict], str], None]  # (feed, weekend, rows, reason)
    weekends: dict[int, Weekend] = field(default_factory=dict)  # by race_id

    def __post_init__(self) -> None:
        self.meetings, self.sessions = registry()["meetings"], registry()["sessions"]

    def plan(self, scope: Scope) -> list[Weekend]:
        """The weekends of the scope, also those of which no session has begun."""
        for filters in scope.filters():
            if "session_key" in filters:
                self.add_single_session(filters)
            else:
                self.add_races(filters)
        return list(self.weekends.values())

    def add_single_session(self, filters: dict[str, Any]) -> None:
        """Add a session, and before it its race, which only the session names."""
        listing = self.list_entries(self.sessions, filters)
        for race_id in sorted({session.race_id for session in listing.entries}):
            self.add_weekends({"meeting_key": race_id}, whole=False)
        self.add_sessions(listing, filters)

    def add_races(self, filters: dict[str, Any]) -> None:
        """Add races, and their sessions unless only the list of races is synced."""
        filters = self.add_weekends(filters, whole=True)
        only_races = [feed.collection for feed in self.feeds] == ["meetings"]
        if not only_races:
            self.add_sessions(self.list_entries(self.sessions, filters), filters)

    def add_weekends(self, filters: dict[str, Any], *, whole: bool) -> dict[str, Any]:
        """Add the races that match, storing what upstream sent of them; the filters, with the race in place of `latest`."""
        listing = self.list_entries(self.meetings, filters)
        if filters.get("meeting_key") == "latest":
            filters = {"meeting_key": max((race.race_id for race in listing.entries), default=0)}
        for race in self.store_listing(self.meetings, listing, filters):
            self.weekends.setdefault(race.race_id, Weekend(race.race_id, race.race_name, whole=whole))
        return filters

    def add_sessions(self, listing: Listing, filters: dict[str, Any]) -> None:
        """Add sessions that have begun to their weekends; sessions of a race that no list has are rejected."""
        orphans = []
        if listing.rows is not None:
            deleted = {key["race_id"] for key in deleted_keys("meetings")}
            orphans = [row for row in listing.rows if sent_key(row, "meeting_key") not in self.weekends.keys() | deleted]
            listing.rows = [row for row in listing.rows if sent_key(row, "meeting_key") in self.weekends]
        for session in self.store_listing(self.sessions, listing, filters):
            weekend = self.weekends.get(session.race_id)
            if weekend and session.session_id not in weekend.sessions and has_begun(session):
                weekend.sessions.append(session.session_id)
        if orphans:
            self.reject(self.sessions, list_label(filters), orphans, "meeting_key: `meetings` lists no such race")

    def list_entries(self, feed: Feed, filters: dict[str, Any]) -> Listing:
        """Races or sessions that match: from upstream when their list is synced or none are stored, else as stored."""
        stored = [] if "latest" in filters.values() else list(rows_in_scope(feed, filters))
        if stored and feed not in self.feeds:
            return Listing(stored)
        rows = self.fetch(feed, filters, weekend=list_label(filters))
        if rows is None:
            return Listing(stored)
        built, rejects = feed.build(rows)
        fresh = unique(feed, built, rows, Changes(rejects=rejects))
        return Listing([*fresh.values(), *(row for row in stored if feed.key_of(row) not in fresh)], rows)

    def store_listing(self, feed: Feed, listing: Listing, filters: dict[str, Any]) -> list:
        """Store what upstream sent of a list; its entries without those that people deleted."""
        if listing.rows is None:
            return listing.entries
        deleted: Collection[tuple] = self.store(feed, list_label(filters), listing.rows, filters).deleted_by_people
        return [entry for entry in listing.entries if feed.key_of(entry) not in deleted]


def list_label(filters: dict[str, Any]) -> Weekend:
    """A stand-in for the weekend by which reports name a list: "2024" or "1229"."""
    return Weekend(race_id=0, name=" ".join(str(value) for value in filters.values()))


def has_begun(session: Any) -> bool:
    """Whether upstream can have rows of a session; those of later ones are not requested."""
    starts_at = session.date_start
    return not isinstance(starts_at, datetime) or starts_at <= timezone.now() + EARLIEST_TELEMETRY


def sent_key(row: dict, name: str) -> Any:
    """The key that a row as sent has under this name; None for a list or an object, which are no keys."""
    key = row.get(name)
    return None if isinstance(key, list | dict) else key
