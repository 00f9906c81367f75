"""Which samples a sync fetches first, and what it says beforehand."""

from io import StringIO

import pytest
from django.core.management import call_command

from mirror.estimates import estimate_text, expected_minutes
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.reporting import Observer
from mirror.tests.upstream import Rows, client
from telemetry.models import SampleFile

pytestmark = pytest.mark.django_db
DATE = "2023-03-05T15:00:00+00:00"
NAMES = {11: "Practice 1", 12: "Qualifying", 13: "Race", 21: "Practice 1", 22: "Qualifying", 23: "Race"}


class TwoWeekends(Rows):
    """Two weekends of a practice, a qualifying and a race, with two cars that have two samples of location each."""

    def __init__(self):
        keys = [{"session_key": key, "meeting_key": key // 10} for key in NAMES]
        cars = [key | {"driver_number": number} for key in keys for number in (4, 16)]
        place = {"x": 10, "y": 10, "z": 0}
        super().__init__(
            meetings=[{"meeting_key": key, "meeting_name": f"GP {key}", "year": 2023, "date_start": DATE} for key in (1, 2)],
            sessions=[key | {"session_name": NAMES[key["session_key"]], "year": 2023, "date_start": DATE} for key in keys],
            drivers=[car | {"full_name": f"Driver {car['driver_number']}"} for car in cars],
            location=[car | place | {"date": DATE} for car in cars],
        )

    def locations(self):
        """The sessions whose location was asked for, in order."""
        paths = [request.path_url for request in self.asked if request.path_url.startswith("/v1/location")]
        return list(dict.fromkeys(int(path.partition("session_key=")[2].partition("&")[0]) for path in paths))


class Estimates(Observer):
    """Keeps what a sync says that it will take."""

    def __init__(self):
        self.requests = []

    def estimated(self, requests):
        self.requests.append(requests)


@pytest.fixture
def upstream(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return TwoWeekends()


def fetch(upstream, observer=None, **scope):
    return sync(client=client(upstream), scope=Scope(seasons=(2023,), **scope), collections=["location"], observer=observer)


def test_races_come_first_then_qualifyings_then_the_rest(upstream):
    fetch(upstream)
    assert upstream.locations() == [13, 23, 12, 22, 11, 21]


def test_only_sessions_of_a_name(upstream):
    report = fetch(upstream, session_names=("Race", "Qualifying"))
    assert not report.errors
    assert upstream.locations() == [13, 23, 12, 22]
    assert SampleFile.objects.count() == 8


def test_a_name_that_no_session_has_is_answered_with_those_there_are(upstream):
    with pytest.raises(ValueError, match="no session of the scope is called Rally; there are: Practice 1, Qualifying, Race"):
        fetch(upstream, session_names=("Rally",))


def test_how_many_requests_it_takes_is_said_beforehand(upstream):
    observer = Estimates()
    sync(client=client(upstream), scope=Scope(seasons=(2023,)), collections=["drivers"])
    fetch(upstream, observer, session_names=("Race",))
    sent = sum(request.path_url.startswith("/v1/location") for request in upstream.asked)
    assert observer.requests == [sent] == [4]


def test_sessions_whose_cars_are_not_known_are_estimated(upstream):
    observer = Estimates()
    fetch(upstream, observer, session_names=("Race",))
    assert observer.requests == [40]


@pytest.mark.parametrize(("login", "minutes"), [("", 40.0), ("ada", 20.0)])
def test_minutes_are_those_of_the_pace_in_the_settings(settings, login, minutes):
    settings.OPENF1_REQUESTS_PER_SECOND, settings.OPENF1_REQUESTS_PER_MINUTE = 3, 30
    settings.OPENF1_USERNAME = login
    assert expected_minutes(1200) == minutes
    assert estimate_text(1200) == f"About 1,200 requests, {minutes:.0f} minutes or more at the pace OpenF1 allows."


def test_without_a_limit_no_minutes_are_said(settings):
    settings.OPENF1_REQUESTS_PER_SECOND = settings.OPENF1_REQUESTS_PER_MINUTE = 0
    assert estimate_text(12) == "About 12 requests."


def test_the_command_says_it_before_it_fetches(upstream, monkeypatch):
    monkeypatch.setattr("f1site.management.commands.sync_openf1.from_settings", lambda **options: client(upstream))
    out = StringIO()
    call_command("sync_openf1", "location", "--season", "2023", "--session-name", "Race", stdout=out)
    lines = out.getvalue().splitlines()
    said = lines.index("About 40 requests, 2 minutes or more at the pace OpenF1 allows.")
    assert any("location" in line for line in lines[said + 1 :])
