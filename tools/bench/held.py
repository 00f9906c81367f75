"""Clients that let the site wait, and clients that ask what takes long; meanwhile others must be answered as ever.

As a program: ask one path over and over for some seconds, and print how long the answers took, as JSON.

    tools/bench/held.py http://127.0.0.1:8000/healthz/ 10
"""

import http.client
import json
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from urllib.parse import urlsplit

from servers import Site
from traffic import Connection, Part, Readers, worst

SILENT, HALF, UNREAD = 1_000, 200, 50  # connections
READERS, ASKERS = 16, 8
MOST = 0.1  # seconds that an answer may take meanwhile
PAUSE = 0.02  # seconds between two questions of a probe
POST = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/%s\r\n%s\r\n\r\n%s"
HALVES = (
    b"GET /v1/lap",
    b"GET /v1/laps?session_key=1 HTTP/1.1\r\nHost: localhost\r\nX-Half: ",
    POST % (b"/token", b"x-www-form-urlencoded", b"Content-Length: 60", b"username="),
    POST % (b"/api/v1/jobs/", b"json", b"Transfer-Encoding: chunked", b"20\r\n{"),
)
# Questions that take long; {n} is another number each time, so that no answer is kept.
WORST = (
    "/v1/car_data?order_by=-speed&limit={n}",
    "/v1/car_data?session_key={session}&limit={n}000000",
    "/v1/laps?segments_sector_1>=2050&limit={n}000",
    "/v1/laps?format=csv&limit={n}00000",
    "/v1/race_control?message>=A&message<=Z{n}",
    "/v1/position?offset=1000000{n}",
    "/api/v1/position/?format=csv",
    "/api/v1/laps/?format=parquet",
    "/api/v1/laps/?search=e&ordering=-lap_duration&page_size=1000",
    "/api/v1/analysis/degradation/?session_id={session}&fuel_load=10.{n}",
    "/f1/2024/bahrain/race/trace/?laps=1-{n}",
    "/readyz/",
)

Check = tuple[str, str, bool]


def silent_clients(site: Site, session: int, seconds: int) -> Iterator[Check]:
    """Hold connections while 16 readers go on, and probe /healthz/."""
    readers = Readers(site.url, session, READERS)
    readers.start()
    time.sleep(2)
    alone = Probe(site, "/healthz/", 5).result()
    yield "/healthz/ beside 16 readers", described(alone), True
    begun = len(readers.reads)
    with held(
        site.url, [f"/v1/car_data?session_key={session}", f"/v1/car_data?session_key={session}&driver_number=1", "/v1/laps"]
    ):
        times = Probe(site, "/healthz/", seconds).result()
        during = len(readers.reads) - begun
    readers.stop()
    what = f"/healthz/ p99 with {SILENT:,} silent clients, {HALF} half requests, {UNREAD} that do not read"
    yield what, described(times), worst(times, 0.99) < MOST
    bad = sum(read.status != 200 for read in readers.reads)
    yield "the 16 readers meanwhile: answers, not 200", f"{during / seconds:.0f} a second, {bad}", not bad and during > 0


def expensive_questions(site: Site, session: int, seconds: int) -> Iterator[Check]:
    """Eight clients ask the worst questions without a pause, each in turn and all together; probe what others ask."""
    cached = f"/v1/laps?session_key={session}&driver_number=1"
    Connection(site.url).ask("GET", cached)
    for questions in ([question] for question in WORST):
        yield from questioned(site, questions, session, 4, cached)
    yield from questioned(site, list(WORST), session, seconds, cached)


def questioned(site: Site, questions: list[str], session: int, seconds: int, cached: str) -> Iterator[Check]:
    askers = Askers(site.url, questions, session)
    askers.start()
    time.sleep(1)
    probes = [Probe(site, path, seconds) for path in ("/healthz/", cached)]
    health, laps = (probe.result() for probe in probes)
    askers.stop()
    good = max(worst(health, 0.95), worst(laps, 0.95)) < MOST and not askers.failures
    name = questions[0] if len(questions) == 1 else "all of these"
    answers = ", ".join(f"{number} x {status}" for status, number in sorted(askers.statuses.items()))
    memory = f"{site.memory():.0f} MB"
    yield f"8 x {name}", f"/healthz/ {described(health)}; kept laps {described(laps)}; {answers}; {memory}", good


def described(times: list[float]) -> str:
    return f"p95 {worst(times, 0.95) * 1000:.0f} ms, p99 {worst(times, 0.99) * 1000:.0f} ms"


@contextmanager
def held(url: str, unread: list[str]) -> Iterator[None]:
    """Hold connections during a `with`: silent, with half a request, and with unread answers to the paths `unread`."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    halves = [HALVES[number % len(HALVES)] for number in range(HALF)]
    questions = [f"GET {unread[number % len(unread)]} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for number in range(UNREAD)]
    connections = []
    try:
        for sent in [b""] * SILENT + halves + questions:
            connection = socket.socket()
            connections.append(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect((urlsplit(url).hostname, urlsplit(url).port))
            connection.sendall(sent)
        yield
    finally:
        for connection in connections:
            with suppress(OSError):
                connection.close()


class Askers(Part):
    """Clients that ask expensive questions and are content with 429 and 503, after which they wait a little."""

    clients = ASKERS

    def __init__(self, url: str, questions: list[str], session: int):
        self.url, self.questions, self.session = url, questions, session
        self.numbers = count(10)
        self.statuses: dict[int, int] = {}
        self.failures = 0
        super().__init__()

    def run(self, number: int) -> None:
        connection = Connection(self.url)
        while not self.over.is_set():
            n = next(self.numbers)
            path = self.questions[n % len(self.questions)].format(n=n, session=self.session)
            status, _ = connection.ask("GET", path)
            self.statuses[status] = self.statuses.get(status, 0) + 1
            self.failures += status not in (200, 400, 404, 429, 503)
            if status != 200:
                time.sleep(0.2)


class Probe:
    """Asks one path over and over, from a process of its own: threads of this one would slow each other down."""

    def __init__(self, site: Site, path: str, seconds: float):
        command = [sys.executable, __file__, f"{site.url}{path}", str(seconds)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def result(self) -> list[float]:
        """The seconds that the answers took, sorted."""
        output, _ = self.process.communicate()
        return json.loads(output)


def probe(url: str, seconds: float) -> list[float]:
    parts = urlsplit(url)
    taken, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        try:
            connection.request("GET", f"{parts.path}?{parts.query}".rstrip("?"))
            answer = connection.getresponse()
            answer.read()
            taken.append(time.monotonic() - began if answer.status == 200 else 30.0)
        except OSError:
            taken.append(30.0)
        finally:
            connection.close()
        time.sleep(PAUSE)
    return sorted(taken)


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1], float(sys.argv[2]))))
