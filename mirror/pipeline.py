"""The sync: a transaction per weekend and collection and a log row per piece, where an error in one stops no other.

The command, the admin button, the REST calls and scheduled tasks all call `sync`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from jobs import leases
from mirror import listing, rejects, runs
from mirror.changes import Changes
from mirror.client import Client
from mirror.errors import Locked, OpenF1Error, TooLarge, Unavailable
from mirror.feeds import Feed, registry, select_feeds
from mirror.fingerprints import Piece, apply_unless_same
from mirror.models import Reject, SyncRun
from mirror.ordering import by_usefulness, count_requests, named_sessions
from mirror.overlay import deleted_keys
from mirror.planning import Planner, Scope, Weekend, sent_key
from mirror.reporting import MAX_REJECTS, Observer, Report
from mirror.storage import FileStorage
from mirror.values import storable

MAX_UNAVAILABLE = 3  # consecutive fetches, each after all its retries, before the run ends
# Filters that split a session by car number, where even a single session is too much for one request.
CAR_NUMBERS = [{"driver_number>=": low, "driver_number<": low + 10} for low in range(0, 100, 10)] + [{"driver_number>=": 100}]


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
    """Bring `collections` (by default all that are synced by default) of `scope` in line with upstream.

    A run of the same scope that was interrupted or had failures is continued, unless `force`. `prune` deletes rows that
    upstream no longer sends; `dry_run` counts and writes nothing. Upstream's failures end up in `Report.errors`; an unknown
    collection is a ValueError.
    """
    feeds = select_feeds(list(collections))
    run, holder = None, ""
    if not dry_run:
        settings = {"collections": [feed.collection for feed in feeds], "filters": scope.filters(), "prune": prune}
        if scope.session_names:
            settings["session_names"] = [*scope.session_names]
        run, holder = runs.open_run(settings, source=client.source, force=force)
    work = Sync(client=client, feeds=feeds, force=force, prune=prune, run=run, observer=observer or Observer())
    state = SyncRun.State.INTERRUPTED
    requests_before = client.sent
    try:
        with leases.renewed(runs.lease_of(run), holder) if run else nullcontext():
            work.execute(scope)
        state = SyncRun.State.FAILED if work.report.errors else SyncRun.State.DONE
    except OpenF1Error as error:  # one that all later fetches would meet too
        work.report.errors.append(error)
        state = SyncRun.State.FAILED
    finally:
        work.report.requests = client.sent - requests_before
        if run:
            interrupted = "It was interrupted; the same sync goes on from here." if state == SyncRun.State.INTERRUPTED else ""
            last_error = str(work.report.errors[-1]) if work.report.errors else interrupted
            runs.close_run(run, state=state, requests=work.report.requests, error=last_error)
    return work.report


@dataclass(kw_only=True)
class Sync:
    """A sync in progress. Without a `run` nothing is written."""

    client: Client
    feeds: list[Feed]
    force: bool
    prune: bool
    run: SyncRun | None
    observer: Observer
    report: Report = field(default_factory=Report)
    unavailable: int = 0  # consecutive fetches that found upstream unavailable
    finished: set = field(default_factory=set)  # pieces that the interrupted run had stored

    def execute(self, scope: Scope) -> None:
        """Plan, then sync collection by collection of each weekend."""
        self.finished = runs.finished_pieces(self.run) if self.run else set()
        self.report.run_id = self.run.pk if self.run else None
        with self.exclusive("lists"):
            planner = Planner(feeds=self.feeds, fetch=self.fetch, store=self.store_piece, mark=self.mark)
            weekends = planner.plan(scope)
        for part, error in planner.unmatched:
            self.observer.failed(part, error)
            self.report.errors.append(error)
        self.report.races = len(weekends)
        weekends = named_sessions([weekend for weekend in weekends if weekend.sessions], scope.session_names)
        files = {feed.collection: feed.storage for feed in self.feeds if isinstance(feed.storage, FileStorage)}
        tables = [feed for feed in self.feeds if not feed.lists and feed.collection not in files]
        sessions = by_usefulness(weekends)
        self.observer.planned(weekends, [feed for feed in self.feeds if not feed.lists])
        self.observer.estimated(count_requests(weekends, tables, sessions=sessions, files=files, finished=self.finished))
        for weekend in weekends:
            for feed in tables:
                with self.exclusive(f"{feed.collection} of {weekend.race_id}"):
                    self.sync_rows(feed, weekend)
        for session in sessions:
            for collection, storage in files.items():
                with self.exclusive(f"{collection} of {session.race_id}"):
                    self.sync_files(registry()[collection], storage, session)

    @contextmanager
    def exclusive(self, subject: str) -> Iterator[None]:
        """Wait until no other process works on the subject, and keep the others from it."""
        if self.run is None:
            yield
            return
        with ExitStack() as stack:
            try:
                stack.enter_context(leases.held(f"{self.client.source}: {subject}", sleep=self.client.sleep))
            except leases.Busy as busy:
                raise Unavailable(
                    f"another sync has been at {subject} for {leases.MAX_WAIT // 60} minutes; try again later"
                ) from busy
            yield

    def skip_finished(self, *pieces: tuple) -> bool:
        """Whether the interrupted run stored all these (collection, race, session, car); then they count as skipped."""
        finished = self.finished.issuperset(pieces)
        self.report.skipped += len(pieces) if finished else 0
        return finished

    def sync_rows(self, feed: Feed, weekend: Weekend) -> None:
        """Sync one collection of one weekend: few requests, then a piece per session."""
        if self.skip_finished(*((feed.collection, weekend.race_id, session, None) for session in weekend.sessions)):
            self.observer.skipped(feed, weekend)
            return
        self.observer.fetching(feed, weekend)
        requests = [{"meeting_key": weekend.race_id}] if weekend.whole else [{"session_key": s} for s in weekend.sessions]
        by_session: dict[Any, list[dict]] = {session: [] for session in weekend.sessions}
        for filters in requests:
            rows = self.fetch(feed, filters, weekend=weekend)
            if rows is None:
                return
            for row in rows:
                by_session.setdefault(sent_key(row, "session_key"), []).append(row)
        with transaction.atomic():
            counts = self.store_weekend(feed, weekend, by_session)
        self.observer.piece_stored(feed, weekend, counts)

    def store_weekend(self, feed: Feed, weekend: Weekend, by_session: dict[Any, list[dict]]) -> Counter:
        """Store the rows of a weekend's sessions, also of those that are not in the plan, having not begun; reject those of no
        listed session.
        """
        refused = rejects.sessions_with_rejects(feed, weekend.race_id, weekend.sessions, source=self.client.source)
        known = set(weekend.sessions)
        if by_session.keys() - known or refused - known:
            known.update(sessions_of(weekend.race_id))
        pieces = [Piece({"session_key": session}, rows) for session, rows in by_session.items() if session in known]
        counts = sum((changes.counts for changes in self.store_pieces(feed, weekend, pieces, refused)), Counter())
        unknown = by_session.keys() - known
        deleted = [key["session_id"] for key in deleted_keys("sessions")] if unknown else []
        unlisted = [row for session in unknown if session not in deleted for row in by_session[session]]
        if unlisted or (weekend.whole and refused - known):
            counts += self.reject_unlisted(feed, weekend, unlisted)
        return counts

    def sync_files(self, feed: Feed, storage: FileStorage, weekend: Weekend) -> None:
        """Sync one collection of samples of one weekend: a request and a piece per session and car."""
        cars = {session: storage.car_numbers(session) for session in weekend.sessions}
        if not all(cars.values()):  # a session without stored entries: they name the cars
            with self.exclusive(f"drivers of {weekend.race_id}"):
                self.sync_rows(registry()["drivers"], weekend)
            cars = {session: storage.car_numbers(session) for session in weekend.sessions}
        self.observer.fetching(feed, weekend)
        total: Counter = Counter()
        for session, numbers in cars.items():
            for number in numbers:
                if self.skip_finished((feed.collection, weekend.race_id, session, number)):
                    continue
                scope = {"session_key": session, "driver_number": number}
                rows = self.fetch(feed, scope, weekend=weekend)
                if rows is not None:
                    started_at = monotonic()
                    total += self.store_piece(feed, weekend, rows, scope).counts
                    self.observer.car(feed, session, number, len(rows), monotonic() - started_at)
        self.observer.piece_stored(feed, weekend, total)

    def fetch(self, feed: Feed, filters: dict[str, Any], *, weekend: Weekend) -> list[dict] | None:
        """Request rows, in smaller parts where upstream refuses; None after a failure, which has been reported."""
        splits = [[{"session_key": session} for session in weekend.sessions]] if "session_key" not in filters else []
        if feed.by_car and "driver_number" not in filters:
            splits.append(CAR_NUMBERS)
        try:
            rows = fetch_in_parts(self.client, feed.collection, filters, splits)
        except OpenF1Error as error:
            self.report_failure(feed, weekend, error)
            return None
        self.unavailable = 0
        # Samples are many and all have the same fields.
        fields = set().union(*(rows[:1] if isinstance(feed.storage, FileStorage) else rows))
        self.report.unknown_fields[feed.collection].update(map(storable, fields - feed.openf1_fields))
        return rows

    def store_piece(self, feed: Feed, weekend: Weekend, rows: list[dict], scope: dict[str, Any]) -> Changes:
        """Compare, write and log one piece in one transaction."""
        with transaction.atomic():
            [changes] = self.store_pieces(feed, weekend, [Piece(scope, rows)], {scope.get("session_key")})
        return changes

    def store_pieces(self, feed: Feed, weekend: Weekend, pieces: list[Piece], refused: set[int | None]) -> list[Changes]:
        """Compare, write and log pieces of one collection; `refused` are the sessions that may have rejects by now."""
        options: dict[str, Any] = {"source": self.client.source, "force": self.force, "prune": self.prune}
        results = apply_unless_same(feed, pieces, **options, write=self.run is not None)
        places = [place_of(feed, weekend, piece.scope) for piece in pieces]
        if self.run:
            runs.log_pieces(self.run, places, results)
        for piece, place, changes in zip(pieces, places, results, strict=True):
            stored = None
            if changes.counts["rejected"] or place["session_id"] in refused:
                stored = rejects.in_scope(feed, piece.scope, source=self.client.source)
                if self.run:
                    rejects.keep(changes, stored, self.run, season=piece.scope.get("year"), **place)
            self.report_changes(feed, changes, stored)
        return results

    def reject_unlisted(self, feed: Feed, weekend: Weekend, rows: list[dict]) -> Counter:
        """Keep the rows of a weekend that belong to no listed session as rejects, in the place of those of an earlier sync."""
        reason = "session_key: `sessions` lists no such session of this race"
        changes = Changes(counts=Counter(rejected=len(rows)), rejects=[(row, reason) for row in rows])
        stored = rejects.in_scope(feed, {"meeting_key": weekend.race_id}, source=self.client.source)
        stored = stored.exclude(session_id__in=sessions_of(weekend.race_id))
        if self.run:
            place = place_of(feed, weekend, {})
            if rows:
                runs.log_pieces(self.run, [place], [changes])
            rejects.keep(changes, stored, self.run, **place)
        self.report_changes(feed, changes, stored)
        return changes.counts

    def report_changes(self, feed: Feed, changes: Changes, stored: QuerySet[Reject] | None) -> None:
        """Add what became of an answer to the report; its rejects are the `stored` ones where it was not compared again."""
        self.report.collections[feed.collection] += changes.counts
        if stored is not None and changes.counts["rejected"] and len(self.report.rejects) < MAX_REJECTS:
            known = stored.order_by("pk").values_list("row", "reason")[:MAX_REJECTS]
            self.report.add_rejects(feed.collection, changes.rejects or known)

    def mark(self, feed: Feed, rows: list[dict], filters: dict[str, Any]) -> None:
        """Record which of the stored races or sessions upstream's list has."""
        if self.run:
            with transaction.atomic():
                listing.mark(feed, rows, filters, source=self.client.source)

    def report_failure(self, feed: Feed, weekend: Weekend, error: OpenF1Error) -> None:
        """Report a failed fetch; raise the error when all later fetches would fail too."""
        self.observer.failed(f"{feed.collection} of {weekend.name}", error)
        if self.run:
            runs.log_failure(self.run, str(error), collection=feed.collection, race_id=weekend.race_id or None)
        self.unavailable += isinstance(error, Unavailable)
        if isinstance(error, Locked) or self.unavailable >= MAX_UNAVAILABLE:
            raise error
        self.report.errors.append(error)


def sessions_of(race_id: int) -> QuerySet:
    """The keys of the stored sessions of a race."""
    return registry()["sessions"].model._default_manager.filter(race_id=race_id).values_list("pk", flat=True)


def place_of(feed: Feed, weekend: Weekend, scope: dict[str, Any]) -> dict[str, Any]:
    """Where a piece belongs, as the logs say it."""
    return {
        "collection": feed.collection,
        "race_id": weekend.race_id or None,
        "session_id": scope.get("session_key"),
        "driver_number": scope.get("driver_number"),
    }


def fetch_in_parts(client: Client, collection: str, filters: dict[str, Any], splits: list[list[dict[str, Any]]]) -> list[dict]:
    """Request rows; where upstream refuses so many at once, request the parts of the first split, those by the next split."""
    try:
        return client.rows(collection, filters)
    except TooLarge:
        if not splits:
            raise
        parts, *rest = splits
        return [row for part in parts for row in fetch_in_parts(client, collection, {**filters, **part}, rest)]
