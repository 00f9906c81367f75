"""What charts show, against plain arithmetic on the rows and against facts that everybody can look up."""

import pytest

from drivers.models import SessionResult
from pages.charts.registry import VIEWS
from pages.rows import load
from pages.session_page import stops
from pages.state import BadState, State
from pages.timing import field_crossings, stoppages
from races.models import Session
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


def test_a_red_flag_does_not_squeeze_the_trace(recorded):
    for session_id, minutes in ((9496, "27"), (7787, "17, 14 and 33")):
        found = chart(recorded(session_id), "trace")
        assert f"{minutes} minutes are taken out" in found.summary
        winner = line(found, found.cars[0].number)
        assert max(map(abs, winner.values())) < 200
        assert winner[max(winner)] == pytest.approx(0, abs=0.0011)


def test_a_slow_lap_under_a_red_flag_does_not_stretch_the_scale_of_the_trace(recorded):
    found = chart(recorded(9496), "trace")
    tsunoda = car_of(found, "TSU")
    assert line(found, tsunoda)[2] < -170  # behind the winner on lap 2, which he drove while others stood
    assert found.data["limits_of"][tsunoda] == [pytest.approx(-99, abs=1), pytest.approx(-6, abs=1)]
    assert "limits_of" not in chart(recorded(9472), "trace").data


def test_the_trace_of_monaco_2024_begins_beside_the_winner_and_ends_with_the_gaps(recorded):
    found = chart(recorded(9523), "trace")
    winner, second = (line(found, car_of(found, acronym)) for acronym in ("LEC", "PIA"))
    assert winner[1] == winner[2] == 0
    assert (winner[78], second[78]) == (pytest.approx(0, abs=0.0011), pytest.approx(-7.152, abs=0.0011))


def test_the_clock_goes_on_where_no_red_flag_was(recorded):
    session = recorded(9472)
    assert stoppages(load(session), field_crossings(load(session))) == []


def test_changes_of_tyres_under_a_red_flag_are_no_stops(recorded):
    session = recorded(9523)
    found = chart(session, "positions")
    marks = {mark.kind: mark for one in found.lines if one.car == car_of(found, "LEC") for mark in one.marks}
    assert (marks["change"].x, marks["change"].text) == (1, "M to H under the red flag")
    assert "stop" not in marks
    bars = chart(session, "strategy").data["bars"]
    assert [bar["red"] for bar in bars[16]] == [True, False]
    assert [bar["red"] for bar in bars[1]] == [True, False, False]  # Verstappen stopped once more


def test_stops_of_monaco_2024_are_those_that_everybody_saw(recorded):
    session = recorded(9523)
    found = chart(session, "positions")
    counted = {car.acronym: stops(load(session), car.number) for car in found.cars}
    assert {name: count for name, count in counted.items() if count} == {
        "VER": 1,
        "HAM": 1,
        "BOT": 1,
        "ZHO": 1,
        "SAR": 1,
        "STR": 2,
    }


def test_a_race_has_the_laps_of_its_result_though_upstream_began_one_more(recorded):
    rows = load(recorded(7787))
    assert max(lap.lap_number for lap in rows.laps) == 59
    assert rows.race_laps == 58


def test_a_race_in_the_rain_shows_its_wet_laps_and_no_line_leads_over_what_is_left_out(recorded):
    session = recorded(9531)
    found = chart(session, "laps")
    assert found.x == [float(lap) for lap in range(2, 71)]
    shown = line(found, car_of(found, "VER"))
    excluded = dict(Lap.objects.filter(session=session, driver_number=1).with_exclusion().values_list("lap_number", "excluded"))
    slow = ("first lap", "in-lap", "out-lap", "safety car", "yellow flag", "no time")
    assert {lap for lap, y in shown.items() if y is None} == {lap for lap, why in excluded.items() if why in slow} - {1}
    assert "wet tyres" in excluded.values()
    assert chart(session, "laps", which="clean").x[0] > 40


def test_the_end_of_a_race_is_marked_where_the_car_was_last_seen(recorded):
    found = chart(recorded(9531), "positions")
    [one] = [line for line in found.lines if line.car == car_of(found, "LEC")]
    [mark] = [mark for mark in one.marks if mark.kind == "out"]
    assert mark.x == 40
    assert one.y[found.x.index(mark.x)] is not None


def test_stripes_of_the_strategy_tell_when_the_safety_car_met_each_car(recorded):
    found = chart(recorded(9531), "strategy")
    drawn = VIEWS["strategy"].layout(found)
    assert [stripe["kind"] for stripe in drawn["rows"][0]["stripes"]].count("safety car") == 2
    assert "safety car (yellow)" in found.summary
    assert next(name for name, _ in drawn["names"]) == "rain"


def test_who_ended_on_the_first_lap_is_said_to(recorded):
    found = chart(recorded(9523), "strategy")
    words = {row["car"].acronym: row["without_lap"] for row in VIEWS["strategy"].layout(found)["rows"]}
    assert [name for name, ended in words.items() if ended] == ["PER", "MAG", "HUL", "OCO"]
    assert not any("does not say" in note for note in found.notes)


def test_chosen_drivers_are_the_rows_of_the_strategy(race):
    cars = chart(race, "strategy").cars
    assert [car.acronym for car in chart(race, "strategy", drivers=cars[2].acronym).cars] == [cars[2].acronym]


def test_a_range_of_laps_is_a_window_and_cuts_the_table(race):
    found = chart(race, "trace", laps="5-9")
    assert list(found.data["window"]) == [5, 9]
    assert [row[0] for row in found.table.rows] == [5, 6, 7, 8, 9]
    assert found.x == chart(race, "trace").x


def test_laps_beside_a_driver_are_the_difference_of_times(race):
    first, second = chart(race, "laps").cars[:2]
    found = line(chart(race, "laps", mode=first.acronym, which="all"), second.number)
    mine, others = times(race, second.number), times(race, first.number)
    shown = {lap: delta for lap, delta in found.items() if delta is not None}
    assert shown
    assert shown == {lap: pytest.approx(mine[lap] - others[lap], abs=0.00051) for lap in shown}
    assert set(chart(race, "laps", mode=first.acronym, which="all").lines[0].y) <= {0, None}


def test_laps_of_practice_stand_at_the_minute_in_which_they_began(demo, db):
    session = Session.objects.select_related("race").filter(session_name="Practice 1").earliest("date_start")
    found = chart(session, "laps", which="all")
    car = found.lines[0].car
    stored = Lap.objects.filter(session=session, driver_number=car, lap_duration__isnull=False, date_start__isnull=False)
    expected = {(lap.date_start - session.date_start).total_seconds() / 60: lap.lap_duration for lap in stored}
    shown = {at: seconds for at, seconds in line(found, car).items() if seconds is not None}
    assert list(shown) == pytest.approx(sorted(expected), abs=0.00051)
    assert list(shown.values()) == pytest.approx([expected[at] for at in sorted(expected)], abs=0.00051)
    assert [choice.value for choice in found.choices] == ["time", "time", "all"]
    with pytest.raises(BadState):
        chart(session, "laps", mode="fuel")
