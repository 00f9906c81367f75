"""Measure how fast the sync and the API are, beside their goals and the commit before: `make bench`. Asserts nothing.

    sync.py [REVISION]     the revision to compare with, HEAD~1 by default, where git can check it out

Rows come from the recorded OpenF1 in ../shared where that is there, else from the simulator of the demo season. Where
TEST_DATABASE_URL names a PostgreSQL server, the writes are measured on it too, in a database of its own. Rows a second are by CPU
time of the sync, which other work on the machine changes little, without that of upstream and the HTTP client.
"""

import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import requests
from before import checked_out
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
REPLAY = ROOT.parent / "shared" / "openf1" / "replay.py"
LISTS = ["meetings", "sessions", "drivers"]
ROWS = ["laps", "stints"]
# What is synced: title and arguments of measure.py; the last holds all those before it.
RECORDED = {"2023": ["--season", "2023"], "2024": ["--season", "2024"], "2023 and 2024": ["--season", "2023", "2024"]}
DEMO = {"5 demo races": ["--demo", "5"], "10 demo races": ["--demo", "10"]}
console = Console(width=None if sys.stdout.isatty() else 120)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(command: list[str], url: str, env: dict[str, str]) -> Iterator[None]:
    """Run a server in the background for the length of a `with`, and wait until it answers."""
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                requests.get(url, timeout=60)
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def measure(what: str, *arguments: object, env: dict[str, str], root: Path = ROOT) -> dict:
    command = [sys.executable, "tools/bench/measure.py", what, *map(str, arguments)]
    console.print(f"[dim]{' '.join(command[1:])}{'' if root == ROOT else ' (the commit before)'}")
    process = subprocess.run(command, cwd=root, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(process.stdout)


def database(folder: Path, name: str, env: dict[str, str], root: Path = ROOT) -> dict[str, str]:
    """Return the environment with a new SQLite database of this name."""
    env = env | {"DATABASE_URL": f"sqlite:///{folder / name}.sqlite3"}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=root, env=env, check=True)
    return env


def measure_before(revision: str, part: list[str], env: dict[str, str], folder: Path) -> dict[str, dict]:
    """The same two syncs with another revision of the code; empty where it cannot be checked out or measured."""
    with checked_out(revision, folder) as root:
        if root is None:
            return {}
        shutil.copy(ROOT / "tools/bench/measure.py", root / "tools/bench/measure.py")  # what is measured by
        try:
            env = database(folder, "before", env, root)
            measure("sync", *part, "--only", *LISTS, env=env, root=root)
            return {name: measure("sync", *part, "--only", *ROWS, env=env, root=root) for name in ("first", "again")}
        except subprocess.CalledProcessError:
            return {}


@contextmanager
def postgresql(env: dict[str, str]) -> Iterator[dict[str, str]]:
    """Yield the environment with a temporary database on the server of TEST_DATABASE_URL."""
    url, name = urlsplit(env["TEST_DATABASE_URL"]), f"f1stats_bench_{os.getpid()}"
    with psycopg.connect(url._replace(path="/postgres").geturl(), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            env = env | {"DATABASE_URL": url._replace(path=f"/{name}").geturl()}
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=env, check=True)
            yield env
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def measure_postgresql(part: list[str], env: dict[str, str]) -> dict[str, dict]:
    with postgresql(env) as with_database:
        measure("sync", *part, "--only", *LISTS, env=with_database)
        first = measure("sync", *part, "--only", *ROWS, env=with_database)
        return {"first": first, "writes": measure("writes", *part, env=with_database)}


