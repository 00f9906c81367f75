"""Rate limits, set by THROTTLE_READS, _WRITES and _SYNCS; beyond them the answer is 429 with Retry-After.

The counters are in Django's cache: one per process, or with CACHE_URL one for all processes. `api.logins.limits` has the limit
of wrong passwords.
"""

import logging
import time
from ipaddress import IPv6Network
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, JsonResponse
from rest_framework.throttling import BaseThrottle

from jobs.wording import plural

log = logging.getLogger(__name__)
PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86400}  # seconds, by the first letter of the unit
TOO_MANY = "Too many requests"


def parse_rate(scope: str) -> tuple[int, int] | None:
    """(requests, seconds) of a rate such as "60/min"; None if there is no limit."""
    count, _, period = settings.THROTTLES[scope].partition("/")
    return (int(count), PERIODS[period[0]]) if count else None


def cache_errors() -> tuple[type[Exception], ...]:
    """What the cache raises while it is away. Importing redis takes long, so it waits for an error."""
    from redis.exceptions import RedisError

    return RedisError, ValueError


def count_request(scope: str, client: str) -> int:
    """Add to a client's counter; returns the seconds to wait if it exceeds the limit, else 0."""
    rate = parse_rate(scope)
    if rate is None:
        return 0
    maximum, period = rate
    now = time.time()
    key = f"throttle:{scope}:{period}:{int(now // period)}:{client}"
    try:
        cache.add(key, 0, timeout=2 * period)
        count = cache.incr(key)
    except cache_errors() as error:  # without the cache, serve requests without limits
        log.warning("The rate limits do not work: %s", error)
        return 0
    return int(period - now % period) + 1 if count > maximum else 0


def client_address(request: HttpRequest) -> str:
    """The client's IP address."""
    return address_of(request.META.get("HTTP_X_FORWARDED_FOR", ""), request.META.get("REMOTE_ADDR", ""))


def address_of(forwarded_for: str, connected: str) -> str:
    """The IP address of the connection, or that noted by the outermost of NUM_PROXIES reverse proxies.

    Of IPv6 it is the network of 64 bits that a customer has: within it they can take billions of addresses.
    """
    hops = forwarded_for.split(",")
    address = hops[-settings.NUM_PROXIES].strip() if settings.NUM_PROXIES and len(hops) >= settings.NUM_PROXIES else connected
    try:
        return str(IPv6Network((address, 64), strict=False))
    except ValueError:
        return address[:64]


def client_of(request: HttpRequest, user: Any) -> str:
    """Whose requests are counted together: a user's, or without a login an address's."""
    return f"user_{user.pk}" if user is not None and user.is_authenticated else f"address_{client_address(request)}"


def too_many_requests(seconds: int) -> JsonResponse:
    """The 429 response with the time to wait."""
    detail = f"{TOO_MANY}; try again in {plural(seconds, 'second')}."
    return JsonResponse({"detail": detail}, status=429, headers={"Retry-After": str(seconds)})


class Throttle(BaseThrottle):
    """Limits reads, writes and syncs of the REST API, by user or for anonymous clients by address."""

    seconds = 0

    def allow_request(self, request: Any, view: Any) -> bool:
        if request.method in ("GET", "HEAD", "OPTIONS"):
            scope = "reads"
        else:
            scope = "syncs" if str(getattr(view, "action", "")).startswith("sync_") else "writes"
        if not settings.THROTTLES[scope]:
            return True
        self.seconds = count_request(scope, client_of(request, request.user))
        return not self.seconds

    def wait(self) -> float:
        return self.seconds
