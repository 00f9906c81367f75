"""Prepare and serve the site on this machine: what `make run` calls once the requirements are installed."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from f1site.management.commands.prepare import prepare
from f1site.static_files import collect

HOST = "127.0.0.1"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, a service manager, a closed terminal
STOP_TIMEOUT = 10  # seconds; a process that has not ended by then is killed
PR_SET_PDEATHSIG = 1  # prctl(2)


class Command(BaseCommand):
    help = (
        "Prepare the database (tables, an admin user, the demo season while there are no races) and serve the site on this "
        "machine, with a worker and a scheduler for background work. Safe to repeat: existing rows stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=int, default=os.environ.get("PORT") or 8000, help="port to serve on (default: $PORT, else 8000)"
        )

    def handle(self, *, port: int, **options: Any) -> None:
        ensure_free(port)
        login = prepare(self.stdout)
        if settings.STATIC_ROOT is None:
            folder = settings.DATA_ROOT / "staticfiles"
            collect(folder)
            os.environ["STATIC_ROOT"] = str(folder)  # for the processes that are started
        self.stdout.write(greeting(f"http://{HOST}:{port}", login))
        self.stdout.flush()
        sys.exit(serve(port))


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


def serve(port: int) -> int:
    """Run the site, a worker and the scheduler until Ctrl-C or until the site ends, and return the exit status.

    A worker or scheduler that ends by itself is started again.
    """
    commands = {
        "site": ["gunicorn", "--bind", f"{HOST}:{port}", "f1site.asgi"],
        "worker": ["celery", "-A", "f1site", "--quiet", "worker", "--without-mingle", "--without-gossip", "-l", "WARNING"],
        "beat": ["celery", "-A", "f1site", "--quiet", "beat", "-l", "WARNING", "--pidfile", ""],
    }
    for number in STOP_SIGNALS:
        signal.signal(number, stop)
    running: dict[str, subprocess.Popen] = {}
    try:
        while True:
            for name, command in commands.items():
                if name not in running or running[name].poll() is not None:
                    running[name] = start_process(command, stop_signal=stop_signal(name))
            for _ in range(10):
                time.sleep(0.5)
                if (status := running["site"].poll()) is not None:
                    return status
    except Stop:
        return 0
    finally:
        stop_processes(running)


def stop(number: int, frame: FrameType | None) -> None:
    """Raise Stop, once: a second signal must not interrupt the orderly end."""
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Stop


def stop_signal(name: str) -> signal.Signals:
    """Return the signal that stops a process; the worker leaves its job unfinished, to be resumed at the next start."""
    return signal.SIGQUIT if name == "worker" else signal.SIGTERM


def start_process(command: list[str], *, stop_signal: signal.Signals) -> subprocess.Popen:
    """Start a Python module in its own process group: Ctrl-C reaches only this process, which stops the others in order.

    When this process is killed and cannot stop them, Linux sends them `stop_signal`.
    """
    # Celery warns about workers that run as root because of formats that can carry code; this site accepts JSON only.
    environment = os.environ | {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
    return subprocess.Popen(  # noqa: S603 - there is no shell
        [sys.executable, "-m", *command],
        cwd=settings.BASE_DIR,
        env=environment,
        start_new_session=True,
        preexec_fn=end_with_parent(stop_signal) if sys.platform == "linux" else None,  # noqa: PLW1509 - there are no threads
    )


def end_with_parent(stop_signal: signal.Signals) -> Callable[[], None]:
    """Return a function for `preexec_fn` that makes Linux send the child `stop_signal` when this process ends."""
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def request_signal() -> None:
        prctl(PR_SET_PDEATHSIG, stop_signal)
        if os.getppid() != parent:  # the parent ended before prctl was called
            os._exit(1)

    return request_signal


def stop_processes(running: dict[str, subprocess.Popen]) -> None:
    """Stop all processes; kill those that have not ended after STOP_TIMEOUT."""
    for name, process in running.items():
        if process.poll() is None:
            process.send_signal(stop_signal(name))
    deadline = time.monotonic() + STOP_TIMEOUT
    for process in running.values():
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
