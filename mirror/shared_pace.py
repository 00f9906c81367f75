"""A pace for all processes that share the database: together they stay within upstream's limit for one client."""

import secrets
import time
from collections.abc import Callable

from django.conf import settings
from django.db import connection, transaction

from mirror.models import UpstreamPace
from mirror.pace import Pace

PENDING_POLL = 0.05  # seconds until the next check while requests without an answer hold all slots
PENDING_GRACE = 60  # seconds after the longest request; one without an answer then counts as answered: its process died


class SharedPace(Pace):
    """A `Pace` that keeps its state in the `UpstreamPace` row named `upstream`.

    A request holds a slot of every rule from before it leaves until `seconds` after its answer, as in a single process: however
    long either travels, upstream sees no more than `count` in any `seconds`.
    """

    def __init__(
        self,
        *rules: tuple[int, float],
        upstream: str,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ):
        super().__init__(*rules, sleep=sleep)
        self.limits = [(count, seconds) for count, seconds in rules if count]
        self.upstream, self.clock = upstream, clock or database_time
        self.slot = ""

    def wait(self) -> None:
        """Sleep until the next request may leave, and take its slot."""
        while delay := self.claim():
            self.sleep(delay)

    def claim(self) -> float:
        """Try to take a slot; returns the seconds to wait before the next try, 0 when it was taken."""
        with transaction.atomic():
            row, _ = UpstreamPace.objects.select_for_update().get_or_create(upstream=self.upstream)
            now = self.clock()
            slots = {name: slot for name, slot in row.slots.items() if self.is_in_use(slot, now)}
            delay = max((wait_for(slots, now, count, seconds) for count, seconds in self.limits), default=0)
            if not delay:
                self.slot = secrets.token_hex(4)
                row.slots = slots | {self.slot: [now, None]}
                row.save(update_fields=["slots"])
        return delay

    def is_in_use(self, slot: list, now: float) -> bool:
        """Whether a slot still limits others; one from the future does not, because the clock was set back since."""
        left, answered = slot
        longest = max((seconds for _, seconds in self.limits), default=0)
        until = left + settings.OPENF1_MAX_SECONDS + PENDING_GRACE if answered is None else answered + longest
        return left <= now + longest and now < until

    def answered(self) -> None:
        """Record that the request was answered or has failed."""
        with transaction.atomic():
            row = UpstreamPace.objects.select_for_update().get(upstream=self.upstream)
            if self.slot in row.slots:
                row.slots[self.slot][1] = self.clock()
                row.save(update_fields=["slots"])


def wait_for(slots: dict[str, list], now: float, count: int, seconds: float) -> float:
    """Seconds until fewer than `count` slots are in use."""
    free_at = [now + PENDING_POLL if answered is None else answered + seconds for _, answered in slots.values()]
    taken = sorted(moment for moment in free_at if moment > now)
    return taken[len(taken) - count] - now if len(taken) >= count else 0


def database_time() -> float:
    """The Unix time in seconds, on PostgreSQL by the database server's clock, which all processes share."""
    if connection.vendor != "postgresql":
        return time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        return float(cursor.fetchone()[0])
