"""The sync: which collections of which sessions, one transaction and one log row per piece, an error in one stops no other.

The command, the admin button, the REST calls and scheduled tasks all call `sync`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from jobs import leases
from mirror import changes, corrections, runs
from mirror.client import Client
from mirror.errors import Locked, OpenF1Error, TooLarge, Unavailable
from mirror.feeds import Feed
from mirror.fingerprints import apply_unless_same
from mirror.models import Counts, SyncRun

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
class Listed:
    """Races or sessions, and the rows upstream sent of them; None when it was not asked."""

    entries: list
    rows: list[dict] | None = None


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

    def add(self, other: "Report") -> None:
        """Take in the report of a sync that followed."""
        self.run_id, self.races = other.run_id, other.races
        self.requests += other.requests
        self.skipped += other.skipped
        self.errors += other.errors
        for collection, counts in other.collections.items():
            self.collections[collection] += counts
        for collection, names in other.unknown_fields.items():
            self.unknown_fields[collection] |= names

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
    def car(self, feed: Feed, session: int, driver_number: int, samples: int, seconds: float) -> None: ...
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
    run, holder = None, ""
    if not dry_run:
        asked = {"collections": [feed.collection for feed in wanted], "filters": scope.filters(), "prune": prune}
        run, holder = runs.open_run(asked, source=client.source, force=force)
    work = Work(client=client, feeds=wanted, scope=scope, force=force, prune=prune, run=run, observer=observer or Observer())
    state = SyncRun.State.INTERRUPTED
    before = client.sent
    try:
        with leases.renewed(runs.lease_of(run), holder) if run else nullcontext():
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
    force: bool
    prune: bool
    run: SyncRun | None
    observer: Observer
    report: Report = field(default_factory=Report)
    unavailable: int = 0  # fetches in a row
    done: set = field(default_factory=set)  # pieces that an interrupted run had brought in

    def everything(self) -> None:
        self.done = runs.finished_pieces(self.run) if self.run else set()
        self.report.run_id = self.run.pk if self.run else None
        with self.alone("lists"):
            weekends = self.plan()
        feeds = [feed for feed in self.feeds if not feed.lists]
        self.observer.planned(weekends, feeds)
        for weekend in weekends:
            for feed in feeds:
                work = self.samples if feed.per_car else self.rows
                with self.alone(f"{feed.collection} of {weekend.race_id}"):
                    work(feed, weekend)

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Wait until no other process works on this, and keep the others from it."""
        if self.run is None:
            yield
            return
        with ExitStack() as stack:
            try:
                stack.enter_context(leases.held(f"{self.client.source}: {what}", sleep=self.client.sleep))
            except leases.Busy as busy:
                raise Unavailable(
                    f"another sync has been at {what} for {leases.MAX_WAIT // 60} minutes; try again later"
                ) from busy
            yield

    def brought_in(self, *pieces: tuple) -> bool:
        """Whether the interrupted run had brought in all these (collection, race, session, car); then they count as skipped."""
        done = self.done.issuperset(pieces)
        self.report.skipped += len(pieces) if done else 0
        return done

    def plan(self) -> list[Weekend]:
        """The weekends of the scope, after the lists of races and sessions were brought up to date where asked for or empty."""
        feeds = registry()
        meetings, sessions = feeds["meetings"], feeds["sessions"]
        found: dict[int, Weekend] = {}
        for filters in self.scope.filters():
            one_session = "session_key" in filters
            if one_session:  # the race comes first although only the session names it
                listed = self.look_up(sessions, filters)
                races = sorted({session.race_id for session in listed.entries})
                known = [race for key in races for race in self.listed(meetings, {"meeting_key": key})]
            else:
                known = self.listed(meetings, filters)
                if filters.get("meeting_key") == "latest":
                    filters = {"meeting_key": max((race.race_id for race in known), default=0)}  # noqa: PLW2901
                only_races = [feed.collection for feed in self.feeds] == ["meetings"]
                listed = Listed([]) if only_races else self.look_up(sessions, filters)
            for race in known:
                found.setdefault(race.race_id, Weekend(race.race_id, race.race_name, whole=not one_session))
            for session in self.keep(sessions, listed, filters, races=found):
                weekend = found.get(session.race_id)
                if weekend and session.session_id not in weekend.sessions and has_begun(session):
                    weekend.sessions.append(session.session_id)
        self.report.races = len(found)
        return [weekend for weekend in found.values() if weekend.sessions]

    def listed(self, feed: Feed, filters: dict[str, Any]) -> list:
        """The races that match; what upstream was asked for is stored."""
        listed = self.look_up(feed, filters)
        if filters.get("meeting_key") == "latest":
            filters = {"meeting_key": max((race.race_id for race in listed.entries), default=0)}
        return self.keep(feed, listed, filters)

    def look_up(self, feed: Feed, filters: dict[str, Any]) -> "Listed":
        """Races or sessions that match: from upstream when they are asked for or none are stored, else as stored."""
        stored = [] if "latest" in filters.values() else list(feed.stored(filters))
        if stored and feed not in self.feeds:
            return Listed(stored)
        rows = self.fetch(feed, filters, weekend=self.list_name(filters))
        if rows is None:
            return Listed(stored)
        fresh = {feed.key_of(row): row for row in feed.build(rows)[0]}
        return Listed([*fresh.values(), *(row for row in stored if feed.key_of(row) not in fresh)], rows)

    def keep(self, feed: Feed, listed: "Listed", filters: dict[str, Any], races: Iterable[int] | None = None) -> list:
        """Store what upstream sent of a list; sessions of a race that no list has (`races` are those known) are refused."""
        if listed.rows is None:
            return listed.entries
        rows, orphans = listed.rows, list[dict]()
        if races is not None:
            known, deleted = set(races), {key["race_id"] for key in corrections.deleted_keys("meetings")}
            rows = [row for row in listed.rows if row.get("meeting_key") in known]
            orphans = [row for row in listed.rows if row.get("meeting_key") not in known | deleted]
        kept_away = self.piece(feed, self.list_name(filters), rows, filters).kept_away
        if orphans:
            self.refuse(feed, self.list_name(filters), orphans, "meeting_key: `meetings` lists no such race")
        return [entry for entry in listed.entries if feed.key_of(entry) not in kept_away]

    def list_name(self, filters: dict[str, Any]) -> Weekend:
        """What to call a list in reports."""
        return Weekend(race_id=0, name=" ".join(str(value) for value in filters.values()))

    def rows(self, feed: Feed, weekend: Weekend) -> None:
        """One collection of one weekend: few requests, then a piece per session."""
        if self.brought_in(*((feed.collection, weekend.race_id, session, None) for session in weekend.sessions)):
            return
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
        for session in weekend.sessions:
            counts += self.piece(feed, weekend, by_session.pop(session), {"session_key": session}).counts
        if unlisted := [row for rows in by_session.values() for row in rows]:
            self.refuse(feed, weekend, unlisted, "session_key: `sessions` lists no such session of this race")
        self.observer.stored(feed, weekend, counts)

    def samples(self, feed: Feed, weekend: Weekend) -> None:
        """One collection of samples of one weekend: a request and a piece per session and car."""
        cars = {session: feed.cars(session) for session in weekend.sessions}
        if not all(cars.values()):  # who drove is not known yet
            with self.alone(f"drivers of {weekend.race_id}"):
                self.rows(registry()["drivers"], weekend)
            cars = {session: feed.cars(session) for session in weekend.sessions}
        self.observer.fetching(feed, weekend)
        total: Counter = Counter()
        for session, numbers in cars.items():
            for number in numbers:
                if self.brought_in((feed.collection, weekend.race_id, session, number)):
                    continue
                scope = {"session_key": session, "driver_number": number}
                rows = self.fetch(feed, scope, weekend=weekend)
                if rows is not None:
                    began = monotonic()
                    total += self.piece(feed, weekend, rows, scope).counts
                    self.observer.car(feed, session, number, len(rows), monotonic() - began)
        self.observer.stored(feed, weekend, total)

    def fetch(self, feed: Feed, filters: dict[str, Any], *, weekend: Weekend) -> list[dict] | None:
        """Upstream's rows, asked for in smaller parts where it refuses; None after a failure, which is then reported."""
        narrower = [[{"session_key": session} for session in weekend.sessions]] if "session_key" not in filters else []
        if feed.by_car and "driver_number" not in filters:
            narrower.append(CAR_NUMBERS)
        try:
            rows = ask(self.client, feed.collection, filters, narrower)
        except OpenF1Error as error:
            self.fail(feed, weekend, error)
            return None
        self.unavailable = 0
        sent = set().union(*(rows[:1] if feed.per_car else rows))  # samples are many, and all alike
        self.report.unknown_fields[feed.collection].update(sent - feed.known)
        return rows

    def piece(self, feed: Feed, weekend: Weekend, rows: list[dict], scope: dict[str, Any]) -> changes.Changes:
        """Compare, write and log one piece in one transaction."""
        what = {"collection": feed.collection, "race_id": weekend.race_id or None}
        what |= {"session_id": scope.get("session_key"), "driver_number": scope.get("driver_number")}
        options: dict[str, Any] = {"source": self.client.source, "prune": self.prune, "write": self.run is not None}
        with transaction.atomic():
            changed = apply_unless_same(feed, rows, scope, force=self.force, **options)
            if self.run:
                runs.log_piece(self.run, changed, **what)
        self.report.collections[feed.collection] += changed.counts
        return changed

    def refuse(self, feed: Feed, weekend: Weekend, rows: list[dict], reason: str) -> None:
        """Keep rows that have no place here as rejects."""
        refused = changes.Changes(counts=Counter(rejected=len(rows)), rejects=[(row, reason) for row in rows])
        self.report.collections[feed.collection] += refused.counts
        if self.run:
            with transaction.atomic():
                runs.log_piece(self.run, refused, collection=feed.collection, race_id=weekend.race_id or None)

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
