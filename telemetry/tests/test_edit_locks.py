"""What an edit locks on PostgreSQL."""

from datetime import UTC, datetime

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from mirror import versions
from races.models import Race, Session
from telemetry.models import Lap

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks the whole database"),
]


def test_rows_that_refer_to_an_edited_lap_can_be_stored_meanwhile(editor, monkeypatch):
    """A check stores such rows after it has taken the version of the laps, for which the edit waits: a deadlock otherwise."""
    race = Race.objects.create(race_id=1, race_name="Demo Grand Prix", year=2024)
    start = datetime(2024, 3, 2, tzinfo=UTC)
    session = Session.objects.create(session_id=11, race=race, session_name="Race", year=2024, date_start=start)
    lap = Lap.objects.create(session=session, driver_number=1, lap_number=1, lap_duration=90)
    touch, seen = versions.touch, []

    def refer(*piece):
        database = settings.DATABASES["default"]
        with psycopg.connect(
            dbname=connection.settings_dict["NAME"],
            **{name: database[name.upper()] for name in ("host", "user", "password")},
            port=database["PORT"] or 5432,
        ) as other:
            # As PostgreSQL does for a foreign key.
            seen.extend(other.execute("SELECT lap_id FROM telemetry_lap FOR KEY SHARE NOWAIT").fetchall())
        touch(*piece)

    monkeypatch.setattr("mirror.versions.touch", refer)
    answer = editor.patch(f"/api/v1/laps/{lap.pk}/", {"lap_duration": 89.5})
    assert (answer.status_code, seen[:1]) == (200, [(lap.pk,)]), answer.json()
