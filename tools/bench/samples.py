"""Measure how fast samples are stored, how large their files are, and how fast a lap is read: `make bench`.

Prints figures, asserts nothing. The samples are those of the recorded race in ../shared (session 9472) where that is there, else
the demo season's. Upstream's answers are made before the clock starts, in a process of their own: what is measured begins with
their bytes.
"""

import gzip
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "openf1" / "data"
SESSION = 9472
FOLDER = tempfile.TemporaryDirectory()
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "f1site.settings",
    "DATABASE_URL": f"sqlite:///{FOLDER.name}/bench.sqlite3",
    "MEDIA_ROOT": FOLDER.name,
    "LOG_LEVEL": "ERROR",
}
sys.path.insert(0, str(ROOT))

import django

django.setup()

import msgspec
import requests
from django.core.management import call_command
from django.db.models import Sum
from django.test import Client as Browser
from requests.adapters import BaseAdapter
from rich.console import Console
from rich.table import Table

from mirror import simulator
from mirror.client import Client
from mirror.pace import Pace
from mirror.pipeline import sync
from mirror.planning import Scope
from telemetry.models import Lap, SampleFile
from telemetry.samples import files, ingest, laps


class Files(BaseAdapter):
    """Transport that answers from a folder of files, which are named as `file_name` says; 404 where there is none."""

    def __init__(self, folder: Path):
        super().__init__()
        self.folder = folder

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        assert request.url
        url = urlsplit(request.url)
        path = self.folder / file_name(url.path.rsplit("/", 1)[1], dict(parse_qsl(url.query)).get("driver_number"))
        response = requests.Response()
        response.url, response.request = request.url, request
        response.status_code = 200 if path.exists() else 404
        response._content = path.read_bytes() if path.exists() else b'{"detail":"No results found."}'
        return response

    def close(self) -> None:
        pass


def file_name(collection: str, driver_number: object = None) -> str:
    return f"{collection}-{driver_number or 'all'}.json"


def write_answers(folder: Path) -> None:
    """Write the answers of the recorded race. In a process of its own: its rows take more memory than storing them."""
    for collection, name in {"meetings": 2024, "sessions": 2024, "drivers": SESSION, "laps": SESSION}.items():
        rows = msgspec.json.decode(gzip.decompress((DATA / collection / f"{name}.json.gz").read_bytes()))
        race = next((row["meeting_key"] for row in rows if row.get("session_key") == SESSION), 1229)
        rows = [row for row in rows if row.get("session_key", SESSION) == SESSION and row["meeting_key"] == race]
        (folder / file_name(collection)).write_bytes(msgspec.json.encode(rows))
    for collection in ("car_data", "location"):
        cars = defaultdict(list)
        for row in msgspec.json.decode(gzip.decompress((DATA / collection / f"{SESSION}.json.gz").read_bytes())):
            cars[row["driver_number"]].append(row)
        for number, rows in cars.items():
            (folder / file_name(collection, number)).write_bytes(msgspec.json.encode(rows))


def recorded() -> Client:
    """Return a client of the recorded race."""
    folder = Path(FOLDER.name)
    writer = multiprocessing.get_context("spawn").Process(target=write_answers, args=(folder,))
    writer.start()
    writer.join()
    session = requests.Session()
    session.mount("http://", Files(folder))
    return Client(base_url="http://recorded/v1", pace=Pace(), session=session)


def memory() -> float:
    """Return the peak memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(function: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    result = function(*arguments, **options)
    if getattr(result, "status_code", 200) != 200:
        raise SystemExit(f"{arguments}: {result.status_code} {result.content[:200]!r}")
    return time.perf_counter() - began, result


def main() -> None:
    call_command("migrate", verbosity=0)
    if DATA.exists():
        client, scope = recorded(), Scope(sessions=(SESSION,))
    else:
        season = simulator.Season()
        client, scope = simulator.client(season), Scope(sessions=(season.sampled.key,))
    sync(client=client, scope=scope, collections=("drivers", "laps"))
    idle = memory()
    collections = ("car_data", "location")
    cpu = time.process_time()
    first, report = timed(sync, client=client, scope=scope, collections=collections)
    peak, cpu = memory(), time.process_time() - cpu
    again, _ = timed(sync, client=client, scope=scope, collections=collections)
    compared, _ = timed(sync, client=client, scope=scope, collections=collections, force=True)
    totals = {
        row["collection"]: row
        for row in SampleFile.objects.order_by().values("collection").annotate(n=Sum("rows"), size=Sum("size"))
    }
    rows = report.total["created"]

    [session] = scope.sessions
    summary, _ = timed(ingest.summarise_session, session)
    pure, _ = timed(figures_only, session)
    lap = Lap.objects.filter(session=session, lap_number=10).first() or Lap.objects.filter(session=session)[5]
    browser = Browser(SERVER_NAME="127.0.0.1")
    browser.get(f"/api/v1/laps/{lap.pk}/telemetry/")
    traces = [timed(browser.get, f"/api/v1/laps/{lap.pk}/telemetry/")[0] for _ in range(50)]
    url = f"/api/v1/car-data/?session_id={session}&driver_number={lap.driver_number}&speed__gte=300"
    browser.get(url)
    pages = [timed(browser.get, url)[0] for _ in range(50)]

    table = Table("samples", "measured", "target", title=f"session {session}: {rows:,} samples, Python {sys.version.split()[0]}")
    for name, row in sorted(totals.items()):
        table.add_row(f"bytes a sample on disk, {name} ({row['n']:,})", f"{row['size'] / row['n']:.2f}", "at most 4")
    table.add_row("taken in, samples a second, from bytes to files and figures", f"{rows / first:,.0f}", "")
    table.add_row("  of CPU time", f"{rows / cpu:,.0f}", "at least 300,000")
    table.add_row("  the same answers again", f"{rows / again:,.0f}", "")
    table.add_row("  compared all the same (--force)", f"{rows / compared:,.0f}", "")
    table.add_row("figures of all laps of the session, read, computed and stored", f"{summary:.2f} s", "under 3 s")
    table.add_row("  computed alone", f"{pure:.2f} s", "")
    table.add_row("one lap's trace over REST, warm, median of 50", f"{statistics.median(traces) * 1000:.1f} ms", "under 15 ms")
    table.add_row("a page of car_data with speed >= 300, warm, median of 50", f"{statistics.median(pages) * 1000:.1f} ms", "")
    table.add_row("memory above idle while taking in", f"{peak - idle:.0f} MB", "one car's file")
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def figures_only(session: int) -> None:
    for file in SampleFile.objects.filter(session=session, collection="car_data"):
        laps.figures_per_lap(files.read_table(file.name, file.sha256), ingest.lap_windows(session, file.driver_number))


if __name__ == "__main__":
    main()
