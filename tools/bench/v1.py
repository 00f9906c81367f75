"""Measure how fast /v1 answers, compared with its targets and with OpenF1's own server: `make bench-api`. Asserts nothing.

One gunicorn worker serves a database with one season, another one the same with ten, made by multiplying every row. Requests go
to both in turn, so that a busy machine slows both alike. The rows are those recorded in ../shared where that is there, else the
demo season's. The tables are Markdown, as in the README.

    tools/bench/v1.py [--requests 200] [--keep FOLDER] [--baseline REVISION]

FOLDER keeps the databases for the next time. REVISION is the baseline: an older commit, served from a copy of the same database
and asked in turn with the rest. Of `ISSUED`, from before the goals were set, figures are known from the machine they were set on.
Its figures here, divided by those, say how fast this machine is; each goal is printed as it is on a machine of that speed, too.
"""

import argparse
import http.client
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from before import Beside, Taken, checked_out, table
from databases import environment, fill, serving
from rich.console import Console
from servers import ROOT, free_port

ISSUED = "7c742d4"  # the commit that the goals were set beside
CONNECTIONS, SECONDS = 16, 3
console = Console(width=160)


class Question(NamedTuple):
    name: str
    path: str
    kept: str = ""  # goals in ms
    cold: str = ""
    openf1: str = ""  # OpenF1's own server, measured on a comparable machine
    rps: str = ""  # goal
    openf1_rps: str = ""
    was: tuple[float, float] | None = None  # of the commit `ISSUED`, kept and cold, where the goals were set


def questions(session: int, car: int, year: int, moment: datetime) -> list[Question]:
    window = f"date>={moment:%Y-%m-%dT%H:%M:%S}&date<{moment + timedelta(seconds=2):%Y-%m-%dT%H:%M:%S}"
    laps, car_data = f"laps?session_key={session}", f"car_data?session_key={session}&driver_number={car}"
    return [
        Question("drivers of a session", f"drivers?session_key={session}", "0.5", "1.2", "3.2", "2500", "495", was=(1.5, 2.3)),
        Question("laps of one driver", f"{laps}&driver_number={car}", "0.5", "1.5", "7.1", "2200", "148", was=(1.5, 3.0)),
        Question("all laps of a race", laps, "1.5", "7", "101", was=(3.5, 12.9)),
        Question("positions of a race", f"position?session_key={session}", "0.6", "1.8", "14.8", was=(1.8, 3.4)),
        Question("sessions of a year", f"sessions?year={year}"),
        Question("CSV of a race's laps", f"{laps}&csv=true", "1.5", "8", "49", was=(3.3, 22.9)),
        Question("car_data, 2 s", f"{car_data}&{window}", "0.6", "2", "4.1", was=(1.7, 7.6)),
        Question("car_data of a driver", car_data, "10", "35", "1761", was=(63, 50)),
    ]


def chosen_questions(one: "Site") -> list[Question]:
    """Those of the session that there are samples of."""
    session = one.rows("car_data?limit=1&fields=session_key&order_by=-session_key")[0]["session_key"]
    [race] = one.rows(f"sessions?session_key={session}")
    car = one.rows(f"laps?session_key={session}&limit=1&order_by=-lap_number")[0]["driver_number"]
    moment = one.rows(f"laps?session_key={session}&driver_number={car}&lap_number=10")[0]["date_start"]
    return questions(session, car, race["year"], datetime.fromisoformat(moment))


# The server


@contextmanager
def site(folder: Path, name: str, root: Path = ROOT) -> Iterator["Site"]:
    port = free_port()
    entry = "f1site.asgi" if (root / "f1site" / "asgi.py").exists() else "f1site.wsgi"
    command = [sys.executable, "-m", "gunicorn", entry, "--workers", "1", "--bind", f"127.0.0.1:{port}"]
    with serving(command, f"http://127.0.0.1:{port}/v1/meetings?limit=1", environment(folder, name), root) as process:
        yield Site(port, process.pid)


@contextmanager
def site_before(revision: str, folder: Path, temporary: Path) -> Iterator["Site"]:
    """The site as another revision of the code serves it, from a copy of the same database."""
    with checked_out(revision, temporary) as root:
        if root is None:
            sys.exit(f"git cannot check out {revision}")
        shutil.copy(folder / "one.sqlite3", folder / "before.sqlite3")
        with site(folder, "before", root) as made:
            yield made


def http_get_on(connection: http.client.HTTPConnection, path: str) -> tuple[int, int, float, float]:
    """Send a request on a persistent connection; return (status, bytes, seconds to the first byte, seconds to the last)."""
    began = time.perf_counter()
    connection.request("GET", path)
    response = connection.getresponse()
    size = len(response.read(1))
    first = time.perf_counter() - began
    while piece := response.read(1 << 16):
        size += len(piece)
    return response.status, size, first, time.perf_counter() - began


