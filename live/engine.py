"""What becomes of messages: mirror, samples, board. It knows neither the network nor the clock, nor the journal."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from drivers.race_lengths import scheduled_laps
from live import samples as sample_files
from live.alerts import Alerts
from live.board import SHOWN_ALERTS, board
from live.forecasting import Forecaster
from live.frames import FrameWriter, board_at
from live.intake import AWAY, Intake
from live.messages import Message
from live.picture import stored_picture
from live.samples import Samples
from mirror import overlay
from mirror.feeds import Feed
from mirror.models import Counts, SyncPiece, SyncRun
from races.models import Session

log = logging.getLogger(__name__)

STORE_EVERY = timedelta(seconds=1)
SAMPLES_EVERY = timedelta(seconds=30)
LATE = timedelta(minutes=1)
DATED = ("position", "intervals", "weather", "race_control")  # collections whose rows are sent when they happen
OTHER = "other topics"  # under which messages of collections that are not mirrored are counted
Listener = Callable[[str, list[Any], list[Message]], None]  # (collection, new rows of the session, messages)


class Engine:
    """The live session in this process. `clock` is the time of its machine; boards show the time of the feed.

    Without `stores` nothing but frames is written: for a look at a recording. What is played again is `past`: its clock stands
    still between messages.
    """

    def __init__(
        self,
        session: Session,
        *,
        source: str,
        now: datetime,
        stores: bool = True,
        past: bool = False,
    ) -> None:
        self.session, self.source, self.stores, self.past = session, source, stores, past
        self.intake, self.samples = Intake(source=source), Samples(source=source)
        self.picture = stored_picture(session, scheduled_laps(session), only=("drivers",) if past else ())
        self.frames = FrameWriter(session.pk)
        self.began = self.stored_at = self.settled_at = now
        self.dated: tuple[datetime, datetime] | None = None  # the newest date of a row, and when it arrived
        self.newest: datetime = now  # arrival of the newest message
        self.counts: Counter[str] = Counter()  # messages by collection
        self.last: dict[str, datetime] = {}  # {collection: arrival of the newest message}
        self.late: Counter[str] = Counter()  # rows by collection that came long after what they tell of
        self.failures: set[str] = set()  # that have been logged
        self.run: SyncRun | None = None
        self.is_open = True  # until everything is written
        self.is_torn = False  # whether rows may lack in the picture, because the database failed between taking and showing them
        self.listeners: list[Listener] = []
        self.alerts: list[dict[str, Any]] = []  # newest first
        self.alerting: Alerts | None = None
        self.forecaster: Forecaster | None = None
        self.board: dict[str, Any] | None = None  # as it was written last

    def open_run(self) -> None:
        """Log this process as a run; one of a process that is gone is closed."""
        runs = SyncRun.objects.filter(kind=SyncRun.Kind.LIVE, state=SyncRun.State.RUNNING)
        runs.update(state=SyncRun.State.INTERRUPTED, error="Its process ended without closing the run.")
        scope = {"filters": [{"session_key": self.session.pk}], "collections": []}
        self.run = SyncRun.objects.create(kind=SyncRun.Kind.LIVE, scope=scope, source=self.source)

    def begin_with(self, alerting: Alerts, forecaster: Forecaster, now: datetime) -> None:
        """Alert and forecast from now on, beginning with the board that viewers were shown by the process before this one."""
        self.alerting, self.forecaster = alerting, forecaster
        shown = board_at(now)
        if shown and shown["session"]["id"] == self.session.pk:
            alerting.before, self.alerts = shown, shown["alerts"]
            forecaster.take_over(shown.get("forecast", {}))

    def receive(self, messages: Iterable[Message]) -> None:
        """Take messages over into memory."""
        by_collection: dict[str, list[Message]] = defaultdict(list)
        for message in messages:
            mirrored = message.collection in self.samples.feeds or message.collection in self.intake.feeds
            collection = message.collection if mirrored else OTHER
            self.counts[collection] += 1
            self.last[collection] = message.t
            self.newest = message.t
            by_collection[collection].append(message)
        by_collection.pop(OTHER, None)
        for collection, own in by_collection.items():
            with self.surviving(f"Messages of {collection}"):
                self.take(collection, own)
        if self.is_torn:
            self.reload()
            self.is_torn = False

    def take(self, collection: str, messages: list[Message]) -> None:
        """Take messages of one collection over."""
        if collection in self.samples.feeds:
            self.show_samples(collection, self.samples.add(collection, messages))
            return
        rows = self.intake.add(collection, messages).get(self.session.pk, [])
        self.show(self.intake.feeds[collection], rows)
        for listener in self.listeners:
            listener(collection, rows, messages)

    @contextmanager
    def surviving(self, what: str) -> Iterator[None]:
        """Log a failure that nobody has foreseen, once, and go on: one message must not cost viewers all others."""
        try:
            yield
        except AWAY:
            self.is_torn = True
            raise
        except Exception as error:
            if (failure := f"{what}: {error!r}"[:200]) not in self.failures:
                self.failures.add(failure)
                log.exception("%s could not be used", what)

    def show(self, feed: Feed, rows: list[Any]) -> None:
        """Put rows into the picture as people have corrected them."""
        if rows and (corrections := overlay.corrections_in_scope(feed, {"session_key": self.session.pk})):
            incoming = {feed.key_of(row): row for row in rows}
            overlay.apply_corrections(feed, incoming, corrections)
            rows = [*incoming.values()]
        self.picture.add(feed.collection, rows)
        if feed.collection in DATED:
            self.date([row.date for row in rows if row.date])
            self.late[feed.collection] += sum(row.date < self.feed_time(self.newest) - LATE for row in rows if row.date)

    def show_samples(self, collection: str, samples: list[tuple[int, int, Any]]) -> None:
        own = [(car, sample) for session, car, sample in samples if session == self.session.pk]
        self.date([sample.date for _, sample in own])
        if collection == "location":
            for car, sample in own:
                self.picture.add_place(car, sample)

    def date(self, dates: list[datetime]) -> None:
        """Set the feed's clock, which need not agree with that of this machine."""
        newest = max(dates, default=None)
        if newest and (self.dated is None or newest > self.dated[0]):
            self.dated = newest, self.newest

    def feed_time(self, now: datetime) -> datetime:
        """The time at the circuit when the feed's newest message was sent, and as much later as has passed since."""
        if self.dated is None:
            return self.newest if self.past else now
        date, arrived = self.dated
        return date + ((self.newest if self.past else now) - arrived)

    def tick(self, now: datetime) -> None:
        """Do what is due: store rows once a second, samples twice a minute; write a frame."""
        if now - self.stored_at >= STORE_EVERY or now < self.stored_at:
            self.stored_at = now
            settles = now - self.settled_at >= SAMPLES_EVERY or self.samples.are_many
            self.store(everything=False, samples=settles)
            if settles:
                self.settled_at = now
        with self.surviving("The board"):
            self.write_frame(now)

    def write_frame(self, now: datetime) -> None:
        self.board = board(self.picture, self.feed_time(now), self.alerts)
        if self.alerting and (alerts := self.alerting.see(self.board, now)):
            self.alerts = [*alerts, *self.alerts][:SHOWN_ALERTS]
            self.board["alerts"] = self.alerts
        if self.forecaster:
            self.board["forecast"] = self.forecaster.see(self.board, now)
        self.frames.write(self.board, now)

    def store(self, *, everything: bool, samples: bool) -> None:
        """Write what is newer than what is stored."""
        if not self.stores:
            self.samples.waiting.clear()
            return
        self.intake.store(self.run)
        if samples or everything:
            written = self.samples.store(everything=everything)
            if self.samples.are_many:
                self.samples.leave_out_oldest()
            for session in written:
                self.intake.piece("laps", session)
                self.intake.unsettled["laps", session] = self.intake.pieces["laps", session]
            self.intake.settle()
            self.log_counts()

    def finish(self, *, state: str = SyncRun.State.DONE, error: str = "") -> None:
        """Write everything that is left, and close the run."""
        self.store(everything=True, samples=True)
        if self.run:
            SyncRun.objects.filter(pk=self.run.pk).update(
                state=state, error=error, ended_at=self.stored_at, **{name: self.total(name) for name in Counts.NAMES}
            )
        if self.forecaster:
            self.forecaster.close()
        self.is_open = False

    def total(self, name: str) -> int:
        return sum(piece.counts[name] for piece in self.intake.pieces.values()) + self.samples.counts[name]

    @transaction.atomic
    def log_counts(self) -> None:
        """Log the counts of each collection so far; the changes themselves are the normal course of a session."""
        if self.run is None:
            return
        pieces = [
            SyncPiece(
                run=self.run,
                collection=collection,
                session_id=None if piece.feed.collection == "meetings" else place,
                race_id=self.session.race_id if place == self.session.pk else None,
                **{name: piece.counts[name] for name in Counts.NAMES},
            )
            for (collection, place), piece in self.intake.pieces.items()
        ]
        self.run.pieces.all().delete()
        SyncPiece.objects.bulk_create(pieces)

    def reload(self) -> None:
        """Read the picture from the database again, after a sync, and put what the feed has sent since over it."""
        before, self.picture = self.picture, stored_picture(self.session, scheduled_laps(self.session))
        self.picture.places, self.picture.trail = before.places, before.trail
        self.picture.outline = self.picture.outline or before.outline
        for (collection, place), piece in self.intake.pieces.items():
            if place == self.session.pk and collection not in ("meetings", "sessions"):
                self.show(piece.feed, piece.feed.build([version.row for version in piece.newest.values()])[0])

    def restore(self, messages: Iterable[Message]) -> datetime | None:
        """Take over what the journal has: newest versions of rows, and the samples that no file has yet.

        Returns when its last message came; None where it has none.
        """
        stored = sample_files.last_dates(self.session.pk)
        batch: list[Message] = []
        last_at: datetime | None = None
        for message in messages:
            last_at = message.t
            if message.collection in self.samples.feeds:
                row = message.row or {}
                car: Any = row.get("driver_number")
                last = stored.get((message.collection, car)) if sample_files.is_key(car) else None
                if last and str(row.get("date", "")) <= last.isoformat():
                    continue
            batch.append(message)
            if len(batch) >= 5_000:
                self.receive(batch)
                batch = []
                if self.samples.are_many:
                    self.store(everything=False, samples=True)
        self.receive(batch)
        return last_at
