"""Laps and stints over HTTP: what is theirs alone. What every entity promises is tested with the API's contract."""

import pytest

from api.tests.factories import make
from drivers.models import Driver, Entry
from races.models import Session
from telemetry.models import Lap

pytestmark = pytest.mark.django_db


@pytest.fixture
def session():
    """A session in which number 16 is Charles Leclerc."""
    session = make(Session)
    charles = Driver.objects.create(driver_id="charles_leclerc", full_name="Charles Leclerc")
    Entry.objects.create(session=session, driver_number=16, driver=charles)
    return session


@pytest.mark.parametrize(("kind", "number"), [("laps", "lap_number"), ("stints", "stint_number")])
def test_the_driver_is_whoever_the_entries_say(editor, session, kind, number):
    body = {"session_id": session.pk, "driver_number": 16, number: 1}
    added = editor.post(f"/{kind}", body).json()
    assert (added["driver_id"], added["driver_url"]) == (
        "charles_leclerc",
        "http://testserver/api/v1/drivers/charles_leclerc/",
    )
    other = editor.patch(added["url"], {"driver_number": 99}).json()
    assert (other["driver_id"], other["driver_url"]) == (None, None)
    back = editor.put(added["url"], {"driver_number": 16, "driver_id": "max_verstappen"}).json()
    assert back["driver_id"] == "charles_leclerc"
    elsewhere = editor.patch(added["url"], {"session_id": make(Session, 2).pk}).json()
    assert (elsewhere["driver_id"], elsewhere["race_id"]) == (None, 2002)


@pytest.mark.parametrize("kind", ["laps", "stints"])
def test_the_race_may_be_said_but_not_be_another(editor, session, kind):
    body = {"session_id": session.pk, "driver_number": 16, f"{kind[:-1]}_number": 1}
    wrong = editor.post(f"/{kind}", body | {"race_id": 7})
    assert (wrong.status_code, wrong.json()) == (400, {"race_id": ["Session 2001 belongs to race 2001."]})
    right = editor.post(f"/{kind}", body | {"race_id": 2001})
    assert (right.status_code, right.json()["race_url"]) == (201, "http://testserver/api/v1/races/2001/")
    assert editor.patch(right.json()["url"], {"race_id": 7}).status_code == 400


def test_lists_come_back_as_they_went_in(editor, session):
    segments = [2048, None, 2049, 0]
    body = {"session_id": session.pk, "driver_number": 16, "lap_number": 1, "segments_sector_1": segments}
    added = editor.post("/laps", body).json()
    assert added["segments_sector_1"] == segments
    assert editor.patch(added["url"], {"segments_sector_1": None}).json()["segments_sector_1"] is None


def test_a_list_of_numbers_means_each_of_them(api):
    for number in (1, 2, 3):
        make(Lap, number, lap_number=number, lap_duration=90 + number)
    for query in ("lap_number=1,3", "lap_number=1&lap_number=3", "lap_number__in=1,3", "lap_duration=91, 93.0"):
        assert [row["lap_number"] for row in api.get(f"/api/v1/laps/?{query}").json()["results"]] == [1, 3], query
    assert api.get("/api/v1/laps/?lap_number=1,x").json() == {"lap_number": ["'x': A valid integer is required."]}


def test_a_page_of_100_laps_takes_four_queries(api, django_assert_num_queries):
    first = make(Lap)
    common = {"session": first.session, "driver": first.driver, "driver_number": 99}
    Lap.objects.bulk_create(Lap(lap_number=number, **common) for number in range(300))
    with django_assert_num_queries(4):  # version, whether there is such a race, number of rows, rows
        assert len(api.get("/laps?race_id=2001&ordering=-lap_number").json()["results"]) == 100


def test_laps_and_stints_of_a_race_are_synced(editor, openf1):
    laps = editor.post("/laps/1210").json()
    assert laps["created"] == laps["total"] == Lap.objects.count() > 1_000
    assert editor.post("/laps/sync/1210").json() == {"created": 0, "updated": 0, "total": laps["total"]}
    stints = editor.post("/stints/1210").json()
    assert stints["created"] == stints["total"] > 0
    assert editor.post("/stints/sync/1210/").json() == {"created": 0, "updated": 0, "total": stints["total"]}
    editor.post("/drivers/sync", {"race_id": 1210})
    assert editor.get("/laps?race_id=1210&driver_id__isnull=true").json()["count"] == 0
    session = Lap.objects.first().session_id
    assert editor.get(f"/sessions/{session}/laps?driver_number=1").json()["count"] > 10
    assert editor.get("/laps?search=verstappen&page_size=1").json()["results"][0]["driver_id"] == "max_verstappen"
