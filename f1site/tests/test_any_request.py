"""Any bytes as path, query and body of any route: no answer is a server error, but for the documented ones about OpenF1."""

import io
import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes

import pytest
from django.contrib import admin
from django.contrib.admindocs.views import simplify_regex
from django.contrib.auth.models import User
from django.core import signals
from django.db import close_old_connections, transaction
from django.db.models import JSONField
from django.test import Client
from django.urls import URLResolver, get_resolver
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.openf1.catalogue import find_collection
from api.openf1.query import OPTIONS
from api.sync import SyncMixin
from api.tests.factories import FIRST, make
from conftest import client_of
from f1site.wsgi import application
from jobs.models import Job
from mirror.feeds import registry
from mirror.fields import JSONText
from mirror.models import Source
from ml.analysis import QUESTIONS
from pages.charts.registry import VIEWS
from races.models import Session
from telemetry.models import SampleFile

pytestmark = pytest.mark.django_db

EXAMPLES = 1_500  # the same ones each time; they take less than a minute
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
DOCUMENTED = re.compile(rb"OpenF1 (cannot be reached|gave no usable answer)")
METHODS = ["GET"] * 8 + ["POST"] * 4 + ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "get", "\xff"]
CSRF = "a" * 32
# Values that broke a route once, and others of kinds that break programs.
HOSTILE = [
    b"\0",
    b"a\0b",
    b"\xff\xfe",
    b"\xed\xa0\x80",  # half of a surrogate pair
    "é\u202e\U0001f3ce".encode(),
    b"9" * 400,
    b"-" + b"9" * 400,
    b"9" * 5000,
    b"9223372036854775808",
    b"-1",
    b"0",
    b"1",
    b"1e999",
    b"nan",
    b"-inf",
    b"1_0",
    "\u0663".encode(),  # a digit, but not of ASCII
    b"10h" + b"9" * 29 + b"m",
    b"0000-00-00",
    b"0001-01-01T00:00:00+23:59",
    b"9999-12-31T23:59:59-23:59",
    b"latest",
    b"null",
    b"true",
    b"*",
    b"a " * 1300,
    b"1," * 1300,
    b"[" * 5000,
    b'{"a":' * 600 + b"1" + b"}" * 600,
    b"' OR 1=1 --",
    b"%",
    b"../../etc/passwd",
    b"\r\nSet-Cookie: x=1",
    b"",
]
LISTS = {"findings", "differences", "proposals", "unmatched", "changes"}  # JSON fields whose values are no objects
HEADERS = ["HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_ACCEPT", "HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_HOST"]
HEADERS += ["HTTP_ACCEPT_ENCODING", "HTTP_X_FORWARDED_FOR", "HTTP_X_REQUEST_ID", "HTTP_ORIGIN", "HTTP_REFERER", "HTTP_RANGE"]


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(path with <parameters>, view) of everything that is served."""
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, path)
        else:
            yield simplify_regex(path).lstrip("/"), pattern.callback


def model_of(path: str) -> Any:
    """The model whose admin pages are at a path."""
    found = [m for m in admin.site._registry if path.startswith(f"admin/{m._meta.app_label}/{m._meta.model_name}/")]
    return found[0] if found else None


def names_of(path: str, view: Any) -> list[str]:
    """The parameters that a route takes, as far as they can be known."""
    names = {"format", "page", "page_size", "ordering", "search", "cursor", "season", "drivers", "embed", "q", "race_id"}
    filters = getattr(getattr(view, "cls", None), "filterset_class", None)
    names |= set(filters.base_filters) if filters else set()
    if "samples" in view.__module__:
        names |= {"session_id", "driver_number", "date>=", "speed>", "speed", "x__gte", "date__lt"}
    if path.startswith("admin/"):
        names |= {"p", "o", "e", "all", "_popup", "_to_field", "_changelist_filters", "next", "action", "_selected_action"}
        names |= {"app_label", "model_name", "field_name", "term", "_save", "post"}
        fields = model_of(path)._meta.concrete_fields if model_of(path) else ()
        names |= {field.attname + end for field in fields for end in ("", "__exact", "__gte", "__isnull", "__year", "__in")}
    return sorted(names | {"username", "password"} if "token" in path or "login" in path else names)


# {path: parameters} of each view once, and of each collection of /v1.
ROUTES = {path: names_of(path, view) for view, path in {view: path for path, view in routes(get_resolver())}.items()}
for name in registry():
    if collection := find_collection(name):
        names = [*OPTIONS, *(f"{column}{op}" for column in collection.columns for op in ("", "", ">", "<"))]
        ROUTES[f"v1/{name}"] = names + ["session_key", "driver_number"] * 5
GROUPS = {path: path.split("/")[0] if path.startswith(("admin/", "v1/", "f1/")) else "other" for path in ROUTES}

anything = st.sampled_from(HOSTILE) | st.binary(max_size=40) | st.text(max_size=20).map(str.encode)
header_values = st.sampled_from(["*", "text/html", "*/*", "Bearer x", "gzip", "Sat, 28 Nov 2026 20:00:00 GMT"])
headers = st.dictionaries(
    st.sampled_from(HEADERS), header_values | anything.map(lambda value: value.decode("latin-1")), max_size=2
)


class Request(NamedTuple):
    method: str
    route: str
    parts: list[bytes | None]  # what the parameters of the route are; None for the key of a row that exists
    end: bytes
    query: bytes
    body: bytes
    content_type: str
    headers: dict[str, str]
    who: int  # whose of the `logins`


@st.composite
def requests(draw: Any) -> Request:
    """A request to a route, or to any path at all."""
    group = draw(st.sampled_from([*GROUPS.values(), *sorted({*GROUPS.values(), "any"}) * 60]))
    route = "" if group == "any" else draw(st.sampled_from([path for path, its in GROUPS.items() if its == group]))
    names = ROUTES.get(route, ["page"])
    parts = [draw(st.sampled_from([None] * 3) | anything) for _ in PARAMETER.findall(route)]
    end = draw(anything if group == "any" else st.sampled_from([b""] * 9 + [b"/", b"\0"]))
    method = draw(st.sampled_from(METHODS))
    body, content_type = (b"", "") if method in ("GET", "HEAD") else draw(bodies(names))
    who = draw(st.sampled_from([0, 1, 2] if not route.startswith("admin/") else [0, 2, 2, 2]))
    return Request(method, route, parts, end, draw(forms(names)), body, content_type, draw(headers), who)


def pairs(names: list[str]) -> st.SearchStrategy:
    name = st.sampled_from([name.encode() for name in names])
    return st.lists(st.tuples(st.one_of(name, name, name, anything), anything), max_size=3)


@st.composite
def forms(draw: Any, names: list[str]) -> bytes:
    """A query string or the body of a form: anything, or names and values, sometimes repeated until there are many."""
    if draw(st.integers(0, 9)) == 0:
        return draw(anything)
    form = b"&".join(quote_from_bytes(n).encode() + b"=" + quote_from_bytes(v).encode() for n, v in draw(pairs(names)))
    times = draw(st.sampled_from([1] * 19 + [1_300]))
    return b"&".join([form] * times)[:60_000]


@st.composite
def bodies(draw: Any, names: list[str]) -> tuple[bytes, str]:
    """(body, content type): JSON, a form, or anything."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
        leaves |= st.sampled_from(["\0", "9" * 400, 10**400])
        keys = st.sampled_from(names) | st.text(max_size=5)
        values = st.recursive(leaves, lambda of: st.lists(of, max_size=3) | st.dictionaries(keys, of, max_size=3), max_leaves=9)
        return draw(st.dictionaries(keys, values, max_size=4).map(json.dumps).map(str.encode) | anything), "application/json"
    if kind == 1:
        return draw(forms(names)), "application/x-www-form-urlencoded"
    if kind == 2:
        parts = (b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % pair for pair in draw(pairs(names)))
        return b"".join(parts) + b"--x--\r\n", "multipart/form-data; boundary=x"
    return draw(anything), draw(st.text(st.characters(max_codepoint=255), max_size=20))


