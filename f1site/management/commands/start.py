"""Prepare and serve the site on this machine: what `make run` calls once the requirements are installed."""

import os
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from f1site.family import Family
from f1site.management.commands.prepare import one_at_a_time, prepare
from f1site.static_files import collect

HOST = "127.0.0.1"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, a service manager, a closed terminal


class Command(BaseCommand):
    help = (
        "Prepare the database (tables, an admin user, the demo season while there are no races) and serve the site on this "
        "machine, with a worker and a scheduler for background work. Safe to repeat: existing rows stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=int, default=os.environ.get("PORT") or 8000, help="port to serve on (default: $PORT, else 8000)"
        )

        parser.add_argument(
            "--live-demo", action="store_true", help="show a race of the demo season at /live/ as if it were on track"
        )

    def handle(self, *, port: int, live_demo: bool = False, **options: Any) -> None:
        ensure_free(port)
        with one_at_a_time(self.stdout):
            if settings.STATIC_ROOT is None:
                folder = settings.DATA_ROOT / "staticfiles"
                with ThreadPoolExecutor() as pool:  # the database takes one core, the static files another
                    collected = pool.submit(collect, folder)
                    login = prepare(self.stdout)
                    collected.result()
                os.environ["STATIC_ROOT"] = str(folder)  # for the processes that are started
            else:
                login = prepare(self.stdout)
        self.stdout.write(greeting(f"http://{HOST}:{port}", login))
        self.stdout.flush()
        sys.exit(serve(port, live=live_command(live_demo)))


def ensure_free(port: int) -> None:
    """Raise a CommandError that names the port when it cannot be bound, before anything else is done."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does: connections in TIME_WAIT do not count
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} cannot be used ({error.strerror}); is the site running already? "
                f"Another port: make run PORT={port + 1}"
            ) from error
        except OverflowError as error:
            raise CommandError(f"{port} is no port: {error}") from error


def greeting(site: str, login: str) -> str:
    """Return the text that is shown once the site is prepared: addresses, login and the next command."""
    return f"""
Serving F1 Stats; Ctrl-C stops it.

  site       {site}/
  API docs   {site}/api/docs/
  admin      {site}/admin/
  login      {login}
  real data  .venv/bin/python manage.py sync_openf1 --season 2024
"""


class Stop(Exception):
    """A stop signal has arrived."""


def live_command(demo: bool) -> list[str]:
    """What shows a session as it runs: the demo, or the live feed of an account; nothing without either."""
    if demo:
        return ["manage", "live", "--demo"]
    return ["manage", "live"] if settings.OPENF1_USERNAME else []


def serve(port: int, *, live: list[str]) -> int:
    """Run the site, a worker and the scheduler until Ctrl-C or until the site ends, and return the exit status.

    `live` is the command that shows a session as it runs, if there is one. A process that ends by itself
    is started again, unless it is the site's.
    """
    commands = {
        "site": ["gunicorn", "--bind", f"{HOST}:{port}", "f1site.asgi"],
        "worker": ["celery", "-A", "f1site", "--quiet", "worker", "--without-mingle", "--without-gossip", "-l", "WARNING"],
        "beat": ["celery", "-A", "f1site", "--quiet", "beat", "-l", "WARNING", "--pidfile", ""],
    }
    if live:
        commands["live"] = live
    for number in STOP_SIGNALS:
        signal.signal(number, stop)
    family = Family(settings.BASE_DIR)
    try:
        while True:
            for name, command in commands.items():
                if family.has_ended(name):
                    family.start(name, command)
            for _ in range(10):
                time.sleep(0.5)
                if (status := family.running["site"].poll()) is not None:
                    return status
    except Stop:
        return 0
    finally:
        family.stop()


def stop(number: int, frame: FrameType | None) -> None:
    """Raise Stop, once: a second signal must not interrupt the orderly end."""
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Stop
