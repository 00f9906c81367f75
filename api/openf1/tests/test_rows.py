"""The rows: their order, their types, and how little is asked of the database."""

import json
from datetime import timedelta

import pytest
from django.db import connection

from api.openf1 import rows
from api.openf1.catalogue import collection_of, find_collection
from api.openf1.query import parse
from mirror.feeds import registry
from mirror.storage import FileStorage
from mirror.tests.upstream import openf1_rows
from races.models import RaceControl, Session
from telemetry.models import Lap

pytestmark = pytest.mark.django_db


def numbers(found):
    return [(row["driver_number"], row["lap_number"]) for row in found]


def test_laps_are_in_order_of_their_start_those_without_one_first(weekend, get):
    unstarted = [(1, 1), (16, 1), (77, 1)]
    assert numbers(get("laps")) == [*unstarted, (1, 2), (16, 2), (77, 2), (1, 3), (16, 3), (77, 3)]


def test_standings_are_in_order_of_place(weekend, get):
    assert [row["position_current"] for row in get("championship_drivers")] == [1, 2]


def test_other_rows_are_in_the_order_they_came_session_by_session(weekend, get):
    earlier = RaceControl.objects.create(session=weekend.qualifying, date=weekend.start, message="late arrival", digest=9)
    assert [row["message"] for row in get("race_control")] == [earlier.message, "MSG 0", "MSG 1", "MSG 2"]


def test_order_by_comes_before_that_order_and_nulls_are_the_smallest(weekend, get):
    assert numbers(get("laps?order_by=-lap_duration&limit=2")) == [(1, 3), (16, 3)]
    assert numbers(get("laps?order_by=-driver_number,lap_number&limit=4")) == [(77, 1), (77, 2), (77, 3), (16, 1)]
    assert [row["gap_to_leader"] for row in get("intervals?order_by=gap_to_leader")] == ["+1 LAP", None, 0, 12.345]
    assert [row["gap_to_leader"] for row in get("intervals?order_by=-gap_to_leader")] == [12.345, 0, "+1 LAP", None]


@pytest.mark.parametrize("order", ["lap_duration", "-lap_duration", "-lap_duration,-lap_number", "lap_duration,driver_number"])
def test_the_first_rows_by_an_indexed_field_are_those_of_all_rows(weekend, get, order):
    for number in range(4, 9):
        Lap.objects.create(
            session=weekend.qualifying, driver_number=5, lap_number=number, lap_duration=None if number > 6 else 92.0
        )
    everything = get(f"laps?order_by={order}")
    assert len(everything) == 14
    for limit in range(1, 16):
        for offset in (0, 1, 5):
            assert get(f"laps?order_by={order}&limit={limit}&offset={offset}") == everything[offset : offset + limit]


def test_the_first_rows_by_an_indexed_field_are_found_by_the_index(weekend, get):
    query = parse("order_by=-lap_duration&limit=3", find_collection("laps"), now=weekend.start, latest=lambda name: None)
    assert "lap_duration" in str(rows.edge(query))
    if connection.vendor == "sqlite":
        sql, params = rows.statement_of(query)
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            plan = str(cursor.fetchall())
        assert "USING INDEX lap_" in plan
        assert "lap_duration>?" in plan


def test_limit_and_offset_cut_a_part_out(weekend, get):
    everything = numbers(get("laps"))
    assert numbers(get("laps?limit=2")) == everything[:2]
    assert numbers(get("laps?offset=7")) == everything[7:]
    assert numbers(get("laps?offset=2&limit=3")) == everything[2:5]
    assert get("laps?limit=0").status_code == 404


def test_fields_are_those_asked_for_in_that_order(weekend, get):
    assert [*get("laps?fields=lap_duration,lap_number&limit=1")[0]] == ["lap_duration", "lap_number"]


def test_values_are_written_as_openf1_writes_them(weekend, client):
    body = client.get("/v1/laps?driver_number=1&lap_number=2").content
    assert body == (
        b'[{"meeting_key":1229,"session_key":9472,"driver_number":1,"lap_number":2,"date_start":"2024-03-02T15:03:00.001000+00:00",'
        b'"lap_duration":92.0,"duration_sector_1":null,"duration_sector_2":null,"duration_sector_3":null,"i1_speed":null,'
        b'"i2_speed":null,"st_speed":302,"is_pit_out_lap":false,"segments_sector_1":[2048,null,2051],"segments_sector_2":null,'
        b'"segments_sector_3":null}]'
    )
    body = client.get("/v1/intervals?fields=date,gap_to_leader").content
    assert body == (
        b'[{"date":"2024-03-02T15:00:00+00:00","gap_to_leader":0},{"date":"2024-03-02T15:00:01+00:00","gap_to_leader":12.345},'
        b'{"date":"2024-03-02T15:00:02+00:00","gap_to_leader":"+1 LAP"},'
        b'{"date":"2024-03-02T15:00:03+00:00","gap_to_leader":null}]'
    )
    points = client.get("/v1/championship_drivers?fields=points_current,points_start").content
    assert points == b'[{"points_current":26.5,"points_start":null},{"points_current":12.0,"points_start":null}]'


def test_rows_are_what_the_feed_would_send_back(weekend, get):
    for name, feed in registry().items():
        if not isinstance(feed.storage, FileStorage) and feed.model.objects.exists():
            expected = [{**collection_of(feed).columns, **row} for row in openf1_rows(feed, feed.model.objects.order_by("pk"))]
            found = get(name)
            key = sorted(found[0])
            assert sorted(json.dumps([row[k] for k in key]) for row in found) == sorted(
                json.dumps([row[k] for k in key]) for row in expected
            )


@pytest.mark.parametrize(
    "question",
    ["laps?session_key=9472", "laps?session_key=latest&meeting_key=latest", "laps?meeting_key=1229", "sessions?year=2024"],
)
@pytest.mark.parametrize("raw", ["", "&raw=true"])
def test_no_answer_takes_more_than_three_queries(weekend, get, question, raw, django_assert_max_num_queries):
    with django_assert_max_num_queries(3):
        assert isinstance(get(question + raw), list)


def test_many_rows_are_read_in_parts(weekend, get, monkeypatch, client):
    monkeypatch.setattr(rows, "CHUNK", 2)
    response = client.get("/v1/laps")
    assert response.streaming
    parts = [*response.streaming_content]
    assert len(parts) == 6  # five of two laps or one, and the end
    assert len(json.loads(b"".join(parts))) == 9


def test_laps_of_a_session_without_a_lap_are_none(weekend, get):
    Lap.objects.all().delete()
    assert get("laps?session_key=9472").status_code == 404


def test_latest_is_the_newest_session_that_has_begun_or_begins_within_a_minute(weekend, get):
    from django.utils import timezone

    place = {"race": weekend.race, "year": 2024}
    now = timezone.now()
    Session.objects.create(
        session_id=9998, session_name="soon", date_start=now + timedelta(seconds=50), is_cancelled=True, **place
    )
    Session.objects.create(session_id=9999, session_name="later", date_start=now + timedelta(seconds=90), **place)
    assert [row["session_key"] for row in get("sessions?session_key=latest")] == [9472]
    Session.objects.filter(session_id=9998).update(is_cancelled=False)
    assert [row["session_key"] for row in get("sessions?session_key=latest")] == [9998]
    assert [row["session_key"] for row in get("sessions?session_key>latest")] == [9999]
