"""Every failure as JSON: `{"detail": …}` or `{field: [what is wrong with it]}`, with the status that says whose fault it is.

`handle` is REST framework's one exception handler. The views at the end answer for what never reaches a REST view, such as an
unknown URL.
"""

import logging

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler

from mirror.errors import Locked, OpenF1Error, Unavailable

log = logging.getLogger(__name__)


class Conflict(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "The change contradicts other rows."


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is too large."


class UpstreamUnavailable(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE


class UpstreamNonsense(exceptions.APIException):
    status_code = status.HTTP_502_BAD_GATEWAY


class DatabaseUnavailable(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The database cannot be reached or is busy; try again."


class Unexpected(exceptions.APIException):
    default_detail = "Something went wrong on this side; it has been logged."


def handle(error: Exception, context: dict) -> Response | None:
    """The answer to an exception in a REST view."""
    known = to_api_exception(error)
    note(error, known, context["request"])
    response = exception_handler(known, context)
    if isinstance(known, Unexpected) and response is not None and (request_id := getattr(context["request"], "id", "")):
        response.data["request_id"] = request_id
    if response is not None and isinstance(error, OpenF1Error) and error.retry_after:
        response["Retry-After"] = f"{error.retry_after:.0f}"
    return response


def to_api_exception(error: Exception) -> exceptions.APIException:  # noqa: PLR0911 - one for each kind of error
    """What an error of Django, the database, OpenF1 or ours is to the one who asked."""
    match error:
        case exceptions.APIException():
            return error
        case Http404():
            return exceptions.NotFound(*error.args)
        case PermissionDenied():
            return exceptions.PermissionDenied(*error.args)
        case RequestDataTooBig():
            return TooLarge()
        case OpenF1Error():
            return upstream(error)
        case IntegrityError():
            return Conflict()
        case DataError() | OverflowError():
            return exceptions.ParseError("A value is out of the range that the database can hold.")
        case OperationalError() | InterfaceError():
            return DatabaseUnavailable()
    return Unexpected()


def upstream(error: OpenF1Error) -> exceptions.APIException:
    if isinstance(error, Locked):
        return UpstreamUnavailable(f"OpenF1 is closed: {error}.")
    if isinstance(error, Unavailable):
        return UpstreamUnavailable(f"OpenF1 cannot be reached: {error}.")
    return UpstreamNonsense(f"OpenF1 gave no usable answer: {error}.")


def note(error: Exception, known: exceptions.APIException, request: HttpRequest | Request) -> None:
    """Log what is not plainly the caller's doing; with a traceback where it is a bug of ours."""
    what = "%s %s: %s: %s"
    details = (request.method, request.path, type(error).__name__, error)
    if isinstance(known, Unexpected):
        log.error(what, *details, exc_info=error)
    elif known.status_code >= 500:
        log.error(what, *details)
    elif known is not error:
        log.warning(what, *details)


def for_a_person(request: HttpRequest) -> bool:
    """Whether an error should be a page: in the admin, and wherever a browser asks outside the API."""
    if request.path_info.startswith("/api/"):
        return False
    return request.path_info.startswith("/admin/") or "text/html" in request.headers.get("Accept", "")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if for_a_person(request):
        return defaults.bad_request(request, exception)
    return JsonResponse({"detail": "The request is malformed."}, status=400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if for_a_person(request):
        return defaults.permission_denied(request, exception)
    return JsonResponse({"detail": "This is not allowed."}, status=403)


def database_away(request: HttpRequest, exception: Exception) -> HttpResponse:
    known = DatabaseUnavailable()
    note(exception, known, request)
    if for_a_person(request):
        return HttpResponse(str(known.detail), status=503, content_type="text/plain")
    return JsonResponse({"detail": str(known.detail)}, status=503)


@csrf_exempt  # there is nothing to protect, and the answer stays JSON
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if for_a_person(request):
        return defaults.page_not_found(request, exception or Http404())
    return JsonResponse({"detail": f"There is nothing at {request.path}; GET /api/v1/ lists what there is."}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    if for_a_person(request):
        return defaults.server_error(request)
    body = {"detail": str(Unexpected.default_detail), "request_id": getattr(request, "id", "")}
    return JsonResponse(body, status=500)
