"""Pages over HTTP: addresses, formats, validators, errors."""

import csv
import html
import io
import json
import shutil
from unittest.mock import Mock

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from api.kept import kept
from drivers.models import StartingGrid
from mirror import editing
from ml.analysis import ask
from pages import analyses, comparing
from pages.addresses import url_of
from pages.charts.registry import VIEWS
from pages.rows import load, loaded
from telemetry.models import Lap, SampleFile, SessionQuality


@pytest.fixture
def browser():
    return Client(HTTP_ACCEPT="text/html,*/*;q=0.8")


def views_of(session):
    return [name for name, view in VIEWS.items() if view.fits(session.session_name)]


def forget():
    """Nothing is kept, as in a process that has just begun on a site whose pages nobody has asked for."""
    for memory in (loaded, kept, comparing.kept):
        memory.clear()
    for kind in ("replay", "forecast"):
        shutil.rmtree(default_storage.path(kind), ignore_errors=True)


def test_every_page_of_a_session_answers_with_a_table_and_four_queries(race, browser, django_assert_max_num_queries):
    sampled = SampleFile.objects.first().session
    for session, name in [*((race, name) for name in ["", *views_of(race)]), (sampled, "telemetry"), (sampled, "map")]:
        url = f"{url_of(session)}{name}/" if name else url_of(session)
        forget()
        with django_assert_max_num_queries(4):
            answer = browser.get(url)
        assert answer.status_code == 200, url
        assert any(part in answer.content.decode() for part in ("<table", 'class="empty"')), url


def test_the_next_question_about_a_session_reads_no_rows(race, browser, django_assert_max_num_queries):
    browser.get(f"{url_of(race)}pace/")
    with django_assert_max_num_queries(3):  # the version, and the lease of the answer
        assert browser.get(f"{url_of(race)}degradation/").status_code == 200


@pytest.mark.parametrize("question", ["race-pace", "team-mates", "degradation"])
def test_an_answer_of_a_pages_rows_is_that_of_the_database(race, question):
    assert analyses.answer_to(question, load(race)) == json.loads(json.dumps(ask(question, race.pk)))


@pytest.mark.parametrize("name", ["trace", "laps", "positions", "strategy"])
def test_the_same_data_comes_as_json_and_csv(race, browser, name):
    url = f"{url_of(race)}{name}/"
    body = browser.get(url, {"format": "json"}).json()
    assert body["view"] == name
    answer = browser.get(url, {"format": "csv"})
    assert answer["Content-Disposition"].endswith(f'-{name}.csv"')
    rows = list(csv.reader(io.StringIO(answer.content.decode())))
    assert rows[0] == body["table"]["columns"]
    assert len(rows) == 1 + len(body["table"]["rows"])


def test_who_has_the_page_gets_304_until_a_row_changes(race, browser, admin_user):
    url = f"{url_of(race)}trace/"
    tag = browser.get(url)["ETag"]
    assert browser.get(url, HTTP_IF_NONE_MATCH=tag).status_code == 304
    lap = Lap.objects.filter(session=race, lap_number=9).first()
    lap.lap_duration += 2
    editing.edit(lap, user=admin_user)
    answer = browser.get(url, HTTP_IF_NONE_MATCH=tag)
    assert answer.status_code == 200
    assert "1 corrected value" in answer.content.decode()


def test_pages_follow_changes_of_rows_outside_their_session(race, browser, admin_user):
    url = url_of(race)
    assert browser.get(url).status_code == 200
    race.race.race_name = "Another Grand Prix"
    editing.edit(race.race, user=admin_user)
    assert "Another Grand Prix" in browser.get(url).content.decode()
    row = StartingGrid.objects.below(race.pk).get(position=1)
    assert row.session_id != race.pk  # the grid is filed under the qualifying
    row.position = 19
    editing.edit(row, user=admin_user)
    assert '<td class="r wide">19</td>' in browser.get(url).content.decode()


def test_the_season_shows_what_a_new_check_has_found(race, browser):
    url = f"/f1/{race.year}/"
    assert 'class="missing"' not in browser.get(url).content.decode()
    SessionQuality.objects.filter(session=race).update(grade="missing", checked_at=timezone.now())
    assert 'class="missing"' in browser.get(url).content.decode()


def test_an_analysis_is_asked_once_for_all_states_of_a_view(race, browser, admin_user, monkeypatch):
    asked = Mock(wraps=ask)
    monkeypatch.setattr(analyses, "ask", asked)
    url = f"{url_of(race)}pace/"
    for query in ({}, {"by": "team"}, {"raw": "1"}, {"format": "csv"}):
        assert browser.get(url, query).status_code == 200
    assert asked.call_count == 1
    lap = Lap.objects.filter(session=race, lap_number=9).first()
    lap.lap_duration += 2
    editing.edit(lap, user=admin_user)
    browser.get(url)
    assert asked.call_count == 2


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"drivers": "XXX"}, "no driver of this session is called that"),
        ({"laps": "9-5"}, "is no range of laps"),
        ({"reference": "nobody"}, "choose one of winner, leader, median"),
        ({"colour": "red"}, "There is no parameter 'colour'"),
        ({"format": "pdf"}, "choose one of html, json, csv"),
    ],
)
def test_a_state_that_cannot_be_is_named(race, browser, query, words):
    answer = browser.get(f"{url_of(race)}trace/", query)
    assert answer.status_code == 400
    assert words in html.unescape(answer.content.decode())


def test_only_an_embedded_chart_may_be_framed(race, browser):
    url = f"{url_of(race)}trace/"
    assert "frame-ancestors 'none'" in browser.get(url)["Content-Security-Policy"]
    answer = browser.get(url, {"embed": "1"})
    assert "frame-ancestors *" in answer["Content-Security-Policy"]
    assert "X-Frame-Options" not in answer


@pytest.mark.parametrize("path", ["latest/", "latest/latest/", "latest/latest/latest/", "latest/latest/latest/trace/"])
def test_latest_leads_to_the_newest(race, browser, path):
    answer = browser.get(f"/f1/{path}", follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain


def test_other_names_of_a_race_lead_to_its_page(race, browser):
    circuit = race.race.circuit_name.lower().replace(" ", "-")
    answer = browser.get(f"/f1/{race.year}/{circuit}/race/trace/?drivers=&laps=2-9")
    assert (answer.status_code, answer["Location"]) == (301, f"{url_of(race)}trace/?drivers=&laps=2-9")
    assert browser.get(f"/f1/sessions/{race.pk}/trace/")["Location"] == f"{url_of(race)}trace/"


def test_a_former_slug_leads_to_the_present_one(race, browser, admin_user):
    before = url_of(race)
    race.race.slug = "a-new-name"
    editing.edit(race.race, user=admin_user)
    answer = browser.get(before)
    assert (answer.status_code, answer["Location"]) == (301, f"/f1/{race.year}/a-new-name/race/")


def test_what_is_not_there_is_404(race, browser):
    for path in ("/f1/1950/", f"/f1/{race.year}/nowhere/", f"{url_of(race)}nonsense/", "/f1/sessions/1/"):
        assert browser.get(path).status_code == 404, path
