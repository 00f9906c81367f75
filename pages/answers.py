"""Answers of pages: not modified, as kept in memory, or made now; a question that takes long is answered by one thread only."""

import hashlib
from collections.abc import Callable
from threading import Lock

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from api.openf1 import compression
from api.openf1.answers import Answer, AnswerCache

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
    answer = kept.get(tag) or once(tag, make)
    kind, _, body = answer.body.partition(b"\n")
    headers["Content-Type"] = kind.decode()
    if compression.accepts_gzip(request.headers.get("Accept-Encoding", "")):
        packed = kept.get(f"{tag}gzip")
        if packed is None:
            packed = Answer(b"".join(compression.compress([body])), gzipped=True)
            kept.put(f"{tag}gzip", packed)
        return HttpResponse(packed.body, headers=headers | {"Content-Encoding": "gzip"})
    return HttpResponse(body, headers=headers)


def once(tag: str, make: Callable[[], tuple[str, bytes]]) -> Answer:
    """Make and keep an answer; who asks the same meanwhile waits for it."""
    with door:
        lock = under_way.setdefault(tag, Lock())
    try:
        with lock:
            answer = kept.get(tag)
            if answer is None:
                kind, body = make()
                answer = Answer(kind.encode() + b"\n" + body)
                kept.put(tag, answer)
            return answer
    finally:
        with door:
            under_way.pop(tag, None)
