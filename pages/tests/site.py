"""A site in processes of its own, for tests that look at it through a browser: demo season, recorded sessions, a login."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

USER, PASSWORD = "chief", "pit-wall-22-pages"
PATIENCE = 90  # seconds until the site answers


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def manage(*arguments: str, env: dict[str, str]) -> None:
    command = [sys.executable, "manage.py", *arguments]
    run = subprocess.run(command, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True)
    assert run.returncode == 0, f"{' '.join(arguments)}: {run.stdout}{run.stderr}"


@contextmanager
def serving(folder: Path, *, upstream: str | None, sessions: list[int]) -> Iterator[str]:
    """The address of the site, with all its rows; `upstream` answers like OpenF1 where it is given."""
    env = os.environ | {
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        "MEDIA_ROOT": str(folder / "media"),
        "DATA_ROOT": str(folder),
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "LOG_LEVEL": "WARNING",
        "OPENF1_REQUESTS_PER_SECOND": "0",
        "OPENF1_REQUESTS_PER_MINUTE": "0",
    }
    manage("migrate", "-v0", env=env)
    manage("load_demo", "--races", "2", env=env)
    manage("createsuperuser", "--noinput", "--username", USER, "--email", "", env=env)
    if upstream:
        chosen = [argument for session in sessions for argument in ("--session", str(session))]
        manage("sync_openf1", *chosen, env=env | {"OPENF1_BASE_URL": upstream})
    manage("check_data", env=env)
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "f1site.asgi", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=env)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/healthz/")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def wait_for(url: str) -> None:
    until = time.monotonic() + PATIENCE
    while not answers(url):
        assert time.monotonic() < until, f"{url} does not answer"
        time.sleep(0.2)


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=10).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
