"""The HTTP client of OpenF1: one session, a pace, retries, and a typed error from `errors` for every failure.

It uses no Django models. Transport, clock and sleep are injected: the demo season and the tests mount a `requests` transport
adapter on the session, which answers instead of the network.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import requests
import urllib3
from django.conf import settings
from prometheus_client import Counter

from mirror.errors import BadRequest, BadResponse, Locked, TooLarge, Unavailable
from mirror.pace import Pace
from mirror.values import storable

LOCKED = (
    "a session is on track; history is closed to anonymous users until about 30 minutes after it. "
    "Come back then, let --wait do so, or set OPENF1_USERNAME and OPENF1_PASSWORD"
)
NO_RESULTS_DETAIL = "No results found."
ANSWERS = Counter("f1site_upstream_answers", "OpenF1's answers by status; `none` where it could not be reached.", ["status"])
OPERATORS = (">=", "<=", ">", "<")
MAX_RETRY_AFTER = 900.0  # seconds; an upstream that asks for more is asked again after this
MAX_DETAIL = 200  # characters of an error answer that an error message quotes
MAX_DEPTH = 20  # levels of lists and objects in a value; OpenF1's rows have one
NESTED = (list, dict)
TOKEN = re.compile(r"[!-~]+")  # what can stand in a header
JSON_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@dataclass(kw_only=True)
class Client:
    """Requests rows from OpenF1.

    `session` carries the transport; `notice` is called with a sentence whenever the client waits.
    """

    base_url: str
    pace: Pace
    session: requests.Session = field(default_factory=requests.Session)
    username: str = ""
    password: str = ""
    source: str = "openf1"
    attempts: int = 8
    timeout: tuple[float, float] = (10, 60)  # seconds to connect, seconds between two bytes
    lock_check_every: float = 300  # seconds
    wait_for_lock: bool = False
    sleep: Callable[[float], None] = time.sleep
    notice: Callable[[str], None] = lambda text: None
    sent: int = 0  # requests, retries included

    def __post_init__(self) -> None:
        self.base_url = self.base_url.rstrip("/")
        self.session.headers.update({"Accept": "application/json", "User-Agent": f"f1-stats/{settings.VERSION}"})

    def rows(self, collection: str, filters: Mapping[str, object]) -> list[dict]:
        """The rows of `collection` that match `filters`, e.g. {"meeting_key": 1229, "driver_number>=": 20}; [] without any.

        Raises an `OpenF1Error`: Unavailable after the last attempt, Locked while a session is on track (unless
        `wait_for_lock`), TooLarge when upstream wants a narrower request, BadRequest and BadResponse for the rest.
        """
        url = f"{self.base_url}/{collection}"
        query = "&".join(predicate(name, value) for name, value in filters.items())
        return self._request_with_retries(f"{url}?{query}" if query else url)

    def _request_with_retries(self, url: str) -> list[dict]:
        failures = 0
        while True:
            try:
                return self._request_once(url)
            except Locked:
                if not self.wait_for_lock:
                    raise
                self.notice(f"Waiting: {LOCKED.split(';', maxsplit=1)[0]}; asking again in {self.lock_check_every:.0f} s")
                self.sleep(self.lock_check_every)
            except (Unavailable, BadResponse) as error:
                failures += 1
                if failures >= self.attempts:
                    raise
                delay = error.retry_after or min(0.5 * 2 ** (failures - 1), 30)
                self.notice(f"{error}; trying again in {delay:.1f} s")
                self.sleep(delay)

    def _request_once(self, url: str) -> list[dict]:
        if self.username and "Authorization" not in self.session.headers:
            self._log_in()
        response = self._send("GET", url)
        if response.status_code == 401 and self.session.headers.pop("Authorization", ""):  # the token has expired
            self._log_in()
            response = self._send("GET", url)
        return parse_rows(response)

    def _log_in(self) -> None:
        parts = urlsplit(self.base_url)
        form = {"username": self.username, "password": self.password}
        response = self._send("POST", f"{parts.scheme}://{parts.netloc}/token", data=form)
        if response.status_code == 429 or response.status_code >= 500:
            raise_for_status(response)
        answer = decode(response) if response.ok else None
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not TOKEN.fullmatch(token):
            raise BadRequest(f"OpenF1 gave user {self.username!r} no token: {response.status_code} {detail(response)}")
        self.session.headers["Authorization"] = f"Bearer {token}"

    def _send(self, method: str, url: str, **options: Any) -> requests.Response:
        self.pace.wait()
        self.sent += 1
        try:
            response = self.session.request(method, url, timeout=self.timeout, **options)
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            # ValueError: what requests raises for an address that it cannot read, such as that of a redirect.
            ANSWERS.labels("none").inc()
            raise Unavailable(f"{url} cannot be reached ({type(error).__name__})") from error
        finally:
            self.pace.answered()
        ANSWERS.labels(response.status_code).inc()
        return response


def predicate(name: str, value: object) -> str:
    """Format one condition for the query string; the name ends with the operator, if any: `driver_number>=`."""
    text = quote(str(value), safe=":")
    return f"{name}{text}" if name.endswith(OPERATORS) else f"{name}={text}"


def parse_rows(response: requests.Response) -> list[dict]:
    """The rows of an answer; raises the `OpenF1Error` that a failed one means."""
    if response.status_code == 404 and detail(response) == NO_RESULTS_DETAIL:
        return []
    if not response.ok:
        raise_for_status(response)
    rows = decode(response)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadResponse(f"{response.url} answered with JSON that is not a list of rows")
    if any(type(value) in NESTED and is_deeper(value, MAX_DEPTH) for row in rows for value in row.values()):
        raise BadResponse(f"{response.url} answered with lists nested more than {MAX_DEPTH} deep")
    return rows


def is_deeper(value: Any, limit: int) -> bool:
    """Whether lists and objects are nested more than `limit` levels deep."""
    if type(value) not in NESTED:
        return False
    items = value.values() if isinstance(value, dict) else value
    return limit == 0 or any(is_deeper(item, limit - 1) for item in items if type(item) in NESTED)


def raise_for_status(response: requests.Response) -> None:
    """Raise the `OpenF1Error` of a status of 400 or more."""
    status, where = response.status_code, response.url
    if status == 401:
        raise Locked(LOCKED)
    if status == 422:
        raise TooLarge(f"{where} is too much for one request: {detail(response)}")
    if status == 429 or status >= 500:
        raise Unavailable(f"{where} answered {status}", retry_after=seconds(response.headers.get("Retry-After")))
    if status >= 400:
        raise BadRequest(f"{where} was refused with {status}: {detail(response)}")


def decode(response: requests.Response) -> Any:
    """Decode the JSON of an answer; BadResponse when it is not JSON, not UTF-8 or nested beyond reason."""
    try:
        return msgspec.json.decode(response.content)
    except JSON_ERRORS as error:
        kind = response.headers.get("Content-Type", "an unknown type")
        raise BadResponse(f"{response.url} answered with {kind} that is no JSON: {beginning(response)[:80]!r}") from error


def detail(response: requests.Response) -> str:
    """The `detail` of OpenF1's error answer, or the beginning of its text."""
    try:
        body = msgspec.json.decode(response.content)
    except JSON_ERRORS:
        return beginning(response)
    text = body.get("detail") if isinstance(body, dict) else None
    return storable(text[:MAX_DETAIL]) if isinstance(text, str) else beginning(response)


