"""Measure how fast the pages answer, beside their goals: `make bench-pages`. Asserts nothing.

One gunicorn worker serves a database with one season, another one the same with ten. The rows are those recorded in ../shared
where that is there, else the demo season's. What comes from memory is requested again; what comes from the database is requested
with another query string each time, which no kept answer fits.

    tools/bench/pages.py [--requests 100] [--keep FOLDER] [--no-browser]
"""

import argparse
import gzip
import http.client
import os
import platform
import re
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urljoin

sys.path.insert(0, str(Path(__file__).resolve().parent))

import databases
import v1
from rich import box
from rich.console import Console
from rich.table import Table

console = Console(width=140)
PATIENCE = 120
FRESH = 20  # answers from the database per page: each is another question
CONNECTIONS = 8
GOAL_PER_SECOND = 300


def ask(port: int, path: str) -> tuple[float, bytes]:
    """(ms, body as it was sent) of one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.connect()
    began = time.perf_counter()
    connection.request("GET", path, headers={"Accept": "text/html", "Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    body = answer.read()
    seconds = time.perf_counter() - began
    connection.close()
    if answer.status != 200:
        sys.exit(f"{path}: {answer.status} {body[:200]!r}")
    return seconds * 1000, body


def pages(port: int) -> list[tuple[str, str]]:
    """(what, path) of a race's pages; the race is the recorded one where it is there, else the newest."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    for path in ("/f1/sessions/9472/", "/f1/latest/latest/race/"):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if answer.status in (301, 302):
            race = answer.headers["Location"]
            break
    connection.request("GET", f"{race}", headers={"Accept": "text/html"})
    html = connection.getresponse().read().decode()
    views = html.split('<nav class="views"')[1].split("</nav>")[0]
    paths = [path.split('"')[0] for path in views.split('href="')[1:]]
    season = "/".join(race.split("/")[:3]) + "/"
    named = [(path.split("/")[5] or "session", path) for path in paths]
    return [("front page", "/"), ("season", season), *named, ("replay file", f"{race}replay.f1r")]


def first_view(port: int, path: str) -> float:
    """Kilobytes that a browser loads for a page, compressed: the page, its styles and scripts, and the modules they import."""
    wanted, loaded = [path], dict[str, int]()
    while wanted:
        address = wanted.pop()
        _, body = ask(port, address)
        loaded[address] = len(body)
        if address.endswith(".f1r"):
            continue
        text = gzip.decompress(body).decode() if body[:2] == b"\x1f\x8b" else body.decode()
        named = re.findall(r'(?:src|href)="(/static/[^"]+)"', text) if address == path else re.findall(r'from "(\./[^"]+)"', text)
        wanted += [file for name in named if (file := urljoin(address, name)) not in loaded and file not in wanted]
    return sum(loaded.values()) / 1000


def per_second(port: int, path: str) -> float:
    """Answers per second on several connections that stay open."""

    def request(connection: http.client.HTTPConnection) -> None:
        connection.request("GET", path, headers={"Accept": "text/html", "Accept-Encoding": "gzip"})
        connection.getresponse().read()

    return v1.per_second(port, request, connections=CONNECTIONS)


def measure(port: int, path: str, requests: int) -> tuple[float, float, float]:
    """(first answer, median from the database, median from memory) in ms."""
    first, _ = ask(port, path)
    mark = "&" if "?" in path else "?"
    fresh = (
        [ask(port, f"{path}{mark}drivers={',' * (number + 1)}")[0] for number in range(FRESH)] if path.count("/") > 5 else [first]
    )
    kept = [ask(port, path)[0] for _ in range(requests)]
    return first, statistics.median(fresh), statistics.median(kept)


def in_browser(port: int, path: str) -> dict[str, float] | None:
    """First contentful paint, drawing, switching a driver and zooming, in ms; None without Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        paints, draws = [], []
        for _ in range(5):
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{port}{path}", wait_until="load")
            paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime"))
            draws.append(float(page.evaluate("document.getElementById('chart').dataset.drawn")))
        clicked = """(selector) => { const node = document.querySelector(selector); const began = performance.now();
            node.click(); return performance.now() - began; }"""
        switches = [page.evaluate(clicked, "#cars button") for _ in range(10)]
        zooms = [
            page.evaluate(
                "() => { const b = performance.now(); dispatchEvent(new KeyboardEvent('keydown', {key: '+'}));"
                " return performance.now() - b; }"
            )
            for _ in range(3)
        ]
        browser.close()
    return {
        name: statistics.median(found)
        for name, found in (("paint", paints), ("draw", draws), ("switch", switches), ("zoom", zooms))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100, metavar="N")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--no-browser", action="store_true")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "ten.sqlite3").exists():
            databases.fill(folder)
        os.environ["STATIC_ROOT"] = str(folder / "static")  # files as `make run` serves them: compressed, named by their content
        databases.manage("collectstatic", "--noinput", env=databases.environment(folder, "one"))
        ports = {name: stack.enter_context(v1.site(folder, name)).port for name in ("one", "ten")}
        console.print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        table = Table(
            box=box.MARKDOWN,
            title="ms, p50; goals: memory 3, database 60 (session), 100 (views) and 25 (telemetry, map), first view 100 KB",
        )
        headings = (
            "page",
            "first",
            "database",
            "memory",
            "database, ten seasons",
            "first view, KB gzip",
            "per second from memory",
        )
        for heading in headings:
            table.add_column(heading, justify="left" if heading == "page" else "right")
        pages(ports["ten"])  # the first look of a process at a session loads what all such pages need, as below on the other
        for what, path in pages(ports["one"]):
            first, fresh, kept = measure(ports["one"], path, given.requests)
            _, ten, _ = measure(ports["ten"], path, 1)
            rate = per_second(ports["one"], path) if what in ("session", "trace") else None
            table.add_row(
                what,
                f"{first:.0f}",
                f"{fresh:.1f}",
                f"{kept:.2f}",
                f"{ten:.1f}",
                f"{first_view(ports['one'], path):.0f}",
                f"{rate:.0f} (goal {GOAL_PER_SECOND})" if rate else "",
            )
        console.print(table)
        if not given.no_browser:
            trace = next(path for what, path in pages(ports["one"]) if what == "trace")
            found = in_browser(ports["one"], trace)
            console.print(
                f"Chromium, {trace}: "
                + ", ".join(f"{name} {value:.1f} ms" for name, value in found.items())
                + " (goals: paint 300, draw 20, switch and zoom 16)"
                if found
                else "No Chromium here."
            )


if __name__ == "__main__":
    main()
