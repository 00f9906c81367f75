"""Drivers and entries over HTTP: what is theirs alone. What every entity promises is tested with the API's contract."""

import pytest

from api.tests.factories import make
from drivers.models import Driver, DriverAlias, Entry
from races.models import Session
from telemetry.models import Lap

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("body", "driver_id"),
    [
        ({"full_name": "Test TESTING"}, "test_testing"),
        ({"full_name": "Sergio PÉREZ"}, "sergio_perez"),
        ({"full_name": "Patricio O'WARD"}, "patricio_oward"),
        ({"first_name": "Zhou", "last_name": "Guanyu"}, "zhou_guanyu"),
        ({"full_name": "Carlos Sainz", "driver_id": "carlos_sainz_senior"}, "carlos_sainz_senior"),
    ],
)
def test_a_driver_without_an_id_gets_one_from_the_name(editor, body, driver_id):
    added = editor.post("/drivers", body)
    assert (added.status_code, added.json()["driver_id"]) == (201, driver_id)
    assert added["Location"] == f"http://testserver/api/v1/drivers/{driver_id}/"
    assert editor.delete(f"/drivers/{driver_id}").json() == {"detail": f"Driver '{driver_id}' is deleted."}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "full_name"),
        ({"full_name": ""}, "full_name"),
        ({"full_name": "!!!"}, "driver_id"),
        ({"full_name": "Sync"}, "driver_id"),
        ({"full_name": "A B", "driver_id": "a b"}, "driver_id"),
        ({"full_name": "A B", "name_acronym": "LONG"}, "name_acronym"),
    ],
)
def test_a_driver_who_cannot_be_told_apart_is_refused(editor, body, field):
    answer = editor.post("/drivers", body)
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_another_spelling_of_a_driver_is_not_made_a_second_person(editor):
    kimi = Driver.objects.create(driver_id="andrea_kimi_antonelli", full_name="Andrea Kimi Antonelli")
    DriverAlias.objects.create(alias="kimi_antonelli", driver=kimi)
    answer = editor.post("/drivers", {"full_name": "Kimi ANTONELLI"})
    assert (answer.status_code, answer.json()) == (
        409,
        {"detail": "'kimi_antonelli' is another spelling of the driver 'andrea_kimi_antonelli'."},
    )


def test_an_entry_names_the_person_and_whose_laps_they_are(editor):
    lap = make(Lap, driver=None, driver_number=16)
    body = {"session_id": lap.session_id, "driver_number": 16, "full_name": "Charles LECLERC"}
    entry = editor.post("/entries", body).json()
    assert (entry["driver_id"], entry["race_id"], entry["source"]) == ("charles_leclerc", lap.session.race_id, "manual")
    assert editor.get(f"/laps/{lap.pk}").json()["driver_id"] == "charles_leclerc"
    assert editor.get("/drivers/charles_leclerc/laps").json()["count"] == 1
    editor.patch(entry["url"], {"full_name": "Oliver BEARMAN"})
    assert editor.get(f"/laps/{lap.pk}").json()["driver_id"] == "oliver_bearman"
    editor.delete(entry["url"])
    assert editor.get(f"/laps/{lap.pk}").json()["driver_id"] is None


def test_an_entry_moved_to_another_session_takes_its_driver_along(editor):
    here, there = make(Lap, 1, driver=None, driver_number=16), make(Lap, 2, driver=None, driver_number=16)
    body = {"session_id": here.session_id, "driver_number": 16, "full_name": "Charles LECLERC"}
    entry = editor.post("/entries", body).json()
    editor.patch(entry["url"], {"session_id": there.session_id})
    drivers = [editor.get(f"/laps/{lap.pk}").json()["driver_id"] for lap in (here, there)]
    assert drivers == [None, "charles_leclerc"]


def test_the_race_of_an_entry_may_be_said_but_not_be_another(editor):
    session = make(Session)
    body = {"session_id": session.pk, "driver_number": 16}
    wrong = editor.post("/entries", body | {"race_id": 7})
    assert (wrong.status_code, wrong.json()) == (400, {"race_id": ["Session 2001 belongs to race 2001."]})
    assert editor.post("/entries", body | {"race_id": 2001}).status_code == 201


def test_a_driver_sync_counts_people_not_entries(editor, openf1):
    first = editor.post("/drivers/sync", {"race_id": 1210}).json()
    people = Driver.objects.count()
    assert Entry.objects.count() > people == first["created"] == first["total"] > 0
    Driver.objects.filter(pk="max_verstappen").update(team_name="?")
    Entry.objects.filter(driver_id="max_verstappen").update(team_name="?")
    assert editor.post("/drivers/sync?race_id=1210").json() == {"created": 0, "updated": 1, "total": people}
    entries = editor.post("/entries/1210").json()
    assert entries == {"created": 0, "updated": 0, "total": Entry.objects.count()}


def test_a_season_of_drivers_is_synced_with_its_sessions(editor, openf1):
    body = editor.post("/drivers/sync", {"season": 2024}).json()
    assert body["created"] == body["total"] == Driver.objects.count()
    assert editor.get("/drivers?driver_id=charles_leclerc").json()["results"][0]["full_name"] == "Charles Leclerc"
