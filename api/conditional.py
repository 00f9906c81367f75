"""ETag and Last-Modified of lists and rows: a repeated request gets 304 while no mirrored row has changed.

A row may show values of other tables, such as its driver's name, so a change of any collection changes every ETag: some answers
are rendered needlessly, none is stale.

A client that names the ETag got it with an answer, which need not be made again. `If-None-Match: *` and dates are sent without
having got one: what they ask for may not exist, which is known only once it has been read.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, parse_etags
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request

from mirror import versions

Answer = TypeVar("Answer", bound=HttpResponseBase)


def names_tag(request: HttpRequest, tag: str) -> bool:
    """Whether a client asks only for another answer than the one with this ETag."""
    return tag in parse_etags(request.headers.get("If-None-Match", ""))


def unless_known(request: HttpRequest, response: Answer, *, tag: str, modified: int | None) -> Answer | HttpResponse:
    """The response, or 304 in place of one that the client has by another condition than `names_tag`."""
    if request.method not in ("GET", "HEAD") or not request.META.keys() & {"HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE"}:
        return response
    found = get_conditional_response(request, etag=tag, last_modified=modified, response=response)  # type: ignore[arg-type]
    # A response that is not sent is not closed either: that would end the request before its time.
    return found if found is not None and found.status_code == 304 else response


def conditional(read: Callable) -> Callable:
    """Decorate a viewset's read method: answer 304, without calling it, to a client whose copy is current."""

    @wraps(read)
    def wrapper(self: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # A browsable page shows the user's name, and `latest` means something else without a change of any row.
        moving = isinstance(request.accepted_renderer, BrowsableAPIRenderer) or asks_for_latest(request)
        version = self.rows_version = None if moving else self.version()
        if version is None:
            return read(self, request, *args, **kwargs)
        headers, modified = validators(request, version)
        if names_tag(request._request, headers["ETag"]):
            return HttpResponse(status=304, headers=headers)
        response = read(self, request, *args, **kwargs)
        for name, value in headers.items():
            response.headers[name] = value
        return unless_known(request._request, response, tag=headers["ETag"], modified=modified)

    return wrapper


def asks_for_latest(request: Request) -> bool:
    return any(value.lower() == "latest" for _, values in request.query_params.lists() for value in values)


def validators(request: Any, version: versions.Version) -> tuple[dict[str, str], int | None]:
    """(headers, Last-Modified in seconds) of the response to a request; the ETag is weak, because gzip changes the bytes."""
    parts = (request.build_absolute_uri(), request.accepted_media_type, settings.VERSION, version)
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()
    headers = {"ETag": f'W/"{digest}"', "Cache-Control": "private, no-cache"}
    # HTTP dates have whole seconds: a date within the current second could hide a later change.
    if version.changed_at is None or version.changed_at > timezone.now() - timedelta(seconds=1):
        return headers, None
    modified = int(version.changed_at.timestamp())
    return headers | {"Last-Modified": http_date(modified)}, modified
