"""What somebody with bad intentions tries, and what comes of it."""

import json
import os
import time
from contextlib import suppress

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from redis import Redis
from redis.exceptions import RedisError

from api.tests.factories import make
from api.throttling import count_request
from drivers.models import Driver
from f1site.urls import router
from races.models import Race
from telemetry.models import Lap

pytestmark = pytest.mark.django_db
HOSTILE = [
    "' OR 1=1 --",
    "1; DROP TABLE races_race",
    '"',
    "1)) UNION SELECT 1--",
    "a\r\nSet-Cookie: x=1",
    "\x00",
    "%00",
    "\ud7ff\U0001f3ce",
    "9" * 400,
]
ENTITIES = [(prefix, viewset) for prefix, viewset, _ in router.registry]


def answers(client, path, value, names):
    for name in names:
        answer = client.get(path, {name: value})
        assert answer.status_code in (200, 400, 404), (path, name, value, answer.content)
        assert "Set-Cookie" not in answer.headers
        yield answer


@pytest.mark.parametrize(("prefix", "viewset"), ENTITIES, ids=[prefix for prefix, _ in ENTITIES])
def test_no_filter_takes_sql_or_headers(api, prefix, viewset):
    make(Lap)
    names = [*viewset.filterset_class.base_filters, "ordering", "search", "page", "page_size", "format"]
    for number, name in enumerate(names):  # each filter one of the values, in turn; all of them the first
        for value in {HOSTILE[0], HOSTILE[number % len(HOSTILE)]}:
            list(answers(api, f"/api/v1/{prefix}/", value, [name]))
    assert Lap.objects.count() == 1


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", ["session_key", "driver_number", "date_start", "limit", "order_by", "fields", "format"])
def test_nor_does_v1(api, name, value):
    list(answers(api, "/v1/laps", value, [name]))


@pytest.mark.parametrize("query", [{"search": "a " * 1_300}, {"lap_number__in": "1," * 30_000}, {"lap_number": ["1"] * 999}])
def test_long_questions_are_refused_by_name(api, query):
    make(Lap)
    [name] = query
    answer = api.get("/api/v1/laps/", query)
    assert (answer.status_code, list(answer.json())) == (400, [name])


@pytest.mark.parametrize("path", ["/api/v1/laps/", "/v1/laps", "/f1/search/", "/admin/"])
def test_too_many_parameters_are_refused(admin_client, path):
    assert admin_client.get(f"{path}?{'&'.join(['session_key=1'] * 1_300)}").status_code in (200, 400, 404)


@pytest.mark.parametrize("page", ["999999999999999999999", "-1", "0", "1e9", "nan"])
def test_giant_pages_are_refused(api, page):
    assert api.get("/api/v1/laps/", {"page": page}).status_code in (400, 404)
    assert api.get("/api/v1/laps/", {"page_size": page}).status_code == 400


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "application/json", 400),
        (b'{"a":' * 50_000, "application/json", 400),
        (b'{"race_name": "\xff\xfe"}', "application/json", 400),
        (b'{"race_id": NaN}', "application/json", 400),
        (b"<race/>", "application/xml", 415),
        (b"race_id=1", "application/x-www-form-urlencoded", 415),
        (b"{}", "application/json; charset=nonsense", 400),
        (b" " * 3_000_000, "application/json", 413),
    ],
    ids=["deep", "deep and open", "utf-8", "nan", "xml", "form", "charset", "large"],
)
def test_bodies_that_are_no_good_are_refused(editor, body, kind, status):
    answer = editor.generic("POST", "/api/v1/races/", body, content_type=kind)
    assert (answer.status_code, Race.objects.count()) == (status, 0)
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../settings",
        "/v1/laps/../../etc/passwd",
        "/static/../f1site/settings.py",
        "/static/%2e%2e/.secret_key",
        "/media/../.secret_key",
    ],
)
def test_paths_lead_nowhere_else(api, path):
    answer = api.get(path)
    assert answer.status_code == 404
    assert b"SECRET" not in answer.content


def test_nobody_makes_themself_the_owner_of_what_the_site_keeps(editor):
    lap = make(Lap)
    body = {"source": "manual", "lap_id": 999, "updated_at": "2020-01-01T00:00:00Z", "is_superuser": True}
    for name, value in body.items():
        editor.patch(f"/api/v1/laps/{lap.pk}/", {name: value})
    stored = Lap.objects.get()
    assert (stored.pk, stored.source) == (lap.pk, lap.source)


@pytest.mark.parametrize(
    "target", ["https://evil.example.org/", "//evil.example.org/", "/\\evil.example.org", "javascript:alert(1)"]
)
def test_a_login_leads_back_here_only(client, target):
    User.objects.create_superuser("chief", password="pit-wall-22")
    answer = client.post(f"/admin/login/?next={target}", {"username": "chief", "password": "pit-wall-22", "next": target})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/")


@pytest.mark.parametrize("host", ["evil.example.org", "localhost@evil.example.org", "localhost:80:80", "localhost\r\nX: y"])
@pytest.mark.parametrize("path", ["/", "/api/v1/races/"])
def test_other_hosts_are_refused(settings, host, path):
    settings.ALLOWED_HOSTS = ["localhost"]
    answer = Client().get(path, headers={"Host": host})
    assert answer.status_code == 400
    assert b"evil" not in answer.content


def test_a_session_alone_may_not_write():
    User.objects.create_superuser("chief", password="pit-wall-22")
    client = Client(enforce_csrf_checks=True)
    client.login(username="chief", password="pit-wall-22")
    body = json.dumps({"race_id": 1, "race_name": "Test", "year": 2024})
    assert client.post("/api/v1/races/", body, content_type="application/json").status_code == 403


