"""One kind of token: from OpenF1's way to log in, from REST, from the command line; for both, and in both spellings."""

import importlib
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from api.logins.models import Token, digest_of

pytestmark = pytest.mark.django_db

PASSWORD = "difference engine"
LOGIN = {"username": "ada", "password": PASSWORD}
RACE = {"race_id": 1, "race_name": "Test", "year": 2024}


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_superuser("ada", password=PASSWORD)


def with_token(key, scheme="Token"):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"{scheme} {key}")
    return client


def by_openf1(api):
    return Client().post("/token", LOGIN).json()["access_token"]


def by_rest(api):
    return api.post("/api/v1/token/", LOGIN).json()["token"]


def by_command(api):
    out = StringIO()
    call_command("create_token", "ada", stdout=out)
    return out.getvalue().strip()


WAYS = pytest.mark.parametrize("get_token", [by_openf1, by_rest, by_command])


@WAYS
@pytest.mark.parametrize("scheme", ["Token", "Bearer", "bearer", "TOKEN"])
def test_every_token_is_taken_in_both_spellings(api, ada, get_token, scheme):
    client = with_token(get_token(api), scheme)
    assert client.post("/api/v1/races/", RACE).status_code == 201
    assert client.get("/v1/meetings").status_code == 200


@WAYS
@pytest.mark.parametrize("scheme", ["Token", "Bearer"])
def test_v1_counts_whoever_sends_one_as_a_user(settings, api, ada, get_token, scheme):
    cache.clear()
    settings.THROTTLES |= {"reads": "2/day"}
    client = with_token(get_token(api), scheme)
    paths = ["/v1/meetings?empty=list", "/api/v1/races/", "/v1/meetings?empty=list"]
    assert [client.get(path).status_code for path in paths] == [200, 200, 429]
    assert api.get(paths[0]).status_code == 200  # an address, not a user
    cache.clear()


@pytest.mark.parametrize("scheme", ["Token", "Bearer"])
def test_a_token_that_is_not_valid_is_told_so(ada, scheme):
    answer = with_token("nonsense", scheme).get("/api/v1/races/")
    assert answer.status_code == 401
    assert answer.json()["detail"].startswith("The token is not valid")


def test_a_token_is_given_for_name_and_password(api, ada):
    answer = api.post("/api/v1/token/", LOGIN)
    made = answer.json()
    assert (answer.status_code, answer["Location"], made["expires_at"]) == (201, made["url"], None)
    assert made["token"].startswith(made["beginning"])
    assert "digest" not in made


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (LOGIN | {"password": "wrong"}, 401, "detail"),
        (LOGIN | {"username": "nobody"}, 401, "detail"),
        ({"username": "ada"}, 400, "password"),
        (LOGIN | {"username": "a\0"}, 400, "username"),
        (LOGIN | {"user": 1}, 400, "user"),
        ([], 400, "detail"),
    ],
)
def test_no_token_is_given_for_anything_else(api, ada, body, status, field):
    answer = api.post("/api/v1/token/", body)
    assert (answer.status_code, list(answer.json())) == (status, [field])
    assert not Token.objects.exists()


def test_whoever_may_not_log_in_has_no_use_for_a_token(api, ada):
    key = by_rest(api)
    type(ada).objects.update(is_active=False)
    assert with_token(key).get("/api/v1/races/").status_code == 401
    assert api.post("/api/v1/token/", LOGIN).status_code == 401


def test_tokens_are_listed_and_revoked_by_their_owner(api, ada, stranger):
    first, second = by_rest(api), by_openf1(api)
    client = with_token(first)
    listed = client.get("/api/v1/token/").json()["results"]
    assert [row["beginning"] for row in listed] == [first[:6], second[:6]]
    assert first not in client.get("/api/v1/token/").content.decode()
    assert stranger.get("/api/v1/token/").json()["count"] == 1  # its own
    assert stranger.delete(listed[1]["url"]).status_code == 404
    assert api.get("/api/v1/token/").status_code == 401
    assert client.delete(listed[1]["url"]).status_code == 200
    assert with_token(second, "Bearer").get("/api/v1/races/").status_code == 401
    assert client.delete(listed[0]["url"]).status_code == 200
    assert client.get("/api/v1/races/").status_code == 401


def test_what_is_stored_is_no_token(api, ada):
    key = by_rest(api)
    stored = Token.objects.values().get()
    assert key not in str(stored)
    assert with_token(stored["digest"]).get("/api/v1/races/").status_code == 401


def test_the_command_makes_tokens_that_end(ada):
    call_command("create_token", "ada", "--days", "2", stdout=StringIO())
    assert timedelta(days=1) < Token.objects.get().expires_at - timezone.now() <= timedelta(days=2)
    with pytest.raises(CommandError, match="There is no user 'bob'"):
        call_command("create_token", "bob")
    with pytest.raises(CommandError, match="--days 0"):
        call_command("create_token", "ada", "--days", "0")


def test_tokens_of_before_stay_valid_without_their_plain_text(ada):
    migration = importlib.import_module("api.logins.migrations.0002_tokens_of_before")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE authtoken_token (key varchar(40) PRIMARY KEY, user_id integer)")
        cursor.execute("INSERT INTO authtoken_token VALUES (%s, %s)", ["7" * 40, ada.pk])
    migration.take_over(apps, SimpleNamespace(connection=connection))
    assert Token.find("7" * 40).user == ada
    assert Token.objects.get().digest == digest_of("7" * 40)
    assert "authtoken_token" not in connection.introspection.table_names()
