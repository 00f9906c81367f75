"""The sync: which collections of which sessions, one transaction and one log row per piece, an error in one stops no other.

The command, the admin button, the REST calls and scheduled tasks all call `sync`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from f1site.openf1 import runs
from f1site.openf1.changes import Changes, apply
from f1site.openf1.client import Client
from f1site.openf1.errors import Locked, OpenF1Error, TooLarge, Unavailable
from f1site.openf1.feeds import Feed
from f1site.openf1.models import Counts, SyncRun

FIRST_SEASON = 2023  # OpenF1 has nothing before
GIVE_UP_AFTER = 3  # fetches in a row that found upstream unavailable, each after all its retries
# Where even a session is too much for one request it is asked for by car number.
CAR_NUMBERS = [{"driver_number>=": low, "driver_number<": low + 10} for low in range(0, 100, 10)] + [{"driver_number>=": 100}]


def registry() -> dict[str, Feed]:
    """{collection: feed} of everything this site syncs, in the order it is synced."""
    return {feed.collection: feed for feed in import_string(settings.OPENF1_FEEDS)}


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What to sync; nothing given means every season."""

    seasons: tuple[int, ...] = ()
    races: tuple[int, ...] = ()
    sessions: tuple[int, ...] = ()
    latest: bool = False

    def filters(self) -> list[dict[str, Any]]:
        """The parts of the scope in OpenF1's names."""
        parts: list[dict[str, Any]] = [{"year": year} for year in self.seasons]
        parts += [{"meeting_key": race} for race in self.races]
        parts += [{"session_key": session} for session in self.sessions]
        if self.latest:
            parts.append({"meeting_key": "latest"})
        return parts or [{"year": year} for year in range(FIRST_SEASON, timezone.now().year + 1)]


@dataclass
class Weekend:
    """A race weekend, and those of its sessions that are asked for."""

    race_id: int
    name: str
    sessions: list[int] = field(default_factory=list)
    whole: bool = True  # `sessions` are all there are: one request brings them in


@dataclass
class Report:
    """How a sync went."""

    run_id: int | None = None
    requests: int = 0
    races: int = 0
    skipped: int = 0  # pieces that an interrupted run had already brought in
    collections: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    errors: list[OpenF1Error] = field(default_factory=list)
    unknown_fields: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def total(self) -> Counter:
        return sum(self.collections.values(), Counter())

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": not self.errors,
            "run_id": self.run_id,
            "requests": self.requests,
            "races": self.races,
            "skipped": self.skipped,
            **{name: self.total[name] for name in Counts.NAMES},
            "collections": {
                collection: {name: counts[name] for name in Counts.NAMES} for collection, counts in self.collections.items()
            },
            "unknown_fields": {collection: sorted(names) for collection, names in self.unknown_fields.items() if names},
            "errors": [str(error) for error in self.errors],
        }


class Observer:
    """Told how a sync proceeds. This one is silent; the command line shows what it hears."""

    def planned(self, weekends: list[Weekend], feeds: list[Feed]) -> None: ...
    def fetching(self, feed: Feed, weekend: Weekend) -> None: ...
    def stored(self, feed: Feed, weekend: Weekend, counts: Counter) -> None: ...
    def failed(self, what: str, error: OpenF1Error) -> None: ...


def sync(
    *,
    client: Client,
    scope: Scope,
    collections: Iterable[str] = (),
    force: bool = False,
    prune: bool = False,
    dry_run: bool = False,
    observer: Observer | None = None,
) -> Report:
    """Bring `collections` (all, when none are named) of `scope` in line with upstream.

    A run of the same scope that was interrupted or had failures is gone on with, unless `force`. `prune` deletes rows that
    upstream no longer sends; `dry_run` counts and writes nothing. Upstream's failures end up in `Report.errors`; an unknown
    collection is a ValueError.
    """
    feeds = registry()
    collections = list(collections) or [name for name, feed in feeds.items() if feed.by_default]
    if unknown := set(collections) - feeds.keys():
        raise ValueError(f"unknown collection {', '.join(sorted(unknown))}; there are: {', '.join(feeds)}")
    wanted = [feed for name, feed in feeds.items() if name in collections]
    run = None
    if not dry_run:
        asked = {"collections": [feed.collection for feed in wanted], "filters": scope.filters(), "prune": prune}
        run = runs.open_run(asked, source=client.source, force=force)
    work = Work(client=client, feeds=wanted, scope=scope, prune=prune, run=run, observer=observer or Observer())
    state = SyncRun.State.INTERRUPTED
    before = client.sent
    try:
        work.everything()
        state = SyncRun.State.FAILED if work.report.errors else SyncRun.State.DONE
    except OpenF1Error as error:  # one that makes going on pointless
        work.report.errors.append(error)
        state = SyncRun.State.FAILED
    finally:
        work.report.requests = client.sent - before
        if run:
            last = str(work.report.errors[-1]) if work.report.errors else ""
            runs.close_run(run, state=state, requests=work.report.requests, error=last)
    return work.report


