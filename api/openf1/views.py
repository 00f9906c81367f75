"""`/v1/<collection>` over HTTP: methods, validators, formats, compression, errors. A plain Django view, for speed."""

import hashlib
import logging
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import chain, islice
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt

from api import admission, ranges, throttling
from api.conditional import names_tag, unless_known
from api.logins.authentication import user_of
from api.observing import ANSWERS
from api.openf1 import answers, compression, cors, samples
from api.openf1.answers import Answer
from api.openf1.before_django import Source
from api.openf1.catalogue import find_collection
from api.openf1.latest import Latest
from api.openf1.query import BadQuery, Query, parse
from api.openf1.sources import source_of
from api.tables.writers import FORMATS
from mirror import versions
from mirror.feeds import registry
from mirror.storage import DamagedFile, StorageUnavailable
from mirror.versions import Version

log = logging.getLogger(__name__)

NO_ROWS = "No results found."
MANY = 2  # sessions, races or cars that a query may name without being expensive


@csrf_exempt
@cors.allow_all_origins
def collection(request: HttpRequest, name: str) -> HttpResponseBase:
    """GET or POST: the rows of a collection that match the query string."""
    if request.method not in ("GET", "POST", "HEAD"):
        return problem(405, "Method Not Allowed", {"Allow": "GET, POST, HEAD"})
    if settings.THROTTLES["reads"] and (
        seconds := throttling.count_request("reads", throttling.client_of(request, user_of(request)))
    ):
        return throttling.too_many_requests(seconds)
    known = find_collection(name.lower())
    if known is None:
        return problem(404, f"There is no collection {name!r}; there are: {', '.join(sorted(registry()))}.")
    now = timezone.now()
    latest = Latest(now)
    try:
        query = parse(
            request.META.get("QUERY_STRING", ""), known, now=now, latest=latest, empty_as_list=settings.OPENF1_EMPTY_AS_LIST
        )
        return answer(request, query, day=None if latest.was_asked else now.date())
    except BadQuery as error:
        return problem(400, str(error))
    except (DamagedFile, StorageUnavailable) as error:
        log.error("%s", error)  # noqa: TRY400 - the traceback would say no more
        return problem(503, str(error))


@cors.allow_all_origins
def collections(request: HttpRequest) -> HttpResponse:
    """What there is: the address and the fields of every collection."""
    if request.method not in ("GET", "HEAD"):
        return problem(405, "Method Not Allowed", {"Allow": "GET"})
    known = (collection for name in sorted(registry()) if (collection := find_collection(name)))
    listed = [
        {
            "collection": each.name,
            "url": request.build_absolute_uri(f"/v1/{each.name}"),
            "about": (each.model.__doc__ or "").strip().split("\n")[0],
            "fields": [*each.columns],
        }
        for each in known
    ]
    return HttpResponse(msgspec.json.encode(listed), content_type="application/json")


def answer(request: HttpRequest, query: Query, *, day: date | None = None) -> HttpResponseBase:
    """The response to a query: not modified, from the cache, or from the database.

    On the `day` the same text asks the same; None where it may ask something else the next moment.
    """
    gzip = compression.accepts_gzip(request.headers.get("Accept-Encoding", "")) and query.format != "parquet"
    # Upstream's values can change while the stored rows do not, and what is included comes from other collections.
    if query.raw or query.included:
        return without_body(request, respond_in_turn(request, query, gzip=gzip, headers={}))
    sessions = sessions_of(query)
    version = versions.latest(query.collection.name, sessions)
    tag = etag(query, version)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    # No Last-Modified within the same second: rows may change again, and the header counts in seconds.
    is_settled = version.changed_at is None or version.changed_at < timezone.now() - timedelta(seconds=1)
    if version.changed_at and is_settled:
        headers["Last-Modified"] = http_date(version.changed_at.timestamp())
    key = answers.key_of(tag, gzip=gzip)
    if query.format == "parquet" and ranges.is_partial(request) and not (query.collection.sampled and is_expensive(query)):
        return part_of_file(request, query, headers=headers, key=key)
    if request.method == "GET" and names_tag(request, tag):
        ANSWERS.labels("not modified").inc()
        response: HttpResponseBase = HttpResponse(status=304, headers=headers)
    else:
        kept = answers.find(tag, gzip=gzip)
        ANSWERS.labels("kept" if kept else "rendered").inc()
        response = (
            kept_response(query, kept, headers, gzip=gzip)
            if kept
            else respond_in_turn(request, query, gzip=gzip, headers=headers, tag=tag)
        )
        modified = int(version.changed_at.timestamp()) if version.changed_at and is_settled else None
        response = unless_known(request, response, tag=tag, modified=modified)
    if day and is_settled and response.status_code in (200, 304) and not response.streaming:
        route = request.resolver_match.route if request.resolver_match else ""
        response.source = Source(query.collection.name, sessions, version, key, day, route)  # type: ignore[attr-defined]
    return without_body(request, response)


