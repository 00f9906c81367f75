"""The front page, the sign of life, logins."""

from io import StringIO

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from rest_framework.test import APIClient

from api.tests.factories import make
from f1site import __version__
from races.models import Race
from telemetry.models import Lap

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("url", ["/", "/api/v1/", "/api/v1"])
def test_a_program_gets_name_version_and_links_that_work(api, url):
    body = api.get(url).json()
    assert (body["name"], body["version"]) == ("F1 Stats", __version__)
    assert body["links"]["laps"] == "http://testserver/api/v1/laps/"
    answers = {name: api.get(link).status_code for name, link in body["links"].items()}
    unlike = {name: status for name, status in answers.items() if status not in (200, 302)}
    asked = {f"strategy/{question}": 400 for question in ("rejoin", "undercut", "forecast", "what-if")}
    samples = {"car-data": 400, "location": 400, "pit-visits": 400}
    assert unlike == {"jobs": 401, "predict": 405, "mcp": 405} | samples | asked  # a login, a body, a session is needed
    assert {"analysis", "experiments", "runs", "v1"} <= answers.keys()


def test_a_person_gets_a_page_with_what_is_here(api):
    make(Lap)
    page = api.get("/api/v1/", HTTP_ACCEPT="text/html,application/xhtml+xml,*/*;q=0.8")
    assert page["Content-Type"] == "text/html; charset=utf-8"
    html = page.content.decode()
    assert '<a href="/api/v1/laps/"><b>laps <small>1</small></b>' in html
    assert "http://testserver/admin/" in html
    assert "http://testserver/api/docs/" in html


def test_the_process_says_that_it_lives(api, django_assert_num_queries):
    with django_assert_num_queries(0):
        for url in ("/healthz", "/healthz/"):
            assert api.get(url).json() == {"status": "ok", "version": __version__}
    assert api.post("/healthz").status_code == 405


def test_a_token_made_on_the_command_line_may_write():
    user = User.objects.create_user("engineer")
    user.user_permissions.add(Permission.objects.get(codename="add_race"))
    out = StringIO()
    call_command("create_token", "engineer", stdout=out)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {out.getvalue().strip()}")
    assert client.post("/races", {"race_id": 1, "race_name": "Test", "year": 2024}).status_code == 201
    assert client.delete("/races/1").status_code == 403


def test_a_wrong_token_is_refused_even_for_reading(api):
    api.credentials(HTTP_AUTHORIZATION="Token nonsense")
    answer = api.get("/races")
    assert (answer.status_code, answer["WWW-Authenticate"], list(answer.json())) == (401, "Token", ["detail"])


def test_a_session_may_write_only_with_the_csrf_token():
    User.objects.create_superuser("admin", password="pass")
    client = APIClient(enforce_csrf_checks=True)
    client.login(username="admin", password="pass")
    body = {"race_id": 1, "race_name": "Test", "year": 2024}
    assert client.post("/races", body).status_code == 403
    client.get("/races", HTTP_ACCEPT="text/html")
    token = client.cookies["csrftoken"].value
    assert client.post("/races", body, HTTP_X_CSRFTOKEN=token).status_code == 201
    assert Race.objects.get().source == "manual"


def test_a_lower_permission_is_not_enough_to_sync():
    user = User.objects.create_user("adder")
    user.user_permissions.add(Permission.objects.get(codename="add_lap"))
    client = APIClient()
    client.force_authenticate(user)
    assert client.post("/laps/1").status_code == 403
