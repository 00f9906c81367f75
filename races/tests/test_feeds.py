"""Weather and race control as OpenF1 sends them, and where a grid comes from."""

import pytest

from mirror.changes import apply
from races.feeds import RaceControlFeed, WeatherFeed
from races.models import RaceControl, Weather
from races.tests.weekends import weekend

pytestmark = pytest.mark.django_db

SCOPE = {"session_key": 10}


def message(text="CAR 4 (NOR) TIME 1:20.000 DELETED", **more):
    row = {"meeting_key": 1, "session_key": 10, "date": "2023-03-05T10:15:00+00:00", "driver_number": None, "lap_number": None}
    return row | {"category": "Other", "flag": None, "scope": None, "sector": None, "message": text} | more


def control(*rows):
    return apply(RaceControlFeed(), list(rows), SCOPE, source="openf1")


@pytest.fixture(autouse=True)
def _sessions():
    weekend("Practice 1", "Race")


def test_messages_that_agree_in_everything_are_one_and_those_of_one_second_that_differ_are_not():
    rows = [message(), message(), message("GREEN LIGHT"), message(sector=3), message(sector=4), message(lap_number=2)]
    changes = control(*rows)
    assert (changes.counts["created"], changes.counts["folded"]) == (5, 1)
    assert control(*rows).counts["unchanged"] == 5
    assert RaceControl.objects.count() == 5


def test_messages_of_two_sessions_are_two():
    control(message())
    apply(RaceControlFeed(), [message(session_key=11)], {"session_key": 11}, source="openf1")
    assert RaceControl.objects.count() == 2


def test_a_message_without_a_moment_is_stored_once():
    control(message(date=None))
    assert control(message(date=None)).counts["unchanged"] == 1


def test_the_qualifying_phase_comes_to_messages_that_are_known():
    control(message())
    changes = control(message(qualifying_phase=2))
    assert (changes.counts["updated"], changes.counts["vanished"]) == (1, 0)
    assert RaceControl.objects.get().qualifying_phase == 2


def test_weather_of_a_minute_that_upstream_corrects_is_updated():
    row = {"meeting_key": 1, "session_key": 10, "date": "2023-03-05T10:15:00.250000+00:00", "humidity": 40, "rainfall": 1}
    for humidity, expected in ((40, "created"), (41.5, "updated"), (41.5, "unchanged")):
        assert apply(WeatherFeed(), [row | {"humidity": humidity}], SCOPE, source="openf1").counts[expected] == 1
    assert Weather.objects.values_list("humidity", "rainfall", "pressure").get() == (41.5, 1, None)


@pytest.mark.parametrize(
    ("names", "grids"),
    [
        (["Practice 1", "Qualifying", "Race"], {"Race": "Qualifying"}),
        (["Qualifying", "Sprint Shootout", "Sprint", "Race"], {"Sprint": "Sprint Shootout", "Race": "Qualifying"}),
        (["Sprint Qualifying", "Sprint", "Qualifying", "Race"], {"Sprint": "Sprint Qualifying", "Race": "Qualifying"}),
        (["Race"], {}),
    ],
)
def test_the_session_that_decides_a_grid(names, grids):
    weekend("Qualifying", "Race", race_id=7)
    for session in weekend(*names, race_id=8):
        found = session.grid_session()
        assert (found and found.session_name) == grids.get(session.session_name)
        assert found is None or found.race_id == 8
