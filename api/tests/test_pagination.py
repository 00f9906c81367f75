"""Pages of lists: by number, by cursor, and how often rows are counted."""

from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from api import pagination
from api.tests.factories import make
from mirror import editing
from telemetry.models import Lap


@pytest.fixture
def laps(db):
    """Eleven laps: times that repeat, two without a time, one driver each."""
    rows = [make(Lap, number) for number in range(1, 12)]
    for row in rows:
        Lap.objects.filter(pk=row.pk).update(lap_duration=None if row.lap_number % 5 == 0 else 90 + row.lap_number % 3)
    return rows


def follow(api, path: str) -> list[dict]:
    """All pages, from the first by the links."""
    found = [api.get(path).json()]
    while found[-1]["next"]:
        found.append(api.get(found[-1]["next"]).json())
    return found


ORDERS = ["", "-race_id,lap_duration", "lap_duration", "-lap_duration", "-lap_duration,-lap_number", "-driver_number", "lap_id"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [2, 11])
def test_a_list_read_by_cursor_is_the_whole_list_in_its_order(api, laps, order, size):
    query = f"ordering={order}&" if order else ""
    whole = api.get(f"/laps?{query}").json()["results"]
    pages = follow(api, f"/laps?{query}page_size={size}&cursor=")
    assert [row["lap_id"] for page in pages for row in page["results"]] == [row["lap_id"] for row in whole]
    assert [(page["page"], page["pages"], page["count"]) for page in pages] == [
        (number, len(pages), 11) for number in range(1, len(pages) + 1)
    ]


def test_rows_that_come_meanwhile_repeat_none_and_hide_none(api, laps):
    first = api.get("/laps?ordering=lap_id&page_size=4&cursor=").json()
    Lap.objects.filter(pk=laps[0].pk).delete()
    second = api.get(first["next"]).json()
    assert [row["lap_id"] for row in second["results"]] == [lap.pk for lap in laps[4:8]]


@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "W10", "WzIsW10sW11d", quote("é"), "A" * 999])
def test_a_made_up_cursor_is_refused_by_name(api, laps, cursor):
    answer = api.get(f"/laps?cursor={cursor}")
    assert (answer.status_code, list(answer.json())) == (400, ["cursor"])


def test_a_cursor_of_another_order_is_refused(api, laps):
    following = api.get("/laps?ordering=lap_duration&page_size=4&cursor=").json()["next"]
    answer = api.get(following.replace("ordering=lap_duration", "ordering=lap_number"))
    assert "in this order" in answer.json()["cursor"][0]


def test_page_and_cursor_exclude_each_other(api, laps):
    assert list(api.get("/laps?page=2&cursor=").json()) == ["page"]


def test_links_of_numbered_pages_go_on_by_cursor_where_numbers_end(api, laps, monkeypatch):
    monkeypatch.setattr(pagination, "DEEPEST", 4)
    pages = follow(api, "/laps?ordering=-lap_duration&page_size=2")
    assert [page["page"] for page in pages] == [1, 2, 3, 4, 5, 6]
    assert ["cursor=" in page["next"] for page in pages[:-1]] == [False, False, True, True, True]
    whole = api.get("/laps?ordering=-lap_duration").json()["results"]
    assert [row["lap_id"] for page in pages for row in page["results"]] == [row["lap_id"] for row in whole]
    refused = api.get("/laps?page_size=2&page=4")
    assert refused.status_code == 400
    assert "cursor=" in refused.json()["page"][0]


def test_rows_are_counted_again_only_after_a_change(api, laps, admin_user):
    def counted() -> int:
        with CaptureQueriesContext(connection) as queries:
            numbers.append(api.get("/laps?lap_number__gte=1").json()["count"])
        return sum("COUNT(*)" in query["sql"] and "telemetry_lap" in query["sql"] for query in queries)

    numbers: list[int] = []
    assert [counted(), counted()] == [1, 0]
    editing.delete(Lap.objects.get(pk=laps[-1].pk), user=admin_user)
    assert counted() == 1
    assert numbers[0] == numbers[1] == numbers[2] + 1
