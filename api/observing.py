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
        request.id = begin(request.META.get("HTTP_X_REQUEST_ID", ""))  # type: ignore[attr-defined]
        try:
            response = self.get_response(request)
            seconds = time.perf_counter() - started
            for name, value in headers_of(request.id, seconds).items():  # type: ignore[attr-defined]
                response.headers[name] = value
            route = request.resolver_match.route if request.resolver_match else ""
            record(request.method or "", request.path, route, response.status_code, seconds, lambda: username(request))
            untie(response)
            return response
        finally:
            structlog.contextvars.clear_contextvars()


def untie(response: HttpResponseBase) -> None:
    """Take a rendered response out of the circle with its view: so it is freed when it is sent, not by the collector later."""
    context = vars(response).pop("renderer_context", None) or {}
    if view := context.get("view"):
        view.response = None


def begin(client_id: str) -> str:
    """The id of a request that begins, for its answer; the lines that are logged meanwhile have it too."""
    request_id = client_id if VALID_ID.fullmatch(client_id) else secrets.token_hex(8)
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id


def headers_of(request_id: str, seconds: float) -> dict[str, str]:
    """The headers that are another request's each time."""
    return {"X-Request-ID": request_id, "X-Process-Time": f"{seconds:.4f}", "Server-Timing": f"app;dur={seconds * 1000:.1f}"}


def record(method: str, path: str, route: str, status: int, seconds: float, user: Callable[[], str | None]) -> None:
    """Log and count a request, without its query string, which may contain a token by mistake."""
    if settings.METRICS:
        REQUESTS.labels(method if method in METHODS else "other", route, status).inc()
        REQUEST_SECONDS.labels(route).observe(seconds)
    if log.isEnabledFor(logging.INFO):
        duration = round(seconds * 1000, 1)
        fields = {"method": method, "path": path, "route": route, "status": status, "duration_ms": duration, "user": user()}
        log.info("request", extra=fields)


def username(request: HttpRequest) -> str | None:
    """The user's name if the view has loaded the user; loading it for the log alone would cost a query."""
    user = getattr(request, "_cached_user", None) or request.__dict__.get("user")
    if user is None or ("_wrapped" in vars(user) and type(vars(user)["_wrapped"]) is object):
        return None
    return user.get_username() or None