def beginning(response: requests.Response) -> str:
    """The beginning of an answer's text, whatever encoding its headers name; without NUL, which databases cannot store."""
    return storable(response.content[:MAX_DETAIL].decode(errors="replace"))


def seconds(header: str | None) -> float | None:
    """Parse Retry-After in seconds, at most `MAX_RETRY_AFTER`; None when it is absent or a date: then the own backoff applies."""
    return min(float(header), MAX_RETRY_AFTER) if header and header.isascii() and header.isdigit() else None


def from_settings(**options: Any) -> Client:
    """Make the client that the settings describe; a login raises the pace to that of paying users (6 a second, 60 a minute)."""
    per_second, per_minute = settings.OPENF1_REQUESTS_PER_SECOND, settings.OPENF1_REQUESTS_PER_MINUTE
    if settings.OPENF1_USERNAME and (per_second, per_minute) == (3, 30):
        per_second, per_minute = 6, 60
    return Client(
        base_url=settings.OPENF1_BASE_URL,
        pace=shared_pace((per_second, 1), (per_minute, 60)),
        username=settings.OPENF1_USERNAME,
        password=settings.OPENF1_PASSWORD,
        **options,
    )


def shared_pace(*rules: tuple[int, float]) -> Pace:
    """The pace that all processes of this site share; without limits one that needs no database."""
    if not any(count for count, _ in rules):
        return Pace()
    from mirror.shared_pace import SharedPace  # imported here, because the client itself works without models

    return SharedPace(*rules, upstream=f"{settings.OPENF1_USERNAME}@{settings.OPENF1_BASE_URL}"[:200])
