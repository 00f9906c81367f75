"""`/v1/<collection>` over HTTP: methods, validators, formats, compression, errors. A plain Django view, for speed."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from itertools import chain, islice

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt

from api import throttling
from api.observing import KEPT
from api.openf1 import compression, cors, latest
from api.openf1.answers import Answer, answers
from api.openf1.catalogue import find
from api.openf1.query import BadQuery, Query, parse
from api.openf1.render import FORMATS
from api.openf1.sources import source_of
from mirror import versions
from mirror.feeds import registry
from mirror.versions import Version

NO_ROWS = "No results found."


@csrf_exempt
@cors.everybody
def collection(request: HttpRequest, name: str) -> HttpResponseBase:
    """GET or POST: the rows of a collection that the query string asks for."""
    if request.method not in ("GET", "POST"):
        return problem(405, "Method Not Allowed", {"Allow": "GET, POST"})
    if settings.THROTTLES["reads"] and (seconds := throttling.wait("reads", f"address_{throttling.address(request)}")):
        return throttling.refused(seconds)
    asked = find(name.lower())
    if asked is None:
        return problem(404, f"There is no collection {name!r}; there are: {', '.join(sorted(registry()))}.")
    now = timezone.now()
    try:
        query = parse(
            request.META.get("QUERY_STRING", ""),
            asked,
            now=now,
            latest=latest.finder(now),
            empty_as_list=settings.OPENF1_EMPTY_AS_LIST,
        )
    except BadQuery as error:
        return problem(400, str(error))
    return answer(request, query)


def answer(request: HttpRequest, query: Query) -> HttpResponseBase:
    """The answer to a query: not modified, as kept in memory, or from the database."""
    gzip = compression.wanted(request.headers.get("Accept-Encoding", "")) and query.format != "parquet"
    if query.raw:  # upstream's values can change without a row of ours changing
        return respond(query, gzip=gzip, headers={})
    version = versions.latest(query.collection.name, sessions_of(query))
    tag = etag(query, version)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    # Within the same second rows may change again, which a date in seconds could not tell.
    if version.changed_at and version.changed_at < timezone.now() - timedelta(seconds=1):
        headers["Last-Modified"] = http_date(version.changed_at.timestamp())
    if request.method == "GET" and not_modified(request, tag, headers, version):
        KEPT.labels("not modified").inc()
        return HttpResponse(status=304, headers=headers)
    key = f"{tag}gzip" if gzip else tag
    kept = answers.get(key)
    KEPT.labels("kept" if kept else "rendered").inc()
    return whole(query, kept, headers) if kept else respond(query, gzip=gzip, headers=headers, key=key)


def sessions_of(query: Query) -> set[int] | None:
    """The sessions that a query names; None when it may be about any."""
    named = query.values_of("session_key")
    if not named or not all(isinstance(value, int) and abs(value) < 2**31 for value in named):
        return None
    return {int(value) for value in named}


def etag(query: Query, version: Version) -> str:
    """The same as long as the same question has the same answer; weak, for gzip changes the bytes and not the answer."""
    return f'W/"{hashlib.blake2b(repr((query.fingerprint, version)).encode(), digest_size=12).hexdigest()}"'


def not_modified(request: HttpRequest, tag: str, headers: dict[str, str], version: Version) -> bool:
    if not request.META.keys() & {"HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE"}:
        return False
    changed = int(version.changed_at.timestamp()) if version.changed_at and "Last-Modified" in headers else None
    response = get_conditional_response(request, etag=tag, last_modified=changed)
    return response is not None and response.status_code == 304


def respond(query: Query, *, gzip: bool, headers: dict[str, str], key: str = "") -> HttpResponseBase:
    """Read and write the rows: at once when they are few, else as they come. Small answers with a key are kept."""
    source = source_of(query)
    chunks = source.read(query)
    begun = list(islice(chunks, 2))
    if not begun and not query.empty_as_list:
        return no_rows()
    if len(begun) == 2:
        return stream(query, source.write(query, chain(begun, chunks)), gzip=gzip, headers=headers)
    body = b"".join(source.write(query, begun))
    gzip = gzip and len(body) >= compression.WORTH
    made = Answer(b"".join(compression.compress([body])), gzipped=True) if gzip else Answer(body)
    if key:
        answers.keep(key, made)
    return whole(query, made, headers)


def whole(query: Query, made: Answer, headers: dict[str, str]) -> HttpResponse:
    return HttpResponse(made.body, headers=headers | described(query, gzip=made.gzipped))


def stream(query: Query, parts: Iterable[bytes], *, gzip: bool, headers: dict[str, str]) -> StreamingHttpResponse:
    parts = compression.compress(parts) if gzip else parts
    return StreamingHttpResponse(parts, headers=headers | described(query, gzip=gzip))


def described(query: Query, *, gzip: bool) -> dict[str, str]:
    """The headers that say what the body is."""
    chosen = FORMATS[query.format]
    headers = {"Content-Type": chosen.content_type, "Vary": "Accept-Encoding"}
    if gzip:
        headers["Content-Encoding"] = "gzip"
    if chosen.download:
        headers["Content-Disposition"] = f"attachment; filename={query.collection.name}.{query.format}"
    return headers


def no_rows() -> HttpResponse:
    """What OpenF1 says when nothing matches. Nothing is wrong, so nothing is logged."""
    response = problem(404, NO_ROWS)
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> HttpResponse:
    body = msgspec.json.encode({"detail": detail})
    return HttpResponse(body, status=status, content_type="application/json", headers=headers)


def not_found(request: HttpRequest, rest: str = "") -> HttpResponse:
    return problem(404, "Not Found")
