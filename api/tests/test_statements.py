"""A statement of a request that takes too long ends, with words, on both databases."""

import time

import pytest
from django.db import OperationalError, connection, transaction

from api.statements import StatementTimeoutMiddleware, is_timeout

pytestmark = pytest.mark.django_db

SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000000) SELECT max(i) FROM n",
    "postgresql": "SELECT count(*) FROM generate_series(1, 300000000)",
}


@pytest.fixture
def slow(settings):
    """Every list is a slow statement."""
    settings.STATEMENT_TIMEOUT = 0.2

    def ask(*arguments, **options):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(SLOW[connection.vendor])
            cursor.fetchall()

    return ask


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("api.viewsets.EntityViewSet.filter_queryset", "/api/v1/laps/"),
        ("api.openf1.views.respond", "/v1/laps?session_key=1"),
    ],
)
def test_a_statement_that_takes_too_long_is_503_with_the_reason(client, monkeypatch, slow, place, path):
    monkeypatch.setattr(place, slow)
    began = time.monotonic()
    answer = client.get(path)
    assert time.monotonic() - began < 10
    assert answer.status_code == 503
    assert "STATEMENT_TIMEOUT" in answer.json()["detail"]
    monkeypatch.undo()
    assert client.get("/api/v1/sessions/").status_code == 200


def test_other_errors_of_the_database_are_no_timeouts():
    assert not is_timeout(OperationalError("database is locked"))


def test_reading_slowly_is_no_long_statement(settings):
    settings.STATEMENT_TIMEOUT = 0.3
    StatementTimeoutMiddleware(lambda request: None)(None)
    endless = {"sqlite": SLOW["sqlite"].replace("max(i)", "i"), "postgresql": "SELECT generate_series(1, 300000000)"}
    with connection.chunked_cursor() as cursor:
        cursor.execute(endless[connection.vendor])
        for _ in range(5):
            assert len(cursor.fetchmany(100)) == 100
            time.sleep(0.1)
