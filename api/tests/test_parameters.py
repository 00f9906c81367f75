"""How conditions are written in a query string."""

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from api.parameters import conditions
from api.tests.factories import FIRST, make
from telemetry.models import Lap, Stint

SPELLINGS = [
    ("lap_duration=90", "lap_duration", "90"),
    ("lap_duration__gte=90", "lap_duration__gte", "90"),
    ("lap_duration>=90", "lap_duration__gte", "90"),
    ("lap_duration<=90", "lap_duration__lte", "90"),
    ("lap_duration>90", "lap_duration__gt", "90"),
    ("lap_duration<90", "lap_duration__lt", "90"),
    ("lap_duration%3E90", "lap_duration__gt", "90"),
    ("lap_duration%3E%3D90", "lap_duration__gte", "90"),
    ("lap_duration%3E%3D=90", "lap_duration__gte", "90"),  # requests, from {"lap_duration>=": 90}
    ("lap_duration%3C%3D=90", "lap_duration__lte", "90"),
    ("lap_duration%3E=90", "lap_duration__gte", "90"),  # cannot be told from >=
    ("lap_duration%3E90=", "lap_duration__gt", "90"),  # the links between pages
    ("date_start>2023-03-05T15:03:00%2B00:00", "date_start__gt", "2023-03-05T15:03:00+00:00"),
    ("team_name>a=b", "team_name__gt", "a=b"),
    ("lap_duration>=", "lap_duration__gte", ""),
]


@pytest.mark.parametrize(("query", "name", "value"), SPELLINGS)
def test_operators_are_understood_in_every_spelling(query, name, value):
    assert dict(conditions(QueryDict(query)).lists()) == {name: [value]}


def test_values_of_a_repeated_parameter_are_kept_together():
    found = conditions(QueryDict("driver_number=1&lap_number>=3&driver_number=44&lap_number__gte=5"))
    assert dict(found.lists()) == {"driver_number": ["1", "44"], "lap_number__gte": ["3", "5"]}


@pytest.fixture
def laps(db):
    """Three laps of 1.5, 2.5 and 3.5 seconds, on three days."""
    return [make(Lap, number) for number in (1, 2, 3)]


def found(api, query: str) -> list[float]:
    answer = api.get(f"/laps?{query}")
    assert answer.status_code == 200, answer.json()
    return [row["lap_duration"] for row in answer.json()["results"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("lap_duration>=2.5", [2.5, 3.5]),
        ("lap_duration>2.5", [3.5]),
        ("lap_duration%3C%3D=2.5", [1.5, 2.5]),
        ("lap_number=4&lap_number=6", [1.5, 3.5]),
        ("lap_number__in=4,6", [1.5, 3.5]),
        ("lap_number>4&lap_number<6", [2.5]),
        ("is_pit_out_lap=true", [2.5]),
        ("race_id=2002", [2.5]),
        ("year=2003&season=2003", [3.5]),
        ("session_name=session_name%20001", [1.5]),
        ("track_status__icontains=3", [2.5]),
        ("segments_sector_1=[2048,null,3]", [3.5]),
        ("segments_sector_1=[2048,%20null,%203]", [3.5]),
        ("date_start>=2023-03-07", [2.5, 3.5]),
        ("date_start<2023-03-06T15:00:01", [1.5]),
        ("date_start>2023-03-07T15:00:00.123Z", [3.5]),
        ("date_start>2023-03-07T16:00:00.123+01:00", [3.5]),  # the + arrives as a blank
    ],
)
def test_filters_find_the_rows(api, laps, query, expected):
    assert found(api, query) == expected


def test_a_date_with_an_offset_is_read_as_that_moment(api, laps):
    assert FIRST.isoformat() == "2023-03-05T15:00:00.123000+00:00"
    assert found(api, "date_start=2023-03-06T16:00:00.123%2B01:00") == [1.5]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("lap_number>=3&lap_number__gte=5", "lap_number__gte"),
        ("lap_duration>=", "lap_duration__gte"),
        ("lap_duration=", "lap_duration"),
        ("lap_duration==90", "lap_duration"),
        ("lap_duration!=90", "lap_duration!"),
        ("lap_number__in=1,,2", "lap_number__in"),
        ("date_start=yesterday", "date_start"),
        ("is_pit_out_lap=maybe", "is_pit_out_lap"),
        ("segments_sector_1=[", "segments_sector_1"),
        ("segments_sector_1__gt=1", "segments_sector_1__gt"),
        ("driver_number=99999999999", "driver_number"),
        ("page_size=10&per_page=1001", "per_page"),
        ("page_size=0", "page_size"),
        ("page=1.0", "page"),
        ("page=1_0", "page"),
        ("ordering=lap_number,", "ordering"),
        ("ordering=--lap_number", "ordering"),
        ("format=", "format"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(api, laps, query, name):
    answer = api.get(f"/laps?{query}")
    assert answer.status_code == 400, answer.json()
    assert list(answer.json()) == [name]


def test_an_unknown_order_is_answered_with_the_valid_ones(api, laps):
    [message] = api.get("/laps?ordering=speed").json()["ordering"]
    assert "'speed'" in message
    assert "lap_duration" in message


def test_ties_are_broken_by_key(api, laps):
    Lap.objects.update(lap_number=7)
    up = [row["lap_id"] for row in api.get("/laps?ordering=lap_number").json()["results"]]
    assert up == sorted(up)


def test_pages_are_linked_with_their_conditions(api, laps):
    first = api.get("/laps?lap_duration>2&per_page=1&ordering=-lap_duration").json()
    assert (first["count"], first["page"], first["pages"], first["page_size"], first["previous"]) == (2, 1, 2, 1, None)
    second = api.get(first["next"]).json()
    assert [row["lap_duration"] for row in first["results"] + second["results"]] == [3.5, 2.5]
    assert second["next"] is None
    assert api.get(second["previous"]).json() == first


def test_a_parameter_has_a_bounded_number_of_values(api, db):
    for question in (
        "&".join(["lap_number=1"] * 260),
        f"lap_number__in={','.join(['1'] * 260)}",
        "&".join(["lap_number>=1"] * 260),
    ):
        answer = api.get(f"/api/v1/laps/?{question}")
        assert answer.status_code == 400
        [(name, reasons)] = answer.json().items()
        assert name.startswith("lap_number")
        assert "200" in reasons[0]
        assert "260" in reasons[0]


@pytest.mark.django_db
def test_a_text_that_is_known_is_not_looked_for_among_all_that_are_stored(api, django_assert_num_queries):
    make(Stint, 1, tyre_compound="SOFT")
    with CaptureQueriesContext(connection) as plain:
        api.get("/api/v1/stints/", {"driver_number__gte": 1})
    for query in ({"tyre_compound": "soft"}, {"tyre_compound__in": "soft,HARD"}):
        with django_assert_num_queries(len(plain)):
            assert api.get("/api/v1/stints/", query).json()["count"] == 1
    assert api.get("/api/v1/stints/", {"tyre_compound": "concrete"}).status_code == 400
