"""The front page, seasons and weekends: sums over the stored results, in plain Python, and what is said of gaps in them."""

import csv
import datetime
import io
import re
from collections import defaultdict

import pytest

from drivers.models import ChampionshipDriver, ChampionshipTeam, SessionResult
from mirror import versions
from pages.progress import progress
from pages.season import season_page, session_state
from pages.season_rows import load_season
from races.models import Session

NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
JSON = {"HTTP_ACCEPT": "application/json"}
HTML = {"HTTP_ACCEPT": "text/html"}


@pytest.fixture
def season(race):
    return season_page(race.year, load_season(race.year), NOW)


def sums(year):
    """{driver: points} of races and sprints."""
    points = defaultdict(float)
    for row in SessionResult.objects.filter(session__year=year, session__session_name__in=("Race", "Sprint")):
        points[row.driver_id] += row.points or 0
    return points


def test_the_calendar_tells_winners_and_poles(season, race):
    weekend = next(each for each in season.weekends if each.race_id == race.race_id)
    winner = SessionResult.objects.get(session=race, position=1)
    pole = SessionResult.objects.get(session__race=race.race_id, session__session_name="Qualifying", position=1)
    assert (weekend.winner.driver_id, weekend.pole.driver_id) == (winner.driver_id, pole.driver_id)
    assert weekend.race_url == race.get_absolute_url()
    assert weekend.state == "past"


def test_standings_are_upstream_s_where_they_are_stored(season, race):
    last = Session.objects.filter(year=race.year, session_name="Race").latest("date_start")
    official = ChampionshipDriver.objects.filter(session=last).order_by("position_current")
    assert not season.computed
    assert [each.driver_id for each in season.drivers[:10]] == [row.driver_id for row in official[:10]]
    assert [each.points for each in season.drivers[:10]] == [row.points_current for row in official[:10]]


def test_standings_are_summed_up_where_upstream_has_none_and_say_so(race, client):
    ChampionshipDriver.objects.all().delete()
    ChampionshipTeam.objects.all().delete()
    versions.touch("championship_drivers", race.pk)
    found = season_page(race.year, load_season(race.year), NOW)
    assert found.computed
    assert {each.driver_id: each.points for each in found.drivers} == sums(race.year)
    assert [each.points for each in found.drivers] == sorted(sums(race.year).values(), reverse=True)
    for url in ("/", f"/f1/{race.year}/"):
        assert "summed up from the results" in client.get(url, **HTML).content.decode()


def test_progress_by_round_ends_at_the_sum_of_the_results(season, race):
    chart = progress(season)
    assert len(chart.x) == Session.objects.filter(year=race.year, session_name="Race").count()
    by_id = {car.driver_id: car.number for car in chart.cars}
    for line in chart.lines:
        assert line.y == sorted(line.y)
    assert {key: next(line.y[-1] for line in chart.lines if line.car == number) for key, number in by_id.items()} == sums(
        race.year
    )
    assert chart.shown == [*range(1, 11)]


def test_progress_comes_as_json_and_csv_with_the_chosen_drivers(season, race, client):
    url = f"/f1/{race.year}/"
    first, second = season.drivers[0].acronym, season.drivers[3].acronym
    body = client.get(url, {"format": "json", "drivers": f"{first},{second}"}).json()
    assert body["shown"] == [1, 4]
    rows = list(csv.reader(io.StringIO(client.get(url, {"format": "csv"}).content.decode())))
    assert rows[0] == ["Driver", *season.rounds]
    assert len(rows) == 1 + len(season.drivers)
    assert client.get(url, {"drivers": "QQQ"}).status_code == 400
    assert client.get(url, {"colour": "red"}).status_code == 400


def test_a_visitor_reaches_a_race_s_strategy_trace_and_pace_in_two_clicks(race, client):
    front = client.get("/", **HTML).content.decode()
    races = re.findall(r'href="(/f1/\d+/[^/"]+/race/)"', front)
    assert races
    page = client.get(races[0]).content.decode()
    for view in ("strategy", "trace", "pace"):
        assert f'href="{races[0]}{view}/"' in page


def test_the_front_page_is_a_page_for_persons_and_json_for_programs(race, client):
    assert "Formula 1, lap by lap" in client.get("/", **HTML).content.decode()
    assert client.get("/", **JSON).json()["name"] == "F1 Stats"
    assert client.get("/?format=json", **HTML).json()["name"] == "F1 Stats"


def test_each_page_takes_at_most_four_queries(race, client, django_assert_max_num_queries):
    for url in ("/", f"/f1/{race.year}/", race.race.get_absolute_url()):
        with django_assert_max_num_queries(4):
            assert client.get(url, **HTML).status_code == 200


def test_the_calendar_says_where_no_result_is_stored(race, client):
    page = f"/f1/{race.year}/"
    assert "no result stored" not in client.get(page).content.decode()
    SessionResult.objects.filter(session=race).delete()
    versions.touch("session_result", race.pk)
    assert client.get(page).content.decode().count("no result stored") == 1


def test_a_weekend_tells_the_first_three_of_its_race(race, client):
    page = client.get(race.race.get_absolute_url()).content.decode()
    for result in SessionResult.objects.select_related("driver").filter(session=race, position__lte=3):
        assert f"{result.position}. {result.driver.full_name}" in page


@pytest.mark.parametrize(
    ("change", "minutes", "words"),
    [({}, -60, "still to come"), ({}, 30, "on track now"), ({}, 200, ""), ({"is_cancelled": True}, 200, "cancelled")],
)
def test_a_session_of_a_weekend_says_where_it_is(race, change, minutes, words):
    Session.objects.filter(pk=race.pk).update(date_end=race.date_start + datetime.timedelta(minutes=120), **change)
    row = next(row for row in load_season(race.year).sessions if row.session_id == race.pk)
    assert session_state(row, race.date_start + datetime.timedelta(minutes=minutes)) == words


def test_staff_find_the_admin_and_everybody_the_api(race, client, admin_client):
    for url, admin in (
        (race.get_absolute_url(), f"/admin/races/session/{race.pk}/change/"),
        (race.race.get_absolute_url(), f"/admin/races/race/{race.race_id}/change/"),
    ):
        assert admin in admin_client.get(url).content.decode()
        page = client.get(url).content.decode()
        assert admin not in page
        links = re.findall(r'href="(/api/v1/[^"]+)"', page)
        assert links
        for link in links:
            assert client.get(link.replace("&amp;", "&")).status_code == 200, link
