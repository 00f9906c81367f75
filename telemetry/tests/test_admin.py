"""Laps and stints in the admin."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from drivers.admin import clock_time
from drivers.models import Driver, Entry
from mirror.tests.pages import shown
from races.models import Race, Session
from telemetry.admin import sector_time
from telemetry.models import Lap, Stint

pytestmark = pytest.mark.django_db

LAPS, STINTS = "/admin/telemetry/lap/", "/admin/telemetry/stint/"


@pytest.fixture
def admin_user(db):
    return User.objects.create(username="admin", is_staff=True, is_superuser=True)


@pytest.fixture
def session(db):
    race = Race.objects.create(race_id=1, race_name="Monaco Grand Prix", year=2024)
    return Session.objects.create(session_id=11, race=race, year=2024, session_name="Race", date_start="2024-05-26T13:00:00Z")


@pytest.fixture
def charles(session):
    charles = Driver.objects.create(driver_id="charles_leclerc", full_name="Charles Leclerc")
    Entry.objects.create(session=session, driver_number=16, driver=charles)
    return charles


def edit(browser, lap, **values):
    url = reverse("admin:telemetry_lap_change", args=[lap.pk])
    answer = browser.post(url, shown(browser.get(url)) | values)
    lap.refresh_from_db()
    return answer


@pytest.mark.parametrize(
    ("seconds", "text"), [(83.456, "1:23.456"), (59.9996, "1:00.000"), (60, "1:00.000"), (7.05, "0:07.050"), (None, None)]
)
def test_lap_times_read_as_on_television(seconds, text):
    assert clock_time(seconds) == text


def test_sector_times_have_thousandths():
    assert (sector_time(29.65), sector_time(None)) == ("29.650", None)


def test_laps_are_listed_with_driver_race_and_time_and_can_be_sorted_by_it(admin_client, session, charles):
    for number, seconds in enumerate((83.456, 79.1, None), start=1):
        Lap.objects.create(session=session, driver_number=16, lap_number=number, lap_duration=seconds, driver=charles)
    response = admin_client.get(LAPS, {"o": "4"})
    html = response.content.decode()
    assert all(text in html for text in ("1:23.456", "1:19.100", "Charles Leclerc", "Monaco GP"))
    times = [lap.lap_duration for lap in response.context["cl"].result_list]
    assert [time for time in times if time] == [79.1, 83.456]


def test_laps_are_found_by_driver_and_place_and_by_time(admin_client, session, charles):
    slow, quick = (
        Lap.objects.create(session=session, driver_number=16, lap_number=number, lap_duration=seconds, driver=charles)
        for number, seconds in ((1, 120.0), (2, 75.0))
    )
    Lap.objects.create(session=session, driver_number=4, lap_number=1)

    def found(**query):
        return set(admin_client.get(LAPS, query).context["cl"].queryset)

    assert found(q="leclerc monaco") == {slow, quick}
    assert found(lap_duration_from="70", lap_duration_to="80") == {quick}
    assert found(driver__driver_id__exact="charles_leclerc") == {slow, quick}
    assert found(session__year="2024", source__exact="demo") == set()


@pytest.mark.parametrize(("url", "extra"), [(LAPS, {"lap_number": "3"}), (STINTS, {"stint_number": "2"})], ids=["lap", "stint"])
def test_a_row_made_by_hand_has_the_driver_that_the_entries_name_and_says_it_is_made_by_hand(
    url, extra, admin_client, session, charles
):
    form = shown(admin_client.get(f"{url}add/")) | {"session": session.pk, "driver_number": "16"} | extra
    assert admin_client.post(f"{url}add/", form).status_code == 302
    row = (Lap if url == LAPS else Stint).objects.get()
    assert (row.driver, row.source) == (charles, "manual")


def test_a_lap_given_to_another_car_is_given_to_its_driver(admin_client, session, charles):
    lap = Lap.objects.create(session=session, driver_number=4, lap_number=1)
    edit(admin_client, lap, driver_number="16")
    assert lap.driver == charles


def test_a_second_lap_with_the_same_number_is_refused_in_words(admin_client, session):
    Lap.objects.create(session=session, driver_number=16, lap_number=1)
    form = shown(admin_client.get(f"{LAPS}add/")) | {"session": session.pk, "driver_number": "16", "lap_number": "1"}
    assert "already exists" in admin_client.post(f"{LAPS}add/", form).content.decode()
    assert Lap.objects.count() == 1


def test_mini_sectors_are_edited_as_json(admin_client, session):
    lap = Lap.objects.create(session=session, driver_number=16, lap_number=1, segments_sector_1=[2048, None])
    url = reverse("admin:telemetry_lap_change", args=[lap.pk])
    assert shown(admin_client.get(url))["segments_sector_1"] == "[2048,null]"
    edit(admin_client, lap, segments_sector_1="[2049, 2051]", segments_sector_2="")
    assert (lap.segments_sector_1, lap.segments_sector_2) == ([2049, 2051], None)
    assert "is not JSON" in edit(admin_client, lap, segments_sector_1="[2049,").content.decode()
    assert lap.segments_sector_1 == [2049, 2051]


def test_stints_show_their_compound_in_its_colour(admin_client, session):
    Stint.objects.create(session=session, driver_number=16, stint_number=1, tyre_compound="SOFT")
    Stint.objects.create(session=session, driver_number=16, stint_number=2, tyre_compound="TEST_UNKNOWN")
    html = admin_client.get(STINTS).content.decode()
    assert 'background:#da291c"></span>SOFT' in html
    assert "TEST_UNKNOWN" in html


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("leclerc", {16}),
        ("monaco", {4, 16}),
        ("monaco leclerc", {16}),
        ('"monaco grand prix"', {4, 16}),
        ('"grand monaco"', set()),
        ("4", {4}),
        ("99999999999999999999 monaco", set()),
        ("²", set()),
        ("verstappen", set()),
        ("%", set()),
    ],
)
def test_a_search_looks_up_sessions_and_drivers_first_and_reads_no_lap_for_them(
    admin_client, session, charles, text, found, django_assert_max_num_queries
):
    Lap.objects.create(session=session, driver_number=16, lap_number=1, driver=charles)
    Lap.objects.create(session=session, driver_number=4, lap_number=1)
    with django_assert_max_num_queries(30) as queries:
        rows = admin_client.get(LAPS, {"q": text}).context["cl"].result_list
        assert {lap.driver_number for lap in rows} == found
    assert not [query["sql"] for query in queries if 'FROM "telemetry_lap"' in query["sql"] and "LIKE" in query["sql"].upper()]


def test_no_list_of_rows_asks_for_the_dates_of_all_of_them(admin_client, session, django_assert_max_num_queries):
    for url in (LAPS, STINTS, "/admin/telemetry/position/", "/admin/races/weather/", "/admin/drivers/entry/"):
        with django_assert_max_num_queries(30) as queries:
            assert admin_client.get(url).status_code == 200
        assert not [query["sql"] for query in queries if "trunc" in query["sql"].lower()], url
