"""Every parameter of every page: what means nothing is a 400 that says what would do, whatever is stored."""

import pytest
from django.test import Client

from pages.addresses import url_of
from pages.charts.registry import VIEWS
from pages.state import State
from telemetry.models import Lap, SampleFile, Stint

pytestmark = [pytest.mark.django_db, pytest.mark.once]
PAGES = ("/", "/f1/{year}/", "/f1/{year}/{race}/", "{session}", "{session}replay.f1r", "/f1/search/", "/live/", "/sql/")


def refused(session):
    """(view, parameter) of those whose nonsense is not refused, in words that name it."""
    client = Client(HTTP_ACCEPT="text/html")
    found = []
    for name, view in VIEWS.items():
        for parameter in (*State.COMMON, *view.parameters, "nosuch") if view.fits(session.session_name) else ():
            answer = client.get(f"{url_of(session)}{name}/", {parameter: "ZZZ"})
            if answer.status_code != 400 or parameter not in answer.content.decode():
                found.append((name, parameter))
    return found


def test_nonsense_is_refused_by_every_view(race):
    assert refused(race) == []


def test_nonsense_is_refused_where_there_is_nothing_to_see(race):
    for model in (Lap, Stint, SampleFile):
        model.objects.filter(session=race).delete()
    assert refused(race) == []


def test_pages_name_the_parameters_that_they_take(race):
    for page in PAGES:
        path = page.format(year=race.year, race=race.race.slug, session=url_of(race))
        answer = Client(HTTP_ACCEPT="text/html").get(path, {"nosuch": "1"})
        assert answer.status_code == 400, path
        assert "There is no parameter &#x27;nosuch&#x27; here" in answer.content.decode(), path


def test_a_browser_gets_a_page_that_leads_on_and_a_program_the_sentence(race):
    path = f"{url_of(race)}trace/"
    html = Client(HTTP_ACCEPT="text/html").get(path, {"drivers": "<b>"})
    assert html["Content-Type"] == "text/html; charset=utf-8"
    assert f'<a href="{path}">' in html.content.decode()
    assert "<b>" not in html.content.decode()
    for query in ({"format": "json"}, {"format": "csv"}):
        answer = Client(HTTP_ACCEPT="text/html").get(path, {"drivers": "ZZZ"} | query)
        assert (answer.status_code, answer["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert Client().get(path, {"drivers": "ZZZ"}).content.decode().startswith("drivers='ZZZ': no driver of this session")
