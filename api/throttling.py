"""Rate limits, set by THROTTLE_READS, _WRITES, _SYNCS and _LOGINS; beyond them the answer is 429 with Retry-After.

The counters are in Django's cache: one per process, or with CACHE_URL one for all processes.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from redis.exceptions import RedisError
from rest_framework.throttling import BaseThrottle

log = logging.getLogger(__name__)
PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86400}  # seconds, by the first letter of the unit
LOGIN_FAILURES = {"/admin/login/": 200, "/token": 401}  # {path of a login: status of its answer to a wrong password}
TOO_MANY = "Too many requests"


def parse_rate(scope: str) -> tuple[int, int] | None:
    """(requests, seconds) of a rate such as "60/min"; None if there is no limit."""
    count, _, period = settings.THROTTLES[scope].partition("/")
    return (int(count), PERIODS[period[0]]) if count else None


def count_request(scope: str, client: str, *, add: int = 1) -> int:
    """Add to a client's counter; returns the seconds to wait if it exceeds the limit, else 0."""
    rate = parse_rate(scope)
    if rate is None:
        return 0
    maximum, period = rate
    now = time.time()
    key = f"throttle:{scope}:{period}:{int(now // period)}:{client}"
    try:
        cache.add(key, 0, timeout=2 * period)
        count = cache.incr(key, add)
    except (RedisError, ValueError) as error:  # without the cache, serve requests without limits
        log.warning("The rate limits do not work: %s", error)
        return 0
    over = count > maximum if add else count >= maximum
    return int(period - now % period) + 1 if over else 0


def client_address(request: HttpRequest) -> str:
    """The client's IP address."""
    return address_of(request.META.get("HTTP_X_FORWARDED_FOR", ""), request.META.get("REMOTE_ADDR", ""))


def address_of(forwarded_for: str, connected: str) -> str:
    """The IP address of the connection, or that noted by the outermost of NUM_PROXIES reverse proxies."""
    hops = forwarded_for.split(",")
    if settings.NUM_PROXIES and len(hops) >= settings.NUM_PROXIES:
        return hops[-settings.NUM_PROXIES].strip()[:64]
    return connected


def too_many_requests(seconds: int) -> JsonResponse:
    """The 429 response with the time to wait."""
    detail = f"{TOO_MANY}; try again in {seconds} seconds."
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
        client = f"user_{request.user.pk}" if request.user.is_authenticated else f"address_{client_address(request)}"
        self.seconds = count_request(scope, client)
        return not self.seconds

    def wait(self) -> float:
        return self.seconds


class LoginThrottleMiddleware:
    """Counts wrong passwords by address and by user name; beyond the limit no password is checked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        failure_status = LOGIN_FAILURES.get(request.path_info) if request.method == "POST" else None
        if failure_status is None:
            return self.get_response(request)
        name = request.POST.get("username", "").lower()[:150].encode().hex()
        clients = (f"address_{client_address(request)}", f"name_{name[:150]}")
        if seconds := max(count_request("logins", client, add=0) for client in clients):
            return too_many_requests(seconds)
        response = self.get_response(request)
        if response.status_code == failure_status:
            for client in clients:
                count_request("logins", client)
        return response