def without_body(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The response to HEAD of one that has been made; what a stream would have sent is not read."""
    if request.method != "HEAD" or response.status_code >= 300:
        return response
    if isinstance(response, StreamingHttpResponse):
        response.streaming_content = []  # not closed here: that would end the request before its time
        return response
    return HttpResponse(headers=dict(response.items()) | {"Content-Length": str(len(response.content))})  # type: ignore[attr-defined]


def part_of_file(request: HttpRequest, query: Query, *, headers: dict[str, str], key: str) -> HttpResponseBase:
    """The size, or a part, of the file that has all rows; it is made once for all its parts."""
    source = source_of(query)

    def make() -> Iterator[bytes]:
        chunks = source.read_chunks(query)
        first = next(chunks, None)
        if first is not None or query.empty_as_list:
            yield from source.write_chunks(query, chain([] if first is None else [first], chunks))

    if key in ranges.files:
        file = ranges.file_of(key, make)
    else:
        with admission.turn(admission.EXPENSIVE, request):
            file = ranges.file_of(key, make)
    if not file.size:
        return no_rows()
    return ranges.respond(request, file, headers | content_headers(query, gzip=False))


def sessions_of(query: Query) -> set[int] | None:
    """The session keys that a query names; None when it may match rows of any session."""
    named = query.values_of("session_key")
    if not named or not all(isinstance(value, int) and abs(value) < 2**31 for value in named):
        return None
    return {int(value) for value in named}


def etag(query: Query, version: Version) -> str:
    """A weak ETag of the query and the version of its data; weak, because gzip changes the bytes."""
    return f'W/"{hashlib.blake2b(repr((query.fingerprint, version)).encode(), digest_size=12).hexdigest()}"'


def respond_in_turn(request: HttpRequest, query: Query, **options: Any) -> HttpResponseBase:
    """The same as `respond`, which of expensive queries only some are allowed to at once."""
    if not is_expensive(query):
        return respond(query, **options)
    with admission.turn(admission.EXPENSIVE, request):
        return respond(query, **options)


def is_expensive(query: Query) -> bool:
    """Whether neither a session nor a race bounds the rows that are read; of samples, a session and a car."""
    if query.collection.feed.lists:
        return False
    scopes = [query.values_of(name) for name in ("session_key", "meeting_key")]
    if query.collection.sampled:
        scopes = scopes[:1]
        cars = query.values_of("driver_number")
        if not cars or len(cars) > MANY:
            return True
    return not any(keys and len(keys) <= MANY for keys in scopes)


def respond(query: Query, *, gzip: bool, headers: dict[str, str], tag: str = "") -> HttpResponseBase:
    """Read and write the rows: as one body if they fit into one chunk, else as a stream. Answers with an ETag are kept."""
    source = source_of(query)
    chunks = source.read_chunks(query)
    first_chunks = list(islice(chunks, 2))
    if not first_chunks and not query.empty_as_list:
        return no_rows()
    if len(first_chunks) == 2:
        if query.collection.sampled:
            samples.verify_files(query)
        parts = source.write_chunks(query, chain(first_chunks, chunks))
        parts = compression.compress(parts) if gzip else parts
        if tag and query.format != "parquet":
            parts = answers.keep_streamed(parts, tag, gzip=gzip)
        return StreamingHttpResponse(parts, headers=headers | content_headers(query, gzip=gzip))
    body = b"".join(source.write_chunks(query, first_chunks))
    is_gzipped = gzip and len(body) >= compression.MIN_BYTES
    made = Answer(b"".join(compression.compress([body])), gzipped=True) if is_gzipped else Answer(body)
    if tag:
        answers.keep(made, tag, gzip=gzip)
    return kept_response(query, made, headers, gzip=gzip)


def kept_response(query: Query, made: Answer, headers: dict[str, str], *, gzip: bool) -> HttpResponseBase:
    if made.gzipped and not gzip:
        return StreamingHttpResponse(compression.unpack(made.body), headers=headers | content_headers(query, gzip=False))
    return HttpResponse(made.body, headers=headers | content_headers(query, gzip=made.gzipped))


def content_headers(query: Query, *, gzip: bool) -> dict[str, str]:
    """The headers that describe the body: type, encoding and file name."""
    format_ = FORMATS[query.format]
    headers = {"Content-Type": format_.content_type, "Vary": "Accept-Encoding"}
    if gzip:
        headers["Content-Encoding"] = "gzip"
    if query.format == "parquet" and not (query.raw or query.included):
        headers["Accept-Ranges"] = "bytes"
    if format_.download:
        headers["Content-Disposition"] = f"attachment; filename={query.collection.name}.{query.format}"
    return headers


def no_rows() -> HttpResponse:
    """OpenF1's 404 for a query that nothing matches. It is not an error, so Django must not log it."""
    response = problem(404, NO_ROWS)
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> HttpResponse:
    body = msgspec.json.encode({"detail": detail})
    return HttpResponse(body, status=status, content_type="application/json", headers=headers)


def not_found(request: HttpRequest, rest: str = "") -> HttpResponse:
    return problem(404, "Not Found")
