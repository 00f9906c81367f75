"""The live process: it waits for a session, receives it while it holds the lease, and has it synced when it is over."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, TypeVar

from django.db import close_old_connections
from django.utils import timezone

from jobs import leases
from live import condition
from live.alerts import Alerts
from live.connection import Connection, cancel, in_thread
from live.engine import Engine
from live.forecasting import Forecaster
from live.frames import EVERY
from live.inbox import Inbox
from live.intake import DATABASE_FAILS, LostLease
from live.journal import Hole, Journal, files_of, read_messages
from live.republishing import Republisher
from live.schedule import AFTER, next_session, session_near, wait_text
from live.streams import BatchWriter
from mirror.client import Client
from mirror.errors import OpenF1Error
from mirror.models import SyncRun
from mirror.pipeline import sync
from mirror.planning import Scope
from races.models import Session

log = logging.getLogger(__name__)

LEASE, LEASE_SECONDS = "live session", 2.5  # of the five within which another process has to go on
LATEST = timedelta(hours=4)  # after its scheduled end nothing more of it comes
SILENT = timedelta(minutes=5)  # without messages, after which a session that should be over is
STANDBY = 0.25  # seconds between two looks whether the lease is free
LOOKS = 3  # in a row at which it has to be: after a stop of the whole machine its holder renews it before the last one
POLL = 15.0  # seconds between two looks into the calendar
RETRY, RETRIED = 300.0, timedelta(hours=2)  # between attempts to sync a session that is over, in seconds, and for how long
RATE_OVER = 10  # seconds over which messages are counted
SYNC_EVERY = 1.0  # seconds between two times that the journal is brought to the disk
TRY_AGAIN = 1.0  # seconds until a database that fails is asked again
Result = TypeVar("Result")


@dataclass(kw_only=True)
class Service:
    """Receives sessions by connections that `connect` makes; `client` asks REST before and after, None for never."""

    connect: Callable[[], Connection]
    client: Client | None
    source: str
    clock: Callable[[], datetime] = timezone.now
    silent: timedelta = SILENT
    lease: float = LEASE_SECONDS
    session_id: int | None = None  # receive this one now, whatever the calendar says
    after: Callable[[Engine, SyncRun | None], Any] = lambda engine, final: None
    republisher: Republisher | None = None
    batches: BatchWriter = field(default_factory=BatchWriter)
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="live"))

    async def call(self, function: Callable[..., Result], *args: Any, **options: Any) -> Result:
        """Call a function that uses the database; one at a time."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, lambda: function(*args, **options))

    async def insist(self, function: Callable[..., Result], *args: Any, **options: Any) -> Result:
        """The same, again each second while the database fails or its disk is full: messages wait in the journal meanwhile."""
        failed = False
        while True:
            try:
                return await self.call(function, *args, **options)
            except DATABASE_FAILS as error:
                if not failed:
                    log.error("The database fails, and is tried again each second: %s", error)  # noqa: TRY400 - no trace needed
                failed = True
                await self.call(close_old_connections)
                await asyncio.sleep(TRY_AGAIN)

    async def run(self) -> None:
        """Receive one session after the other; of a `session_id` only that one."""
        publishing = asyncio.create_task(self.republisher.run()) if self.republisher else None
        try:
            await self.receive_sessions()
        finally:
            if publishing:
                await cancel(publishing)

    async def receive_sessions(self) -> None:
        while True:
            session = await self.insist(self.choose)
            if session is None:
                await self.show(None)
                await asyncio.sleep(POLL)
                continue
            holder = await self.take_lease()
            if holder is None:
                if self.republisher:
                    self.republisher.stand_by()
                await asyncio.sleep(STANDBY)
                continue
            if await self.receive(session, holder) and self.session_id:
                return

    async def take_lease(self) -> str | None:
        """The name under which this process holds the lease from now on; None while another one has it."""
        for _ in range(LOOKS - 1):
            if await self.insist(leases.is_held, LEASE):
                return None
            await asyncio.sleep(STANDBY)
        return await self.insist(leases.take, LEASE, seconds=self.lease)

    def choose(self) -> Session | None:
        now = self.clock()
        if self.session_id:
            return Session.objects.select_related("race").get(pk=self.session_id)
        session = session_near(now)
        if session is None:
            condition.report(wait_text(now), now=now)
        return session

    async def receive(self, session: Session, holder: str) -> bool:
        """Receive a session to its end; false where another process has taken over."""
        connection, engine = self.connect(), None
        receiving = asyncio.create_task(connection.run())
        keeping = asyncio.create_task(self.keep_lease(holder))
        syncing = asyncio.create_task(sync_journal(connection.inbox))
        try:
            engine, holes, last_at = await self.insist(self.begin, session, holder, connection.inbox)
            if last_at:
                connection.continue_after(holes, last_at, "the process before this one ended")
            catching_up = asyncio.create_task(self.catch_up(engine))
            try:
                over = await self.work(engine, connection, keeping)
            except LostLease:
                over = False
            await cancel(catching_up)
            if over:
                await cancel(receiving)
                while messages := connection.inbox.take():
                    await self.insist(engine.receive, messages)
                await self.insist(self.finish, engine, connection)
                await cancel(keeping)
                await self.call(leases.release, LEASE, holder)
                await self.reconcile(engine)
        except asyncio.CancelledError:
            if engine and engine.is_open and not keeping.done():
                await self.call(self.stop, engine, connection, holder)
            raise
        else:
            return over
        finally:
            await cancel(receiving)
            await cancel(keeping)
            await cancel(syncing)
            await asyncio.to_thread(connection.inbox.close)

    def begin(self, session: Session, holder: str, inbox: Inbox) -> tuple[Engine, list[Hole], datetime | None]:
        """Begin a journal, and take over what processes before this one have received.

        Returns also the holes that they have reported, and when their last message came; None where there were none.
        """
        now = self.clock()
        if inbox.journal is None:
            inbox.begin(Journal(session.pk, now))
        earlier = [path for path in files_of(session.pk) if path not in inbox.paths]
        engine = Engine(session, source=self.source, now=now)
        engine.intake.hold = lambda: leases.renew(LEASE, holder, seconds=self.lease)
        engine.open_run()
        last_at = engine.restore(chain.from_iterable(map(read_messages, earlier)))
        engine.begin_with(Alerts(), Forecaster(session.pk), now)
        return engine, condition.holes_of(session.pk), last_at

    async def catch_up(self, engine: Engine) -> None:
        """Ask REST for what came before this process, where it answers during a session."""
        if self.client:
            try:
                await in_thread(self.sync, engine.session.pk)
                await self.call(engine.reload)
            except Exception:  # the session is received without it
                log.exception("What came before this process could not be brought in")

    def sync(self, session_id: int) -> SyncRun | None:
        """Sync a session; None where REST is closed or fails."""
        assert self.client
        try:
            report = sync(client=self.client, scope=Scope(sessions=(session_id,)))
        except OpenF1Error as error:
            log.warning("The session could not be synced: %s", error)
            return None
        if report.errors:
            log.warning("The session could not be synced: %s", report.errors[-1])
            return None
        return SyncRun.objects.filter(pk=report.run_id or 0).first()

    async def work(self, engine: Engine, connection: Connection, keeping: "asyncio.Task[None]") -> bool:
        """Take messages and do what is due, four times a second; true when the session is over."""
        arrivals: deque[tuple[float, int]] = deque()
        loop, reported = asyncio.get_running_loop(), 0.0
        while not keeping.done():
            began = loop.time()
            messages = connection.inbox.take()
            arrivals.append((began, len(messages)))
            while arrivals[0][0] < began - RATE_OVER:
                arrivals.popleft()
            now = self.clock()
            await self.insist(self.step, engine, messages, now)
            if self.republisher:
                self.republisher.add_messages(messages)
            if began - reported >= 1:
                reported = began
                rate = sum(count for _, count in arrivals) / RATE_OVER
                await self.insist(condition.report_session, engine, connection, per_second=rate, now=now)
                await self.show(engine.board)
            if self.is_over(engine, connection, now):
                return True
            await asyncio.sleep(max(0.0, EVERY - (loop.time() - began)))
        return False

    def step(self, engine: Engine, messages: list, now: datetime) -> None:
        """Any part of it may fail and be repeated; the last one is the one that must not be done twice."""
        engine.receive(messages)
        engine.tick(now)
        self.batches.write(messages, now)

    async def show(self, board: dict[str, Any] | None) -> None:
        """Tell the republisher what Home Assistant shows."""
        if self.republisher and self.republisher.home_assistant:
            coming = await self.insist(next_session, self.clock())
            text = f"{coming}, {coming.date_start:%Y-%m-%d %H:%M} UTC" if coming else "none"
            self.republisher.show(board, text)

    def is_over(self, engine: Engine, connection: Connection, now: datetime) -> bool:
        # What a process before this one received last says nothing of a feed that this one has only just begun to hear.
        quiet = now - max(connection.last_at or engine.began, engine.began) > self.silent
        if self.session_id:
            return quiet
        end = engine.session.date_end or engine.began
        return (now > end + AFTER and quiet) or now > end + LATEST

    async def keep_lease(self, holder: str) -> None:
        """Renew the lease until another process has it; while the database fails nobody can take it."""

        def renew() -> bool:
            close_old_connections()
            try:
                return leases.renew(LEASE, holder, seconds=self.lease)
            except DATABASE_FAILS:
                return True

        while await asyncio.to_thread(renew):
            await asyncio.sleep(self.lease / 5)
        log.warning("Another process receives the live feed now.")

    def finish(self, engine: Engine, connection: Connection) -> None:
        """Write everything; holes are named in the log of the run."""
        connection.inbox.close()
        holes = [f"nothing from {h.since:%H:%M:%S} to {h.until:%H:%M:%S}: {h.reason}" for h in connection.all_holes]
        engine.finish(error="; ".join(holes))
        if engine.alerting:
            engine.alerting.close()
        condition.report(f"has received {engine.session}", now=self.clock())

    def stop(self, engine: Engine, connection: Connection, holder: str) -> None:
        """Write what was taken before the session is over, and leave the rest, which the journal has, to the next process."""
        engine.receive(connection.inbox.take())
        if engine.alerting:
            engine.alerting.stop()
        engine.finish(state=SyncRun.State.INTERRUPTED, error="It was stopped before the session was over.")
        leases.release(LEASE, holder)

    async def reconcile(self, engine: Engine) -> None:
        """Sync the session, now that it is over, and compare what was live with what is final.

        REST may be closed for a while yet, or out of reach: it is asked again until the next session comes near.
        """
        final, give_up_at = None, self.clock() + RETRIED
        while self.client:
            final = await in_thread(self.sync, engine.session.pk)
            near = await self.call(session_near, self.clock())
            if final or near or self.session_id or self.clock() > give_up_at:
                break
            await asyncio.sleep(RETRY)
        await asyncio.to_thread(self.after, engine, final)


async def sync_journal(inbox: Inbox) -> None:
    """Bring the journal to the disk once a second until cancelled, however busy the engine is."""
    while True:
        await asyncio.sleep(SYNC_EVERY)
        await asyncio.to_thread(inbox.sync)
