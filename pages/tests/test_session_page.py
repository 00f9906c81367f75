"""The page of a session: what it says where something is missing, and where its parts lead."""

import datetime
import re

import pytest

from drivers.models import SessionResult
from mirror import versions
from pages.addresses import url_of
from pages.charts.positions import retirement
from pages.rows import load
from pages.session_page import session_page, stops
from pages.sparklines import teasers
from races.models import RaceControl, Session
from telemetry.models import Lap

NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture
def bare(race):
    """A session of the weekend that nothing is stored of."""
    return Session.objects.create(
        session_id=77, race=race.race, year=race.year, session_name="Practice 9", slug="practice-9", date_start=NOW, date_end=NOW
    )


@pytest.mark.parametrize(
    ("change", "now", "words"),
    [
        ({"is_cancelled": True}, NOW, "was cancelled"),
        ({}, NOW - datetime.timedelta(days=2), "begins on 1 January 2030 at 00:00 UTC"),
        ({"date_end": NOW + datetime.timedelta(hours=1)}, NOW + datetime.timedelta(minutes=5), "on track now"),
        ({}, NOW + datetime.timedelta(days=1), "no laps and no result"),
    ],
)
def test_a_session_without_rows_says_why(bare, client, change, now, words):
    for name, value in change.items():
        setattr(bare, name, value)
    bare.save()
    assert words in session_page(load(bare), now).status


def test_a_session_without_rows_has_a_page_without_empty_tables(bare, client):
    page = client.get(url_of(bare)).content.decode()
    assert 'class="empty"' in page
    assert "<table" not in page


def test_a_session_without_results_is_ordered_by_laps_and_says_so(race, client):
    race.sessionresults.all().delete()
    versions.touch("session_result", race.pk)
    page = client.get(url_of(race)).content.decode()
    assert "No result of this session is stored" in page
    assert page.count("<tr>") > 20


def test_a_deleted_lap_is_none_of_the_fastest(race):
    first = session_page(load(race), NOW).fastest[0]
    lap = race.laps.filter(driver_number=first.car.number, lap_number=first.lap_number)
    lap.update(deleted=True)
    versions.touch("laps", race.pk)
    fastest = session_page(load(race), NOW).fastest
    assert (first.car.number, first.lap_number) not in [(row.car.number, row.lap_number) for row in fastest]


def test_a_practice_without_laps_has_the_times_of_its_result_and_no_charts(race, client):
    practice = Session.objects.select_related("race").get(race=race.race_id, session_name="Practice 1")
    first, second = practice.sessionresults.order_by("position")[:2]
    practice.laps.all().delete()
    versions.touch("laps", practice.pk)
    page = session_page(load(practice), NOW)
    assert [line.best for line in page.lines[:2]] == [first.duration, second.duration]
    assert page.lines[1].time == f"+{second.duration - first.duration:.3f}"
    html = client.get(url_of(practice)).content.decode()
    assert "No laps of this session are stored" in html
    assert "Look closer" not in html


@pytest.mark.parametrize("kind", ["Practice 1", "Qualifying", "Sprint", "Sprint Qualifying", "Race"])
def test_every_kind_of_session_has_a_page(race, client, kind, django_assert_max_num_queries):
    found = Session.objects.select_related("race").filter(session_name=kind).first()
    with django_assert_max_num_queries(4):
        page = client.get(url_of(found))
    assert page.status_code == 200
    assert 'id="result"' in page.content.decode()


def test_messages_lead_to_the_chart_around_their_lap(race, client):
    told = session_page(load(race), NOW).announcements
    links = {each.link for each in told if each.link}
    assert links
    last = Lap.objects.filter(session=race).latest("lap_number").lap_number
    for link in links:
        first, end = map(int, re.search(r"laps=(\d+)-(\d+)", link).groups())
        assert 1 <= first < end <= last
        assert client.get(f"{url_of(race)}{link}").status_code == 200, link


def test_tyres_changed_under_a_red_flag_are_no_stops(race):
    out = Lap.objects.filter(session=race, is_pit_out_lap=True, lap_number__gt=2).exclude(date_start=None).first()
    before = stops(load(race), out.driver_number)
    assert before
    race.neutralisations.all().delete()
    race.neutralisations.create(
        state="red flag",
        date_start=out.date_start - datetime.timedelta(minutes=3),
        date_end=out.date_start + datetime.timedelta(minutes=20),
    )
    others = Lap.objects.filter(
        session=race,
        driver_number=out.driver_number,
        is_pit_out_lap=True,
        date_start__gt=out.date_start,
        date_start__lte=out.date_start + datetime.timedelta(minutes=20),
    )
    assert stops(load(race), out.driver_number) == before - 1 - others.count()


def test_the_page_leads_to_its_views_with_small_pictures(race, client):
    found = {each.name: each for each in teasers(load(race))}
    assert len(found["trace"].strokes) == 5
    assert found["strategy"].blocks
    for stroke in found["positions"].strokes:
        places = [float(point.split(",")[1]) for point in stroke.points.split()]
        assert all(0 <= place <= 56 for place in places)
    page = client.get(url_of(race)).content.decode()
    for name in found:
        assert f'href="{url_of(race)}{name}/"' in page


def test_people_and_teams_are_links(race, client):
    page = client.get(url_of(race)).content.decode()
    for kind in ("drivers", "teams"):
        [link, *_] = re.findall(rf'href="(/f1/{kind}/[^"]+)"', page)
        assert client.get(link).status_code == 200


def test_what_is_not_there_is_a_page_for_a_browser_and_json_for_the_api(race, client):
    page = client.get("/f1/2022/nowhere/", HTTP_ACCEPT="text/html")
    assert page.status_code == 404
    assert "There is nothing here" in page.content.decode()
    assert "pages/style" in page.content.decode()
    assert client.get("/api/v1/nosuch/", HTTP_ACCEPT="text/html").json()["detail"]


def test_what_race_control_said_of_a_retirement_is_told_in_any_case(race):
    car = SessionResult.objects.filter(session=race, dnf=True, driver_number__in=race.laps.values("driver_number")).first()
    words = {"session": race, "date": race.date_end, "source": "openf1", "digest": 1}
    RaceControl.objects.create(**words, message=f" Car {car.driver_number} (Abc)  Stopped at turn 6")
    [mark] = retirement(load(race), car.driver_number)
    assert mark.text.endswith(f": Car {car.driver_number} (abc) stopped at turn 6")
