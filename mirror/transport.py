"""One HTTP exchange with upstream, within limits of time and size, and only with hosts that the settings name."""

import io
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import urljoin

import requests
import urllib3
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import BaseHTTPResponse
from urllib3.util import Url, parse_url

from mirror.errors import OverLimit, Unavailable

CHUNK = 2**16  # bytes of a body that are read at once
MEGABYTE = 10**6


class Answer(NamedTuple):
    """What upstream answered; `redirect` is the address that it sends the client to instead, or empty."""

    status: int
    url: str
    headers: Any
    content: bytes
    redirect: str = ""

    @property
    def ok(self) -> bool:
        return self.status < 400


def exchange(
    session: requests.Session, request: requests.Request, *, timeout: tuple[float, float], max_seconds: float, max_bytes: int
) -> Answer:
    """Send one request and read its answer; OverLimit when that is larger or takes longer than allowed.

    The transport adapter is called directly, because a `Session` reads the body of a redirect whole, however large it is.
    """
    deadline = time.monotonic() + max_seconds
    prepared = session.prepare_request(request)
    url = prepared.url or ""
    options = session.merge_environment_settings(url, {}, True, None, None)
    try:
        response = session.get_adapter(url).send(prepared, timeout=timeout, **options)
        with closing(response.raw or io.BytesIO()):  # a body that has been read whole leaves its connection open
            if target := session.get_redirect_target(response):
                return Answer(response.status_code, url, response.headers, b"", redirect=urljoin(url, target))
            content = read_body(response, seconds=deadline - time.monotonic(), max_bytes=max_bytes)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        if time.monotonic() < deadline:
            raise
        raise too_slow(url, max_seconds) from error
    if time.monotonic() >= deadline:
        raise too_slow(url, max_seconds)
    return Answer(response.status_code, url, response.headers, content)


def read_body(response: requests.Response, *, seconds: float, max_bytes: int) -> bytes:
    """The body, decompressed. It is cut off after so many seconds; OverLimit when it is larger than allowed."""
    raw = response.raw
    if not isinstance(raw, BaseHTTPResponse):  # the transports of the demo season and of tests have it in memory
        return response.content
    content = bytearray()
    with ended_after(seconds, raw.shutdown):
        # `iter_content` would wait until a part is full, and so collect single bytes for hours.
        while part := raw.read1(CHUNK, decode_content=True):
            content += part
            if len(content) > max_bytes:
                raise OverLimit(
                    f"{response.url} answers with more than {max_bytes / MEGABYTE:g} MB; OPENF1_MAX_MEGABYTES sets the limit"
                )
    return bytes(content)


def too_slow(url: str, max_seconds: float) -> OverLimit:
    return OverLimit(f"{url} did not end its answer within {max_seconds:g} s; OPENF1_MAX_SECONDS sets the limit")


@contextmanager
def ended_after(seconds: float, end: Callable[[], None]) -> Iterator[None]:
    """Call `end`, which shuts a connection down, if the `with` takes longer; whoever waits for its bytes then goes on."""

    def end_quietly() -> None:
        with suppress(OSError, RuntimeError, ValueError):  # the connection has ended meanwhile
            end()

    timer = threading.Timer(max(0.0, seconds), end_quietly)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class HeaderDeadline(HTTPConnection):
    """A connection that is shut down when the headers of an answer take too long, byte by byte."""

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        with ended_after(settings.OPENF1_MAX_SECONDS, lambda: self.sock.shutdown(socket.SHUT_RDWR)):
            return super().getresponse()


class SecureHeaderDeadline(HeaderDeadline, HTTPSConnection):
    """The same over TLS."""


class Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = HeaderDeadline


class SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = SecureHeaderDeadline


class DeadlineAdapter(HTTPAdapter):
    """The transport to the network."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": Pool, "https": SecurePool}


def network_session() -> requests.Session:
    """A session whose connections end when an answer takes too long."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, DeadlineAdapter())
    return session


def check_redirect(target: str, *, base_url: str, hosts: Collection[str], with_password: bool) -> tuple[str, bool]:
    """(address as it will be requested, whether it is upstream's own host); Unavailable for one that is not to be followed.

    Requests go to the host of `base_url` and to `hosts` (names, or name:port), a password to the former alone, and never from
    HTTPS to HTTP. So no answer of upstream can lead the client into the local network.
    """
    address = requests.Request("GET", target).prepare().url or ""
    url, base = parse_url(address), parse_url(base_url)
    is_own = url.host == base.host and (port(url) == port(base) or (port(base), port(url)) == (80, 443))
    is_listed = not with_password and bool({url.host, f"{url.host}:{port(url)}"} & set(hosts))
    is_web = url.scheme == "https" or (url.scheme == "http" and base.scheme == "http")
    if not (is_web and (is_own or is_listed)):
        advice = (
            "the password is sent to OPENF1_BASE_URL only" if with_password else "OPENF1_REDIRECT_HOSTS lists hosts to follow"
        )
        raise Unavailable(f"{base_url} cannot be reached: it redirects to {target[:200]}; {advice}")
    return address, is_own


def port(url: Url) -> int | None:
    return url.port or {"http": 80, "https": 443}.get(url.scheme or "")


def describe_failure(error: BaseException) -> str:
    """Why there was no answer, in words; the name of the error where it is none of the usual ones."""
    text = repr(error)  # of the errors of requests, which have those of urllib3 in them
    reasons = {
        "NameResolutionError": "its name is not known (is there a network, and is OPENF1_BASE_URL right?)",
        "Connection refused": "the connection is refused; nothing listens there",
        "ConnectTimeout": "no connection within the time allowed",
        "ReadTimeout": "no answer within the time allowed",
        "CERTIFICATE_VERIFY_FAILED": "its certificate is not valid",
        "Network is unreachable": "there is no network",
    }
    return next((reason for sign, reason in reasons.items() if sign in text), type(error).__name__)
