"""Everything between a fresh clone and a running site: what `make run` calls once the requirements are installed."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from f1site.management.commands.prepare import prepare

HOST = "127.0.0.1"
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, a service manager, a closed terminal
PATIENCE = 10  # seconds in which every part has to end
PR_SET_PDEATHSIG = 1  # prctl(2)


class Command(BaseCommand):
    help = (
        "Prepare the database (tables, an admin user, the demo season while there are no races) and serve the site on this "
        "machine, with a worker and a scheduler for background work. Safe to repeat: what is there already stays."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--port", type=int, default=os.environ.get("PORT") or 8000, help="port to serve on (default: $PORT, else 8000)"
        )

    def handle(self, *, port, **options):
        ensure_free(port)
        login = prepare(self.stdout)
        self.stdout.write(greeting(f"http://{HOST}:{port}", login))
        self.stdout.flush()
        sys.exit(serve(port))


def ensure_free(port: int) -> None:
    """Complain about a port that is taken before anything else is done, in words."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that are closing do not count, as for gunicorn
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
    return f"""
Serving F1 Stats; Ctrl-C stops it.

  site       {site}/
  API docs   {site}/api/docs/
  admin      {site}/admin/
  login      {login}
  real data  .venv/bin/python manage.py sync_openf1 --season 2024
"""


class Stop(Exception):
    """Somebody wants everything to end."""


def serve(port: int) -> int:
    """Run the site, a worker and the scheduler until Ctrl-C or the end of the site; the exit status.

    A worker or scheduler that ends by itself is started again.
    """
    commands = {
        "site": ["gunicorn", "--bind", f"{HOST}:{port}", "f1site.wsgi"],
        "worker": ["celery", "-A", "f1site", "--quiet", "worker", "--without-mingle", "--without-gossip", "-l", "WARNING"],
        "beat": ["celery", "-A", "f1site", "--quiet", "beat", "-l", "WARNING", "--pidfile", ""],
    }
    for number in ENDING:
        signal.signal(number, stop)
    running: dict[str, subprocess.Popen] = {}
    try:
        while True:
            for name, command in commands.items():
                if name not in running or running[name].poll() is not None:
                    running[name] = begin(command, end_by=end_by(name))
            for _ in range(10):
                time.sleep(0.5)
                if (status := running["site"].poll()) is not None:
                    return status
    except Stop:
        return 0
    finally:
        end(running)


def stop(number, frame) -> None:
    for each in ENDING:  # the second one must not disturb the first
        signal.signal(each, signal.SIG_IGN)
    raise Stop


def end_by(name: str) -> signal.Signals:
    """How to ask a part to end; the worker not to finish what it does, which goes on at the next start."""
    return signal.SIGQUIT if name == "worker" else signal.SIGTERM


def begin(command: list[str], *, end_by: signal.Signals) -> subprocess.Popen:
    """Start a part of the site in a process group of its own: Ctrl-C reaches this process, which then ends them in order.

    Where this process is killed and cannot, Linux sends `end_by` in its place.
    """
    # Celery warns of workers that run as root because of formats that can carry code; this site takes JSON only.
    environment = os.environ | {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
    return subprocess.Popen(  # noqa: S603 - there is no shell
        [sys.executable, "-m", *command],
        cwd=settings.BASE_DIR,
        env=environment,
        start_new_session=True,
        preexec_fn=end_with_parent(end_by) if sys.platform == "linux" else None,
    )


def end_with_parent(end_by: signal.Signals) -> Callable[[], None]:
    """What a child does before it becomes another program, so that it gets a signal when this process ends."""
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, end_by)
        if os.getppid() != parent:  # it has ended already
            os._exit(1)

    return ask


def end(running: dict[str, subprocess.Popen]) -> None:
    """Ask every part to end, then insist."""
    for name, process in running.items():
        if process.poll() is None:
            process.send_signal(end_by(name))
    deadline = time.monotonic() + PATIENCE
    for process in running.values():
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
