"""A login in OpenF1's manner."""

from datetime import timedelta

import pytest
from django.utils import timezone

from api.logins.models import Token

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_user("ada", password="difference engine")


def get_token(client):
    return client.post("/token", {"username": "ada", "password": "difference engine", "grant_type": "password"})


def test_a_user_gets_a_token_for_an_hour(client, ada):
    response = get_token(client)
    assert response.status_code == 200
    answer = response.json()
    assert (answer["expires_in"], answer["token_type"]) == (3600, "bearer")
    token = Token.find(answer["access_token"])
    assert token.user == ada
    assert timedelta(minutes=59) < token.expires_at - timezone.now() <= timedelta(hours=1)


@pytest.mark.parametrize(
    "form",
    [
        {"username": "ada", "password": "wrong"},
        {"username": "nobody", "password": "difference engine"},
        {"username": "ada\0", "password": "difference engine"},  # PostgreSQL can compare no NUL
        {"username": "a" * 5_000, "password": "difference engine"},
    ],
)
def test_a_wrong_login_is_refused(client, ada, form):
    response = client.post("/token", form)
    assert (response.status_code, response.json()) == (401, {"detail": "Incorrect username or password."})


@pytest.mark.parametrize("name", [" ada ", "ada\u2003", "ａｄａ"])
def test_a_name_is_read_as_the_admin_reads_it(client, ada, name):
    assert client.post("/token", {"username": name, "password": "difference engine"}).status_code == 200


def test_a_form_that_lacks_something_is_told_what(client):
    response = client.post("/token", {"username": "ada"})
    assert (response.status_code, response.json()) == (400, {"detail": "Send a form with password."})


def test_a_login_is_posted(client):
    assert client.get("/token").status_code == 405


def test_a_forged_or_old_token_is_nobodys(client, ada):
    issued = get_token(client).json()["access_token"]
    assert Token.find(issued + "x") is None
    Token.objects.update(expires_at=timezone.now())
    assert Token.find(issued) is None
    get_token(client)
    assert Token.objects.count() == 1  # what has expired does not stay


@pytest.mark.parametrize("authorization", ["Bearer nonsense", "Bearer ", "Token nonsense", "Basic x", "\xff"])
def test_reading_needs_no_token_and_minds_none(weekend, client, settings, authorization):
    settings.THROTTLES |= {"reads": "1000/day"}  # who reads is looked at only to be counted
    assert client.get("/v1/laps", headers={"Authorization": authorization}).status_code == 200
