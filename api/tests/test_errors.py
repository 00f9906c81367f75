"""Whatever goes wrong is JSON that says whose fault it is, and nothing about our insides."""

import logging

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DataError, IntegrityError, OperationalError
from django.http import Http404
from django.test import Client
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView

from mirror.client import LOCKED
from mirror.errors import BadRequest, BadResponse, Locked, TooLarge, Unavailable
from races.models import Race


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Locked(LOCKED), 503),
        (Unavailable("https://api.openf1.org/v1/laps answered 500"), 503),
        (BadResponse("answered with HTML"), 502),
        (BadRequest("was refused with 400"), 502),
        (TooLarge("is too much for one request"), 502),
        (IntegrityError("UNIQUE constraint failed"), 409),
        (DataError("out of range"), 400),
        (OverflowError("Python int too large"), 400),
        (OperationalError("database is locked"), 503),
        (RequestDataTooBig("too big"), 413),
        (Http404("No Race"), 404),
        (PermissionDenied("no"), 403),
        (ZeroDivisionError("secret"), 500),
    ],
)
def test_every_error_has_its_status(error, status):
    class View(APIView):
        permission_classes = []

        def get(self, request):
            raise error

    answer = View.as_view()(APIRequestFactory().get("/")).render()
    assert (answer.status_code, answer["Content-Type"], list(answer.data)) == (status, "application/json", ["detail"])
    assert "secret" not in answer.content.decode()


def test_a_closed_openf1_is_explained():
    class View(APIView):
        permission_classes = []

        def get(self, request):
            raise Locked(LOCKED)

    detail = View.as_view()(APIRequestFactory().get("/")).data["detail"]
    assert "a session is on track; history is closed to anonymous users until about 30 minutes after it" in detail


def test_when_openf1_asks_to_wait_so_do_we():
    class View(APIView):
        permission_classes = []

        def get(self, request):
            raise Unavailable("answered 429", retry_after=7)

    assert View.as_view()(APIRequestFactory().get("/"))["Retry-After"] == "7"


def test_a_bug_is_logged_with_its_trace_and_answered_without(db, editor, monkeypatch, caplog):
    def broken(*args):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(Race, "delete", broken)
    Race.objects.create(race_id=1, race_name="Monaco Grand Prix", year=2024)
    with caplog.at_level(logging.ERROR):
        answer = editor.delete("/races/1")
    assert answer.status_code == 500
    told = {"detail": "Something went wrong on this side; it has been logged.", "request_id": answer["X-Request-ID"]}
    assert answer.json() == told
    assert "ZeroDivisionError: secret" in caplog.text
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("path", ["/api/nosuch", "/api/v1/nosuch/", "/api/v1/laps/abc", "/laps/abc/", "/races/1/nosuch", "/api/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_unknown_url_of_the_api_is_json_for_everybody(settings, path, debug, method):
    settings.DEBUG = debug
    client = APIClient(enforce_csrf_checks=True)
    answer = getattr(client, method)(path, HTTP_ACCEPT="text/html" if path.startswith("/api") else "*/*")
    assert (answer.status_code, answer["Content-Type"], list(answer.json())) == (404, "application/json", ["detail"])


def test_an_unknown_url_elsewhere_is_a_page_for_a_person_and_json_for_a_program(db, api):
    assert api.get("/nosuch", HTTP_ACCEPT="text/html,*/*")["Content-Type"] == "text/html; charset=utf-8"
    assert list(api.get("/nosuch").json()) == ["detail"]


def test_an_unknown_host_is_refused_as_json(db, api):
    answer = api.get("/laps", HTTP_HOST="evil.example")
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


def test_a_crash_outside_the_api_views_is_json_too(db, settings):
    settings.ROOT_URLCONF = "api.tests.crash"
    answer = APIClient(raise_request_exception=False).get("/crash")
    assert (answer.status_code, list(answer.json())) == (500, ["detail", "request_id"])
    assert (
        APIClient(raise_request_exception=False).get("/crash", HTTP_ACCEPT="text/html")["Content-Type"]
        == "text/html; charset=utf-8"
    )
    assert list(APIClient().get("/forbidden").json()) == ["detail"]


def away(*args, **kwargs):
    raise OperationalError("connection refused at 10.0.0.7")


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_a_database_that_is_away_is_no_fault_of_the_openf1_api(db, api, monkeypatch, accept):
    monkeypatch.setattr("mirror.versions.statement", away)
    answer = api.get("/v1/laps?session_key=1", HTTP_ACCEPT=accept)
    assert answer.status_code == 503
    assert "try again" in answer.content.decode()
    assert "10.0.0.7" not in answer.content.decode()


def test_a_database_that_is_away_is_told_to_people_in_the_admin(admin_client, monkeypatch):
    monkeypatch.setattr("f1site.admin.site.dashboard", away)
    answer = admin_client.get("/admin/")
    assert (answer.status_code, answer["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert "The database cannot be reached or is busy; try again." in answer.content.decode()


@pytest.mark.parametrize("path", ["/admin/login/", "/nosuch", "/token"])
def test_a_form_that_cannot_be_read_is_refused(db, path):
    """A page of Django's for a malformed request would read the form once more."""
    field = b'--x\r\nContent-Disposition: form-data; name="' + b"a" * 5_000 + b'"\r\n\r\n1\r\n--x--\r\n'
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.cookies["csrftoken"] = "a" * 32
    answer = client.post(path, field, content_type="multipart/form-data; boundary=x", HTTP_ACCEPT="text/html")
    assert answer.status_code == (404 if path == "/nosuch" else 400), answer.content
