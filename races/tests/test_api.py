"""Races and sessions over HTTP: what is theirs alone. What every entity promises is tested with the API's contract."""

import pytest
from django.contrib.admin.models import LogEntry

from api.sync import SyncMixin
from api.tests.factories import make
from mirror.models import SyncRun
from races.models import Race, Session

pytestmark = pytest.mark.django_db

MONACO = {"race_id": 1, "race_name": "Monaco Grand Prix", "year": 2024, "circuit_name": "Monte Carlo", "country_name": "Monaco"}


def test_a_session_shows_its_key_twice(api):
    make(Session)
    [row] = api.get("/sessions").json()["results"]
    assert (row["id"], row["session_id"], row["race_id"]) == (2001, 2001, 2001)


def test_a_session_can_be_made_by_either_name_of_its_key(editor):
    editor.post("/races", MONACO)
    added = editor.post("/sessions", {"id": 7, "race_id": 1, "session_name": "Race"})
    assert (added.status_code, added.json()["session_id"]) == (201, 7)


def test_a_new_session_is_where_and_when_its_race_is_unless_it_says_otherwise(editor):
    editor.post("/races", MONACO)
    body = editor.post("/races/1/sessions/", {"session_id": 7, "session_name": "Race", "country_name": "France"}).json()
    assert (body["year"], body["circuit_name"], body["country_name"]) == (2024, "Monte Carlo", "France")


def test_deleting_a_race_deletes_its_sessions(editor):
    session = make(Session)
    assert editor.delete(f"/races/{session.race_id}").json() == {"detail": "Race '2001' is deleted."}
    assert not Session.objects.exists()


def test_races_and_sessions_are_synced(editor, openf1):
    assert editor.post("/races/sync", {"season": 2023}).json() == {"created": 23, "updated": 0, "total": 23}
    race = Race.objects.get(race_name="Monaco Grand Prix")
    Session.objects.filter(race=race).delete()
    assert editor.post(f"/sessions/{race.pk}").json() == {"created": 5, "updated": 0, "total": 5}
    Race.objects.filter(pk=race.pk).update(location="?")
    assert editor.post(f"/races/{race.pk}/sync").json() == {"created": 0, "updated": 1, "total": 1}
    assert editor.post("/races/sync?season=2023").json() == {"created": 0, "updated": 0, "total": 23}
    assert editor.post(f"/sessions/sync/{race.pk}").json() == {"created": 0, "updated": 0, "total": 5}


def test_all_seasons_are_synced_by_default(editor, openf1):
    assert editor.post("/races/sync").json() == {"created": 48, "updated": 0, "total": 48}


def test_a_sync_says_who_started_it(editor, openf1):
    editor.post("/races/sync", {"race_id": 1210})
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.get_edited_object()) == ("editor", SyncRun.objects.get())


def test_a_race_that_openf1_does_not_know_is_404(editor, openf1):
    for url in ("/sessions/999", "/sessions/sync/999/", "/races/999/sync", "/laps/999"):
        answer = editor.post(url)
        assert (answer.status_code, answer.json()) == (404, {"detail": "There is no race '999', here or at OpenF1."})


@pytest.mark.parametrize("query", ["season=1950", "season=x", "seasons=2023", "race_id=0", "season=2023&race_id=1210"])
def test_what_to_sync_is_checked(editor, query):
    assert editor.post(f"/races/sync?{query}").status_code == 400


@pytest.mark.parametrize("body", [[], "x", 1])
def test_a_body_that_names_nothing_syncs_nothing(editor, body):
    assert editor.post("/races/sync", body).status_code == 400


def test_a_closed_and_an_overloaded_openf1_are_told_apart(editor, openf1, monkeypatch):
    monkeypatch.setattr(SyncMixin, "attempts", 1)
    with openf1.options(live=True):
        locked = editor.post("/races/sync", {"season": 2023})
    assert locked.status_code == 503
    assert "a session is on track" in locked.json()["detail"]
    with openf1.options(limits="1/1000"):
        editor.post("/races/sync", {"season": 2023})  # the one request that is allowed
        limited = editor.post("/races/sync", {"season": 2023})
    assert limited.status_code == 503
    assert "cannot be reached" in limited.json()["detail"]
    assert limited["Retry-After"]


def test_an_openf1_that_is_not_there_is_503_and_one_that_sends_pages_502(editor, settings, live_server, monkeypatch):
    monkeypatch.setattr(SyncMixin, "attempts", 1)
    settings.OPENF1_REQUESTS_PER_SECOND = settings.OPENF1_REQUESTS_PER_MINUTE = 0
    settings.OPENF1_BASE_URL = "http://127.0.0.1:9/v1"
    gone = editor.post("/sessions/1")
    assert (gone.status_code, list(gone.json())) == (503, ["detail"])
    settings.OPENF1_BASE_URL = f"{live_server.url}/admin/login/?next="
    nonsense = editor.post("/sessions/1")
    assert (nonsense.status_code, list(nonsense.json())) == (502, ["detail"])


def test_a_failed_sync_goes_into_the_log_of_syncs(editor, settings, monkeypatch):
    monkeypatch.setattr(SyncMixin, "attempts", 1)
    settings.OPENF1_BASE_URL = "http://127.0.0.1:9/v1"
    editor.post("/sessions/1")
    assert SyncRun.objects.get().state == SyncRun.State.FAILED
