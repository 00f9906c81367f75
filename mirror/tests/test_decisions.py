"""Corrections as people make and decide them in the admin."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from mirror.models import Correction
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.tests.pages import shown, told
from mirror.tests.upstream import Rows, client
from telemetry.models import Lap

pytestmark = pytest.mark.django_db

LIST, LAPS = "/admin/openf1/correction/", "/admin/telemetry/lap/"


@pytest.fixture
def admin_user(db):
    return User.objects.create(username="ada", is_staff=True, is_superuser=True)


@pytest.fixture
def upstream():
    """A race with two laps of one car."""
    key, start = {"meeting_key": 1, "session_key": 10, "driver_number": 4}, {"date_start": "2023-03-03T11:30:00Z", "year": 2023}
    return Rows(
        meetings=[{"meeting_key": 1, "meeting_name": "Somewhere Grand Prix"} | start],
        sessions=[{"meeting_key": 1, "session_key": 10, "session_name": "Race"} | start],
        laps=[key | {"lap_number": n, "lap_duration": 90.0 + n, "date_start": "2023-03-03T11:31:00.461Z"} for n in (1, 2)],
    )


@pytest.fixture
def mirror(upstream):
    def again():
        return sync(client=client(upstream), scope=Scope(races=(1,)), collections=("meetings", "sessions", "laps"), force=True)

    again()
    return again


def edit(browser, **values):
    url = reverse("admin:telemetry_lap_change", args=[Lap.objects.get(lap_number=1).pk])
    return browser.post(url, shown(browser.get(url)) | values)


def lap_time():
    return Lap.objects.get(lap_number=1).lap_duration


def decide(browser, action):
    """Choose an action for every correction on the list."""
    chosen = {"action": action, "_selected_action": list(Correction.objects.values_list("pk", flat=True))}
    return browser.post(LIST, chosen, follow=True)


def test_an_edit_is_kept_at_the_next_sync_with_who_and_why(admin_client, admin_user, mirror):
    edit(admin_client, lap_duration="88.8", reason="the tower showed it")
    mirror()
    assert lap_time() == 88.8
    correction = Correction.objects.get()
    assert (correction.field, correction.upstream, correction.user) == ("lap_duration", 91.0, admin_user)
    html = admin_client.get(LIST).content.decode()
    assert all(text in html for text in ("91", "88.8", "the tower showed it", "ada", "lap number 1"))
    page = admin_client.get(reverse("admin:telemetry_lap_change", args=[Lap.objects.get(lap_number=1).pk])).content.decode()
    assert "lap duration: 91.0 → 88.8" in page
    assert LogEntry.objects.get().get_change_message() == "Changed Lap duration."


def test_saving_a_synced_row_as_it_is_corrects_nothing(admin_client, mirror):
    edit(admin_client)
    assert not Correction.objects.exists()
    assert mirror().total["updated"] == 0


def test_a_deleted_row_stays_away_until_it_is_brought_back(admin_client, mirror):
    lap = Lap.objects.get(lap_number=1)
    admin_client.post(LAPS, {"action": "delete_selected", "_selected_action": [lap.pk], "post": "yes"})
    mirror()
    assert Lap.objects.count() == 1
    assert "DELETED" in admin_client.get(LIST).content.decode().upper()
    decide(admin_client, "take_upstreams")
    assert (lap_time(), Lap.objects.get(lap_number=1).source) == (91.0, "openf1")
    assert not Correction.objects.exists()


@pytest.mark.parametrize(("action", "path", "time"), [("keep_mine", "keep", 88.8), ("take_upstreams", "take", 77.0)])
@pytest.mark.parametrize("way", ["list", "page"])
def test_a_conflict_is_shown_and_decided(way, action, path, time, admin_client, mirror, upstream):
    edit(admin_client, lap_duration="88.8")
    upstream.rows["laps"][0]["lap_duration"] = 77.0
    mirror()
    assert "conflict: upstream has moved to a third value" in admin_client.get(LIST).content.decode()
    if way == "list":
        decide(admin_client, action)
    else:
        dialog = f"{LIST}{Correction.objects.get().pk}/{path}/"
        assert admin_client.get(dialog).status_code == 200
        assert Correction.objects.get().state == Correction.State.CONFLICT  # asking changes nothing
        admin_client.post(dialog, {"_form_submitted": "on"})
    assert lap_time() == time
    assert [correction.state for correction in Correction.objects.all()] == (["holds"] if action == "keep_mine" else [])
    mirror()
    assert lap_time() == time
    history = admin_client.get(reverse("admin:telemetry_lap_history", args=[Lap.objects.get(lap_number=1).pk])).content.decode()
    assert ("Kept against upstream: lap duration." if action == "keep_mine" else "taken for lap duration.") in history


@pytest.mark.django_db(transaction=True)
def test_a_row_whose_session_is_gone_cannot_come_back_before_it(admin_client, mirror):
    admin_client.post(f"{LAPS}{Lap.objects.get(lap_number=1).pk}/delete/", {"post": "yes"})
    admin_client.post("/admin/races/session/10/delete/", {"post": "yes"})
    chosen = Correction.objects.get(collection="laps")
    response = admin_client.post(LIST, {"action": "take_upstreams", "_selected_action": [chosen.pk]}, follow=True)
    assert "bring that back first" in told(response)
    assert Correction.objects.count() == 2


def test_who_may_only_look_decides_nothing(client, admin_client, mirror):
    edit(admin_client, lap_duration="88.8")
    user = User.objects.create(username="member", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_correction"))
    client.force_login(user)
    assert "take_upstreams" not in client.get(LIST).content.decode()
    decide(client, "take_upstreams")
    correction = Correction.objects.get()
    assert client.post(f"{LIST}{correction.pk}/take/", {"_form_submitted": "on"}).status_code == 403
    assert lap_time() == 88.8
