"""A live session with many viewers: `make load-live`.

A server that plays OpenF1's side sends 160 messages a second over MQTT; `manage.py live` receives them, and the site sends what
changes to 500 viewers. Four times a second a message says when it was sent, and every viewer measures how old it is on arrival.
Then 1,000 clients come that read nothing, while the viewers go on. Ends with a table, and with 1 when a goal is missed.

    tools/bench/live.py [--viewers 500] [--silent 1000] [--seconds 30]
"""

import argparse
import asyncio
import os
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from servers import ROOT, Site

sys.path.insert(0, str(ROOT))

from live.messages import Message
from tools.live.server import FeedServer

CARS, RATE = 20, 4  # of each of car_data and location, a second
MARK = b'"text":"sent at '
GOAL_DELAY, GOAL_CORES = 1.0, 1.0
SESSION = "from races.models import Session; print(Session.objects.filter(session_name='Race').latest('date_start').pk)"
CARS_OF = "from drivers.models import Entry; print(*Entry.objects.filter(session_id={}).values_list('driver_number', flat=True))"


class Viewers:
    """Connections to the events; those that read measure how old marks are."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.delays: list[float] = []
        self.ended = 0
        self.received = 0
        self.tasks: list[asyncio.Task] = []

    async def add(self, count: int, *, reads: bool) -> None:
        for number in range(count):
            self.tasks.append(asyncio.create_task(self.watch(reads)))
            if number % 50 == 49:
                await asyncio.sleep(0.1)

    async def watch(self, reads: bool) -> None:
        # A silent client has a small buffer, as a phone that has lost its network has none that would be emptied.
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**16 if reads else 2**10)
        writer.write(b"GET /live/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await writer.drain()
        if not reads:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(3600)
        seen = b""
        while chunk := await reader.read(2**16):
            self.received += len(chunk)
            at = chunk.find(MARK)
            if at >= 0 and (mark := chunk[at + len(MARK) : at + len(MARK) + 17]) != seen:
                if seen:
                    self.delays.append(time.time() - float(mark))
                seen = mark
        self.ended += 1


async def send(server: FeedServer, session: int, cars: list[int]) -> None:
    """160 messages a second, and four marks."""
    number = int(time.time() * 1000)
    began, tick = time.monotonic(), 0
    while True:
        now = datetime.now(UTC)
        messages = []
        for place, car in enumerate(cars[:CARS]):
            common = {"session_key": session, "meeting_key": 0, "driver_number": car, "date": now.isoformat()}
            angle = (tick * 37 + place * 400) % 10_000
            messages.append(("location", common | {"x": angle, "y": (angle * angle) % 9_973, "z": 0}))
            fast = {"rpm": 11_000, "speed": angle % 330, "n_gear": 7, "throttle": 100, "brake": 0, "drs": 0}
            messages.append(("car_data", common | fast))
        mark = {"session_key": session, "meeting_key": 0, "date": now.isoformat(), "message": f"sent at {time.time():.6f}"}
        messages.append(("race_control", mark | {"category": "Other"}))
        for collection, row in messages:
            number += 1
            key = {"_id": number, "_key": f"{collection}_{row.get('driver_number')}_{number}"}
            await server.send([Message(now, f"v1/{collection}", row | key)])
        tick += 1
        await asyncio.sleep(max(0.0, began + tick / RATE - time.monotonic()))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


async def measure(viewers: Viewers, pids: dict[str, list[int]], seconds: float) -> dict[str, Any]:
    """Delays and the cores that each process takes, over some seconds."""
    viewers.delays.clear()
    before = {name: sum(map(cpu_seconds, own)) for name, own in pids.items()}
    began, received = time.monotonic(), viewers.received
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    cores = {name: (sum(map(cpu_seconds, own)) - before[name]) / took for name, own in pids.items()}
    delays = sorted(viewers.delays)
    return {
        "p50": delays[len(delays) // 2],
        "p99": delays[int(len(delays) * 0.99)],
        "worst": delays[-1],
        "marks": len(delays),
        "kilobytes": (viewers.received - received) / took / 1000,
        "cores": cores,
    }


async def run(options: argparse.Namespace, site: Site, session: int, cars: list[int]) -> int:
    server = FeedServer()
    await server.start()
    site.environment |= server.settings
    web = site.serve()
    live = site.begin("manage.py", "live", "--session", str(session))
    while not any(server.broker.subscribers.values()):
        if live.poll() is not None:
            raise RuntimeError(f"manage.py live ended at once: {site.log.read_text()[-2000:]}")
        await asyncio.sleep(0.2)
    sending = asyncio.create_task(send(server, session, cars))
    viewers, silent = Viewers(site.port), Viewers(site.port)
    await viewers.add(options.viewers, reads=True)
    await asyncio.sleep(5)
    pids = {"site": children(web.pid), "live": [live.pid]}
    table = Table("", "viewers", "p50 s", "p99 s", "worst s", "marks/s each", "kB/s each", "cores: site", "live", "site MB")
    failed = 0
    for name in ("viewers alone", f"and {options.silent:,} that read nothing"):
        if name != "viewers alone":
            await silent.add(options.silent, reads=False)
            await asyncio.sleep(5)
        found = await measure(viewers, pids, options.seconds)
        cores, each = found["cores"], found["kilobytes"] / options.viewers
        figures = [f"{found[key]:.2f}" for key in ("p50", "p99", "worst")]
        figures += [f"{found['marks'] / options.viewers / options.seconds:.1f}"]
        figures += [f"{each:.1f}", f"{cores['site']:.2f}", f"{cores['live']:.2f}", f"{site.memory():.0f}"]
        table.add_row(name, str(options.viewers), *figures)
        failed += found["p99"] > GOAL_DELAY or sum(cores.values()) > GOAL_CORES or viewers.ended > 0
    sending.cancel()
    for task in (*viewers.tasks, *silent.tasks):
        task.cancel()
    await server.stop()
    Console(width=120).print(table)
    print(f"goals: p99 below {GOAL_DELAY:g} s, together below {GOAL_CORES:g} core: {'MISSED' if failed else 'met'}")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=500)
    parser.add_argument("--silent", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    with tempfile.TemporaryDirectory() as name, Site(Path(name), f"sqlite:///{name}/db.sqlite3") as site:
        site.run_command("migrate", "-v0")
        site.run_command("load_demo", "--races", "1")
        session = int(site.run_command("shell", "-v0", "-c", SESSION))
        cars = [int(car) for car in site.run_command("shell", "-v0", "-c", CARS_OF.format(session)).split()]
        return asyncio.run(run(options, site, session, cars))


if __name__ == "__main__":
    sys.exit(main())
