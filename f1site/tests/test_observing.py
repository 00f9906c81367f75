"""What the site tells about itself: ids, lines, times, health, metrics."""

import json
import logging

import pytest
from django.db import DatabaseError
from django.test import Client

from f1site import __version__, health
from mirror.models import SyncRun

pytestmark = pytest.mark.django_db


def test_every_answer_says_its_id_and_how_long_it_took(api):
    answer = api.get("/healthz")
    assert len(answer["X-Request-ID"]) == 16
    assert float(answer["X-Process-Time"]) < 5
    assert answer["Server-Timing"].startswith("app;dur=")


@pytest.mark.parametrize(
    ("given", "taken"), [("abc-123.DEF_4", True), ("short", False), ("x" * 65, False), ("a b\tc d e f g", False)]
)
def test_an_id_is_taken_over_when_it_is_a_sane_one(api, given, taken):
    assert (api.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"] == given) == taken


def test_a_request_leaves_one_line(editor, caplog):
    with caplog.at_level(logging.INFO, "f1site.requests"):
        editor.get("/api/v1/races/?race_name__icontains=private")
    [line] = [record for record in caplog.records if record.name == "f1site.requests"]
    assert (line.method, line.path, line.status) == ("GET", "/api/v1/races/", 200)
    assert line.route == "api/v1/races/$"
    assert line.duration_ms > 0


def test_the_line_names_who_was_logged_in(admin_client, caplog):
    with caplog.at_level(logging.INFO, "f1site.requests"):
        admin_client.get("/admin/")
    assert caplog.records[-1].user == "admin"


def test_an_unexpected_error_answers_with_its_id(monkeypatch):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("races.views.RaceViewSet.list", broken)
    answer = Client(raise_request_exception=False).get("/api/v1/races/", headers={"X-Request-ID": "find-me-again"})
    assert (answer.status_code, answer.json()["request_id"]) == (500, "find-me-again")
    assert b"secret" not in answer.content


def test_a_site_in_order_is_ready(api):
    body = api.get("/readyz").json()
    assert (body["status"], set(body["parts"].values())) == ("ok", {"ok"})
    assert api.get("/health").json() == {"status": "healthy", "version": __version__}


def test_what_is_not_ready_is_named(api, settings, monkeypatch):
    def down():
        raise DatabaseError("password=hunter2")

    monkeypatch.setitem(health.CHECKS, "database", down)
    settings.MIN_FREE_MB = 10**12
    settings.MAX_SYNC_AGE_HOURS = 24
    answer = api.get("/readyz")
    failing = {name for name, condition in answer.json()["parts"].items() if condition != "ok"}
    assert (answer.status_code, failing) == (503, {"database", "disk", "sync"})
    assert b"hunter2" not in answer.content
    assert api.get("/health").status_code == 503
    assert api.get("/healthz").status_code == 200


def test_a_broker_that_is_gone_is_noticed(api, settings):
    settings.CELERY_BROKER_FOLDER = None
    previous, health.app.conf.broker_url = health.app.conf.broker_url, "amqp://guest:guest@127.0.0.1:1//"
    try:
        assert health.condition(health.check_broker) != "ok"
    finally:
        health.app.conf.broker_url = previous


def test_metrics_are_there_by_setting_only(api, settings):
    assert api.get("/metrics").status_code == 404
    settings.METRICS = True
    SyncRun.objects.create(scope={}, created=7)
    api.get("/healthz")
    text = api.get("/metrics").content.decode()
    assert 'f1site_sync_rows{did="created"} 7' in text
    assert 'f1site_requests_total{method="GET",route="healthz/",status="200"}' in text


def test_json_lines_are_json():
    from f1site.tests.test_configuration import manage

    code = "import logging; logging.getLogger('x').error('it broke', exc_info=ValueError('why'))"
    done = manage("shell", "-v0", "-c", code, LOG_FORMAT="json")
    line = json.loads(done.stderr.strip().splitlines()[-1])
    assert (line["event"], line["level"], line["logger"]) == ("it broke", "error", "x")
