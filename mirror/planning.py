"""What a sync covers: its scope, and the race weekends and sessions in it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.utils import timezone
from msgspec import UNSET

from mirror.changes import Changes, rows_in_scope, unique
from mirror.errors import NothingMatched
from mirror.feeds import Feed, registry
from mirror.overlay import deleted_keys
from mirror.values import to_json_value

FIRST_SEASON = 2023  # OpenF1 has no data before it
FILTER_LABELS = {"year": "season", "meeting_key": "race", "session_key": "session"}
UNMATCHED = {  # what does not match, and what to do, by the filter's name
    "year": f"OpenF1 has no race weekend of {{}}; its seasons begin with {FIRST_SEASON}, and a calendar comes shortly before its "
    "season",
    "meeting_key": "OpenF1 lists no {}, and none is stored here; after `sync_openf1 meetings`, /v1/meetings?year=2024 shows the "
    "keys of a season's race weekends",
    "session_key": "OpenF1 lists no {}, and none is stored here; after `sync_openf1 sessions`, /v1/sessions?year=2024 shows the "
    "keys of a season's sessions",
}
DELETED = "a person deleted {} here; to sync it again, take upstream's version among the corrections of the admin"
EARLIEST_TELEMETRY = timedelta(hours=1)  # before a session starts, upstream can already have rows of it


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What to sync; without any field every season."""

    seasons: tuple[int, ...] = ()
    races: tuple[int, ...] = ()
    sessions: tuple[int, ...] = ()
    latest: bool = False
    session_names: tuple[str, ...] = ()  # only sessions of these names; all of them without any
    optional: bool = False  # it is no error when upstream has nothing of it yet

    def filters(self) -> list[dict[str, Any]]:
        """The parts of the scope, each as a filter in OpenF1's names."""
        parts: list[dict[str, Any]] = [{"year": year} for year in self.seasons]
        parts += [{"meeting_key": race} for race in self.races]
        parts += [{"session_key": session} for session in self.sessions]
        if self.latest:
            parts.append({"meeting_key": "latest"})
        return parts or [{"year": year} for year in range(FIRST_SEASON, timezone.now().year + 1)]

    @property
    def everything(self) -> bool:
        """Whether no season, race or session is named."""
        return not (self.seasons or self.races or self.sessions or self.latest)


@dataclass
class Weekend:
    """A race weekend, and its sessions that are in the scope."""

    race_id: int
    name: str
    sessions: list[int] = field(default_factory=list)
    whole: bool = True  # `sessions` are all sessions of the weekend, so that one request fetches them
    year: int = 0


@dataclass
class Listing:
    """Races or sessions that match a filter."""

    filters: dict[str, Any]  # with the race in place of `latest`
    entries: list  # structs of upstream's rows, or stored instances
    rows: list[dict] | None = None  # as upstream sent them; None when it was not asked or failed

    @property
    def empty(self) -> bool:
        """Whether upstream was asked and has nothing, and nothing is stored; False after a failure."""
        return self.rows == [] and not self.entries


class Fetch(Protocol):
    """Request the rows of a feed; None after a failure, which has been reported."""

    def __call__(self, feed: Feed, filters: dict[str, Any], *, weekend: Weekend) -> list[dict] | None: ...


