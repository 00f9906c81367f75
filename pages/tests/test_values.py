"""What charts show, against plain arithmetic on the rows and against facts that everybody can look up."""

import pytest

from drivers.models import SessionResult
from pages.charts.registry import VIEWS
from pages.rows import load
from pages.state import State
from telemetry.models import Lap, Stint


def chart(session, name, **query):
    view = VIEWS[name]
    return view.build(load(session), State(query, view.parameters))


def line(found, car):
    [one] = [line for line in found.lines if line.car == car]
    return dict(zip(found.x, one.y, strict=True))


def car_of(found, acronym):
    [one] = [car for car in found.cars if car.acronym == acronym]
    return one.number


def times(session, car):
    return dict(Lap.objects.filter(session=session, driver_number=car).values_list("lap_number", "lap_duration"))


def test_the_trace_moves_by_the_difference_of_lap_times(race):
    found = chart(race, "trace")
    first, second = (line.car for line in found.lines[:2])
    gap = {lap: line(found, first)[lap] - line(found, second)[lap] for lap in found.x}
    mine, others = times(race, first), times(race, second)
    for lap in found.x[1:]:
        assert gap[lap] - gap[lap - 1] == pytest.approx(others[lap] - mine[lap], abs=0.0021)  # both are rounded to 1 ms


def test_the_trace_against_a_driver_is_nothing_for_that_driver(race):
    found = chart(race, "trace")
    other = chart(race, "trace", reference=found.cars[3].acronym)
    assert {value for value in line(other, found.cars[3].number).values() if value is not None} == {0.0}


def test_a_trace_ends_with_the_official_gaps(recorded):
    session = recorded(9472)
    found = chart(session, "trace")
    for result in SessionResult.objects.filter(session=session, number_of_laps=57):
        behind = line(found, result.driver_number)[57]
        assert behind == pytest.approx(-result.gap_to_leader, abs=0.0011), result.driver_number


@pytest.mark.parametrize(
    ("session_id", "order"),
    [(9472, "VER PER SAI LEC RUS NOR HAM PIA ALO STR"), (9523, "LEC PIA SAI NOR RUS VER HAM TSU ALB GAS")],
)
def test_cars_come_in_finishing_order(recorded, session_id, order):
    assert [car.acronym for car in chart(recorded(session_id), "trace").cars][:10] == order.split()


def test_places_begin_with_the_grid_and_end_with_the_result(recorded):
    found = chart(recorded(9472), "positions")
    leclerc = line(found, car_of(found, "LEC"))
    assert (leclerc[0], leclerc[57]) == (2, 4)
    assert set(line(found, car_of(found, "VER")).values()) - {2, 3, 4, 5, 6} >= {1}
    for lap in range(1, 58):
        places = [one.y[found.x.index(lap)] for one in found.lines]
        assert sorted(place for place in places if place) == list(range(1, 1 + sum(bool(place) for place in places)))


def test_laps_are_the_stored_times(race):
    found = chart(race, "laps", which="all")
    for one in found.lines[:3]:
        stored = times(race, one.car)
        assert {lap: y for lap, y in zip(found.x, one.y, strict=True) if y is not None} == {
            lap: pytest.approx(seconds, abs=0.0005) for lap, seconds in stored.items() if seconds is not None
        }


def test_stints_cover_each_lap_once(race):
    bars = chart(race, "strategy").data["bars"]
    for car, stints in bars.items():
        laps = [lap for stint in stints for lap in range(stint["first"], stint["last"] + 1)]
        driven = sorted(Lap.objects.filter(session=race, driver_number=car).values_list("lap_number", flat=True))
        assert laps == driven


def test_the_winner_of_bahrain_2024_stopped_twice(recorded):
    session = recorded(9472)
    bars = chart(session, "strategy").data["bars"][1]
    assert [(bar["compound"], bar["last"]) for bar in bars] == [("SOFT", 17), ("HARD", 37), ("SOFT", 57)]
    assert [bar["lane"] for bar in bars] == [25.0, 24.2, None]
    assert len(bars) == Stint.objects.filter(session=session, driver_number=1).count()
