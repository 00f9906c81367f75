"""Race weekends and sessions in the admin, and the buttons that sync them."""

import pytest
import requests
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from jobs import leases, queue
from jobs.models import Job
from mirror.client import LOCKED
from mirror.models import SyncRun
from mirror.tests.pages import shown, told
from mirror.tests.upstream import Rows, answer, client
from races.admin import RaceAdmin
from races.models import Race, Session
from telemetry.models import Lap

pytestmark = pytest.mark.django_db

RACES = "/admin/races/race/"
LATEST = f"{RACES}sync-latest/"
LIVE = {"detail": "Live F1 session in progress."}


def meeting(key, year=2024):
    return {"meeting_key": key, "meeting_name": f"Grand Prix {key}", "year": year, "date_start": f"{year}-02-29T11:30:00+00:00"}


def outing(key, race):
    return {
        "session_key": key,
        "meeting_key": race,
        "session_name": "Race",
        "year": 2024,
        "date_start": "2024-03-02T15:00:00+00:00",
    }


@pytest.fixture
def admin_user(db):
    return User.objects.create(username="admin", is_staff=True, is_superuser=True)


@pytest.fixture
def upstream(monkeypatch):
    """Two weekends, each with a session and a lap; what the admin's buttons ask."""
    rows = Rows(
        meetings=[meeting(1), meeting(2)],
        sessions=[outing(11, 1), outing(21, 2)],
        laps=[{"session_key": key, "meeting_key": key // 10, "driver_number": 4, "lap_number": 1} for key in (11, 21)],
    )
    monkeypatch.setattr(RaceAdmin, "client", staticmethod(lambda **options: client(rows, **options)))
    return rows


@pytest.fixture
def race(db):
    return Race.objects.create(race_id=1, race_name="Grand Prix 1", year=2024, location="Monaco", source="openf1")


def press(browser, *races):
    """Select races on the list and choose "Sync from OpenF1"."""
    data = {"action": "sync_from_openf1", "_selected_action": [race.pk for race in races]}
    return browser.post(RACES, data, follow=True)


def member(browser, *codenames):
    user = User.objects.create(username="member", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    browser.force_login(user)


def test_sync_brings_in_everything_of_the_selected_race_and_nothing_else(admin_client, upstream, race):
    messages = told(press(admin_client, race))
    assert list(Lap.objects.values_list("session_id", flat=True)) == [11]
    assert "1 race weekend, " in messages
    assert "requests: 2 created, 1 updated, 0 unchanged." in messages
    assert all("meeting_key=1" in request.url for request in upstream.asked)


def test_sync_notes_who_started_it(admin_client, upstream, race, admin_user):
    press(admin_client, race)
    edit = LogEntry.objects.get()
    assert (edit.user, edit.get_edited_object()) == (admin_user, SyncRun.objects.get())


def test_sync_tells_in_words_that_a_session_is_on_track(admin_client, upstream, race):
    upstream.refuse = lambda collection, filters: answer(LIVE, 401)
    assert LOCKED in told(press(admin_client, race))


def test_sync_tells_in_words_that_openf1_cannot_be_reached(admin_client, upstream, race):
    upstream.refuse = lambda collection, filters: requests.ConnectionError()
    assert "cannot be reached: " in told(press(admin_client, race))
    assert len(upstream.asked) <= 9  # a person is waiting


def test_sync_is_a_job_where_there_is_a_worker(admin_client, admin_user, upstream, race):
    with leases.held(f"{queue.WORKER_LEASE_PREFIX}test"):
        page = press(admin_client, race)
    job = Job.objects.get()
    assert (job.kind, job.owner, job.parameters) == ("sync", admin_user, {"races": [1], "force": True})
    assert page.redirect_chain[-1][0] == f"/admin/jobs/job/{job.pk}/change/"
    assert upstream.asked == []
    assert f'hx-get="/admin/jobs/job/{job.pk}/progress/"' in page.content.decode()


def test_sync_leaves_out_the_demo_season(admin_client, upstream):
    demo = Race.objects.create(race_id=900_001, race_name="Demo", year=2024, source="demo")
    assert "demo season" in told(press(admin_client, demo))
    assert upstream.asked == []


def test_the_page_of_a_race_has_a_button_that_syncs_it(admin_client, upstream, race):
    url = f"{RACES}{race.pk}/sync-weekend/"
    assert url in admin_client.get(f"{RACES}{race.pk}/change/").content.decode()
    answer = admin_client.post(url, {"_form_submitted": "on"})
    assert (answer.status_code, answer["Location"]) == (302, f"{RACES}{race.pk}/change/")
    assert list(Lap.objects.values_list("session_id", flat=True)) == [11]
    Race.objects.update(source="demo")
    assert url not in admin_client.get(f"{RACES}{race.pk}/change/").content.decode()
    assert admin_client.post(url, {"_form_submitted": "on"}).status_code == 403


def test_the_page_of_a_session_has_a_button_that_fetches_its_samples(admin_client, upstream, race):
    session = Session.objects.create(session_id=11, race=race, session_name="Race", year=2024)
    page = f"/admin/races/session/{session.pk}/change/"
    url = "/admin/races/session/11/fetch-samples/"
    assert url in admin_client.get(page).content.decode()
    answer = admin_client.post(url, {"_form_submitted": "on"}, follow=True)
    assert "manage.py sync_openf1 car_data location --session 11" in told(answer)
    with leases.held(f"{queue.WORKER_LEASE_PREFIX}test"):
        admin_client.post(url, {"_form_submitted": "on"})
    assert Job.objects.get().parameters == {"sessions": [11], "collections": ["car_data", "location"]}
    assert upstream.asked == []
    Session.objects.update(source="demo")
    assert url not in admin_client.get(page).content.decode()


def test_sync_needs_the_permission_to_change_races(client, upstream, race):
    member(client, "view_race")
    assert "sync_from_openf1" not in client.get(RACES).content.decode()
    assert LATEST not in client.get(RACES).content.decode()
    press(client, race)
    assert client.post(LATEST, {"_form_submitted": "on"}).status_code == 403
    assert upstream.asked == []


def test_the_latest_weekend_is_synced_once_it_is_confirmed(admin_client, upstream):
    assert LATEST in admin_client.get(RACES).content.decode()
    assert "Asks OpenF1" in admin_client.get(LATEST).content.decode()
    assert upstream.asked == []
    upstream.refuse = lambda _, filters: answer([meeting(2)]) if filters == {"meeting_key": "latest"} else None
    assert "1 race weekend" in told(admin_client.post(LATEST, {"_form_submitted": "on"}, follow=True))
    assert list(Lap.objects.values_list("session_id", flat=True)) == [21]


def test_the_dialog_leads_back_to_the_list(admin_client, upstream):
    reply = admin_client.post(LATEST, {"_form_submitted": "on"}, headers={"HX-Request": "true"})
    assert reply.headers["HX-Redirect"] == RACES


def test_a_recorded_race_is_synced_over_http(admin_client, openf1):
    bahrain = Race.objects.create(race_id=1229, race_name="Bahrain", year=2024, source="openf1")
    assert "1 race weekend, " in told(press(admin_client, bahrain))
    assert (bahrain.sessions.count(), Lap.objects.count()) == (5, 1129)
    with openf1.options(live=True):
        assert LOCKED in told(press(admin_client, bahrain))


def test_a_race_made_by_hand_stays_as_it_is(admin_client, upstream):
    new = {"race_id": "1", "race_name": "My race", "year": "2024", "sessions-TOTAL_FORMS": "0", "sessions-INITIAL_FORMS": "0"}
    admin_client.post(f"{RACES}add/", new)
    assert Race.objects.get().source == "manual"
    press(admin_client, Race.objects.get())
    assert Race.objects.get(pk=1).race_name == "My race"


def test_a_session_added_on_the_page_of_its_weekend_takes_place_there(admin_client, race):
    url = reverse("admin:races_race_change", args=[race.pk])
    added = {
        "sessions-TOTAL_FORMS": "1",
        "sessions-0-session_id": "77",
        "sessions-0-session_name": "Sprint",
        "sessions-0-race": "1",
    }
    admin_client.post(url, shown(admin_client.get(url)) | added)
    session = Session.objects.get()
    assert (session.race, session.year, session.location, session.source) == (race, 2024, "Monaco", "manual")


def test_the_page_of_a_weekend_edits_its_sessions(admin_client, race):
    session = Session.objects.create(session_id=11, race=race, year=2024, session_name="Race")
    url = reverse("admin:races_race_change", args=[race.pk])
    response = admin_client.get(url)
    assert reverse("admin:races_session_change", args=[session.pk]) in response.content.decode()
    admin_client.post(url, shown(response) | {"sessions-0-session_name": "Grand Prix"})
    assert Session.objects.get().session_name == "Grand Prix"


def test_the_key_of_a_race_cannot_be_changed(admin_client, race):
    url = reverse("admin:races_race_change", args=[race.pk])
    admin_client.post(url, shown(admin_client.get(url)) | {"race_id": "2"})
    assert list(Race.objects.values_list("pk", flat=True)) == [1]


def test_a_session_leads_to_its_laps(admin_client, race):
    mine, other = (Session.objects.create(session_id=key, race=race, year=2024, session_name="Race") for key in (11, 12))
    for number in (1, 2):
        Lap.objects.create(session=mine, driver_number=4, lap_number=number)
    Lap.objects.create(session=other, driver_number=4, lap_number=1)
    html = admin_client.get(reverse("admin:races_session_change", args=[mine.pk])).content.decode()
    link = html.split('">2 laps</a>')[0].rsplit('href="', 1)[1]
    assert set(admin_client.get(link).context["cl"].queryset) == set(Lap.objects.filter(session=mine))


def test_a_session_is_found_by_year_place_and_name(admin_client, race):
    wanted = Session.objects.create(session_id=11, race=race, year=2024, location="Monaco", session_name="Race")
    Session.objects.create(session_id=12, race=race, year=2023, location="Monaco", session_name="Race")
    query = {"app_label": "telemetry", "model_name": "lap", "field_name": "session", "term": "2024 monaco race"}
    found = admin_client.get(reverse("admin:autocomplete"), query).json()["results"]
    assert found == [{"id": str(wanted.pk), "text": "2024 Monaco Race"}]


def test_deleting_a_weekend_tells_how_much_goes_with_it(admin_client, race):
    session = Session.objects.create(session_id=11, race=race, year=2024, session_name="Race")
    Lap.objects.bulk_create(Lap(session=session, driver_number=4, lap_number=number) for number in range(1, 101))
    html = admin_client.get(reverse("admin:races_race_delete", args=[race.pk])).content.decode()
    assert "Laps: 100" in html
    assert "lap 77 of car 4" not in html