@dataclass(kw_only=True)
class Planner:
    """Finds the race weekends of a scope, and brings the lists of races and sessions up to date on the way."""

    feeds: list[Feed]  # those of the sync
    fetch: Fetch
    store: Callable[[Feed, Weekend, list[dict], dict[str, Any]], Changes]  # (feed, weekend, rows, filters)
    mark: Callable[[Feed, list[dict], dict[str, Any]], None]  # (feed, upstream's rows, filters)
    weekends: dict[int, Weekend] = field(default_factory=dict)  # by race_id
    unmatched: list[tuple[str, NothingMatched]] = field(default_factory=list)  # (part of the scope, why it has no session)
    listings: dict[tuple, Listing] = field(default_factory=dict)  # by collection and filters

    def __post_init__(self) -> None:
        self.meetings, self.sessions = registry()["meetings"], registry()["sessions"]

    def plan(self, scope: Scope) -> list[Weekend]:
        """The weekends of the scope, also those of which no session has begun; `unmatched` has the parts that match none."""
        parts = scope.filters()
        for filters in parts:
            if "session_key" in filters:
                self.add_single_session(filters)
            else:
                self.add_races(filters)
        if scope.optional or (scope.everything and len(self.unmatched) < len(parts)):
            self.unmatched = []
        return list(self.weekends.values())

    def add_single_session(self, filters: dict[str, Any]) -> None:
        """Add a session, and before it its race, which only the session names."""
        listing = self.list_entries(self.sessions, filters)
        self.check_matched(filters, listing)
        for race_id in sorted({session.race_id for session in listing.entries}):
            self.add_weekends(self.list_entries(self.meetings, {"meeting_key": race_id}), whole=False)
        self.add_sessions(listing, whole=False)

    def add_races(self, filters: dict[str, Any]) -> None:
        """Add races, and their sessions unless only the list of races is synced."""
        races = self.list_entries(self.meetings, filters)
        listings = [races]
        if [feed.collection for feed in self.feeds] != ["meetings"]:
            listings.append(self.list_entries(self.sessions, races.filters))
        self.check_matched(filters, *listings)
        self.add_weekends(races, whole=True)
        for sessions in listings[1:]:
            self.add_sessions(sessions, whole=True)

    def add_weekends(self, listing: Listing, *, whole: bool) -> None:
        """Add the races that match, storing what upstream sent of them."""
        for race in self.store_listing(self.meetings, listing):
            self.weekends.setdefault(race.race_id, Weekend(race.race_id, race.race_name, whole=whole, year=race.year))

    def add_sessions(self, listing: Listing, *, whole: bool) -> None:
        """Add sessions that have begun to their weekends; a race that no list has is made from its sessions."""
        deleted = [key["race_id"] for key in deleted_keys("meetings")]
        by_race: dict[int, list] = {}
        for session in listing.entries:
            by_race.setdefault(session.race_id, []).append(session)
        for race_id in [race_id for race_id in by_race if race_id not in self.weekends and race_id not in deleted]:
            self.add_race_of(by_race[race_id], {"meeting_key": race_id}, whole=whole)
        absent = [race_id for race_id in by_race if race_id not in self.weekends]
        if listing.rows is not None:
            listing.rows = [row for row in listing.rows if sent_key(row, "meeting_key") not in absent]
        for session in self.store_listing(self.sessions, listing):
            weekend = self.weekends.get(session.race_id)
            if weekend and session.session_id not in weekend.sessions and has_begun(session):
                weekend.sessions.append(session.session_id)

    def add_race_of(self, sessions: list, filters: dict[str, Any], *, whole: bool) -> None:
        """Add the race of sessions whose list of races lacks it: ask for it by its key, and make it where upstream has none."""
        races = self.list_entries(self.meetings, filters)
        if races.entries or races.rows is None:
            self.add_weekends(races, whole=whole)
            return
        row = race_row(self.meetings, self.sessions, sessions)
        self.add_weekends(Listing(filters, self.meetings.build([row])[0], [row]), whole=whole)
        self.mark(self.meetings, [], filters)

    def check_matched(self, filters: dict[str, Any], *listings: Listing) -> None:
        """Note a part of the scope that matches nothing, with what to do."""
        [(name, value)] = filters.items()
        lists = {"meeting_key": self.meetings, "session_key": self.sessions}
        deleted = name in lists and {lists[name].key[0]: value} in deleted_keys(lists[name].collection)
        if deleted or all(listing.empty for listing in listings):
            label, advice = FILTER_LABELS[name], DELETED if deleted else UNMATCHED[name]
            self.unmatched.append((f"{label} {value}", NothingMatched(advice.format(f"{label} {value}"))))

    def list_entries(self, feed: Feed, filters: dict[str, Any]) -> Listing:
        """Races or sessions that match: from upstream when their list is synced or none are stored, else as stored."""
        request = (feed.collection, *filters.items())
        if request not in self.listings:
            self.listings[request] = self.make_listing(feed, filters)
        return self.listings[request]

    def make_listing(self, feed: Feed, filters: dict[str, Any]) -> Listing:
        stored = [] if "latest" in filters.values() else list(rows_in_scope(feed, filters))
        if stored and feed not in self.feeds:
            return Listing(filters, stored)
        rows = self.fetch(feed, filters, weekend=list_label(filters))
        if rows is None:
            return Listing(filters, stored)
        built, rejects = feed.build(rows)
        fresh = unique(feed, built, rows, Changes(rejects=rejects))
        if "latest" in filters.values():
            filters = {"meeting_key": max((race_id for (race_id,) in fresh), default=0)}
        self.mark(feed, rows, filters)  # before anything is pruned, because races of listed sessions are not
        return Listing(filters, [*fresh.values(), *(row for row in stored if feed.key_of(row) not in fresh)], rows)

    def store_listing(self, feed: Feed, listing: Listing) -> list:
        """Store what upstream sent of a list; its entries without those that people deleted."""
        if listing.rows is None:
            return listing.entries
        label = list_label(listing.filters)
        deleted: Collection[tuple] = self.store(feed, label, listing.rows, listing.filters).deleted_by_people
        return [entry for entry in listing.entries if feed.key_of(entry) not in deleted]


def list_label(filters: dict[str, Any]) -> Weekend:
    """A stand-in for the weekend by which reports name a list: "2024" or "1229"."""
    return Weekend(race_id=0, name=" ".join(str(value) for value in filters.values()))


def race_row(meetings: Feed, feed: Feed, sessions: list) -> dict[str, Any]:
    """A race in OpenF1's names, made from the fields of its sessions (structs or instances)."""
    shared = [name for name in meetings.column_names if name in feed.column_names and name != "is_cancelled"]
    values = {name: [getattr(session, name) for session in sessions] for name in shared}
    known = {name: [value for value in column if value not in (None, UNSET)] for name, column in values.items()}
    row = {name: column[0] for name, column in known.items() if column}
    if starts := known["date_start"]:
        row["date_start"] = min(starts)
    if ends := known["date_end"]:
        row["date_end"] = max(ends)
    names = (row.get("location"), row.get("circuit_name"), row.get("country_name"), f"Meeting {row['race_id']}")
    row["race_name"] = next(name for name in names if name)
    return {meetings.wire[name]: to_json_value(value) for name, value in row.items()}


def has_begun(session: Any) -> bool:
    """Whether upstream can have rows of a session; those of later ones are not requested."""
    starts_at = session.date_start
    return not isinstance(starts_at, datetime) or starts_at <= timezone.now() + EARLIEST_TELEMETRY


def sent_key(row: dict, name: str) -> Any:
    """The key that a row as sent has under this name; None for a list or an object, which are no keys."""
    key = row.get(name)
    return None if isinstance(key, list | dict) else key
