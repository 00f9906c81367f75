"""Answers of pages: not modified, as kept in memory, or made now; a question that takes long is answered by one thread only."""

import hashlib
from collections.abc import Callable
from threading import Lock

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from api.openf1 import compression
from api.openf1.answers import Answer, AnswerCache

LEVEL = 6  # of gzip: what is kept is compressed once and sent often
kept = AnswerCache()
under_way: dict[str, Lock] = {}
door = Lock()


def respond(
    request: HttpRequest, version: object, make: Callable[[], tuple[str, bytes]], *, headers: dict[str, str]
) -> HttpResponse:
    """The answer to a request; `make` gives (content type, body) and is called only where no answer of this version is kept.

    Whatever the answer depends on besides the address is in `version`.
    """
    question = repr((request.get_full_path(), settings.VERSION, version)).encode()
    tag = f'W/"{hashlib.blake2b(question, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Cookie", **headers}
    known = get_conditional_response(request, etag=tag)
    if known is not None and known.status_code == 304:
        return HttpResponse(status=304, headers=headers)
    gzipped = compression.accepts_gzip(request.headers.get("Accept-Encoding", ""))
    kind, _, body = once(f"{tag}{' gzip' * gzipped}", lambda: with_kind(*make(), gzipped=gzipped)).partition(b"\n")
    headers["Content-Type"] = kind.decode()
    return HttpResponse(body, headers=headers | ({"Content-Encoding": "gzip"} if gzipped else {}))


def with_kind(kind: str, body: bytes, *, gzipped: bool) -> bytes:
    """An answer as it is kept: a line with its content type, and the body as it is sent."""
    return kind.encode() + b"\n" + (b"".join(compression.compress([body], LEVEL)) if gzipped else body)


def once(key: str, make: Callable[[], bytes]) -> bytes:
    """What is kept by a key, or made and kept now; who asks the same meanwhile waits for it."""
    found = kept.get(key)
    if found is not None:
        return found.body
    with door:
        lock = under_way.setdefault(key, Lock())
    try:
        with lock:
            found = kept.get(key)
            if found is None:
                found = Answer(make())
                kept.put(key, found)
            return found.body
    finally:
        with door:
            under_way.pop(key, None)