def measure_api(env: dict[str, str], times: int = 20) -> dict:
    """Measure GET of 1,000 laps of the session with the most laps, through gunicorn: median of `times`, after a warm-up."""
    program = (
        "from django.db.models import Count; from telemetry.models import Lap;"
        "print(*Lap.objects.values('session').annotate(n=Count('pk')).order_by('-n').values_list('session', 'n')[0])"
    )
    process = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", program],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    session, laps = process.stdout.split()
    port = free_port()
    url = f"http://127.0.0.1:{port}/api/v1/laps/?session_id={session}&page_size=1000"
    seconds = []
    with serving([sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "f1site.asgi"], url, env):
        for _ in range(times):
            began = time.perf_counter()
            answer = requests.get(url, timeout=60)
            seconds.append(time.perf_counter() - began)
    return {
        "status": answer.status_code,
        "session": session,
        "laps": laps,
        "times": times,
        "bytes": len(answer.content),
        "median": statistics.median(seconds),
        "best": min(seconds),
        "worst": max(seconds),
    }


def measure_all(parts: dict[str, list[str]], env: dict[str, str], folder: Path) -> dict[str, dict]:
    part, *_, everything = parts.values()
    one, loop, raw = (database(folder, name, env) for name in ("one", "loop", "raw"))
    for database_env in (one, loop, raw):
        measure("sync", *part, "--only", *LISTS, env=database_env)
    results = {
        "first": measure("sync", *part, "--only", *ROWS, env=one),
        "again": measure("sync", *part, "--only", *ROWS, env=one),
        "loop": measure("loop", *part, env=loop),
        "executemany": measure("executemany", *part, env=raw),
    }
    for number, (title, arguments) in enumerate(parts.items()):
        whole = database(folder, f"whole{number}", env)
        results[title] = measure("sync", *arguments, env=whole)
    results["all again"] = measure("sync", *everything, env=whole)
    results["api"] = measure_api(one)
    return results


def rate(result: dict) -> float:
    """Return rows per second of CPU time, without upstream's and the HTTP client's."""
    return result["rows"] / result["cpu"]


def speed(result: dict, *, upstream: bool = False) -> float:
    """Return rows per second, by default without the time that upstream took."""
    return result["rows"] / (result["seconds"] - (0 if upstream else result.get("upstream", 0)))


def table(*columns: str) -> Table:
    made = Table(*columns)
    for column in made.columns[1:]:
        column.justify = "right"
    return made


def show(results: dict[str, dict], parts: dict[str, list[str]]) -> None:
    titles = {"first": f"laps and stints of {next(iter(parts))}", "again": "  the same again, nothing new"}
    titles |= {title: f"all of {title}" for title in parts} | {"all again": "  the same again, nothing new"}
    syncs = table("sync", "rows", "written", "requests", "s", "upstream", "rows/s", "without upstream", "peak MB")
    for name, title in titles.items():
        r = results[name]
        numbers = (r["rows"], r["written"], r["requests"], r["seconds"], r["upstream"], speed(r, upstream=True), speed(r))
        syncs.add_row(title, *map(formatted, (*numbers, r["memory"])))
    console.print(syncs)
    base = f"{results['first']['memory_before']:.0f} MB"
    console.print(f"Memory before the first row: {base}.\n")
    show_goals(results, parts)
    api = results["api"]
    console.print(
        f"GET /api/v1/laps/?session_id={api['session']}&page_size=1000 through gunicorn: status {api['status']}, "
        f"{api['bytes'] / 1000:,.0f} kB (the session has {api['laps']} laps), median {api['median'] * 1000:.0f} ms, "
        f"{api['best'] * 1000:.0f} to {api['worst'] * 1000:.0f} ms in {api['times']} requests"
    )


