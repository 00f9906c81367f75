"""Load and fault tests: 16 readers, an edit loop and syncs at once, unkind clients, and failing services: `make load`.

Each fault is brought about for real, with processes of its own: PostgreSQL and the broker stop and come back, files cannot grow,
the clock is set back. Rows come from the recorded OpenF1 in ../shared where that is there, else from the demo season. Ends with a
table, and with 1 when something is not as it should be. Trials whose programs are not installed are named and left out.

    tools/bench/load.py [--seconds 60] [--times 3] [--only disk clock]
"""

import argparse
import os
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from faults import broker_gone, clock_set_back, disk_full
from held import expensive_questions, silent_clients
from rich.console import Console
from rich.table import Table
from servers import Postgres, Redis, Site, until, upstream
from traffic import Editor, Readers, Syncs, worst

CLIENTS = 16
ADD_SYNC = """
# Of the weekends that are stored; until a worker is in the middle of it.
import time
from jobs import queue
from telemetry.models import Lap
races = Lap.objects.order_by().values_list("session__race_id", flat=True).distinct()
job = queue.add("sync", {"races": list(races), "force": True})
while job.done < 3:
    time.sleep(0.1)
    job.refresh_from_db()
"""
AWAY = 3  # seconds for which PostgreSQL is stopped
console = Console(width=None if sys.stdout.isatty() else 150)


class Result(NamedTuple):
    trial: str
    what: str
    measured: str
    good: bool


def load(
    site: Site, trial: str, *, season: int, session: int, seconds: int, meanwhile: Callable = time.sleep
) -> Iterator[Result]:
    """Run readers, edits and syncs at once for some seconds; `meanwhile` is called with the seconds and may inject a fault."""
    races = fill(site, season, session)
    token = site.token()
    site.serve()
    rows = counts(site)
    readers, editor = Readers(site.url, session, CLIENTS), Editor(site.url, session, token)
    syncs = Syncs(site, races)
    for part in (readers, editor, syncs):
        part.start()
    harm = meanwhile(seconds)
    for part in (readers, editor, syncs):
        part.stop()
    yield from readings(trial, readers, seconds, harm)
    lost = editor.lost()
    edits = f"{editor.acknowledged:,}, {lost}" + (f"; refused: {editor.refused[0]}" if editor.refused else "")
    yield Result(trial, "edits acknowledged, lost or refused", edits, not lost and editor.acknowledged > 0)
    yield from endings(trial, syncs, harm)
    again = site.manage("sync_openf1", *races, "--force")
    lost, same = editor.lost(), counts(site) == rows
    yield Result(
        trial,
        "after one more sync: edits lost, rows as before",
        f"{lost}, {formatted(same)}",
        not (lost or again.returncode) and same,
    )


def fill(site: Site, season: int, session: int) -> list[str]:
    """Sync three race weekends, that of the session among them, and return the options that select them."""
    site.run_command("migrate", "-v0")
    site.run_command("sync_openf1", "meetings", "sessions", "--season", str(season))
    program = (
        f"from races.models import Session, Race; first = Session.objects.get(pk={session}).race_id;"
        f"print(first, *Race.objects.filter(year={season}, pk__gt=first).values_list('pk', flat=True)[:2])"
    )
    races = [option for race in site.run_command("shell", "-v0", "-c", program).split() for option in ("--race", race)]
    site.run_command("sync_openf1", *races)
    return races


