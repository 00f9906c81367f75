"""Measure what grows with the number of stored seasons: `make bench-scale`. Asserts nothing.

Three databases, of one season, ten and fifty, hold the same rows under other keys. Answers of /v1 and lists are asked of all
three, the admin of the largest; the commands that go through everything are run on ten seasons, each in a process of its own.
The goals stand beside the figures. Takes some gigabytes of disk for its length.

    tools/bench/scale.py [--requests 30] [--keep FOLDER]
"""

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import v1
from before import table
from databases import environment, fill, multiply
from rich.console import Console
from servers import ROOT

NAMES = ("one", "ten", "fifty")
LOG_IN = """
from django.conf import settings
from django.contrib.auth import SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
user = User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("bench")
session = SessionStore()
session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(user.pk), settings.AUTHENTICATION_BACKENDS[-1]
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
print(session.session_key)
"""
ADMIN = (
    "races/race",
    "races/session",
    "drivers/driver",
    "drivers/entry",
    "telemetry/lap",
    "telemetry/stint",
    "telemetry/position",
)
COMMANDS = (  # title, arguments, goals of seconds and of MB
    ("check_data", ("check_data",), "10", ""),
    ("check_data --changed, nothing new", ("check_data", "--changed"), "", ""),
    ("build_dataset", ("build_dataset", "--output", "bench", "--replace"), "25", "400"),
    ("dump", ("dump", "--output", "{folder}/dump"), "6", ""),
)
console = Console(width=140)


Asked = tuple[
    str, str
]  # what it is called, and its address with {number}, which makes each request one that nothing kept answers


def medians(ports: list[int], path: str, times: int, cookie: str = "") -> list[tuple[float, int]]:
    """(median in ms, bytes) of the answers per site, asked in turn after a warm-up."""
    connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=120) for port in ports]
    taken: list[list[float]] = [[] for _ in ports]
    sizes = [0] * len(ports)
    for number in range(-3, times):
        for index, connection in enumerate(connections):
            began = time.perf_counter()
            connection.request(
                "GET",
                path.format(number=number + 100),
                headers={"Accept-Encoding": "gzip"} | ({"Cookie": cookie} if cookie else {}),
            )
            answer = connection.getresponse()
            sizes[index] = len(answer.read())
            if answer.status != 200:
                sys.exit(f"{path} was answered with {answer.status}")
            if number >= 0:
                taken[index].append((time.perf_counter() - began) * 1000)
    for connection in connections:
        connection.close()
    return [(statistics.median(each), size) for each, size in zip(taken, sizes, strict=True)]


def report_answers(ports: list[int], chosen: list[v1.Question], times: int) -> None:
    """Answers of /v1 that were not kept, which may take 1.2 times as long at ten seasons and 1.5 times at fifty."""
    race = next(each.path for each in chosen if each.name == "all laps of a race")
    asked: list[Asked] = [(each.name, f"/v1/{each.path}&limit=1000{{number}}") for each in chosen]
    asked.append(("slowest laps of all", "/v1/laps?order_by=-lap_duration&limit={number}"))
    asked.append(("slowest laps of a race", f"/v1/{race}&order_by=-lap_duration&limit={{number}}"))
    made = table("/v1, not kept, p50 in ms", "one season", "ten", "fifty", "ten : one, goal 1.2", "fifty : one, goal 1.5")
    for name, path in asked:
        one, ten, fifty = (ms for ms, _ in medians(ports, path, times))
        made.add_row(name, f"{one:.1f}", f"{ten:.1f}", f"{fifty:.1f}", f"{ten / one:.2f}", f"{fifty / one:.2f}")
    console.print(made)


def report_lists(ports: list[int], times: int) -> None:
    """Lists of REST; by offset beyond 100,000 rows they may take 100 ms, or say that a cursor does it."""
    made = table("/api/v1, p50 in ms", "one season", "ten", "fifty", "goal")
    first = json.loads(fetch(ports[-1], "/api/v1/position/?page_size=100"))
    for name, path, goal in (
        ("positions, first page", "/api/v1/position/?page_size={number}", "10 (CPU)"),
        ("laps, first page", "/api/v1/laps/?page_size={number}", ""),
        ("laps by time", "/api/v1/laps/?ordering=-lap_duration&page_size={number}", ""),
    ):
        made.add_row(name, *(f"{ms:.1f}" for ms, _ in medians(ports, path, times)), goal)
    [(deep, _)] = medians(ports[-1:], "/api/v1/position/?page=700&page_size={number}", times)
    made.add_row(f"positions, row 90,000 or so of {first['count']:,}", "", "", f"{deep:.1f}", "100")
    console.print(made)


def report_admin(port: int, cookie: str) -> None:
    """Lists and searches of the admin at fifty seasons: at most 150 ms and 200 KB."""
    made = table("admin, fifty seasons", "rows in all", "list, ms", "search, ms", "KB gzip", "goal: ms", "KB")
    for name in ADMIN:
        [(listed, size)] = medians([port], f"/admin/{name}/?", 5, cookie)
        [(searched, _)] = medians([port], f"/admin/{name}/?q=leclerc", 5, cookie)
        rows = re.search(r"[\d,]+ result", fetch(port, f"/admin/{name}/", cookie))
        made.add_row(
            name, rows[0].split()[0] if rows else "", f"{listed:.0f}", f"{searched:.0f}", f"{size / 1000:.0f}", "150", "200"
        )
    console.print(made)


def report_commands(folder: Path) -> None:
    """Commands that go through all of ten seasons."""
    made = table("ten seasons", "s", "goal", "peak MB", "goal")
    for title, arguments, seconds, memory in COMMANDS:
        began = time.perf_counter()
        command = [sys.executable, "manage.py", *(each.format(folder=folder) for each in arguments)]
        child = subprocess.Popen(command, cwd=ROOT, env=environment(folder, "ten"), stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        if status:
            sys.exit(f"{' '.join(arguments)} ended with {status}")
        made.add_row(title, f"{time.perf_counter() - began:.1f}", seconds, f"{used.ru_maxrss / 1024:.0f}", memory)
    console.print(made)


def fetch(port: int, path: str, cookie: str = "") -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
    return connection.getresponse().read().decode()


def log_in(folder: Path) -> str:
    """The cookie of a superuser at fifty seasons."""
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", LOG_IN]
    done = subprocess.run(command, cwd=ROOT, env=environment(folder, "fifty"), stdout=subprocess.PIPE, text=True, check=True)
    return f"sessionid={done.stdout.strip()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=30)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "ten.sqlite3").exists():
            fill(folder)
        if not (folder / "fifty.sqlite3").exists():
            multiply(folder / "one.sqlite3", folder / "fifty.sqlite3", seasons=50)
        sites = [stack.enter_context(v1.site(folder, name)) for name in NAMES]
        ports = [site.port for site in sites]
        report_answers(ports, v1.chosen_questions(sites[0]), given.requests)
        report_lists(ports, given.requests)
        report_admin(ports[-1], log_in(folder))
        report_commands(folder)
        console.print(v1.machine())


if __name__ == "__main__":
    main()