@pytest.fixture
def limits(settings):
    """Throttles that a test sets, counted from nothing."""
    cache.clear()
    yield settings.THROTTLES
    cache.clear()


REDIS = "redis://127.0.0.1:6379/0"


@pytest.fixture
def shared_cache(limits, settings):
    """Makes the cache that a process of the same site sees, in a Redis at an address."""
    own, prefix = settings.CACHES, f"test-{os.getpid()}-{time.time_ns()}"

    def connected(url):
        backend = "django.core.cache.backends.redis.RedisCache"
        settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": url, "KEY_PREFIX": prefix}}

    yield connected
    settings.CACHES = own  # to clear a Redis is to clear what others keep there
    with suppress(RedisError):
        redis = Redis.from_url(REDIS, socket_connect_timeout=2)
        redis.delete(*redis.scan_iter(f"{prefix}:*"))


def test_processes_that_share_a_redis_count_together(shared_cache, limits, api):
    try:
        Redis.from_url(REDIS, socket_connect_timeout=2).ping()
    except RedisError as error:
        pytest.skip(f"no Redis answers at {REDIS}: {error}")
    limits["reads"] = "3/day"
    statuses = []
    for _ in range(5):  # a process has its own connections
        shared_cache(REDIS)
        statuses.append(api.get("/api/v1/races/").status_code)
    assert statuses == [200, 200, 200, 429, 429]


def test_where_the_cache_is_away_the_site_answers_without_limits(shared_cache, limits, api):
    limits["reads"] = "1/day"
    shared_cache("redis://127.0.0.1:1/0")
    assert [api.get(path).status_code for path in ("/api/v1/races/", "/api/v1/races/", "/v1/meetings?empty=list")] == [200] * 3


def test_reads_are_limited_when_asked_for_by_address(limits, api, editor):
    limits["reads"] = "3/day"
    assert [api.get("/api/v1/races/").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert api.get("/v1/meetings").status_code == 429
    refused = api.get("/api/v1/races/")
    assert 0 < int(refused["Retry-After"]) <= 86400
    assert list(refused.json()) == ["detail"]
    assert api.get("/api/v1/races/", REMOTE_ADDR="10.0.0.9").status_code == 200
    assert editor.get("/api/v1/races/").status_code == 200  # a user, not an address
    assert editor.post("/api/v1/races/", {}).status_code == 400  # writes count apart


def test_many_others_do_not_reset_a_counter(limits, api):
    limits["reads"] = "1/day"
    assert [api.get("/api/v1/races/").status_code for _ in range(2)] == [200, 429]
    for number in range(1_000):
        count_request("reads", f"address_{number}")
    assert api.get("/api/v1/races/").status_code == 429


def test_a_header_makes_no_new_address(limits, api):
    limits["reads"] = "1/day"
    assert api.get("/api/v1/races/", HTTP_X_FORWARDED_FOR="1.1.1.1").status_code == 200
    assert api.get("/api/v1/races/", HTTP_X_FORWARDED_FOR="2.2.2.2").status_code == 429


def test_behind_a_proxy_its_word_counts(limits, api, settings):
    limits["reads"], settings.NUM_PROXIES = "1/day", 1
    assert api.get("/api/v1/races/", HTTP_X_FORWARDED_FOR="9.9.9.9, 1.1.1.1").status_code == 200
    assert api.get("/api/v1/races/", HTTP_X_FORWARDED_FOR="8.8.8.8, 1.1.1.1").status_code == 429
    assert api.get("/api/v1/races/", HTTP_X_FORWARDED_FOR="2.2.2.2").status_code == 200


def test_writes_and_syncs_are_limited_apart(limits, editor, openf1):
    limits |= {"writes": "1/day", "syncs": "1/day"}
    assert [editor.post("/api/v1/races/", {}).status_code for _ in range(2)] == [400, 429]
    assert [editor.post("/api/v1/races/sync/", {"race_id": 1229}).status_code for _ in range(2)] == [200, 429]


def address(model):
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}"


ACTING = [(model, page) for model, page in admin.site._registry.items() if page.actions_detail]  # unfold's own views


@pytest.mark.parametrize(("model", "page"), [*ACTING, (Driver, admin.site._registry[Driver])])
def test_no_page_of_the_admin_is_broken_by_its_address(admin_client, model, page):
    names = ["change", "delete", "history", *(page.get_unfold_action(name).path for name in page.actions_detail)]
    for number, name in enumerate(names):
        for key in ("%00", ("nosuch", "9" * 400, "%F0%9F%8F%8E")[number % 3]):
            assert admin_client.get(f"{address(model)}/{key}/{name}/").status_code < 500, (key, name)


@pytest.mark.parametrize("model", [Lap, Driver, User])
@pytest.mark.parametrize("query", [{"q": "\0"}, {"q": "a " * 1_300}, {"full_name": "\0"}, {"username": "\0"}])
def test_no_list_of_the_admin_is_broken_by_what_it_is_asked(admin_client, model, query):
    assert admin_client.get(f"{address(model)}/", query).status_code < 500


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_host_that_is_not_served_names_the_setting(settings, client, accept):
    settings.ALLOWED_HOSTS = ["localhost"]
    answer = client.get("/v1/laps", headers={"host": "f1.example.org", "accept": accept})
    assert answer.status_code == 400
    assert "the setting ALLOWED_HOSTS names those" in answer.content.decode()
