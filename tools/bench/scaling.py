"""How the site scales over machines: reads by web servers, syncs and trainings by workers."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from load import Result
from servers import end
from services import Relay
from together import PATIENCE, READERS, Jobs, list_weekends, say
from traffic import Readers, worst

if TYPE_CHECKING:
    from cluster import Cluster

TRIAL = "scaling"
WEEKENDS = 3  # that are stored and synced again, by turns
TRAINING = {"model": "ridge", "split": "by_race", "experiment": "scaling"}


def scale(cluster: Cluster, upstream: str, seconds: int) -> Iterator[Result]:
    """Count reads with one and two web servers, and jobs with one to three workers, each for some seconds."""
    for site in (*cluster.webs, *cluster.workers, cluster.scheduler):  # what the trial before this has left
        for process in site.processes:
            end(process, signal.SIGKILL)
    relay = cluster.stack.enter_context(Relay(cluster.network.outside, cluster.folder / "unlimited", upstream))
    without_pace = {"OPENF1_BASE_URL": relay.openf1, "OPENF1_REQUESTS_PER_SECOND": "0", "OPENF1_REQUESTS_PER_MINUTE": "0"}
    for worker in cluster.workers:
        worker.environment |= without_pace
    for web in cluster.webs:
        web.serve()
    cluster.workers[0].worker()
    jobs = Jobs(cluster)
    races = store_weekends(cluster, jobs)
    yield from count_reads(cluster, seconds)
    yield from count_jobs(cluster, jobs, races, seconds)


def store_weekends(cluster: Cluster, jobs: Jobs) -> list[int]:
    """Sync some race weekends, and return their keys."""
    jobs.end(jobs.add("sync", seasons=[cluster.season], collections=["meetings", "sessions"]))
    first = jobs.ask(f"/api/v1/sessions/{cluster.session}/")["race_id"]
    races = list_weekends(cluster, jobs, first)[:WEEKENDS]
    jobs.end(*(jobs.add("sync", races=[race]) for race in races))
    return races


def count_reads(cluster: Cluster, seconds: int) -> Iterator[Result]:
    """Read through the proxy, first while both web servers run, then with one."""
    for count in (2, 1):
        readers = Readers(cluster.url, cluster.session, READERS)
        say(f"{READERS} readers, {count} web servers")
        readers.start()
        time.sleep(seconds)
        readers.stop()
        times = sorted(read.seconds for read in readers.reads)
        bad = sum(read.status != 200 for read in readers.reads)
        speed = f"{len(times) / seconds:.0f}; p50 {worst(times, 0.5) * 1000:.0f} ms, p95 {worst(times, 0.95) * 1000:.0f} ms"
        yield Result(TRIAL, f"reads a second with {count} web servers", speed, not bad)
        if count == 2:
            end(cluster.webs[1].processes[-1])


def count_jobs(cluster: Cluster, jobs: Jobs, races: list[int], seconds: int) -> Iterator[Result]:
    """Keep more jobs queued than workers can do, and count those that end."""
    kinds: dict[str, list[tuple[str, dict]]] = {
        "syncs of a weekend": [("sync", {"races": [race], "force": True}) for race in races],
        "trainings": [("train", TRAINING | {"races": races})],
    }
    for count, worker in enumerate(cluster.workers, 1):
        if count > 1:
            worker.worker()
        for title, choices in kinds.items():
            say(f"{title}, {count} workers")
            yield Result(TRIAL, f"{title} a minute with {count} workers", *per_minute(jobs, choices, count, seconds))


def per_minute(jobs: Jobs, choices: list[tuple[str, dict]], workers: int, seconds: int) -> tuple[str, bool]:
    """Do jobs for some seconds: two for each worker are always queued. Returns (jobs a minute, none failed)."""
    waiting: list[str] = []
    ended: list[dict] = []
    added = 0
    began = time.monotonic()
    while time.monotonic() < began + seconds or not ended:
        while len(waiting) < 2 * workers:
            kind, parameters = choices[added % len(choices)]
            waiting.append(jobs.add(kind, **parameters))
            added += 1
        time.sleep(0.1)
        rows = {path: jobs.ask(path) for path in waiting}
        ended += [row for row in rows.values() if row["state"] not in ("queued", "running")]
        waiting = [path for path in waiting if rows[path]["state"] in ("queued", "running")]
        if time.monotonic() > began + PATIENCE:
            return f"none within {PATIENCE} s", False
    rate = len(ended) / (time.monotonic() - began) * 60
    jobs.end(*waiting)
    failed = [row["error"] for row in ended if row["state"] != "succeeded"]
    return f"{rate:.1f}" + (f"; {len(failed)} failed: {failed[0]}" if failed else ""), not failed
