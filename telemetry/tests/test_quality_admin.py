"""The admin pages of data quality."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from races.models import Session
from races.tests.weekends import weekend
from telemetry.models import Lap, SessionQuality
from telemetry.quality.report import check_sessions

LIST = reverse("admin:telemetry_sessionquality_changelist")
NOW = datetime(2024, 6, 1, tzinfo=UTC)


@pytest.fixture
def held(db):
    """A race with one lap whose sectors do not add up."""
    [stored] = weekend("Race", year=2024)
    Session.objects.update(session_type="Race", gmt_offset="00:00:00", location="Town")
    Lap.objects.create(
        session=stored,
        driver_number=44,
        lap_number=2,
        lap_duration=90,
        duration_sector_1=30,
        duration_sector_2=30,
        duration_sector_3=31,
    )
    return stored


@pytest.fixture
def checked(held):
    assert len(list(check_sessions(now=NOW))) == 1
    return SessionQuality.objects.get()


def page(quality):
    return reverse("admin:telemetry_sessionquality_change", args=[quality.pk])


def shown(client, url):
    return client.get(url).content.decode()


def test_the_page_of_a_session_tells_what_was_found_and_leads_to_the_row(checked, admin_client):
    html = shown(admin_client, page(checked))
    assert "Lap 2 of car 44 takes -1.000 s compared with its three sectors." in html
    assert "one of the four times is wrong" in html
    assert f'href="{reverse("admin:telemetry_lap_change", args=[Lap.objects.get().pk])}"' in html


def test_it_tells_how_complete_each_collection_is_and_leads_to_its_rows(checked, admin_client):
    html = shown(admin_client, page(checked))
    assert "never synced" in html
    url = f"{reverse('admin:telemetry_lap_changelist')}?session__session_id__exact={checked.session_id}"
    assert f'href="{url}"' in html
    assert admin_client.get(url).context["cl"].result_count == 1


def test_several_rows_are_found_in_a_list(held, admin_client):
    Lap.objects.create(session=held, driver_number=1, lap_number=2, lap_duration=90, duration_sector_2=30, duration_sector_3=30)
    assert list(check_sessions(now=NOW))
    quality = SessionQuality.objects.get()
    found = next(found for found in quality.findings if found["check"] == "speeds_missing")
    assert found["count"] == 2
    url = f"{reverse('admin:telemetry_lap_changelist')}?pk__in={'%2C'.join(map(str, found['rows']['laps']))}"
    assert f'href="{url}"' in shown(admin_client, page(quality))
    assert admin_client.get(url).context["cl"].result_count == 2


def test_the_list_shows_the_gravest_finding(checked, admin_client):
    html = shown(admin_client, LIST)
    assert "2024 Town Race" in html
    assert checked.findings[0]["message"] in html


def test_the_list_of_sessions_leads_to_the_report(checked, admin_client):
    weekend("Practice 1", race_id=2)
    html = shown(admin_client, reverse("admin:races_session_changelist"))
    assert f'href="{page(checked)}"' in html
    assert f"{checked.errors} error" in html


def test_a_session_is_checked_again(checked, admin_client):
    Lap.objects.update(duration_sector_3=30)
    answer = admin_client.get(reverse("admin:telemetry_sessionquality_check_again", args=[checked.pk]), follow=True)
    assert answer.redirect_chain[-1][0] == page(checked)
    assert "sectors_do_not_add_up" not in {found["check"] for found in SessionQuality.objects.get().findings}


def test_all_sessions_are_checked_at_once(held, admin_client):
    url = reverse("admin:telemetry_sessionquality_check_all")
    assert "Runs every check" in shown(admin_client, url)
    assert SessionQuality.objects.count() == 0
    assert "1 session checked" in admin_client.post(url, {"_form_submitted": "on"}, follow=True).content.decode()
    assert SessionQuality.objects.get().session == held


def test_checking_needs_the_permission(checked, client):
    user = User.objects.create_user("reader", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_sessionquality"))
    client.force_login(user)
    assert client.get(page(checked)).status_code == 200
    for name, args in (("check_all", []), ("check_again", [checked.pk])):
        url = reverse(f"admin:telemetry_sessionquality_{name}", args=args)
        assert url not in shown(client, LIST) + shown(client, page(checked))
        assert client.post(url, {"_form_submitted": "on"}).status_code == 403
    assert SessionQuality.objects.get().checked_at == NOW
