"""Several machines under load: jobs sync a season while clients read and edit, and machines and networks fail."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.request import urlopen

import msgspec
from faults import job
from load import Result, console
from servers import Site, end, until, upstream
from traffic import Connection, Editor, Readers, worst

if TYPE_CHECKING:
    from cluster import Cluster

READERS = 32
STORE_AWAY = 20  # seconds
TRIAL = "several machines"
PATIENCE = 1200  # seconds


class Bad(NamedTuple):
    """An answer that is not 200, or not with the rows that it should have."""

    at: float
    path: str
    status: int
    body: bytes


class StrictReaders(Readers):
    """Readers that look at what they get: the rows of a session that is stored already do not come and go."""

    def __init__(self, url: str, session: int, clients: int):
        super().__init__(url, session, clients)
        self.samples = f"/v1/car_data?session_key={session}&driver_number=1&speed>=300"
        self.paths += [self.samples, f"/api/v1/car-data/?session_id={session}&driver_number=1&page_size=500"]
        self.bad: list[Bad] = []
        connection = Connection(url)
        self.rows = {path: count_rows(connection.ask("GET", path)[1]) for path in self.paths if is_constant(path)}

    def look(self, path: str, status: int, body: bytes) -> None:
        rows = -1
        with suppress(msgspec.DecodeError, KeyError):
            rows = count_rows(body) if status == 200 else -1
        if rows == -1 or rows != self.rows.get(path, rows):
            self.bad.append(Bad(time.monotonic(), path, status, body[:300]))


def is_constant(path: str) -> bool:
    return "session_" in path and "corrections" not in path


def count_rows(body: bytes) -> int:
    decoded = msgspec.json.decode(body)
    return len(decoded if isinstance(decoded, list) else decoded["results"])


class Jobs:
    """Jobs that are queued by REST, at whichever web server answers."""

    def __init__(self, cluster: Cluster):
        self.connection = Connection(cluster.url, Authorization=f"Token {cluster.token}")
        self.paths: list[str] = []

    def ask(self, path: str) -> dict:
        """The answer to a GET, which is asked again until there is one."""
        status, body = self.connection.ask("GET", path)
        until(lambda: status == 200 or self.connection.ask("GET", path)[0] == 200, path)
        return json.loads(body if status == 200 else self.connection.ask("GET", path)[1])

    def add(self, kind: str, **parameters: object) -> str:
        status, path = job(self.connection, kind, **parameters)
        while status in (0, 502, 503):  # the server was killed meanwhile, or an idle connection was closed
            time.sleep(0.1)
            status, path = job(self.connection, kind, **parameters)
        if status != 202:
            raise RuntimeError(f"a job was answered with {status}")
        self.paths.append(path)
        return path

    def end(self, *paths: str) -> list[dict]:
        """The jobs, once they have ended."""
        rows = []
        for path in paths:
            until(lambda path=path: self.ask(path)["state"] not in ("queued", "running"), path, PATIENCE)
            rows.append(self.ask(path))
        return rows

    def succeeded(self) -> int:
        return sum(self.ask(path)["state"] == "succeeded" for path in self.paths)


def say(text: str) -> None:
    console.print(f"[dim]{time.strftime('%H:%M:%S')} {text}")


class Harm(NamedTuple):
    """When machines failed, by the monotonic clock."""

    killed: float  # a web server and a worker
    broker_away: float  # seconds
    cut: float  # the network to the store
    joined: float
    ready: tuple[int, bytes]  # what /readyz/ answered in between


def be_together(cluster: Cluster, count: int) -> Iterator[Result]:
    """Sync `count` race weekends of the season by jobs, with readers, an editor and faults."""
    say("the machines start")
    victims = [web.serve() for web in cluster.webs][:1] + [worker.worker() for worker in cluster.workers][:1]
    cluster.scheduler.beat()
    jobs = Jobs(cluster)
    first, others = store_first(cluster, jobs, count)
    readers = StrictReaders(cluster.url, cluster.session, READERS)
    editor = Editor(cluster.url, cluster.session, cluster.token)
    began = time.monotonic()
    for part in (readers, editor):
        part.start()
    try:
        for race in others:
            jobs.add("sync", races=[race])
        say(f"{len(others)} weekends are queued")
        until(lambda: jobs.succeeded() > min(4, len(jobs.paths) - 1), "the first syncs", PATIENCE)
        harm = do_harm(cluster, jobs, victims)
        say("all jobs are to end")
        ended = jobs.end(*jobs.paths)
    finally:
        for part in (readers, editor):
            part.stop()
    seconds = time.monotonic() - began
    yield from reads(readers, seconds, harm)
    yield Result(TRIAL, "/readyz/ while the store is away", *names_store(*harm.ready))
    lost = editor.lost()
    edits = f"{editor.acknowledged:,}, {lost}" + (f"; refused: {editor.refused[0]}" if editor.refused else "")
    yield Result(TRIAL, "edits acknowledged, lost or refused", edits, not lost and editor.acknowledged > 0)
    failed = [f"{row['job_id']}: {row['error']}" for row in ended if row["state"] != "succeeded"]
    again = sum(row["attempts"] > 1 for row in ended)
    summary = f"{len(ended)}, {again}, {len(failed)}" + (f" ({failed[0]})" if failed else "")
    yield Result(TRIAL, f"jobs, taken up again, failed; RabbitMQ away for {harm.broker_away:.0f} s", summary, not failed)
    yield from pace(cluster, seconds)
    yield from compared(cluster, [first, *others])


def store_first(cluster: Cluster, jobs: Jobs, count: int) -> tuple[int, list[int]]:
    """Sync the weekend that is read and edited, and samples of a car; returns its key and those of the weekends to sync."""
    jobs.end(jobs.add("sync", seasons=[cluster.season], collections=["meetings", "sessions"]))
    first = jobs.ask(f"/api/v1/sessions/{cluster.session}/")["race_id"]
    jobs.end(jobs.add("sync", races=[first]))
    jobs.add("sync", sessions=[cluster.session], collections=["car_data"])
    path = f"/v1/car_data?session_key={cluster.session}&driver_number=1&speed>=300"
    until(lambda: jobs.connection.ask("GET", path)[0] == 200, "the samples of a car", PATIENCE)
    return first, list_weekends(cluster, jobs, first)[1:count]


def list_weekends(cluster: Cluster, jobs: Jobs, first: int) -> list[int]:
    """The race weekends of the season from `first` on, then those before it: the recorded season lacks its last races."""
    races = [race["race_id"] for race in jobs.ask(f"/api/v1/races/?year={cluster.season}&page_size=100")["results"]]
    return sorted(races, key=lambda race: (race < first, race))


def do_harm(cluster: Cluster, jobs: Jobs, victims: list[subprocess.Popen]) -> Harm:
    """Kill the victims, restart the broker, and break the network to the store while samples are synced."""
    say("a web server and a worker are killed, then RabbitMQ restarts")
    killed = time.monotonic()
    for process in victims:
        end(process, signal.SIGKILL)
    time.sleep(3)
    broker_away = cluster.broker.restart()
    samples = jobs.add("sync", sessions=[cluster.session], collections=["location"])
    until(lambda: jobs.ask(samples)["message"].startswith("session"), "the sync of samples", PATIENCE)
    say(f"the store is away for {STORE_AWAY} s")
    cut = time.monotonic()
    with cluster.store.away():
        time.sleep(STORE_AWAY / 2)
        ready = jobs.connection.ask("GET", "/readyz/")
        time.sleep(max(0.0, cut + STORE_AWAY - time.monotonic()))
    return Harm(killed, broker_away, cut, time.monotonic(), ready)


def reads(readers: StrictReaders, seconds: float, harm: Harm) -> Iterator[Result]:
    """Summarize the answers, and what was wrong with some of them."""
    times = sorted(read.seconds for read in readers.reads)
    speed = f"{len(times):,}, {len(times) / seconds:.0f} a second"
    slow = f"p50 {worst(times, 0.5) * 1000:.0f} ms, p95 {worst(times, 0.95) * 1000:.0f} ms, longest {times[-1] * 1000:.0f} ms"
    yield Result(TRIAL, f"reads by {READERS} clients", f"{speed}; {slow}", True)
    cut_off = [bad for bad in readers.bad if bad.status == 0 and harm.killed <= bad.at < harm.killed + 3]
    documented = [
        bad for bad in readers.bad if bad.status == 503 and b"storage" in bad.body and harm.cut <= bad.at < harm.joined + 5
    ]
    yield Result(TRIAL, "answers cut off as their web server is killed", str(len(cut_off)), len(cut_off) <= READERS)
    yield Result(TRIAL, "samples answered 503 while the store is away", str(len(documented)), len(documented) > 0)
    others = [bad for bad in readers.bad if bad not in cut_off + documented]
    kinds = Counter((bad.status, bad.path.partition("?")[0], bad.body[:80]) for bad in others)
    wrong = "; ".join(f"{number} times {kind}" for kind, number in kinds.most_common(3))
    yield Result(TRIAL, "other answers that are wrong, 5xx or none", wrong or "0", not others)


def names_store(status: int, body: bytes) -> tuple[str, bool]:
    parts = json.loads(body).get("parts", {}) if body.startswith(b"{") else {}
    failing = {name: word for name, word in parts.items() if word != "ok"}
    return f"{status}, {failing}", status == 503 and "storage" in failing


def pace(cluster: Cluster, seconds: float) -> Iterator[Result]:
    """Upstream counts the requests that came too fast, where it is the recorded one."""
    what = "requests to upstream by all workers, refused as too fast"
    try:
        with urlopen(f"{cluster.upstream}/_stats", timeout=20) as answer:
            stats = json.loads(answer.read())
    except (OSError, ValueError):
        yield Result(TRIAL, what, "not counted: upstream is the demo season", True)
        return
    sent, refused = sum(stats["requests"].values()), stats["statuses"].get("429", 0)
    yield Result(TRIAL, what, f"{sent}, {refused}", not refused)


def compared(cluster: Cluster, races: list[int]) -> Iterator[Result]:
    """Compare what is stored with what one machine, on SQLite and a folder, gets from upstream in one process."""
    say("one machine syncs the same")
    folder = cluster.folder / "compared"
    folder.mkdir()
    with upstream() as (url, season, session):
        alone = Site(cluster.folder / "alone", f"sqlite:///{folder}/alone.sqlite3", OPENF1_BASE_URL=url)
        alone.run_command("migrate", "-v0")
        alone.run_command("sync_openf1", "meetings", "sessions", "--season", str(season))
        alone.run_command("sync_openf1", *(option for race in races for option in ("--race", str(race))))
        alone.run_command("sync_openf1", "car_data", "location", "--session", str(session))
    one = cluster.webs[1]
    corrections = folder / "corrections.json"
    one.run_command("export_corrections", "--output", str(corrections))
    alone.run_command("import_corrections", str(corrections))
    different, rows = [], 0
    for site, name in ((one, "several"), (alone, "one")):
        site.run_command("dump", "--format", "csv", "--output", str(folder / name))
    for path in sorted((folder / "one").glob("*.csv*")):
        mine, other = path.read_bytes(), (folder / "several" / path.name).read_bytes()
        rows += mine.count(b"\n")
        if mine != other:
            different.append(path.name)
    summary = f"{rows:,}, {len(different)}" + (f" ({', '.join(different)})" if different else "")
    yield Result(TRIAL, "rows; collections that differ from those of one machine", summary, bool(rows) and not different)