def is_object(field: Any) -> bool:
    """Whether a field holds JSON that is not a value of OpenF1's."""
    return isinstance(field, JSONField) or (isinstance(field, JSONText) and field.name == "key")


@pytest.fixture
def stored(settings, monkeypatch, tmp_path) -> dict[str, Any]:
    """{parameter of a route: a value that exists}: a row of every kind and a file of samples. Nobody listens where OpenF1 is."""
    settings.MEDIA_ROOT = tmp_path
    settings.ALLOWED_HOSTS = ["*"]
    settings.OPENF1_BASE_URL = "http://127.0.0.1:9/v1"
    settings.OPENF1_REQUESTS_PER_SECOND = settings.OPENF1_REQUESTS_PER_MINUTE = 0
    monkeypatch.setattr(SyncMixin, "attempts", 1)
    for _, viewset, _ in import_module(settings.ROOT_URLCONF).router.registry:
        if viewset.queryset.model is not SampleFile:
            make(viewset.queryset.model)
    for model in admin.site._registry:
        objects = [field.name for field in model._meta.concrete_fields if is_object(field)]
        if objects:
            model._default_manager.update(**{name: [] if name in LISTS else {} for name in objects})
    session = Session.objects.select_related("race").get()
    sample = {"date": FIRST.isoformat(), "rpm": 9_000, "speed": 300, "n_gear": 8, "throttle": 99, "brake": 0, "drs": 12}
    scope = {"session_key": session.pk, "driver_number": 1}
    registry()["car_data"].storage.apply([sample], scope, source=Source.OPENF1, prune=False, write=True)
    Job.objects.create(kind="check_data")
    keys = {"year": session.race.year, "race": session.race.slug, "session": session.slug, "name": next(iter(VIEWS))}
    keys |= {"question": next(iter(QUESTIONS)), "rest": "race/"}
    for model in admin.site._registry:
        row = model._default_manager.first()
        keys |= {model._meta.label: row.pk, model._meta.pk.name: row.pk} if row else {}
    return keys


