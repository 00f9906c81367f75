"""Clients that hold a connection and let the site wait: silent ones, half requests, and answers that nobody reads."""

import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

SILENT, HALF, UNREAD = 1_000, 200, 50  # connections
POST = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/%s\r\n%s\r\n\r\n%s"
HALVES = (
    b"GET /v1/lap",
    b"GET /v1/laps?session_key=1 HTTP/1.1\r\nHost: localhost\r\nX-Half: ",
    POST % (b"/token", b"x-www-form-urlencoded", b"Content-Length: 60", b"username="),
    POST % (b"/api/v1/jobs/", b"json", b"Transfer-Encoding: chunked", b"20\r\n{"),
)


@contextmanager
def held(url: str, unread: list[str]) -> Iterator[None]:
    """Hold connections during a `with`: silent, with half a request, and with unread answers to the paths `unread`."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    address = (urlsplit(url).hostname, urlsplit(url).port)
    halves = [HALVES[number % len(HALVES)] for number in range(HALF)]
    questions = [f"GET {unread[number % len(unread)]} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for number in range(UNREAD)]
    connections = []
    try:
        for sent in [b""] * SILENT + halves + questions:
            connection = socket.socket()
            connections.append(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(address)
            connection.sendall(sent)
        yield
    finally:
        for connection in connections:
            with suppress(OSError):
                connection.close()
