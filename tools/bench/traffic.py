"""The concurrent load on a site: readers, corrections of lap times, and syncs."""

import http.client
import json
import subprocess
import threading
import time
from contextlib import suppress
from itertools import cycle, islice
from typing import NamedTuple
from urllib.parse import urlsplit

from servers import Site

LAPS = 50  # that are corrected over and over


class Read(NamedTuple):
    at: float  # by the monotonic clock
    status: int  # 0 where there was no answer
    seconds: float


class Connection:
    """Requests over one persistent connection."""

    def __init__(self, url: str, **headers: str):
        self.host, self.headers = urlsplit(url).netloc, headers
        self.open = http.client.HTTPConnection(self.host, timeout=60)
        self.answered: dict[str, str] = {}  # the headers of the last answer, by names in lower case

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, bytes]:
        """Return (status, body); the status is 0 when there was no answer."""
        headers = self.headers | headers
        content = None
        if body is not None:
            content, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        try:
            self.open.request(method, path, content, headers)
            answer = self.open.getresponse()
            self.answered = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self.open.close()  # the next question opens it again
            return 0, b""


class Part:
    """A loop in threads that runs until it is stopped."""

    clients = 1

    def __init__(self) -> None:
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number,), daemon=True) for number in range(self.clients)]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def run(self, number: int) -> None:
        raise NotImplementedError


class Readers(Part):
    """Clients that send requests without a pause; their answers are in `reads`."""

    def __init__(self, url: str, session: int, clients: int):
        self.url, self.clients = url, clients
        self.reads: list[Read] = []
        self.paths = [
            f"/api/v1/laps/?session_id={session}",
            f"/v1/laps?session_key={session}&driver_number=1",
            "/api/v1/sessions/",
            f"/api/v1/corrections/?session_id={session}",
            f"/v1/position?session_key={session}",
            "/api/v1/drivers/?page_size=20",
            f"/api/v1/stints/?session_id={session}&driver_number=1",
            f"/v1/drivers?session_key={session}",
            "/api/v1/sync-runs/",
        ]
        super().__init__()

    def run(self, number: int) -> None:
        connection = Connection(self.url)
        for path in islice(cycle(self.paths), number, None):
            if self.over.is_set():
                return
            began = time.monotonic()
            status, body = connection.ask("GET", path)
            ended = time.monotonic()
            self.reads.append(Read(ended, status, ended - began))
            self.look(path, status, body)
            if not status or status >= 500:
                time.sleep(0.05)  # no busy loop while the site is down

    def look(self, path: str, status: int, body: bytes) -> None:
        """Called with every answer."""


class Editor(Part):
    """Corrects one lap time after the other to distinct values, each once the previous one is acknowledged."""

    def __init__(self, url: str, session: int, token: str):
        super().__init__()
        self.connection = Connection(url, Authorization=f"Token {token}")
        _, body = self.connection.ask("GET", f"/api/v1/laps/?session_id={session}&page_size={LAPS}")
        self.laps = [lap["lap_id"] for lap in json.loads(body)["results"]]
        self.values: dict[int, float] = {}  # what was last acknowledged
        self.acknowledged = 0
        self.refused: list[tuple[int, bytes]] = []  # answers that are neither yes nor "try again"

    def run(self, number: int) -> None:
        for count, lap in enumerate(cycle(self.laps)):
            value = round(70 + count / 1000, 3)
            while not self.edit(lap, value) and not self.over.is_set():
                time.sleep(0.05)
            if self.over.is_set():
                return

    def edit(self, lap: int, value: float) -> bool:
        status, body = self.connection.ask("PATCH", f"/api/v1/laps/{lap}/", {"lap_duration": value})
        if status == 200:
            self.values[lap], self.acknowledged = value, self.acknowledged + 1
        elif status not in (0, 502, 503):
            self.refused.append((status, body))
        return status == 200

    def lost(self) -> int:
        """Return the laps whose time is not the last acknowledged one, and the refused edits."""
        wrong = len(self.refused)
        for lap, value in self.values.items():
            _, body = self.connection.ask("GET", f"/api/v1/laps/{lap}/")
            shown = None
            with suppress(ValueError, KeyError):
                shown = json.loads(body)["lap_duration"]
            wrong += shown != value
        return wrong


class Syncs(Part):
    """Syncs race weekends repeatedly, comparing every row."""

    def __init__(self, site: Site, races: list[str]):
        super().__init__()
        self.site, self.races = site, races
        self.ended: list[subprocess.CompletedProcess] = []

    def run(self, number: int) -> None:
        while not self.over.is_set():
            self.ended.append(self.site.manage("sync_openf1", *self.races, "--force"))
            if self.ended[-1].returncode:
                time.sleep(1)


def worst(times: list[float], share: float) -> float:
    """Return the quantile of sorted times at this share."""
    return times[min(len(times) - 1, int(len(times) * share))]
