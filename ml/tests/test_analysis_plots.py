"""Pictures of the answers: whose dot is where, in which colour and order."""

from types import SimpleNamespace

import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex

from drivers.models import SessionResult
from ml import analysis
from ml.analysis import plots, stops
from ml.cars import stored_looks

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def race_id(laps):
    return int(laps["session_id"].unique()[0])


def drawn(question, session_id):
    return plots.drawn(analysis.ask(question, session_id))


def test_cars_have_the_colours_of_their_teams_and_the_order_of_the_finish(race_id):
    race = race_id
    looks = stored_looks(race)
    results = (
        SessionResult.objects.filter(session_id=race, position__gt=0).order_by("position").values_list("driver_number", flat=True)
    )
    assert [look.number for look in looks][: len(results)] == [*results]
    shades = {look.acronym: look.light for look in looks}
    axes = drawn("consistency", race).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    dots = [each for each in axes.collections if isinstance(each, PathCollection)]
    assert [to_hex(dot.get_facecolor()[0]) for dot in dots] == [shades[name] for name in names]
    small = drawn("stint-pace", race)
    titles = [each.get_title() for each in small.axes if each.get_title()]
    assert titles == [look.acronym for look in looks if look.acronym in titles]
    assert {text.get_text() for text in small.legends[0].get_texts()} <= {"soft", "medium", "hard"}


def test_what_a_stop_costs_is_drawn_stop_by_stop(race_id):
    answer = analysis.ask("pit-loss", race_id)
    dots = [each.get_offsets() for each in drawn("pit-loss", race_id).axes[0].collections if isinstance(each, PathCollection)]
    shown = sorted(round(float(dot[0][0]), 3) for dot in dots)
    assert shown == sorted(stop["loss"] for stops in answer["stops"].values() for stop in stops)


def test_undercuts_with_a_slow_stop_are_told_but_not_drawn(race_id):
    row = {"name": "VER", "on": "LEC", "lap_number": 9, "answered": 10, "gain": 2.0, "ahead": True}
    about = {"session_id": race_id, "year": 2022, "race": "Velmora", "session_name": "Race"}
    answer = {"question": "undercut", "session": about, "rows": [{**row, "slow": False}, {**row, "gain": 9.0, "slow": True}]}
    axes = plots.drawn(answer).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["VER on LEC, lap 9"]
    assert axes.get_xlabel().endswith("1 with a slow stop left out")


def test_a_stop_is_slow_beside_the_median_one():
    def visit(lap, seconds):
        return SimpleNamespace(driver_number=1, lap_number=lap, is_stop=True, pit=SimpleNamespace(seconds=seconds))

    assert stops.slow_stops([visit(10, 21.0), visit(20, 21.5), visit(30, 26.0), visit(40, None)]) == {(1, 30)}
