"""The forecast page: what it makes of forecasts, and what it says where there are none."""

import pytest
from django.test import Client

from pages.addresses import url_of
from pages.cars import cars_of
from pages.charts import forecast
from pages.forecasts import champions_version, errors_table, forecasts_if_made
from pages.rows import load
from pages.state import BadState, State

pytestmark = [pytest.mark.django_db, pytest.mark.once]
COLUMNS = {
    "start": [5, 5, 5, 6, 6, 7],
    "lap": [5, 6, 7, 6, 7, 7],
    "seconds": [90.0, 90.2, 90.4, 90.1, 90.3, 90.6],
    "low": [89.0, 89.0, 89.0, 89.6, 89.6, 90.5],
    "high": [91.0, 91.0, 91.0, 90.6, 90.6, 90.7],
    "hold": [90.5, 90.5, 90.5, 90.1, 90.1, None],
}
CLEAN = {5: 90.1, 6: 90.8, 7: 90.4}


def test_a_forecast_is_compared_with_the_clean_laps_that_came():
    rows = {row[0]: row for row in forecast.score(COLUMNS, CLEAN)}
    start, ahead, compared, error, holding, inside, before, count = rows[5]
    assert (start, ahead, compared) == (5, 3, 3)
    assert error == pytest.approx((0.1 + 0.6 + 0.0) / 3, abs=0.001)
    assert holding == pytest.approx((0.4 + 0.3 + 0.1) / 3, abs=0.001)
    assert inside == 1.0
    assert (before, count) == (None, 0)


def test_coverage_before_a_lap_counts_only_laps_that_had_ended():
    rows = {row[0]: row for row in forecast.score(COLUMNS, CLEAN)}
    assert rows[6][6:] == [1.0, 1]  # lap 5, from lap 5
    assert rows[7][6:] == [pytest.approx(2 / 3, abs=0.001), 3]  # lap 6 from lap 6 lay outside


def test_laps_that_were_not_clean_are_not_compared():
    rows = {row[0]: row for row in forecast.score(COLUMNS, {7: 90.4})}
    assert rows[5][2] == 1
    assert rows[7][3:6] == [pytest.approx(0.2), None, 0.0]


def test_errors_by_driver_and_cause_have_the_field_first():
    cars = cars_of_two()
    causes = [
        {"car": 1, "cause": "traffic", "laps": 10, "error": 0.4, "hold": 0.5},
        {"car": 1, "cause": "clear air", "laps": 30, "error": 0.2, "hold": 0.3},
        {"car": 2, "cause": "clear air", "laps": 20, "error": 0.5, "hold": 0.4},
    ]
    table = errors_table(causes, cars)
    assert table.columns == ["Driver", "All laps", "Holding the last", "Weather", "Flags", "Traffic", "Clear air"]
    assert table.rows[0] == ["field", "0.333 (60)", "0.367 (60)", None, None, "0.400 (10)", "0.320 (50)"]
    assert [row[0] for row in table.rows] == ["field", "ONE", "TWO"]


def cars_of_two():
    from pages.chart import Car

    return [Car(1, "ONE", "One", "A", "#000000", "#ffffff"), Car(2, "TWO", "Two", "B", "#000000", "#ffffff")]


def test_without_a_champion_the_page_says_how_to_get_one(race):
    answer = Client().get(f"{url_of(race)}forecast/")
    assert "No model has been promoted for next_lap yet" in answer.content.decode()
    assert "promote_model" in answer.content.decode()


@pytest.mark.parametrize("value", ["0", "4", "8", "x", "-5", "²"])
def test_a_lap_without_a_forecast_is_refused(value):
    with pytest.raises(BadState, match="no forecast from that lap; there are from 5 to 7"):
        forecast.starting_lap(State({"from": value}, ("from",)), [5, 6, 7])


def test_a_driver_who_is_not_there_is_refused():
    with pytest.raises(BadState, match="choose one of ONE, TWO"):
        forecast.driver(State({"driver": "SIX"}, ("driver",)), cars_of_two())


def test_the_drawing_without_javascript_has_band_line_and_dots(race, monkeypatch):
    rows = load(race)
    car = cars_of(rows)[0]
    answer = {"cars": {str(car.number): COLUMNS}, "causes": [], "champions": []}
    monkeypatch.setattr(forecast, "forecasts_of", lambda rows: answer)
    drawing = forecast.layout(forecast.build(rows, State({"from": "5"}, ("from",))))
    assert len(drawing["band"].split()) == 6
    assert len(drawing["line"].split()) == 3
    assert len(drawing["dots"]) > 5


def test_the_page_of_a_session_makes_no_forecast_itself(race):
    assert forecasts_if_made(race.pk, ("nothing",), champions_version()) is None
    assert "Where the models were wrong" not in Client().get(url_of(race)).content.decode()


def test_a_model_that_is_worse_than_none_is_called_so():
    champion = {
        "task": "rest_of_stint",
        "model": "ridge",
        "run": "1",
        "measured": {"mae": 0.572, "baseline_mae": 0.509, "skill": -0.12},
    }
    worst = {"race": "Dunmere Grand Prix 2022", "skill": -0.25}
    said = forecast.exam(champion | {"worst": worst})
    assert "0.572 s off on races it had not seen, 12 % worse than the best naive answer (0.509 s)" in said
    assert "worst at the Dunmere Grand Prix 2022 (25 % worse)" in said
    assert "12 % better than" in forecast.exam(champion | {"worst": None, "measured": champion["measured"] | {"skill": 0.12}})
