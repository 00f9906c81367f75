"""Statements that are kept by the shape of a question answer every question of that shape."""

import pytest
from django.db.models.sql.compiler import SQLCompiler

from api.openf1 import compiled
from api.openf1.answers import answers

pytestmark = pytest.mark.django_db

# Pairs of questions with the same statement and other values.
PAIRS = [
    ("laps?driver_number=1", "laps?driver_number=16"),
    ("laps?driver_number=1&lap_number=2", "laps?lap_number=3&driver_number=77"),
    ("laps?driver_number=1&driver_number=16", "laps?driver_number=77&driver_number=16"),
    ("laps?lap_number>=2&lap_number<=3&driver_number=1", "laps?lap_number>=1&lap_number<=2&driver_number=16"),
    ("laps?date_start>=2024-03-02T15:00:00", "laps?date_start>=2024-03-02T15:05:00"),
    ("laps?is_pit_out_lap=true", "laps?is_pit_out_lap=false"),
    ("laps?lap_duration<=92&limit=1", "laps?lap_duration<=300.5&offset=1&limit=3"),
    ("laps?include=name_acronym&driver_number=1", "laps?include=name_acronym&driver_number=16"),
    ("race_control?message=MSG 1", "race_control?message=MSG 2"),
    ("race_control?message>MSG 1", "race_control?message>MSG 0"),
    ("laps?segments_sector_1=2048", "laps?segments_sector_1=2051"),
    ("drivers?session_key=9472", "drivers?session_key=latest"),
    ("race_control?flag=GREEN", "race_control?flag=green"),
    ("sessions?year=2024", "sessions?year=2023"),
]


def ask_database(client, question):
    answers.clear()
    return client.get(f"/v1/{question}").content


@pytest.mark.parametrize(("question", "other"), PAIRS)
def test_a_question_asked_after_one_of_its_shape_is_answered_as_if_asked_first(weekend, client, question, other):
    for first, second in ((question, other), (other, question)):
        compiled.kept.clear()
        alone = ask_database(client, second)
        compiled.kept.clear()
        assert ask_database(client, first)
        assert ask_database(client, second) == alone


def test_the_statement_of_a_shape_is_compiled_once(weekend, get, monkeypatch):
    assert len(get("laps?driver_number=16&lap_number>=2")) == 2
    monkeypatch.setattr(SQLCompiler, "as_sql", lambda *arguments, **options: pytest.fail("compiled again"))
    assert [row["driver_number"] for row in get("laps?driver_number=77&lap_number>=3&limit=5")] == [77]