def readings(trial: str, readers: Readers, seconds: int, harm: tuple[float, float] | None) -> Iterator[Result]:
    """Summarize the readers' answers; while the database was down these must be 503, and 200 again afterwards."""
    reads = sorted(readers.reads)
    speed = f"{len(reads):,}, {len(reads) / seconds:.0f} a second"
    times = sorted(read.seconds for read in reads)
    slow = f"p50 {worst(times, 0.5) * 1000:.0f} ms, p95 {worst(times, 0.95) * 1000:.0f} ms, longest {times[-1] * 1000:.0f} ms"
    yield Result(trial, f"reads by {readers.clients} clients", f"{speed}; {slow}", True)
    bad = [read for read in reads if read.status >= 500 or not read.status]
    if harm is None:
        yield Result(trial, "answers 5xx, or none", str(len(bad)), not bad)
        return
    stopped, back = harm
    early_or_late = [read for read in bad if read.at < stopped or read.at > back + 5]
    last = max((read.at for read in bad), default=back)
    others = {read.status for read in bad} - {503}
    yield Result(
        trial,
        "answers 503, other 5xx or none, while the database is away",
        f"{len(bad)}, {formatted(sorted(others))}",
        not others,
    )
    yield Result(trial, "reads recover after its return", f"within {max(0.0, last - back):.1f} s", last - back < 5)
    yield Result(trial, "answers 5xx or none before, and 5 s after", str(len(early_or_late)), not early_or_late)


def endings(trial: str, syncs: Syncs, harm: object) -> Iterator[Result]:
    """Summarize the syncs; one that loses its database has to print a message and no traceback."""
    failed = [ended for ended in syncs.ended if ended.returncode]
    wordless = [ended for ended in failed if "Traceback" in ended.stderr or not ended.stderr.strip()]
    what = f"{len(syncs.ended)}, {len(failed)}" + (f" ({failed[0].stderr.strip().splitlines()[-1]})" if failed else "")
    yield Result(trial, "syncs, failed", what, not wordless and (harm is not None or not failed))


def counts(site: Site) -> str:
    """Return the number of stored rows of each collection."""
    program = (
        "from f1site.feeds import FEEDS; print({f.collection: f.model._default_manager.count() for f in FEEDS if f.by_default})"
    )
    return site.run_command("shell", "-v0", "-c", program)


def formatted(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value or "none")


def restart(postgres: Postgres, site: Site) -> Callable[[int], tuple[float, float]]:
    """Stop PostgreSQL after a third of the time, in the middle of a worker's job, and start it again."""

    def harm(seconds: int) -> tuple[float, float]:
        site.worker()
        site.beat()
        time.sleep(seconds / 4)
        site.run_command("shell", "-v0", "-c", ADD_SYNC)
        stopped = time.monotonic()
        postgres.stop()
        time.sleep(AWAY)
        postgres.start()
        back = time.monotonic()
        time.sleep(seconds / 2)
        return stopped, back

    return harm


def taken_up(trial: str, site: Site) -> Result:
    """Summarize the worker's job."""
    program = "from jobs.models import Job; job = Job.objects.get(kind='sync'); print(job.state, job.attempts, job.error)"
    state_line = ""

    def ended() -> bool:
        nonlocal state_line
        state_line = site.run_command("shell", "-v0", "-c", program).strip()
        return not state_line.startswith(("queued", "running"))

    until(ended, "the worker's sync", patience=180)
    state, attempts, *error = state_line.split(maxsplit=2)
    measured = ", ".join([state, f"{attempts} attempts", *error])
    return Result(trial, "a worker's sync in the middle of it", measured, state == "succeeded" and int(attempts) > 1)


