"""The live process: it waits for a session, receives it while it holds the lease, and has it synced when it is over."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.utils import timezone

from jobs import leases
from live import condition
from live.alerts import Alerts
from live.connection import Connection, Hole, cancel, in_thread
from live.engine import Engine
from live.forecasting import Forecaster
from live.frames import EVERY
from live.intake import LostLease
from live.journal import Journal, read_session
from live.republishing import Republisher
from live.streams import BatchWriter
from mirror.client import Client
from mirror.errors import OpenF1Error
from mirror.models import SyncRun
from mirror.pipeline import sync
from mirror.planning import Scope
from races.models import Session

log = logging.getLogger(__name__)

LEASE, LEASE_SECONDS = "live session", 2.5  # of the five within which another process has to go on
BEFORE = timedelta(minutes=30)  # a session, its feed begins
AFTER = timedelta(minutes=30)  # its scheduled end, at least so long it is received
LATEST = timedelta(hours=4)  # after its scheduled end nothing more of it comes
SILENT = timedelta(minutes=5)  # without messages, after which a session that should be over is
STANDBY = 0.25  # seconds between two looks whether the lease is free
LOOKS = 3  # in a row at which it has to be: after a stop of the whole machine its holder renews it before the last one
POLL = 15.0  # seconds between two looks into the calendar
RETRY, RETRIED = 300.0, timedelta(hours=2)  # between attempts to sync a session that is over, in seconds, and for how long
RATE_OVER = 10  # seconds over which messages are counted
Result = TypeVar("Result")


def session_near(now: datetime) -> Session | None:
    """The session that is on track or about to be."""
    near = Session.objects.select_related("race").filter(
        is_cancelled=False, date_start__lte=now + BEFORE, date_end__gte=now - AFTER
    )
    return near.order_by("date_start").last()


def next_session(now: datetime) -> Session | None:
    coming = Session.objects.select_related("race").filter(is_cancelled=False, date_start__gt=now)
    return coming.order_by("date_start").first()


def wait_text(now: datetime) -> str:
    coming = next_session(now)
    if coming is None or coming.date_start is None:
        return "waits; no session is in the calendar, which `manage.py sync_openf1 meetings sessions` brings up to date"
    return f"waits for {coming} on {coming.date_start:%-d %B at %H:%M} UTC"


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
            session = await self.call(self.choose)
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
            if await self.call(leases.is_held, LEASE):
                return None
            await asyncio.sleep(STANDBY)
        return await self.call(leases.take, LEASE, seconds=self.lease)

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
        try:
            engine, holes, last_at = await self.call(self.begin, session, holder)
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
                await self.call(self.finish, engine, connection)
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

    def begin(self, session: Session, holder: str) -> tuple[Engine, list[Hole], datetime | None]:
        """Take over what processes before this one have received, and begin a journal.

        Returns also the holes that they have reported, and when their last message came; None where there were none.
        """
        now = self.clock()
        engine = Engine(session, source=self.source, now=now)
        engine.intake.hold = lambda: leases.renew(LEASE, holder, seconds=self.lease)
        engine.open_run()
        last_at = engine.restore(read_session(session.pk))
        engine.journal = Journal(session.pk, now)
        engine.alert(Alerts(), now)
        engine.forecaster = Forecaster(session.pk)
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
            messages = connection.take()
            arrivals.append((began, len(messages)))
            while arrivals[0][0] < began - RATE_OVER:
                arrivals.popleft()
            now = self.clock()
            await self.call(self.step, engine, messages, now)
            if self.republisher:
                self.republisher.add_messages(messages)
            if began - reported >= 1:
                reported = began
                rate = sum(count for _, count in arrivals) / RATE_OVER
                await self.call(condition.report_session, engine, connection, per_second=rate, now=now)
                await self.show(engine.board)
            if self.is_over(engine, connection, now):
                return True
            await asyncio.sleep(max(0.0, EVERY - (loop.time() - began)))
        return False

    def step(self, engine: Engine, messages: list, now: datetime) -> None:
        engine.receive(messages)
        self.batches.write(messages, now)
        engine.tick(now)

    async def show(self, board: dict[str, Any] | None) -> None:
        """Tell the republisher what Home Assistant shows."""
        if self.republisher and self.republisher.home_assistant:
            coming = await self.call(next_session, self.clock())
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
        """Renew the lease until another process has it."""
        while await asyncio.to_thread(leases.renew, LEASE, holder, seconds=self.lease):
            await asyncio.sleep(self.lease / 5)
        log.warning("Another process receives the live feed now.")

    def finish(self, engine: Engine, connection: Connection) -> None:
        """Write everything; holes are named in the log of the run."""
        engine.receive(connection.take())
        holes = "; ".join(f"nothing from {h.since:%H:%M:%S} to {h.until:%H:%M:%S}: {h.reason}" for h in connection.holes)
        engine.finish(error=holes)
        if engine.alerting:
            engine.alerting.close()
        condition.report(f"has received {engine.session}", now=self.clock())

    def stop(self, engine: Engine, connection: Connection, holder: str) -> None:
        """Write everything before the session is over, and leave the rest to the next process."""
        engine.receive(connection.take())
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
