"""A login in OpenF1's manner."""

import pytest
from django.core import signing

from api.openf1 import token

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_user("ada", password="difference engine")


def test_a_user_gets_a_token_for_an_hour(client, ada):
    response = client.post("/token", {"username": "ada", "password": "difference engine", "grant_type": "password"})
    assert response.status_code == 200
    answer = response.json()
    assert (answer["expires_in"], answer["token_type"]) == (3600, "bearer")
    assert token.user_id_of(answer["access_token"]) == ada.pk


@pytest.mark.parametrize(
    "form", [{"username": "ada", "password": "wrong"}, {"username": "nobody", "password": "difference engine"}]
)
def test_a_wrong_login_is_refused(client, ada, form):
    response = client.post("/token", form)
    assert (response.status_code, response.json()) == (401, {"detail": "Incorrect username or password."})


def test_a_form_that_lacks_something_is_told_what(client):
    response = client.post("/token", {"username": "ada"})
    assert (response.status_code, response.json()) == (400, {"detail": "Send a form with password."})


def test_a_login_is_posted(client):
    assert client.get("/token").status_code == 405


def test_a_forged_or_old_token_is_nobodys(monkeypatch, ada):
    issued = token.issue_token(ada)
    assert token.user_id_of(issued + "x") is None
    assert token.user_id_of(signing.dumps(ada.pk, salt="another")) is None
    monkeypatch.setattr(token, "LIFETIME", -1)
    assert token.user_id_of(issued) is None


@pytest.mark.parametrize("authorization", ["Bearer nonsense", "Bearer "])
def test_reading_needs_no_token_and_minds_none(weekend, client, authorization):
    assert client.get("/v1/laps", headers={"Authorization": authorization}).status_code == 200
