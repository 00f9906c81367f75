"""Receive the session that is on track, or play one again."""

import asyncio
import signal
import sys
from collections.abc import Coroutine, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from jobs.wording import plural
from live.connection import hosted, played
from live.demo import demo_race
from live.engine import Engine
from live.forecasting import Forecaster
from live.frames import EVERY
from live.journal import read_messages
from live.messages import Message
from live.republishing import Republisher
from live.reviewing import review
from live.service import LEASE_SECONDS, SILENT, Service
from mirror.client import from_settings
from mirror.models import Source
from races.models import Session


class Command(BaseCommand):
    help = (
        "Receive OpenF1's live feed: wait until a session is near, write every message to a journal below MEDIA_ROOT, bring the "
        "mirror up to date once a second, and show the session at /live/. Needs OPENF1_USERNAME and OPENF1_PASSWORD of an "
        "account; a second process stands by. With --replay a journal or a recording is played again instead."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--session", type=int, metavar="KEY", help="receive this session now, whatever the calendar says")
        parser.add_argument(
            "--silence",
            type=float,
            default=SILENT.total_seconds(),
            metavar="S",
            help="seconds without messages that end a session",
        )
        parser.add_argument(
            "--lease", type=float, default=LEASE_SECONDS, metavar="S", help="seconds after which a second process takes over"
        )
        parser.add_argument("--replay", type=Path, metavar="FILE", help="play a journal or recording (.jsonl, .gz or .zst)")
        parser.add_argument(
            "--demo", action="store_true", help="show a race of the demo season as if it were on track, and again"
        )
        parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="how many times as fast to play (default 1)")
        parser.add_argument("--show-only", action="store_true", help="with --replay: change no row, only show it at /live/")

    def handle(self, *, session: int | None, replay: Path | None, **options: Any) -> None:
        if session and not Session.objects.filter(pk=session).exists():
            raise CommandError(f"Session {session} is not stored; `sync_openf1 meetings sessions` brings the calendar.")
        if options["speed"] <= 0:
            raise CommandError(f"--speed {options['speed']:g} is not above 0.")
        if options["demo"]:
            self.show_demo(speed=options["speed"])
        if replay:
            self.replay(replay, session, speed=options["speed"], stores=not options["show_only"])
            return
        if options["show_only"]:
            raise CommandError("--show-only goes with --replay; what is received live is stored.")
        if not settings.OPENF1_USERNAME:
            raise CommandError("The live feed needs an account of OpenF1's: set OPENF1_USERNAME and OPENF1_PASSWORD.")
        service = Service(connect=hosted, client=from_settings(), source=Source.OPENF1, session_id=session, after=review)
        if settings.LIVE_MQTT_URL:
            service.republisher = Republisher(settings.LIVE_MQTT_URL, home_assistant=settings.LIVE_HOME_ASSISTANT)
        service.lease = options["lease"]
        service.silent = timedelta(seconds=options["silence"])
        run_until_stopped(service.run())

    def show_demo(self, *, speed: float) -> None:
        """Show the demo race, and from the start again when it is over; no row is changed."""
        key, before, race = demo_race()
        session = Session.objects.select_related("race").filter(pk=key, source=Source.DEMO).first()
        if session is None:
            raise CommandError("The demo season is not stored; `manage.py load_demo` loads it.")
        self.stdout.write(f"Showing {session} at /live/; Ctrl-C ends it.")
        while True:
            engine = Engine(session, source=Source.DEMO, now=timezone.now(), stores=False, past=True)
            engine.forecaster = Forecaster(session.pk)
            engine.receive(before)
            run_until_stopped(play(engine, race, speed))

    def replay(self, path: Path, session_id: int | None, *, speed: float, stores: bool) -> None:
        """Play a file into the session that it is of."""
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        keys = ((message.row or {}).get("session_key") for message in read_messages(path))
        key = session_id or next((each for each in keys if each), None)
        session = Session.objects.select_related("race").filter(pk=key or 0).first()
        if session is None:
            raise CommandError(f"{path} is of session {key}, which is not stored; `sync_openf1 meetings sessions` brings it.")
        engine = Engine(session, source=Source.OPENF1, now=timezone.now(), stores=stores, past=True)
        engine.forecaster = Forecaster(session.pk)
        if stores:
            engine.open_run()
        self.stdout.write(f"Playing {session}; /live/ shows it.")
        run_until_stopped(play(engine, read_messages(path), speed))
        count, created, updated = engine.counts.total(), engine.total("created"), engine.total("updated")
        self.stdout.write(f"Played {plural(count, 'message')}: {plural(created, 'row')} created, {updated:,} updated.")


def run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end; Ctrl-C and SIGTERM cancel it and end the command."""
    signals: list[int] = []

    async def run() -> None:
        task = asyncio.current_task()
        assert task

        def stop(number: int) -> None:
            signals.append(number)
            task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop, number)
        await work

    try:
        asyncio.run(run())
    except asyncio.CancelledError:
        sys.exit(128 + signals[0])


async def play(engine: Engine, messages: Iterable[Message], speed: float) -> None:
    """Give the messages to the engine as time passes."""
    ticked = 0.0
    loop = asyncio.get_running_loop()
    async for due in played(messages, speed):
        await asyncio.to_thread(engine.receive, due)
        if loop.time() - ticked >= EVERY:
            ticked = loop.time()
            await asyncio.to_thread(engine.tick, timezone.now())
    await asyncio.to_thread(engine.finish)
    await asyncio.to_thread(engine.write_frame, timezone.now())
