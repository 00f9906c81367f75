"""The HTTP client of OpenF1: one session, a pace, retries, and a typed error from `errors` for every failure.

It uses no Django models. Transport, clock and sleep are injected: the demo season and the tests mount a `requests` transport
adapter on the session, which answers instead of the network.
"""

import math
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import msgspec
import requests
import urllib3
from django.conf import settings
from prometheus_client import Counter

from mirror.errors import BadRequest, BadResponse, Locked, OverLimit, TooLarge, Unavailable
from mirror.estimates import pace_limits
from mirror.pace import Pace
from mirror.transport import MEGABYTE, Answer, check_redirect, describe_failure, exchange, network_session
from mirror.values import storable

LOCKED = (
    "a session is on track; history is closed to anonymous users until about 30 minutes after it. "
    "Come back then, let --wait do so, or set OPENF1_USERNAME and OPENF1_PASSWORD"
)
NO_RESULTS_DETAIL = "No results found."
ANSWERS = Counter("f1site_upstream_answers", "OpenF1's answers by status; `none` where it could not be reached.", ["status"])
OPERATORS = (">=", "<=", ">", "<")
MAX_REDIRECTS = 5  # that one request follows
MAX_DETAIL = 200  # characters of an error answer that an error message quotes
MAX_DEPTH = 8  # levels of lists and objects in a value; OpenF1's rows have one
TOKEN_TEXT = re.compile(r"[!-~]+")  # what can stand in a header
TOKEN_SECONDS = 3600.0  # that a token lasts whose answer does not say
JSON_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Token(NamedTuple):
    """A login at OpenF1, and how many seconds it lasts."""

    text: str
    seconds: float


@dataclass(kw_only=True)
class Client:
    """Requests rows from OpenF1.

    `session` carries the transport; `notice` is called with a sentence whenever the client waits.
    """

    base_url: str
    pace: Pace
    session: requests.Session = field(default_factory=network_session)
    username: str = ""
    password: str = ""
    source: str = "openf1"
    attempts: int = 8
    timeout: tuple[float, float] = (4, 60)  # seconds to connect, seconds between two bytes
    patience: float = 0  # seconds after which `notice` is told, from another thread, that an answer is waited for; 0 for never
    max_seconds: float = field(default_factory=lambda: settings.OPENF1_MAX_SECONDS)  # of one request and its answer
    max_megabytes: Mapping[str, float] = field(default_factory=lambda: settings.OPENF1_MAX_MEGABYTES)
    max_retry_after: float = field(default_factory=lambda: settings.OPENF1_MAX_RETRY_AFTER)  # seconds
    redirect_hosts: Collection[str] = field(default_factory=lambda: settings.OPENF1_REDIRECT_HOSTS)
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
        megabytes = self.max_megabytes.get(collection) or self.max_megabytes["each"]
        return self._request_with_retries(f"{url}?{query}" if query else url, max_bytes=int(megabytes * MEGABYTE))

    def _request_with_retries(self, url: str, *, max_bytes: int) -> list[dict]:
        failures = 0
        while True:
            try:
                return self._request_once(url, max_bytes=max_bytes)
            except OverLimit:
                raise
            except Locked:
                if not self.wait_for_lock:
                    raise
                self.notice(f"Waiting: {LOCKED.split(';', maxsplit=1)[0]}; asking again in {self.lock_check_every:.0f} s")
                self.sleep(self.lock_check_every)
            except (Unavailable, BadResponse) as error:
                failures += 1
                if failures >= self.attempts or (error.retry_after or 0) > self.max_retry_after:
                    raise
                delay = error.retry_after or min(0.5 * 2 ** (failures - 1), 30)
                self.notice(f"{error}; trying again in {delay:.1f} s")
                self.sleep(delay)

    def _request_once(self, url: str, *, max_bytes: int) -> list[dict]:
        if self.username and "Authorization" not in self.session.headers:
            self._log_in()
        answer = self._send("GET", url, max_bytes=max_bytes)
        if answer.status == 401 and self.session.headers.pop("Authorization", ""):  # the token has expired
            self._log_in()
            answer = self._send("GET", url, max_bytes=max_bytes)
        return parse_rows(answer)

    def _log_in(self) -> None:
        self.session.headers["Authorization"] = f"Bearer {self.fetch_token().text}"

    def fetch_token(self) -> Token:
        """A new token for the user; raises an `OpenF1Error`."""
        parts = urlsplit(self.base_url)
        form = {"username": self.username, "password": self.password}
        response = self._send("POST", f"{parts.scheme}://{parts.netloc}/token", data=form, max_bytes=MEGABYTE)
        if response.status == 429 or response.status >= 500:
            raise_for_status(response)
        answer = decode(response) if response.ok else None
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not TOKEN_TEXT.fullmatch(token):
            raise BadRequest(f"OpenF1 gave user {self.username!r} no token: {response.status} {detail(response)}")
        lasts = answer.get("expires_in") if isinstance(answer, dict) else None
        return Token(token, float(str(lasts)) if str(lasts).isdecimal() and str(lasts) != "0" else TOKEN_SECONDS)

    def _send(self, method: str, url: str, *, max_bytes: int, data: dict[str, str] | None = None) -> Answer:
        """Send a request and follow redirects, each at the pace; a form, which has the password, is sent to no other host."""
        headers: dict[str, Any] = {}
        for _ in range(1 + MAX_REDIRECTS):
            self.pace.wait()
            self.sent += 1
            try:
                with self._telling_of_silence(url):
                    answer = exchange(
                        self.session,
                        requests.Request(method, url, headers=headers, data=data),
                        timeout=self.timeout,
                        max_seconds=self.max_seconds,
                        max_bytes=max_bytes,
                    )
                ANSWERS.labels(answer.status).inc()
                if not answer.redirect:
                    return answer
                with_password = data is not None
                url, is_own = check_redirect(
                    answer.redirect, base_url=self.base_url, hosts=self.redirect_hosts, with_password=with_password
                )
                headers = {} if is_own else {"Authorization": None}
            except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
                # ValueError: what requests raises for an address that it cannot read, such as that of a redirect.
                ANSWERS.labels("none").inc()
                raise Unavailable(f"{url} cannot be reached: {describe_failure(error)}") from error
            finally:
                self.pace.answered()
        raise Unavailable(f"{url} cannot be reached: more than {MAX_REDIRECTS} redirects")

    @contextmanager
    def _telling_of_silence(self, url: str) -> Iterator[None]:
        """Say during a `with` that lasts that an answer is waited for, and for how long."""
        if not self.patience:
            yield
            return
        text = f"{url} has not answered for {self.patience:g} s; waiting {self.timeout[1]:g} s at most, then asking again"
        timer = threading.Timer(self.patience, self.notice, [text])
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def predicate(name: str, value: object) -> str:
    """Format one condition for the query string; the name ends with the operator, if any: `driver_number>=`."""
    text = quote(str(value), safe=":")
    return f"{name}{text}" if name.endswith(OPERATORS) else f"{name}={text}"


