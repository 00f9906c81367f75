"""Errors as JSON: `{"detail": …}` or `{field: [reason, …]}`, with 4xx for the client's mistakes and 5xx for the server's.

`handle_exception` is REST framework's exception handler. The views at the end of the module answer requests that reach no REST
view, such as one for an unknown URL.
"""

import inspect
import logging
from collections.abc import Callable

from django.core.exceptions import DisallowedHost, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler

from api.statements import is_timeout
from mirror.errors import Locked, NothingMatched, OpenF1Error, Unavailable
from mirror.storage import DamagedFile, StorageUnavailable

log = logging.getLogger(__name__)
# What SQLite and PostgreSQL say of a query that is too long or too deep for them.
TOO_COMPLEX = (
    "Expression tree is too large",
    "too many SQL variables",
    "parser stack overflow",
    "too many terms",
    "stack depth limit",
)


class Conflict(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "The change contradicts other rows."


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is too large."


class UpstreamUnavailable(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE


class UpstreamInvalid(exceptions.APIException):
    status_code = status.HTTP_502_BAD_GATEWAY


class DatabaseUnavailable(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The database cannot be reached or is busy; try again."


class TooSlow(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The database would take too long to answer this (STATEMENT_TIMEOUT); ask for less, by session for example."


class FileUnavailable(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE


class OutOfRange(exceptions.ParseError):
    default_detail = "A value is out of the range that the database can hold."


class TooComplex(exceptions.ParseError):
    default_detail = "The question has too many conditions; ask with fewer words or values."


class Unexpected(exceptions.APIException):
    default_detail = "Something went wrong on this side; it has been logged."


def handle_exception(error: Exception, context: dict) -> Response | None:
    """The response to an exception in a REST view; None lets Django handle it."""
    api_error = to_api_exception(error)
    log_error(error, api_error, context["request"])
    response = exception_handler(api_error, context)
    if isinstance(api_error, Unexpected) and response is not None and (request_id := getattr(context["request"], "id", "")):
        response.data["request_id"] = request_id
    if response is not None and isinstance(error, OpenF1Error) and error.retry_after:
        response["Retry-After"] = f"{error.retry_after:.0f}"
    return response


def to_api_exception(error: Exception) -> exceptions.APIException:  # noqa: C901, PLR0911 - one for each kind of error
    """Translate an exception of Django, the database or the OpenF1 client into one with an HTTP status; others become a 500."""
    match error:
        case exceptions.APIException():
            return error
        case Http404():
            return exceptions.NotFound(*error.args)
        case PermissionDenied():
            return exceptions.PermissionDenied(*error.args)
        case RequestDataTooBig():
            return TooLarge()
        case SuspiciousOperation():  # too many parameters or parts of a form
            return exceptions.ParseError(f"{error}")
        case NothingMatched():
            return exceptions.NotFound(f"{error}.")
        case OpenF1Error():
            return to_upstream_exception(error)
        case DamagedFile() | StorageUnavailable():
            return FileUnavailable(str(error))
        case IntegrityError():
            return Conflict()
        case DatabaseError() | InterfaceError() | OverflowError():
            return to_database_exception(error)
    return Unexpected()


def to_database_exception(error: Exception) -> exceptions.APIException:
    """400 for what the database cannot compare or is asked too much in, 503 where it cannot be reached."""
    match error:
        case DataError() | OverflowError():
            return OutOfRange()
        case OperationalError() if any(part in str(error) for part in TOO_COMPLEX):
            return TooComplex()
        case OperationalError() | InterfaceError():
            return TooSlow() if is_timeout(error) else DatabaseUnavailable()
    return Unexpected()


def to_upstream_exception(error: OpenF1Error) -> exceptions.APIException:
    """503 while OpenF1 is locked or unreachable, 502 if its answer is unusable."""
    if isinstance(error, Locked):
        return UpstreamUnavailable(f"OpenF1 is closed: {error}.")
    if isinstance(error, Unavailable):
        return UpstreamUnavailable(f"OpenF1 cannot be reached: {error}.")
    return UpstreamInvalid(f"OpenF1 gave no usable answer: {error}.")


def log_error(error: Exception, api_error: exceptions.APIException, request: HttpRequest | Request) -> None:
    """Log an error unless it is the client's mistake, with a traceback if it was unexpected."""
    message = "%s %s: %s: %s"
    details = (request.method, request.path, type(error).__name__, error)
    if isinstance(api_error, Unexpected):
        log.error(message, *details, exc_info=error)
    elif api_error.status_code >= 500:
        log.error(message, *details)
    elif api_error is not error:
        log.warning(message, *details)


def wants_page(request: HttpRequest) -> bool:
    """Whether to answer an error with an HTML page: in the admin, and to browsers outside the API."""
    if request.path_info.startswith("/api/"):
        return False
    return request.path_info.startswith("/admin/") or "text/html" in request.headers.get("Accept", "")


def page(view: Callable[..., HttpResponse], request: HttpRequest, *error: Exception) -> HttpResponse:
    """Django's page of an error, without the CSRF token that it offers: for that it would read a form that cannot be read."""
    return inspect.unwrap(view)(request, *error)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The answer to a malformed request; one for a host that is not served names the setting that allows it, in plain text to
    browsers, whose pages would need the host.
    """
    if isinstance(exception, DisallowedHost):
        reason = (
            "This site does not answer to the host of this request: the setting ALLOWED_HOSTS names those that it answers to."
        )
        if wants_page(request):
            return HttpResponse(reason, status=400, content_type="text/plain; charset=utf-8")
        return JsonResponse({"detail": reason}, status=400)
    if wants_page(request):
        return page(defaults.bad_request, request, exception)
    return JsonResponse({"detail": "The request is malformed."}, status=400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if wants_page(request):
        return page(defaults.permission_denied, request, exception)
    return JsonResponse({"detail": "This is not allowed."}, status=403)


def known_error(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """The response to an error in a view outside the REST API that has the same meaning there; None for all others."""
    api_error: exceptions.APIException
    match exception:
        case exceptions.Throttled():
            api_error = exception
        case DamagedFile() | StorageUnavailable():
            api_error = FileUnavailable(str(exception))
        case _:
            api_error = to_database_exception(exception)
    if isinstance(api_error, Unexpected):
        return None
    log_error(exception, api_error, request)
    if wants_page(request):
        told = {"reason": str(api_error.detail), "later": api_error.status_code != status.HTTP_400_BAD_REQUEST}
        response = HttpResponse(render_to_string("400.html", told), status=api_error.status_code)  # without the database
    else:
        response = JsonResponse({"detail": str(api_error.detail)}, status=api_error.status_code)
    if isinstance(api_error, exceptions.Throttled):
        response["Retry-After"] = str(api_error.wait)  # type: ignore[attr-defined]  # which its constructor sets
    return response


@csrf_exempt  # a POST to an unknown URL changes nothing, and its answer is JSON like the others
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if wants_page(request):
        return page(defaults.page_not_found, request, exception or Http404())
    return JsonResponse({"detail": f"There is nothing at {request.path}; GET /api/v1/ lists what there is."}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    if wants_page(request):
        return page(defaults.server_error, request)
    body = {"detail": str(Unexpected.default_detail), "request_id": getattr(request, "id", "")}
    return JsonResponse(body, status=500)
