"""Laps compared by distance, and on the map: what pages, JSON and CSV show of the demo season's samples."""

import csv
import html
import io
import re

import pytest
from django.test import Client

from api.kept import kept
from pages import comparing
from pages.addresses import url_of
from pages.lap_choice import chosen_laps
from pages.rows import load, loaded
from pages.state import State
from races.models import Circuit, Session
from telemetry.models import Lap, SampleFile


@pytest.fixture
def browser():
    return Client(HTTP_ACCEPT="text/html,*/*;q=0.8")


@pytest.fixture
def sampled(demo, db):
    """The race of the demo season that there are samples of."""
    session_id = SampleFile.objects.filter(collection="location").values_list("session_id", flat=True).first()
    return Session.objects.select_related("race").get(pk=session_id)


@pytest.fixture
def two(sampled):
    """(names as the address has them, rows) of a lap of each of two cars."""
    laps = Lap.objects.filter(session=sampled, lap_number=12).order_by("driver_number")[:2]
    return [f"{lap.driver_number}-12" for lap in laps], list(laps)


def columns(browser, sampled, laps, view="telemetry", **query):
    answer = browser.get(f"{url_of(sampled)}{view}/", {"laps": ",".join(laps), "format": "json"} | query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_the_columns_of_two_laps_are_as_long_as_the_distance(browser, sampled, two):
    body = columns(browser, sampled, two[0])
    labels = [lap["label"] for lap in body["laps"]]
    assert len(labels) == 2
    names = [f"{channel}_{label}" for label in labels for channel in ("time", "speed", "throttle", "brake", "gear", "rpm", "drs")]
    assert {len(body[name]) for name in [*names, "delta", "delta_band", "delta_band_95"]} == {len(body["distance"])}
    assert all(narrow <= wide for narrow, wide in zip(body["delta_band"], body["delta_band_95"], strict=True))


def test_the_delta_is_official_at_each_line(browser, sampled, two):
    body = columns(browser, sampled, two[0])
    first, second = two[1]
    sectors = [(lap.duration_sector_1, lap.duration_sector_2, lap.duration_sector_3) for lap in (first, second)]
    official = [sum(sectors[1][:count]) - sum(sectors[0][:count]) for count in range(4)]
    at = [body["distance"].index(round(line, 1)) for line in body["lines"]]
    assert [body["delta"][index] for index in at] == pytest.approx(official, abs=0.0021)
    assert [body["delta_band"][index] for index in at] == pytest.approx([0] * 4, abs=0.006)


def test_a_lap_of_another_session_has_its_whole_name(browser, sampled, two):
    car = two[1][0].driver_number
    name = f"{sampled.year}.{sampled.race.slug}.{sampled.slug}.{car}-13"
    body = columns(browser, sampled, [two[0][0], name])
    assert body["laps"][1]["label"] == name
    assert body["laps"][1]["lap_number"] == 13
    assert f"speed_{name}" in body


def test_the_laps_shown_first_are_of_cars_with_samples(sampled):
    state = State({}, ())
    first, second = chosen_laps(load(sampled), state)
    SampleFile.objects.filter(session=sampled, driver_number=first.car.number).delete()
    assert next(lap.car.number for lap in chosen_laps(load(sampled), state)) == second.car.number


def test_laps_without_samples_are_no_dead_end(browser, sampled, two):
    SampleFile.objects.filter(session=sampled, driver_number=two[1][0].driver_number).delete()
    page = f"{url_of(sampled)}telemetry/"
    told = browser.get(page, {"laps": ",".join(two[0])}).content.decode()
    assert "There are no samples of lap 12" in told
    assert f'<a href="{page}">Other laps of this session</a>' in told


def test_corners_that_nobody_has_numbered_are_said_to_be_counted(browser, sampled, two):
    page, query = f"{url_of(sampled)}telemetry/", {"laps": ",".join(two[0])}
    assert "official numbers can differ" in browser.get(page, query).content.decode()
    Circuit.objects.update(corners_edited=True)
    assert "official numbers can differ" not in browser.get(page, query | {"zoom": "0-900"}).content.decode()


def test_the_csv_has_every_ten_metres_and_the_page_fewer(browser, sampled, two):
    query = {"laps": ",".join(two[0])}
    rows = list(csv.reader(io.StringIO(browser.get(f"{url_of(sampled)}telemetry/", query | {"format": "csv"}).content.decode())))
    body = columns(browser, sampled, two[0])
    assert len(rows) > len(body["distance"]) - 5
    assert rows[0][0] == "Distance, m"
    page = browser.get(f"{url_of(sampled)}telemetry/", query).content.decode()
    assert page.count("<tr>") < len(rows)


def test_without_javascript_there_are_pictures_and_tables(browser, sampled, two):
    page = browser.get(f"{url_of(sampled)}telemetry/", {"laps": ",".join(two[0])}).content.decode()
    assert page.count('class="band-80"') == 1
    assert page.count('class="car-line"') >= 13  # two laps in six strips, and a delta
    assert 'id="corners"' in page
    assert "off by" in page or "too few laps" in page  # how good the delta is


def test_corners_have_a_row_for_each_lap_and_name_nobody_where_bands_overlap(browser, sampled, two):
    page = browser.get(f"{url_of(sampled)}telemetry/", {"laps": ",".join(two[0])}).content.decode()
    corners = columns(browser, sampled, two[0])["corners"]
    table = page.partition('aria-labelledby="corners"')[2].partition("</table>")[0]
    assert table.count("<tr>") == 1 + 2 * len(corners)
    assert table.count("not certain") == sum(corner["fastest"] is None for corner in corners)
    for corner in corners:
        gain, half = corner["laps"][1]["gain"]
        assert (corner["fastest"] is not None) == (abs(gain) > half)


def test_laps_that_are_not_named_are_the_best_of_the_two_quickest_cars(browser, sampled):
    body = browser.get(f"{url_of(sampled)}telemetry/", {"format": "json"}).json()
    best = min(lap.lap_duration for lap in Lap.objects.filter(session=sampled, is_pit_out_lap=False, lap_duration__isnull=False))
    assert body["laps"][0]["lap_duration"] == best
    assert body["laps"][0]["driver_number"] != body["laps"][1]["driver_number"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"laps": "VER20"}, "is no lap; write driver and lap number"),
        ({"laps": "XXX-3"}, "no driver of this session is called XXX"),
        ({"laps": "1950.nowhere.race.VER-3"}, "no session"),
        ({"laps": "1-2,1-3,1-4,1-5,1-6"}, "at most 4"),
        ({"zoom": "900"}, "is no part of a lap"),
        ({"drivers": "VER", "colour": "red"}, "There is no parameter 'colour'"),
    ],
)
def test_a_state_that_cannot_be_is_named(browser, sampled, query, words):
    answer = browser.get(f"{url_of(sampled)}telemetry/", query)
    assert answer.status_code == 400
    assert words in html.unescape(answer.content.decode())


