"""ETag and Last-Modified of lists and rows: who asks again gets 304 as long as nothing mirrored has changed.

A row may show what other tables know, such as its driver, so the change of any piece counts: too many fresh answers, never a
stale one.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request

from mirror import versions


def conditional(read: Callable) -> Callable:
    """A viewset's method that reads, without reading for those who have the answer already."""

    @wraps(read)
    def answer(self: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        version = None if isinstance(request.accepted_renderer, BrowsableAPIRenderer) else self.version()
        if version is None:  # also a page, which shows who looks at it
            return read(self, request, *args, **kwargs)
        headers, modified = validators(request, version)
        known = get_conditional_response(request._request, etag=headers["ETag"], last_modified=modified)
        if known is not None and known.status_code == 304:
            return HttpResponse(status=304, headers=headers)
        response = read(self, request, *args, **kwargs)
        for name, value in headers.items():
            response.headers[name] = value
        return response

    return answer


def validators(request: Any, version: versions.Version) -> tuple[dict[str, str], int | None]:
    """(headers, Last-Modified in seconds) of an answer to this question; weak, for gzip changes the bytes only."""
    question = (request.build_absolute_uri(), request.accepted_media_type, settings.VERSION, version)
    digest = hashlib.blake2b(repr(question).encode(), digest_size=12).hexdigest()
    headers = {"ETag": f'W/"{digest}"', "Cache-Control": "private, no-cache"}
    # Within the same second rows may change again, which a date in seconds could not tell.
    if version.changed_at is None or version.changed_at > timezone.now() - timedelta(seconds=1):
        return headers, None
    modified = int(version.changed_at.timestamp())
    return headers | {"Last-Modified": http_date(modified)}, modified
