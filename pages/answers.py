"""Answers of pages: not modified, as kept in memory, or made now."""

import hashlib
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from api.conditional import names_tag, unless_known
from api.kept import in_turn
from api.openf1 import compression

LEVEL = 4  # of gzip: 5 takes two thirds longer on a page of telemetry, for 4 % less


def respond(
    request: HttpRequest, version: object, make: Callable[[], tuple[str, bytes]], *, headers: dict[str, str]
) -> HttpResponse:
    """The answer to a request; `make` gives (content type, body) and is called only where no answer of this version is kept.

    Whatever the answer depends on besides the address is in `version`.
    """
    question = repr((request.get_full_path(), settings.VERSION, version)).encode()
    tag = f'W/"{hashlib.blake2b(question, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Cookie", **headers}
    if names_tag(request, tag):
        return HttpResponse(status=304, headers=headers)
    gzipped = compression.accepts_gzip(request.headers.get("Accept-Encoding", ""))
    answer = in_turn(request, f"{tag}{' gzip' * gzipped}", lambda: with_kind(*make(), gzipped=gzipped))
    kind, _, body = answer.partition(b"\n")
    headers["Content-Type"] = kind.decode()
    response = HttpResponse(body, headers=headers | ({"Content-Encoding": "gzip"} if gzipped else {}))
    return unless_known(request, response, tag=tag, modified=None)


def with_kind(kind: str, body: bytes, *, gzipped: bool) -> bytes:
    """An answer as it is kept: a line with its content type, and the body as it is sent."""
    return kind.encode() + b"\n" + (b"".join(compression.compress([body], LEVEL)) if gzipped else body)
