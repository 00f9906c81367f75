"""Alerts: happenings that match a person's rule, shown on the live page and posted to a webhook."""

import hashlib
import hmac
import logging
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import close_old_connections
from django.utils import timezone

from live.happenings import Happening, happenings
from live.models import AlertRule
from live.webhooks import post

log = logging.getLogger(__name__)

READ_EVERY = timedelta(seconds=10)  # how often rules are read
ATTEMPTS, PAUSES = 4, (1.0, 5.0, 20.0)  # of a post, and seconds between them
PER_MINUTE = 10  # posts of a rule


class Alerts:
    """The rules, what was last seen, and the alerts of a session; posts are made by threads of their own."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.rules: list[AlertRule] = []
        self.read_at: datetime | None = None
        self.before: dict[str, Any] | None = None
        self.posts: dict[int, deque[datetime]] = defaultdict(deque)  # {rule: when it posted in the last minute}
        self.threads = ThreadPoolExecutor(2, thread_name_prefix="webhook")

    def see(self, board: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
        """The alerts of what has happened since the last board, newest first, as the page shows them."""
        if self.read_at is None or now - self.read_at > READ_EVERY:
            self.rules, self.read_at = list(AlertRule.objects.filter(enabled=True)), now
        before, self.before = self.before, board
        if before is None or before["session"]["id"] != board["session"]["id"]:
            return []
        alerts = []
        for happening in happenings(before, board):
            matching = [rule for rule in self.rules if matches(rule, happening)]
            for rule in matching:
                self.post(rule, happening, board, now)
            if matching:
                alerts.append({"time": board["now"][11:19], "kind": happening.kind, "text": happening.text})
        return alerts[::-1]

    def post(self, rule: AlertRule, happening: Happening, board: dict[str, Any], now: datetime) -> None:
        """Have it posted, unless the rule has posted too often within a minute."""
        if not rule.webhook:
            return
        recent = self.posts[rule.pk]
        while recent and now - recent[0] > timedelta(minutes=1):
            recent.popleft()
        if len(recent) >= PER_MINUTE:
            note(rule, f"not posted: {PER_MINUTE} posts within a minute are the most")
            return
        recent.append(now)
        session = {name: board["session"][name] for name in ("id", "name", "race")}
        body = {**happening._asdict(), "rule": rule.name, "at": board["now"], "session": session}
        self.threads.submit(deliver_in_thread, rule, msgspec.json.encode(body), self.stopped.wait)

    def close(self) -> None:
        """Wait for the posts under way."""
        self.threads.shutdown()

    def stop(self) -> None:
        """Repeat no post from now on."""
        self.stopped.set()


def matches(rule: AlertRule, happening: Happening) -> bool:
    return rule.kind == happening.kind and rule.driver_number in (None, happening.car)


def deliver_in_thread(rule: AlertRule, body: bytes, pause: Callable[[float], Any]) -> None:
    """Deliver in a thread that lasts, whose connection to the database may have ended since its last alert."""
    close_old_connections()
    deliver(rule, body, pause)


def deliver(rule: AlertRule, body: bytes, pause: Callable[[float], Any]) -> None:
    """Post an alert, again after a while where that fails, until `pause` says that it is to stop; redirects are not followed."""
    result = ""
    for attempt in range(ATTEMPTS):
        if attempt and pause(PAUSES[attempt - 1]):
            break
        try:
            status = post(rule.webhook, body, signed(rule, body))
        except ValidationError as error:
            result = f"not posted: {error.messages[0]}"
            break
        except OSError as error:  # also what requests raises
            result = f"attempt {attempt + 1}: {type(error).__name__}"
            continue
        result = f"attempt {attempt + 1}: answered {status}"
        if status < 500 and status != 429:
            break
    note(rule, result)


def signed(rule: AlertRule, body: bytes) -> dict[str, str]:
    signature = hmac.new(rule.secret.encode(), body, hashlib.sha256).hexdigest()
    return {"Content-Type": "application/json", "X-Signature-256": f"sha256={signature}"}


def note(rule: AlertRule, result: str) -> None:
    AlertRule.objects.filter(pk=rule.pk).update(last_result=result[:200], last_at=timezone.now())
