"""Bodies without an end, slow ones, bombs and redirects: what the client takes from the network is bounded."""

import gzip
import itertools
import socket
import threading
import time
import tracemalloc
import zlib
from contextlib import contextmanager

import pytest
import requests

from mirror.client import Client
from mirror.errors import BadRequest, BadResponse, OverLimit, Unavailable
from mirror.pace import Pace
from mirror.tests.upstream import Script, answer, client

pytestmark = pytest.mark.once

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ROW = b'{"session_key":11},'


@contextmanager
def server(parts, *, pause=0.0):
    """A server that sends `parts()` to whoever connects, with a pause between two; yields (its /v1, list of connections)."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop, connections = threading.Event(), []

    def serve(connection):
        with connection:
            connection.recv(65536)
            try:
                for part in parts():
                    connection.sendall(part)
                    if stop.wait(pause):
                        return
            except OSError:
                pass

    def accept():
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", connections
    finally:
        stop.set()
        listener.close()


def endless(head, part):
    return lambda: itertools.chain([head], itertools.repeat(part))


def compressed_nothing():
    """An endless gzip stream that unpacks to nothing."""
    packer = zlib.compressobj(wbits=31)
    yield OK + b"Content-Encoding: gzip\r\n\r\n" + packer.compress(b"")
    while True:
        yield packer.flush(zlib.Z_SYNC_FLUSH) or b"\x00\x00\x00\xff\xff"


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LARGE = {
    "endless": endless(OK + b"\r\n[", ROW * 1_000),
    "endless, chunked": endless(CHUNKED + b"1\r\n[\r\n", b"4a38\r\n" + ROW * 1_000 + b"\r\n"),
    "endless refusal": endless(b"HTTP/1.1 404 Not Found\r\n\r\n", b"no" * 10_000),
    "endless failure": endless(b"HTTP/1.1 500 Oh\r\n\r\n", b"no" * 10_000),
    "announced": endless(OK + b"Content-Length: 99999999999\r\n\r\n[", ROW * 1_000),
    "a bomb": lambda: [OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB), BOMB],
    "a bomb in a bomb": lambda: [OK + b"Content-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n" % len(TWICE), TWICE],
}
BOMB = gzip.compress(b"[" + b" " * 300_000_000 + b"]", 9, mtime=0)
TWICE = gzip.compress(BOMB, mtime=0)
SLOW = {
    "dripping body": endless(OK + b"\r\n[", b" "),
    "dripping chunks": endless(CHUNKED, b"1\r\n \r\n"),
    "dripping chunk size": endless(CHUNKED, b"0"),
    "dripping headers": endless(b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
    "dripping status line": endless(b"HTTP/1.1 200 ", b"O"),
    "many headers": endless(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "compressed nothing": compressed_nothing,
    "silence": lambda: [OK + b"\r\n[", b"", *[b""] * 1_000],
}


@pytest.mark.parametrize("parts", LARGE.values(), ids=LARGE)
def test_a_body_beyond_the_limit_ends_as_a_bad_response_within_little_memory(parts):
    with server(parts) as (url, connections):
        tracemalloc.start()
        try:
            with pytest.raises(BadResponse, match="more than 32 MB; OPENF1_MAX_MEGABYTES"):
                Client(base_url=url, pace=Pace()).rows("laps", {})
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert len(connections) == 1  # it is not requested again
    assert peak < 150e6


@pytest.mark.parametrize("parts", SLOW.values(), ids=SLOW)
def test_an_answer_that_never_ends_is_given_up_in_time(parts, settings):
    settings.OPENF1_MAX_SECONDS = 0.5
    with server(parts, pause=0.05) as (url, _):
        began = time.monotonic()
        with pytest.raises(OverLimit, match=r"within 0\.5 s; OPENF1_MAX_SECONDS sets the limit"):
            Client(base_url=url, pace=Pace(), sleep=lambda seconds: None, attempts=1).rows("laps", {})
        assert time.monotonic() - began < 3


def test_the_limit_is_of_a_collection():
    parts = lambda: [OK + b"\r\n[" + ROW * 100_000 + b"{}]"]  # noqa: E731 - 1.9 MB
    with server(parts) as (url, _):
        limits = {"each": 1, "car_data": 3}
        assert len(Client(base_url=url, pace=Pace(), max_megabytes=limits).rows("car_data", {})) == 100_001
        with pytest.raises(OverLimit, match="more than 1 MB"):
            Client(base_url=url, pace=Pace(), max_megabytes=limits).rows("laps", {})


def test_connections_stay_open_between_requests():
    row = OK + b"Content-Length: 2\r\n\r\n[]"
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection:
            while connection.recv(65536):
                connection.sendall(row)

    threading.Thread(target=serve, daemon=True).start()
    with listener:
        asker = Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}/v1", pace=Pace(), attempts=1)
        assert [asker.rows("laps", {}) for _ in range(3)] == [[], [], []]


ELSEWHERE = [
    "http://127.0.0.1:1/v1/laps",
    "http://localhost/",
    "http://[::1]/",
    "http://10.0.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2130706433/",
    "http://other.example/v1/laps",
    "//other.example/v1/laps",
    "http://upstream@other.example/",
    "http://upstream.other.example/",
    "http://other.example\\@upstream/",
    "http://upstream:8000/v1/laps",
    "https://upstream:8443/",
    "ftp://upstream/",
]


@pytest.mark.parametrize("address", ELSEWHERE)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(address, status):
    upstream = Script(answer(b"", status, Location=address))
    asker = client(upstream, attempts=1)
    asker.session.mount("https://", upstream)
    with pytest.raises(Unavailable, match="cannot be reached"):
        asker.rows("laps", {})
    assert len(upstream.asked) == 1


@pytest.mark.parametrize("address", ["/v1/laps?page=2", "http://upstream/x", "http://UPSTREAM:80/x", "https://upstream/x"])
def test_a_redirect_within_the_host_is_followed_at_the_pace_and_with_the_login(address):
    upstream = Script(answer({"access_token": "t"}), answer(b"", 302, Location=address), answer([{"a": 1}]))
    asker = client(upstream, username="ada", password="secret", attempts=1)
    asker.session.mount("https://", upstream)
    assert asker.rows("laps", {}) == [{"a": 1}]
    assert asker.sent == 3
    assert upstream.asked[2].headers["Authorization"] == "Bearer t"


def test_a_listed_host_is_followed_without_the_login(settings):
    settings.OPENF1_REDIRECT_HOSTS = ["mirror.example"]
    upstream = Script(answer({"access_token": "t"}), answer(b"", 302, Location="http://mirror.example/x"), answer([{"a": 1}]))
    asker = client(upstream, username="ada", password="secret", attempts=1)
    assert asker.rows("laps", {}) == [{"a": 1}]
    assert "Authorization" not in upstream.asked[2].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("address", ["http://mirror.example/token", *ELSEWHERE])
def test_a_password_goes_to_the_configured_host_only(address, status, settings):
    settings.OPENF1_REDIRECT_HOSTS = ["mirror.example"]  # followed for rows, not for a password
    upstream = Script(answer(b"", status, Location=address))
    asker = client(upstream, username="ada", password="secret", attempts=1)
    asker.session.mount("https://", upstream)
    with pytest.raises((Unavailable, BadRequest), match="cannot be reached"):
        asker.rows("laps", {})
    assert [request.url for request in upstream.asked] == ["http://upstream/token"]


def test_a_password_never_leaves_tls():
    upstream = Script(answer(b"", 307, Location="http://upstream/token"))
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, upstream)
    asker = Client(base_url="https://upstream/v1", pace=Pace(), session=session, username="a", password="b", attempts=1)
    with pytest.raises(Unavailable, match="it redirects to http://upstream/token"):
        asker.rows("laps", {})
    assert len(upstream.asked) == 1


def test_a_circle_of_redirects_ends():
    upstream = Script(*[answer(b"", 302, Location="/v1/laps")] * 9)
    with pytest.raises(Unavailable, match="more than 5 redirects"):
        client(upstream, attempts=1).rows("laps", {})
