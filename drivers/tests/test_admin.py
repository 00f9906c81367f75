"""Drivers and entries in the admin, and two spellings becoming one person."""

import pytest
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from drivers.models import Driver, DriverAlias, Entry
from mirror.client import from_settings
from mirror.models import Correction
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.tests.pages import shown, told
from mirror.tests.upstream import Rows, client
from races.models import Race, Session
from telemetry.models import Lap

pytestmark = pytest.mark.django_db

DRIVERS = "/admin/drivers/driver/"


@pytest.fixture
def admin_user(db):
    return User.objects.create(username="admin", is_staff=True, is_superuser=True)


@pytest.fixture
def session(db):
    race = Race.objects.create(race_id=1, race_name="Grand Prix", year=2024)
    return Session.objects.create(session_id=11, race=race, year=2024, session_name="Race", date_start="2024-03-02T15:00:00Z")


class Weekend(Rows):
    """A weekend whose first session calls car 12 by one name and whose second by another; a lap in each."""

    def __init__(self):
        sessions = [
            {
                "session_key": key,
                "meeting_key": 1,
                "session_name": "Race",
                "year": 2024,
                "date_start": f"2024-03-0{key - 10}T15:00:00Z",
            }
            for key in (11, 12)
        ]
        names = {11: "Kimi ANTONELLI", 12: "Andrea Kimi ANTONELLI"}
        super().__init__(
            meetings=[{"meeting_key": 1, "meeting_name": "Grand Prix", "year": 2024, "date_start": "2024-03-01T11:30:00Z"}],
            sessions=sessions,
            drivers=[
                {"session_key": key, "meeting_key": 1, "driver_number": 12, "full_name": name} for key, name in names.items()
            ],
            laps=[{"session_key": key, "meeting_key": 1, "driver_number": 12, "lap_number": 1} for key in names],
        )

    def sync(self):
        collections = ("meetings", "sessions", "drivers", "laps")
        return sync(client=client(self), scope=Scope(races=(1,)), collections=collections, force=True)


def select(browser, *drivers, **more):
    """Select drivers on the list and choose "Merge drivers"."""
    data = {"action": "merge_drivers", "_selected_action": [*drivers], **more}
    return browser.post(DRIVERS, data, follow=True)


