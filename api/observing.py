"""Request ids, the request log and the Prometheus metrics.

Counters belong to one process; those of several are added up in the folder that PROMETHEUS_MULTIPROC_DIR names.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from prometheus_client import Counter, Histogram

log = logging.getLogger("f1site.requests")
VALID_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")  # of a client: it is copied into headers and logs

REQUESTS = Counter("f1site_requests", "Requests answered.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("f1site_request_seconds", "Seconds until an answer was ready.", ["route"])
ANSWERS = Counter("f1site_answers", "Answers by where they came from: rendered, kept, or not modified.", ["source"])
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class RequestMiddleware:
    """Set the request's id (the client's X-Request-ID where it is valid), log the request and count it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        client_id = request.META.get("HTTP_X_REQUEST_ID", "")
        request.id = client_id if VALID_ID.fullmatch(client_id) else secrets.token_hex(8)  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(request_id=request.id)  # type: ignore[attr-defined]
        try:
            response = self.get_response(request)
            seconds = time.perf_counter() - started
            headers = response.headers
            headers["X-Request-ID"] = request.id  # type: ignore[attr-defined]
            headers["X-Process-Time"] = f"{seconds:.4f}"
            headers["Server-Timing"] = f"app;dur={seconds * 1000:.1f}"
            self.record(request, response, seconds)
            return response
        finally:
            structlog.contextvars.clear_contextvars()

    def record(self, request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
        """Log and count a request, without its query string, which may contain a token by mistake."""
        route = request.resolver_match.route if request.resolver_match else ""
        if settings.METRICS:
            method = request.method if request.method in METHODS else "other"
            REQUESTS.labels(method, route, response.status_code).inc()
            REQUEST_SECONDS.labels(route).observe(seconds)
        if log.isEnabledFor(logging.INFO):
            fields = {
                "method": request.method,
                "path": request.path,
                "route": route,
                "status": response.status_code,
                "duration_ms": round(seconds * 1000, 1),
                "user": username(request),
            }
            log.info("request", extra=fields)


def username(request: HttpRequest) -> str | None:
    """The user's name if the view has loaded the user; loading it for the log alone would cost a query."""
    user = getattr(request, "_cached_user", None) or request.__dict__.get("user")
    if user is None or ("_wrapped" in vars(user) and type(vars(user)["_wrapped"]) is object):
        return None
    return user.get_username() or None