def parse_rows(answer: Answer) -> list[dict]:
    """The rows of an answer; raises the `OpenF1Error` that a failed one means."""
    if answer.status == 404 and detail(answer) == NO_RESULTS_DETAIL:
        return []
    if not answer.ok:
        raise_for_status(answer)
    return decode(answer, ROWS)


def raise_for_status(answer: Answer) -> None:
    """Raise the `OpenF1Error` of a status of 400 or more."""
    status, where = answer.status, answer.url
    if status == 401:
        raise Locked(LOCKED)
    if status == 422:
        raise TooLarge(f"{where} is too much for one request: {detail(answer)}")
    if status == 429 or status >= 500:
        retry_after = seconds(answer.headers.get("Retry-After"))
        again = f" and asks not to be asked again before {moment_in(retry_after)}" if retry_after else ""
        raise Unavailable(f"{where} answered {status}{again}", retry_after=retry_after)
    if status >= 400:
        raise BadRequest(f"{where} was refused with {status}: {detail(answer)}")


def value_type(depth: int) -> Any:
    """The type of a JSON value whose lists and objects are nested at most `depth` levels deep."""
    scalar = None | bool | int | float | str
    if depth == 0:
        return scalar
    item = value_type(depth - 1)
    return scalar | list[item] | dict[str, item]  # type: ignore[valid-type]


JSON = msgspec.json.Decoder()
ROWS = msgspec.json.Decoder(list[dict[str, value_type(MAX_DEPTH)]])  # type: ignore[misc]


def decode(answer: Answer, decoder: msgspec.json.Decoder = JSON) -> Any:
    """Decode the JSON of an answer; BadResponse when it is not JSON, not UTF-8, nested beyond reason, or not what is wanted."""
    try:
        return decoder.decode(answer.content)
    except msgspec.ValidationError as error:
        raise BadResponse(
            f"{answer.url} answered with JSON that is not a list of rows with at most {MAX_DEPTH} nested lists: {error}"
        ) from error
    except JSON_ERRORS as error:
        kind = answer.headers.get("Content-Type", "an unknown type")
        raise BadResponse(f"{answer.url} answered with {kind} that is no JSON: {beginning(answer)[:80]!r}") from error


def detail(answer: Answer) -> str:
    """The `detail` of OpenF1's error answer, or the beginning of its text."""
    try:
        body = msgspec.json.decode(answer.content)
    except JSON_ERRORS:
        return beginning(answer)
    text = body.get("detail") if isinstance(body, dict) else None
    return storable(text[:MAX_DETAIL]) if isinstance(text, str) else beginning(answer)


def beginning(answer: Answer) -> str:
    """The beginning of an answer's text, whatever encoding its headers name; without NUL, which databases cannot store."""
    return storable(answer.content[:MAX_DETAIL].decode(errors="replace"))


def seconds(header: str | None) -> float | None:
    """The seconds until the moment of a Retry-After, which is a number of seconds or a date; None without a usable one."""
    if not header:
        return None
    if header.isascii() and header.isdigit():
        return float(header[:20])
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def moment_in(delay: float) -> str:
    """The moment after so many seconds, in words."""
    try:
        return f"{datetime.now(UTC) + timedelta(seconds=math.ceil(delay)):%Y-%m-%d %H:%M:%S} UTC"
    except OverflowError:
        return "the end of time"


def from_settings(**options: Any) -> Client:
    """Make the client that the settings describe; a login raises the pace to that of paying users (6 a second, 60 a minute)."""
    per_second, per_minute = pace_limits()
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