class Trials:
    """Run the trials, each on sites of its own below a folder."""

    def __init__(self, folder: Path, only: list[str], seconds: int, *, openf1: str, season: int, session: int):
        self.folder, self.only, self.seconds, self.openf1 = folder, only, seconds, openf1
        self.season, self.session = season, session

    def site(self, name: str, database: str = "", **environment: str) -> Site:
        sqlite = f"sqlite:///{self.folder}/{name}/db.sqlite3"
        return Site(self.folder / name, database or sqlite, OPENF1_BASE_URL=self.openf1, **environment)

    def all(self) -> Iterator[Result]:
        if "sqlite" in self.only:
            with self.site("sqlite") as site:
                yield from load(site, "SQLite", season=self.season, session=self.session, seconds=self.seconds)
        if {"held", "worst"} & set(self.only):
            yield from self.unkind()
        if {"postgres", "restart", "disk"} & set(self.only):
            yield from self.on_postgres()
        if "broker" in self.only:
            yield from self.broker()
        if "clock" in self.only:
            yield from self.clock()

    def on_postgres(self) -> Iterator[Result]:
        if Postgres.programs() is None:
            yield Result("PostgreSQL", "not tried", "its programs (initdb, pg_ctl) are not installed", True)
            return
        with Postgres(self.folder) as postgres:
            if "postgres" in self.only:
                with self.site("postgresql", postgres.database("one")) as site:
                    yield from load(site, "PostgreSQL", season=self.season, session=self.session, seconds=self.seconds)
            if "restart" in self.only:
                with self.site("restarted", postgres.database("two"), HEARTBEAT_TIMEOUT="5") as site:
                    trial, harm = f"PostgreSQL stopped for {AWAY} s", restart(postgres, site)
                    yield from load(site, trial, season=self.season, session=self.session, seconds=self.seconds, meanwhile=harm)
                    yield taken_up(trial, site)
            if "disk" in self.only:
                with self.site("full", postgres.database("three")) as site:
                    yield from (Result("disk full", *check) for check in disk_full(site, self.session))

    def unkind(self) -> Iterator[Result]:
        """Clients that hold connections, and clients that ask what takes long."""
        season, session = self.season, self.session
        with self.site("unkind") as site:
            fill(site, season, session)
            site.run_command("sync_openf1", "car_data", "--session", str(session))
            site.serve()
            if "held" in self.only:
                yield from (Result("held connections", *check) for check in silent_clients(site, session, self.seconds))
            if "worst" in self.only:
                yield from (Result("worst questions", *check) for check in expensive_questions(site, session, self.seconds))

    def broker(self) -> Iterator[Result]:
        if shutil.which("redis-server") is None:
            yield Result("broker gone", "not tried", "redis-server is not installed", True)
            return
        with Redis() as redis, self.site("broker", CELERY_BROKER_URL=redis.url, HEARTBEAT_TIMEOUT="5") as site:
            yield from (Result("broker gone", *check) for check in broker_gone(site, redis, self.session))

    def clock(self) -> Iterator[Result]:
        if shutil.which("cc") is None or sys.platform != "linux":
            yield Result("clock set back", "not tried", "this takes Linux and a C compiler", True)
            return
        environment = preloaded(self.folder)
        with self.site("clock", HEARTBEAT_TIMEOUT="5", **environment) as site:
            checks = clock_set_back(site, Path(environment["CLOCK_OFFSET"]), season=self.season, session=self.session)
            yield from (Result("clock set back an hour", *check) for check in checks)


def preloaded(folder: Path) -> dict[str, str]:
    """Return the environment in which the clock can be set."""
    library, offset = folder / "clock.so", folder / "offset"
    source = Path(__file__).with_name("clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"], check=True)
    offset.write_bytes(struct.pack("l", 0))
    return {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(offset)}


def show(results: list[Result]) -> None:
    table = Table("trial", "what", "measured", "")
    before = ""
    for result in results:
        table.add_row("" if result.trial == before else result.trial, *result[1:3], "good" if result.good else "[red]BAD")
        before = result.trial
    console.print(table)


def main() -> int:
    names = ["sqlite", "held", "worst", "postgres", "restart", "disk", "broker", "clock"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="of each trial under load (default 60)")
    parser.add_argument("--times", type=int, default=1, help="how often to do all of it (default 1)")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="some of the trials")
    given = parser.parse_args()
    bad = 0
    for _ in range(given.times):
        with tempfile.TemporaryDirectory(prefix="f1load") as folder:
            os.chmod(folder, 0o711)  # PostgreSQL may run as another user
            results = []
            with upstream() as (url, season, session):
                trials = Trials(Path(folder), given.only, given.seconds, openf1=url, season=season, session=session)
                for result in trials.all():
                    console.print(f"[dim]{result.trial}: {result.what}: {result.measured}")
                    results.append(result)
        show(results)
        bad += sum(not result.good for result in results)
    console.print(f"Python {platform.python_version()}, {os.cpu_count()} cores; {bad} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