def member(browser, *codenames):
    user = User.objects.create(username="member", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    browser.force_login(user)


def test_merging_first_shows_what_each_driver_has_and_changes_nothing(admin_client):
    Weekend().sync()
    html = select(admin_client, "kimi_antonelli", "andrea_kimi_antonelli").content.decode()
    assert "Which of these is the person" in html
    assert 'value="kimi_antonelli"' in html
    cells = html.split("<tbody>")[1].split("</tbody>")[0]
    assert cells.count(">1</td>") == 4  # an entry and a lap of each
    assert "took part at the same time" not in html
    assert Driver.objects.count() == 2


def test_merged_drivers_stay_one_person_at_the_next_sync(admin_client):
    weekend = Weekend()
    weekend.sync()
    answer = select(admin_client, "kimi_antonelli", "andrea_kimi_antonelli", kept="kimi_antonelli")
    assert "are one person now" in told(answer)
    weekend.rows["drivers"][1]["team_name"] = "Mercedes"  # something to write for the next sync
    assert weekend.sync().total["updated"] == 1
    kimi = Driver.objects.get()
    assert (kimi.pk, kimi.team_name, kimi.entries.count(), kimi.laps.count()) == ("kimi_antonelli", "Mercedes", 2, 2)


def test_two_recorded_drivers_that_were_merged_stay_one_person_at_the_next_sync(admin_client, openf1):
    def bahrain():
        return sync(client=from_settings(), scope=Scope(races=(1229,)), force=True)

    bahrain()
    before, laps = Driver.objects.count(), Lap.objects.filter(driver__in=["kevin_magnussen", "nico_hulkenberg"]).count()
    html = select(admin_client, "kevin_magnussen", "nico_hulkenberg").content.decode()
    assert "In 5 sessions two of them took part at the same time" in html
    select(admin_client, "kevin_magnussen", "nico_hulkenberg", kept="nico_hulkenberg")
    Entry.objects.filter(driver="nico_hulkenberg").update(team_name="")
    assert bahrain().total["updated"] == 10
    assert Driver.objects.count() == before - 1
    assert Lap.objects.filter(driver="nico_hulkenberg").count() == laps


def test_a_merge_is_recorded_with_who_and_when(admin_client, admin_user):
    Weekend().sync()
    select(admin_client, "kimi_antonelli", "andrea_kimi_antonelli", kept="kimi_antonelli")
    edits = LogEntry.objects.order_by("pk").values_list("user", "action_flag", "object_id")
    assert list(edits) == [(admin_user.pk, DELETION, "andrea_kimi_antonelli"), (admin_user.pk, CHANGE, "kimi_antonelli")]
    history = admin_client.get(reverse("admin:drivers_driver_history", args=["kimi_antonelli"])).content.decode()
    assert "Merged with Andrea Kimi Antonelli (andrea_kimi_antonelli)." in history


def test_a_driver_cannot_be_merged_alone_or_into_one_that_was_not_selected(admin_client):
    Weekend().sync()
    assert "Select the two or more drivers" in told(select(admin_client, "kimi_antonelli", kept="kimi_antonelli"))
    Driver.objects.create(driver_id="somebody", full_name="Somebody Else")
    assert "Which of these" in select(admin_client, "kimi_antonelli", "andrea_kimi_antonelli", kept="somebody").content.decode()
    assert Driver.objects.count() == 3


@pytest.mark.parametrize("lacking", ["change_driver", "delete_driver"])
def test_merging_needs_the_permissions_to_change_and_to_delete(client, lacking):
    Weekend().sync()
    member(client, *{"view_driver", "change_driver", "delete_driver"} - {lacking})
    assert "merge_drivers" not in client.get(DRIVERS).content.decode()
    select(client, "kimi_antonelli", "andrea_kimi_antonelli", kept="kimi_antonelli")
    assert Driver.objects.count() == 2


def test_a_driver_without_an_id_gets_the_one_their_name_makes(admin_client):
    form = shown(admin_client.get(f"{DRIVERS}add/"))
    assert admin_client.post(f"{DRIVERS}add/", form | {"full_name": "Zak O'Sullivan"}).status_code == 302
    driver = Driver.objects.get()
    assert (driver.pk, driver.source, driver.team_name) == ("zak_osullivan", "manual", None)
    assert "already exists" in admin_client.post(f"{DRIVERS}add/", form | {"full_name": "Zak OSULLIVAN"}).content.decode()
    assert "No driver ID can be derived" in admin_client.post(f"{DRIVERS}add/", form | {"full_name": "…"}).content.decode()


def test_a_spelling_belongs_to_one_driver_only(admin_client):
    max_, other = (Driver.objects.create(driver_id=key, full_name=key) for key in ("max_verstappen", "emilian_verstappen"))
    DriverAlias.objects.create(alias="max_emilian", driver=max_)
    form = shown(admin_client.get(f"{DRIVERS}add/"))
    assert "another spelling of" in admin_client.post(f"{DRIVERS}add/", form | {"full_name": "Max Emilian"}).content.decode()
    refused = admin_client.post("/admin/drivers/driveralias/add/", {"alias": other.pk, "driver": max_.pk}).content.decode()
    assert "Merge the two" in refused
    url = reverse("admin:drivers_driver_change", args=[max_.pk])
    added = {"aliases-TOTAL_FORMS": "2", "aliases-1-alias": "max_v", "aliases-1-driver": max_.pk}
    admin_client.post(url, shown(admin_client.get(url)) | added)
    assert set(max_.aliases.values_list("alias", flat=True)) == {"max_emilian", "max_v"}


def test_laps_follow_the_name_in_the_entry_of_their_number(admin_client, session):
    entry = Entry.objects.create(session=session, driver_number=1, full_name="Max VERSTAPPEN", source="openf1")
    lap = Lap.objects.create(session=session, driver_number=1, lap_number=1, source="openf1")
    url = reverse("admin:drivers_entry_change", args=[entry.pk])
    admin_client.post(url, shown(admin_client.get(url)) | {"full_name": "Liam LAWSON", "reason": "he drove in his place"})
    lap.refresh_from_db()
    assert lap.driver_id == "liam_lawson"
    assert Correction.objects.get().reason == "he drove in his place"

    url = reverse("admin:races_session_change", args=[session.pk])
    admin_client.post(url, shown(admin_client.get(url)) | {"entries-0-full_name": "Max VERSTAPPEN"})
    lap.refresh_from_db()
    assert lap.driver_id == "max_verstappen"
    assert not Correction.objects.exists()  # it is upstream's value again

    admin_client.post(reverse("admin:drivers_entry_delete", args=[entry.pk]), {"post": "yes"})
    lap.refresh_from_db()
    assert lap.driver is None


def test_an_entry_deleted_from_the_table_of_its_session_stays_away(admin_client, session):
    Entry.objects.create(session=session, driver_number=1, full_name="Max VERSTAPPEN", source="openf1")
    url = reverse("admin:races_session_change", args=[session.pk])
    admin_client.post(url, shown(admin_client.get(url)) | {"entries-0-DELETE": "on"})
    assert not Entry.objects.exists()
    assert Correction.objects.get().field == ""


def test_deleting_entries_from_the_list_leaves_their_laps_without_a_driver(admin_client, session):
    driver = Driver.objects.create(driver_id="max_verstappen", full_name="Max Verstappen")
    entry = Entry.objects.create(session=session, driver_number=1, driver=driver)
    lap = Lap.objects.create(session=session, driver_number=1, lap_number=1, driver=driver)
    chosen = {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"}
    admin_client.post("/admin/drivers/entry/", chosen)
    lap.refresh_from_db()
    assert (Entry.objects.count(), lap.driver) == (0, None)


def test_an_entry_shows_its_team_in_its_colour(admin_client, session):
    Entry.objects.create(session=session, driver_number=1, team_name="Ferrari", team_colour="E8002D")
    Entry.objects.create(session=session, driver_number=2, team_name="Odd", team_colour='";x"')
    html = admin_client.get("/admin/drivers/entry/").content.decode()
    assert 'background:#E8002D"></span>Ferrari' in html
    assert ";x" not in html