class Site:
    """A site with one worker."""

    def __init__(self, port: int, master: int):
        self.port = port
        [self.worker] = subprocess.check_output(["pgrep", "-P", str(master)], text=True).split()
        self.open = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def get(self, path: str, connection: http.client.HTTPConnection | None = None) -> tuple[int, int, float, float]:
        answer = http_get_on(connection or self.open, f"/v1/{path}")
        if answer[0] != 200:
            sys.exit(f"/v1/{path} was answered with {answer[0]}")
        return answer

    def rows(self, path: str) -> Any:
        self.open.close()  # for a new one: meanwhile the server may have closed a connection that asked nothing
        self.open.request("GET", f"/v1/{path}")
        return json.load(self.open.getresponse())

    def memory(self, name: str) -> float:
        """Return memory in MB: VmRSS is the current, RssFile of it that of mapped files, which processes share, VmHWM the
        highest so far."""
        status = Path(f"/proc/{self.worker}/status").read_text()
        return int(status.partition(f"{name}:")[2].split()[0]) / 1024

    def cpu(self) -> float:
        """Return the seconds of CPU time so far, of all threads."""
        threads = Path(f"/proc/{self.worker}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def per_second(self, path: str) -> float:
        """Return answers per second of `CONNECTIONS` clients at once."""
        return per_second(self.port, lambda connection: self.get(path, connection), connections=CONNECTIONS)


def per_second(port: int, ask: Callable[[http.client.HTTPConnection], object], *, connections: int) -> float:
    """How often a second `ask` gets its answer on several connections at once that stay open, during `SECONDS`."""
    counts, until = [0] * connections, time.perf_counter() + SECONDS

    def ask_again_and_again(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while time.perf_counter() < until:
            ask(connection)
            counts[number] += 1
        connection.close()

    threads = [threading.Thread(target=ask_again_and_again, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


# Measuring


def milliseconds(sites: list[Site], path: str, times: int, *, cold: bool) -> list[Taken]:
    """Return per site what `times` answers took, asked in turn after a warm-up. Cold: no request is repeated."""
    taken = [Taken([], []) for _ in sites]
    for one in sites:
        one.open.close()
    for number in range(-5, times):
        question = f"{path}&limit={10_000_000 + number}" if cold else path
        for one, times_of in zip(sites, taken, strict=True):
            before = one.cpu()
            *_, whole = one.get(question)
            if number >= 0:
                times_of.clock.append(whole * 1000)
                times_of.cpu.append((one.cpu() - before) * 1000)
    return taken


def percentiles(values: list[float]) -> list[str]:
    cuts = statistics.quantiles(values, n=20)
    return [f"{cuts[9]:.1f}", f"{cuts[18]:.1f}"]


def report_latency(one: Site, ten: Site, before: Site | None, chosen: list[Question], times: int) -> None:
    latency = table("ms", "rows", "KB", "kept p50", "p95", "goal", "cold p50", "p95", "goal", "OpenF1's own server")
    load = table("", "requests/s", "goal", "OpenF1's own", "cold p50, one season", "ten seasons", "factor")
    beside = Beside()
    others = [before] if before else []
    for question in chosen:
        rows = len(one.rows(question.path.replace("&csv=true", "")))
        size = one.get(question.path)[1]
        warm, *warm_before = milliseconds([one, *others], question.path, times, cold=False)
        cold, of_ten, *cold_before = milliseconds([one, ten, *others], question.path, times, cold=True)
        rate = one.per_second(question.path)
        figures = [
            f"{rows:,}",
            f"{size / 1000:,.0f}",
            *percentiles(warm.clock),
            question.kept,
            *percentiles(cold.clock),
            question.cold,
        ]
        latency.add_row(question.name, *figures, question.openf1)
        medians = statistics.median(cold.clock), statistics.median(of_ten.clock)
        load.add_row(
            question.name,
            f"{rate:,.0f}",
            question.rps,
            question.openf1_rps,
            *(f"{m:.1f}" for m in medians),
            f"{medians[1] / medians[0]:.2f}",
        )
        if before:
            beside.add(question.name, (question.kept, question.cold), question.was, [warm, cold], [*warm_before, *cold_before])
        console.print(f"[dim]{question.name}: done")
    console.print(latency)
    console.print(load)
    if before:
        for made in (*beside.tables, beside.cpu):
            console.print(made)
    shared = one.memory("RssFile")
    console.print(f"memory of the worker after that: {one.memory('VmRSS'):,.0f} MB, {shared:,.0f} of it mapped files; goal: 250")


def report_stream(one: Site, window: str) -> None:
    """Measure a whole session's samples, from a worker that has answered only a small request before; that is measured too."""
    time.sleep(3)  # the libraries are loaded meanwhile
    *_, small = one.get(window)
    idle = one.memory("VmRSS")
    session = window.partition("&")[0]
    responses = [one.get(f"{session}&limit={10_000_000 + number}") for number in range(5)]
    _, size, *_ = responses[0]
    first = statistics.median(first for *_, first, _ in responses)
    whole = statistics.median(whole for *_, whole in responses)
    made = table("car_data of a whole session", "", "to reach", "OpenF1's own server")
    made.add_row("size", f"{size / 1e6:,.0f} MB", "", "")
    made.add_row("first question of a worker, 2 s of a car", f"{small * 1000:,.0f} ms", "150 ms", "")
    made.add_row("first byte", f"{first * 1000:,.0f} ms", "200 ms", "")
    made.add_row("all of it", f"{whole:.2f} s", "", "an error after 6.8 s")
    made.add_row("memory above idle, at most", f"{one.memory('VmHWM') - idle:,.0f} MB", "150 MB", "")
    console.print(made)


def machine() -> str:
    cpu = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ""
    )
    cores, load, python = os.cpu_count(), os.getloadavg()[0], platform.python_version()
    return f"{cpu}, {cores} cores, load {load:.1f}, {platform.system()}, Python {python}, one gunicorn worker, SQLite"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--baseline", metavar="REVISION", help=f"{ISSUED} is the one that the goals were set beside")
    options = parser.parse_args()
    with ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder = options.keep or temporary
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "ten.sqlite3").exists():
            fill(folder)
        before = stack.enter_context(site_before(options.baseline, folder, temporary)) if options.baseline else None
        with site(folder, "one") as one, site(folder, "ten") as ten:
            chosen = chosen_questions(one)
            with site(folder, "one") as fresh:
                report_stream(fresh, next(each.path for each in chosen if each.name == "car_data, 2 s"))
            report_latency(one, ten, before, chosen, options.requests)
            console.print(machine())


if __name__ == "__main__":
    main()