@pytest.fixture
def logins(db) -> list[dict[str, str]]:
    """Headers of a visitor, of a superuser's token, and of a superuser's session with its CSRF token."""
    chief = User.objects.create_superuser("chief")
    client = Client()
    client.force_login(chief)
    cookies = f"sessionid={client.cookies['sessionid'].value}; csrftoken={CSRF}"
    token = client_of(chief)._credentials["HTTP_AUTHORIZATION"]
    return [{}, {"HTTP_AUTHORIZATION": token}, {"HTTP_COOKIE": cookies, "HTTP_X_CSRFTOKEN": CSRF}]


@pytest.fixture
def transaction_stays():
    """A request closes no connection, and so not the test's transaction, as with Django's own test client."""
    ends = (signals.request_started, signals.request_finished)
    for end in ends:
        end.disconnect(close_old_connections)
    signals.got_request_exception.connect(keep_exception)
    yield
    signals.got_request_exception.disconnect(keep_exception)
    for end in ends:
        end.connect(close_old_connections)


raised: list[BaseException | None] = []  # by views, and answered with 500


def keep_exception(**sent: Any) -> None:
    raised.append(sys.exception())


def path_of(request: Request, stored: dict[str, Any]) -> bytes:
    """The path of a request, with keys of rows that exist where it wants them."""
    model = model_of(request.route)
    keys = stored | {"object_id": stored.get(model._meta.label, 1)} if model else stored
    names = PARAMETER.findall(request.route)
    literals = PARAMETER.split(request.route)[::2]
    path = b"/" + literals[0].encode()
    for name, part, literal in zip(names, request.parts, literals[1:], strict=True):
        path += (str(keys.get(name, 1)).encode() if part is None else part) + literal.encode()
    return path + request.end


def answer(environ: dict[str, Any]) -> tuple[int, bytes]:
    """(status, body) of a request, of which nothing stays."""
    statuses: list[str] = []
    with transaction.atomic():
        response = application(environ, lambda status, headers, exc_info=None: statuses.append(status))
        body = b"".join(response)
        response.close()
        transaction.set_rollback(True)
    return int(statuses[0].split()[0]), body


@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(made=requests())
def test_no_request_is_answered_with_a_server_error(stored, logins, transaction_stays, made):
    environ = {
        "REQUEST_METHOD": made.method,
        "PATH_INFO": path_of(made, stored).decode("latin-1"),
        "QUERY_STRING": made.query.decode("latin-1"),
        "CONTENT_TYPE": made.content_type,
        "CONTENT_LENGTH": str(len(made.body)),
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(made.body),
        "wsgi.errors": io.StringIO(),
        **logins[made.who],
        **made.headers,
    }
    raised.clear()
    status, body = answer(environ)
    if status >= 500 and not (status in (502, 503) and DOCUMENTED.search(body)):
        raise AssertionError((status, body[:500])) from next(iter(raised), None)
