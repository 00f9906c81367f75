"""Teams: the addresses of their pages, and rows found by team in the admin."""

import pytest
from django.contrib.auth.models import User

from drivers.admin import clock_time, times_text
from drivers.models import Entry, SessionResult, Team
from drivers.teams import find_team
from drivers.tests.test_people import driver, mirror
from races.models import Session
from telemetry.models import Lap

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client):
    client.force_login(User.objects.create(username="admin", is_staff=True, is_superuser=True))
    return client


def test_a_sync_adds_the_teams_of_its_entries_once():
    entries = [
        driver(10, 16, "Charles LECLERC", team_name="Ferrari"),
        driver(10, 20, "Kevin MAGNUSSEN", team_name="Haas F1 Team"),
    ]
    mirror(*entries)
    before = dict(Team.objects.values_list("name", "pk"))
    mirror(*entries, driver(10, 55, "Carlos SAINZ", team_name="Ferrari"), driver(10, 99, "Nobody KNOWN", team_name=None))
    assert dict(Team.objects.values_list("name", "slug")) == {"Ferrari": "ferrari", "Haas F1 Team": "haas"}
    assert dict(Team.objects.values_list("name", "pk")) == before


def test_two_teams_that_would_have_the_same_address_get_two():
    mirror(driver(10, 1, "One DRIVER", team_name="Haas"), driver(10, 2, "Other DRIVER", team_name="Haas F1 Team"))
    assert sorted(Team.objects.values_list("slug", flat=True)) == ["haas", "haas-2"]


def test_a_team_keeps_its_former_address_when_a_person_changes_it(browser):
    team = Team.objects.create(name="Haas F1 Team", slug="haas")
    url = f"/admin/drivers/team/{team.pk}/change/"
    assert browser.post(url, {"name": team.name, "slug": "haas-f1"}).status_code == 302
    team.refresh_from_db()
    assert (team.slug, team.former_slugs) == ("haas-f1", "haas")
    browser.post(url, {"name": team.name, "slug": ""})
    team.refresh_from_db()
    assert (team.slug, team.former_slugs) == ("haas", "haas-f1")


def test_a_sync_links_teams_that_are_known_to_have_been_renamed():
    mirror(driver(10, 22, "Yuki TSUNODA", team_name="RB"))
    mirror(driver(10, 22, "Yuki TSUNODA", team_name="AlphaTauri"))
    mirror(driver(10, 22, "Yuki TSUNODA", team_name="Racing Bulls"))
    assert dict(Team.objects.values_list("name", "successor__name")) == {
        "AlphaTauri": "RB",
        "RB": "Racing Bulls",
        "Racing Bulls": None,
    }
    for slug in ("alphatauri", "rb", "racing-bulls"):
        team, former = find_team(slug)
        assert (team.name, former) == ("Racing Bulls", ["AlphaTauri", "RB"])


def test_a_team_cannot_be_its_own_successor(browser):
    later = Team.objects.create(name="RB", slug="rb")
    team = Team.objects.create(name="AlphaTauri", slug="alphatauri", successor=later)
    answer = browser.post(f"/admin/drivers/team/{later.pk}/change/", {"name": "RB", "slug": "rb", "successor": team.pk})
    assert "is an earlier name of" in answer.content.decode()
    later.refresh_from_db()
    assert later.successor is None


def test_laps_can_be_filtered_by_team(browser):
    mirror(driver(10, 16, "Charles LECLERC", team_name="Ferrari"), driver(10, 44, "Lewis HAMILTON", team_name="Mercedes"))
    session = Session.objects.get(pk=10)
    for number in (16, 44):
        Lap.objects.create(session=session, driver_number=number, lap_number=1)
    changes = browser.get("/admin/telemetry/lap/?team=Ferrari").context["cl"]
    assert [lap.driver_number for lap in changes.queryset] == [16]


def test_race_times_read_as_on_television(browser):
    mirror(driver(10, 16, "Charles LECLERC"))
    SessionResult.objects.create(
        session=Session.objects.get(pk=10), driver_number=16, position=1, duration=6052.554, gap_to_leader=0
    )
    assert "1:40:52.554" in browser.get("/admin/drivers/sessionresult/").content.decode()
    assert clock_time(6052.554) == "1:40:52.554"
    assert times_text([90.5, None], clock_time) == "1:30.500 · –"
    assert times_text("+1 LAP", clock_time) == "+1 LAP"


def test_lists_link_to_the_pages(browser):
    mirror(driver(10, 16, "Charles LECLERC", team_name="Ferrari"))
    assert Entry.objects.count() == 1
    for listed, page in (
        ("races/session", "/f1/2023/somewhere/practice-1/"),
        ("races/race", "/f1/2023/somewhere/"),
        ("drivers/team", "/f1/teams/ferrari/"),
    ):
        assert f'href="{page}"' in browser.get(f"/admin/{listed}/").content.decode()