def test_a_lap_that_was_not_driven_is_named(browser, sampled, two):
    car = two[1][0].driver_number
    answer = browser.get(f"{url_of(sampled)}telemetry/", {"laps": f"{car}-999"})
    assert answer.status_code == 400
    assert "has no lap 999" in answer.content.decode()


def test_a_session_without_samples_says_which_command_brings_them(browser, demo, db):
    without = Session.objects.select_related("race").exclude(pk__in=SampleFile.objects.values("session_id"))
    session = without.filter(session_name="Qualifying").first()
    for view in ("telemetry", "map"):
        page = browser.get(f"{url_of(session)}{view}/").content.decode()
        assert "the demo season has samples of one race only, which `manage.py load_demo` brings in" in re.sub(
            "</?code>", "`", page
        )
    Session.objects.filter(pk=session.pk).update(source="openf1")  # which no version knows of
    kept.clear()
    loaded.clear()
    page = browser.get(f"{url_of(session)}telemetry/").content.decode()
    assert f"manage.py sync_openf1 car_data location --session {session.pk}" in page


def test_staff_are_led_to_the_button_that_fetches_samples(admin_client, demo, db):
    without = Session.objects.select_related("race").exclude(pk__in=SampleFile.objects.values("session_id"))
    session = without.filter(session_name="Qualifying").first()
    lead = f'<a href="/admin/races/session/{session.pk}/change/">Fetch samples in the admin</a>'
    for view in ("telemetry", "map"):
        assert lead not in admin_client.get(f"{url_of(session)}{view}/").content.decode()  # OpenF1 has no demo season
    Session.objects.filter(pk=session.pk).update(source="openf1")  # which no version knows of
    kept.clear()
    loaded.clear()
    for view in ("telemetry", "map"):
        assert lead in admin_client.get(f"{url_of(session)}{view}/").content.decode()
        assert lead not in Client(HTTP_ACCEPT="text/html").get(f"{url_of(session)}{view}/").content.decode()


def test_the_map_calls_a_mini_sector_won_only_where_the_band_leaves_out_nothing(browser, sampled, two):
    body = columns(browser, sampled, two[0], view="map")
    sectors = body["mini_sectors"]
    assert [each["number"] for each in sectors] == list(range(1, 26))
    assert {round(each["to"] - each["from"]) for each in sectors} <= {round(body["length"] / 25), round(body["length"] / 25) + 1}
    for each in sectors:
        assert (each["won"] is not None) == (abs(each["gain"]) > each["band_95"])
    assert sum(each["gain"] for each in sectors) == pytest.approx(body["delta"][-1] - body["delta"][0], abs=0.03)


@pytest.mark.parametrize(
    ("mode", "words"), [("speed", "km/h and more"), ("gear", "gear 7"), ("pedals", "full throttle"), ("gain", "faster")]
)
def test_the_map_colours_a_lap_by_what_is_chosen(browser, sampled, two, mode, words):
    page = browser.get(f"{url_of(sampled)}map/", {"laps": ",".join(two[0]), "by": mode}).content.decode()
    assert words in page
    assert 'id="map"' in page
    assert page.count('class="piece') > 5


def test_one_lap_has_a_map_and_no_delta(browser, sampled, two):
    body = columns(browser, sampled, two[0][:1], view="map")
    assert body["by"] == "speed"
    assert "delta" not in body
    assert browser.get(f"{url_of(sampled)}map/", {"laps": two[0][0], "by": "gain"}).status_code == 400


def test_a_comparison_is_made_once_for_all_states(browser, sampled, two, monkeypatch):
    made = []
    compare = comparing.compare_laps
    monkeypatch.setattr(comparing, "compare_laps", lambda keys: made.append(keys) or compare(keys))
    for view, query in (("telemetry", {}), ("telemetry", {"zoom": "100-900"}), ("map", {"by": "gear"})):
        assert browser.get(f"{url_of(sampled)}{view}/", {"laps": ",".join(two[0])} | query).status_code == 200
    assert len(made) == 1
