"""Limits to how often one may ask, by THROTTLE_READS, _WRITES, _SYNCS and _LOGINS; beyond them 429 and Retry-After.

What is counted is in the cache: of one process, or with CACHE_URL of all.
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
PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86400}  # seconds, by the first letter
LOGINS = {"/admin/login/": 200, "/token": 401}  # where passwords are sent, and the status that says one was wrong
TOO_MANY = "Too many requests"


def limit(scope: str) -> tuple[int, int] | None:
    """(how often, seconds) of a rate such as "60/min"; None without a limit."""
    count, _, period = settings.THROTTLES[scope].partition("/")
    return (int(count), PERIODS[period[0]]) if count else None


def wait(scope: str, who: str, *, add: int = 1) -> int:
    """Count `add` more by `who`; seconds to wait when that is too much, else 0."""
    rate = limit(scope)
    if rate is None:
        return 0
    count, period = rate
    now = time.time()
    key = f"throttle:{scope}:{period}:{int(now // period)}:{who}"
    try:
        cache.add(key, 0, timeout=2 * period)
        seen = cache.incr(key, add)
    except (RedisError, ValueError) as error:  # a site without limits is better than none
        log.warning("Requests are not counted for the limits: %s", error)
        return 0
    over = seen > count if add else seen >= count
    return int(period - now % period) + 1 if over else 0


def address(request: HttpRequest) -> str:
    """The caller's address: the connection's, or what the outermost of our NUM_PROXIES proxies wrote down."""
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if settings.NUM_PROXIES and len(hops) >= settings.NUM_PROXIES:
        return hops[-settings.NUM_PROXIES].strip()[:64]
    return request.META.get("REMOTE_ADDR", "")


def refused(seconds: int) -> JsonResponse:
    detail = f"{TOO_MANY}; try again in {seconds} seconds."
    return JsonResponse({"detail": detail}, status=429, headers={"Retry-After": str(seconds)})


class Throttle(BaseThrottle):
    """Reads, writes and syncs of REST, each by user, or by address without a login."""

    seconds = 0

    def allow_request(self, request: Any, view: Any) -> bool:
        if request.method in ("GET", "HEAD", "OPTIONS"):
            scope = "reads"
        else:
            scope = "syncs" if str(getattr(view, "action", "")).startswith("sync_") else "writes"
        if not settings.THROTTLES[scope]:
            return True
        who = f"user_{request.user.pk}" if request.user.is_authenticated else f"address_{address(request)}"
        self.seconds = wait(scope, who)
        return not self.seconds

    def wait(self) -> float:
        return self.seconds


class LoginThrottleMiddleware:
    """Count wrong passwords by address and by name; beyond the limit no password is checked, right or wrong."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        failure = LOGINS.get(request.path_info) if request.method == "POST" else None
        if failure is None:
            return self.get_response(request)
        name = request.POST.get("username", "").lower()[:150].encode().hex()
        both = (f"address_{address(request)}", f"name_{name[:150]}")
        if seconds := max(wait("logins", who, add=0) for who in both):
            return refused(seconds)
        response = self.get_response(request)
        if response.status_code == failure:
            for who in both:
                wait("logins", who)
        return response