def show_goals(results: dict[str, dict], parts: dict[str, list[str]]) -> None:
    """Print each figure beside its goal, and that of the commit before."""
    first, again, before = results["first"], results["again"], results["before"]
    goals = table("laps and stints, by CPU time", "measured", "goal", "commit before")
    goals.add_row("first sync, rows/s", f"{rate(first):,.0f}", "25,000", f"{rate(before['first']):,.0f}" if before else "")
    for title, goal, name in (("  : executemany", "55 %", "executemany"), ("  : loop of update_or_create", "18 x", "loop")):
        form = (lambda value: f"{value:.0%}") if "%" in goal else (lambda value: f"{value:.1f} x")
        old = form(rate(before["first"]) / rate(results[name])) if before else ""
        goals.add_row(title, form(rate(first) / rate(results[name])), goal, old)
    old = f"{rate(before['again']) / rate(before['first']):.1f} x" if before else ""
    goals.add_row("re-sync : first sync", f"{rate(again) / rate(first):.1f} x", "3.5 x", old)
    if "postgresql" in results:
        share = speed(results["postgresql"]["first"]) / speed(first)
        goals.add_row("first sync on PostgreSQL : on SQLite, by the clock", f"{share:.0%}", "60 %", "")
    *some, everything = parts
    memory = results[everything]["memory"] / max(results[title]["memory"] for title in some)
    goals.add_row(f"{everything} : {' or '.join(some)}, peak memory", f"{memory:.2f} x", "1 x", "")
    console.print(goals)
    console.print(
        f"executemany: {rate(results['executemany']):,.0f} rows/s from an answer's bytes to its rows, without any check. "
        f"The loop: {rate(results['loop']):,.0f} rows/s, with a commit for each, of rows at hand.\n"
    )


def show_postgresql(results: dict[str, dict], sqlite: dict) -> None:
    writes = table("new rows on PostgreSQL", "rows", "sessions", "bulk_create, s", "sync, s", "as many times", "to reach")
    for name, r in results["writes"].items():
        numbers = (r["rows"], r["pieces"], r["bulk_create"], r["sync"])
        writes.add_row(name, *map(formatted, numbers), f"{r['bulk_create'] / r['sync']:.1f}", "2")
    console.print(writes)
    console.print(
        f"The first sync of laps and stints: {formatted(speed(results['first']))} rows/s without upstream on PostgreSQL, "
        f"{formatted(speed(sqlite))} on SQLite."
    )


def formatted(number: float) -> str:
    return f"{number:,.2f}" if isinstance(number, float) and number < 100 else f"{number:,.0f}"


@contextmanager
def recorded(env: dict[str, str]) -> Iterator[dict[str, str]]:
    """Yield the environment in which the replay of recorded rows takes the place of OpenF1."""
    port = free_port()
    base = f"http://127.0.0.1:{port}/v1"
    with serving([sys.executable, str(REPLAY), "--port", str(port)], base, env):
        for collection in ("drivers", *ROWS):  # the replay reads its files at the first question
            requests.get(f"{base}/{collection}?session_key=9472", timeout=120)
        yield env | {"OPENF1_BASE_URL": base}


def main() -> None:
    env = os.environ | {"OPENF1_REQUESTS_PER_SECOND": "0", "OPENF1_REQUESTS_PER_MINUTE": "0", "OPENF1_USERNAME": ""}
    upstream: AbstractContextManager[dict[str, str]]
    if REPLAY.exists():
        source, parts, upstream = "the recorded OpenF1 rows, replayed", RECORDED, recorded(env)
    else:
        source, parts, upstream = f"the simulator ({REPLAY} is not there); its memory is counted too", DEMO, nullcontext(env)
    with tempfile.TemporaryDirectory() as folder, upstream as env:
        results = measure_all(parts, env, Path(folder))
        revision = sys.argv[1] if len(sys.argv) > 1 else "HEAD~1"
        results["before"] = measure_before(revision, next(iter(parts.values())), env, Path(folder))
        server = env.get("TEST_DATABASE_URL", "")
        on_postgresql = measure_postgresql(next(iter(parts.values())), env) if server.startswith("postgres") else None
    if on_postgresql:
        results["postgresql"] = on_postgresql
    console.print(f"\nUpstream is {source}. Python {platform.python_version()}, {os.cpu_count()} cores, SQLite.")
    show(results, parts)
    if on_postgresql:
        show_postgresql(on_postgresql, results["first"])
    else:
        console.print("TEST_DATABASE_URL names no PostgreSQL: nothing was measured there.")


main()