@dataclass(kw_only=True)
class Work:
    """A sync in progress. Without a `run` nothing is written."""

    client: Client
    feeds: list[Feed]
    scope: Scope
    prune: bool
    run: SyncRun | None
    observer: Observer
    report: Report = field(default_factory=Report)
    unavailable: int = 0  # fetches in a row

    def everything(self) -> None:
        done = runs.finished_pieces(self.run) if self.run else set()
        self.report.run_id = self.run.pk if self.run else None
        weekends = self.plan()
        feeds = [feed for feed in self.feeds if not feed.lists]
        self.report.races = len(weekends)
        self.observer.planned(weekends, feeds)
        for weekend in weekends:
            for feed in feeds:
                pieces = {(feed.collection, weekend.race_id, session) for session in weekend.sessions}
                if pieces <= done:
                    self.report.skipped += len(pieces)
                else:
                    self.weekend(feed, weekend)

    def plan(self) -> list[Weekend]:
        """The weekends of the scope, after the lists of races and sessions were brought up to date where asked for or empty."""
        feeds = registry()
        meetings, sessions = feeds["meetings"], feeds["sessions"]
        found: dict[int, Weekend] = {}
        for filters in self.scope.filters():
            if "session_key" in filters:
                listed = self.list_of(sessions, filters)
                races = [{"meeting_key": race} for race in sorted({session.race_id for session in listed})]
                known = [race for part in races for race in self.list_of(meetings, part)]
            else:
                known = self.list_of(meetings, filters)
                if filters.get("meeting_key") == "latest":
                    filters = {"meeting_key": max((race.race_id for race in known), default=0)}
                listed = self.list_of(sessions, filters)
            for race in known:
                found.setdefault(race.race_id, Weekend(race.race_id, race.race_name, whole="session_key" not in filters))
            for session in listed:
                weekend = found.get(session.race_id)
                if weekend and session.session_id not in weekend.sessions and has_begun(session):
                    weekend.sessions.append(session.session_id)
        return [weekend for weekend in found.values() if weekend.sessions]

    def list_of(self, feed: Feed, filters: dict[str, Any]) -> list:
        """The races or sessions that match, from upstream when they are asked for or none are stored, else as stored."""
        latest = "latest" in filters.values()
        stored = [] if latest else list(feed.stored(filters))
        if stored and feed not in self.feeds:
            return stored
        weekend = Weekend(race_id=0, name=" ".join(str(value) for value in filters.values()))
        rows = self.fetch(feed, filters, weekend=weekend)
        if rows is None:
            return stored
        built, _ = feed.build(rows)
        if latest:
            filters = {"meeting_key": max((race.race_id for race in built), default=0)}
        self.piece(feed, weekend, rows, filters)
        fresh = {feed.key_of(row): row for row in built}
        return list(fresh.values()) + [row for row in stored if feed.key_of(row) not in fresh]

    def weekend(self, feed: Feed, weekend: Weekend) -> None:
        """One collection of one weekend: few requests, then a piece per session."""
        self.observer.fetching(feed, weekend)
        asked = [{"meeting_key": weekend.race_id}] if weekend.whole else [{"session_key": s} for s in weekend.sessions]
        by_session: dict[Any, list[dict]] = {session: [] for session in weekend.sessions}
        for filters in asked:
            rows = self.fetch(feed, filters, weekend=weekend)
            if rows is None:
                return
            for row in rows:
                by_session.setdefault(row.get("session_key"), []).append(row)
        counts: Counter = Counter()
        for session, rows in by_session.items():
            counts += self.piece(feed, weekend, rows, {"session_key": session}, listed=session in weekend.sessions)
        self.observer.stored(feed, weekend, counts)

    def fetch(self, feed: Feed, filters: dict[str, Any], *, weekend: Weekend) -> list[dict] | None:
        """Upstream's rows, asked for in smaller parts where it refuses; None after a failure, which is then reported."""
        narrower = [[{"session_key": session} for session in weekend.sessions]] if "session_key" not in filters else []
        if feed.by_car:
            narrower.append(CAR_NUMBERS)
        try:
            rows = ask(self.client, feed.collection, filters, narrower)
        except OpenF1Error as error:
            self.fail(feed, weekend, error)
            return None
        self.unavailable = 0
        self.report.unknown_fields[feed.collection].update(set().union(*rows) - feed.known)
        return rows

    def piece(self, feed: Feed, weekend: Weekend, rows: list[dict], scope: dict[str, Any], *, listed: bool = True) -> Counter:
        """Compare, write and log one piece in one transaction."""
        what = {"collection": feed.collection, "race_id": weekend.race_id or None, "session_id": scope.get("session_key")}
        with transaction.atomic():
            if listed:
                changes = apply(feed, rows, scope, source=self.client.source, prune=self.prune, write=self.run is not None)
            else:
                reason = f"session_key: `sessions` lists no session {scope['session_key']!r} for race {weekend.race_id}"
                changes = Changes(counts=Counter(rejected=len(rows)), rejects=[(row, reason) for row in rows])
                what["session_id"] = None
            if self.run:
                runs.log_piece(self.run, changes, **what)
        self.report.collections[feed.collection] += changes.counts
        return changes.counts

    def fail(self, feed: Feed, weekend: Weekend, error: OpenF1Error) -> None:
        """Report a failed fetch; raise it when all the rest would fail too."""
        what = f"{feed.collection} of {weekend.name}"
        self.observer.failed(what, error)
        if self.run:
            runs.log_failure(self.run, str(error), collection=feed.collection, race_id=weekend.race_id or None)
        self.unavailable += isinstance(error, Unavailable)
        if isinstance(error, Locked) or self.unavailable >= GIVE_UP_AFTER:
            raise error
        self.report.errors.append(error)


def ask(client: Client, collection: str, filters: dict[str, Any], narrower: list[list[dict[str, Any]]]) -> list[dict]:
    """The rows; where upstream refuses so many at once, the same in parts, by the first way of narrowing, then the next."""
    try:
        return client.rows(collection, filters)
    except TooLarge:
        if not narrower:
            raise
        parts, *rest = narrower
        return [row for part in parts for row in ask(client, collection, {**filters, **part}, rest)]


def has_begun(session, early: timedelta = timedelta(hours=1)) -> bool:
    """Whether upstream can have rows of a session: telemetry starts up to an hour before it. Later ones cost no request."""
    return not isinstance(session.date_start, datetime) or session.date_start <= timezone.now() + early
