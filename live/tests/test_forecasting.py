"""Forecasts on the live page: once per lap for all viewers, beside what happens, and in words where there is no model."""

import sys
from concurrent.futures import Executor, Future
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from live.alerts import Alerts
from live.engine import Engine
from live.forecasting import ABOUT, MISSING, SETTLING, UNKNOWN_LENGTH, Forecaster, forecasts_of
from live.frames import board_at
from live.lines import forecast_lines, stop_text
from live.patches import without_nulls
from live.tests.feeding import listed_session, recorded, woven
from mirror.models import Source
from ml.models import Experiment, Run

NOW = datetime(2026, 3, 8, 14, tzinfo=UTC)
PLACE = {"place": 8, "low": 7, "high": 10}


class Inline(Executor):
    """Computes at once."""

    def submit(self, function, /, *args, **options):
        future = Future()
        try:
            future.set_result(function(*args, **options))
        except Exception as error:
            future.set_exception(error)
        return future


class Models:
    """Forecasts 90 s for every car and lap, and P8; counts how often it is asked."""

    def __init__(self, sectors=0):
        self.asked, self.under_way, self.sectors = [], [], sectors

    def __call__(self, session_id, cars, race_laps, tasks):
        if "next_lap" not in tasks:
            self.under_way.append(cars)
            lap_of = {"seconds": 89.5, "low": 89.3, "high": 89.7, "sectors": self.sectors}
            return {"under_way": {car: {"lap": lap, **lap_of} for car, lap in cars.items() if self.sectors}}
        self.asked.append((cars, race_laps))
        times = {
            car: [{"lap": lap + n, "seconds": 90.0, "low": 89.0, "high": 91.0} for n in range(3)] for car, lap in cars.items()
        }
        return {"laps": times, "rejoin": {car: {"lap": lap, **PLACE} for car, lap in cars.items()}, "notes": []}


def race(lap, **leader):
    """A board with two cars on a lap."""
    cars = {}
    for place, (number, name) in enumerate(((1, "VER"), (16, "LEC")), start=1):
        car = {"number": number, "acronym": name, "place": place, "lap": lap, "out": False, "pit": False, "out_lap": False}
        car |= {"last": 90.25 if lap > 1 else None, "timed_lap": lap - 1 if lap > 1 else None}
        cars[str(number)] = car | (leader if number == 1 else {})
    return {"session": {"kind": "race"}, "clock": {"lap": lap, "laps": 50}, "order": [1, 16], "cars": cars}


def shown(forecaster, board, now):
    return board | {"forecast": forecaster.see(board, now)}


def test_models_are_asked_once_per_lap_of_the_leader_when_the_lap_before_is_stored():
    models = Models()
    forecaster = Forecaster(1, ask=models, executor=Inline())
    for tick in range(4 * 270):  # three laps of 90 s, four times a second
        now = NOW + timedelta(seconds=tick / 4)
        forecaster.see(race(1 + tick // 360), now)
        assert not models.asked or now >= NOW + SETTLING
    assert [cars[1] for cars, _ in models.asked] == [1, 2, 3]
    assert models.asked[0] == ({1: 1, 16: 1}, 50)


def test_before_the_start_it_is_said_what_there_is_no_model_for():
    forecaster = Forecaster(
        1, ask=lambda session, cars, laps, tasks: {"laps": {}, "rejoin": {}, "notes": ["no model"]}, executor=Inline()
    )
    waiting = race(1) | {"clock": {"laps": 50}, "order": [], "cars": {}}
    forecaster.see(waiting, NOW)
    assert forecaster.see(waiting, NOW + SETTLING)["notes"] == ["no model"]


def test_a_lap_is_shown_beside_its_forecast():
    forecaster = Forecaster(1, ask=Models(), executor=Inline())
    forecaster.see(race(5), NOW)
    forecaster.see(race(5), NOW + SETTLING)
    now = shown(forecaster, race(6), NOW + timedelta(seconds=90))
    leader = forecast_lines(now)[0]
    cells = [cell.text for cell in leader.cells]
    assert leader.car["acronym"] == "VER"
    assert cells[3:6] == ["1:30.250", "1:30.000", "+0.250"]
    assert cells[0:3] == ["1:30.000", "1:29.000 to 1:31.000", "1:30.000"]  # two laps of it are left
    assert cells[6] == "P8 (P7 to P10)"


def test_a_lap_under_way_is_forecast_anew_from_its_sectors():
    models = Models(sectors=1)
    forecaster = Forecaster(1, ask=models, executor=Inline())
    forecaster.see(race(5), NOW)
    assert models.under_way == []
    for seconds in range(3, 90, 3):
        now = shown(forecaster, race(5), NOW + timedelta(seconds=seconds))
    assert len(models.asked) == 1
    assert 3 <= len(models.under_way) <= 7
    leader = [cell.text for cell in forecast_lines(now)[0].cells]
    assert leader[:2] == ["1:29.500 after S1", "1:29.300 to 1:29.700"]
    later = shown(forecaster, race(6), NOW + timedelta(seconds=90))
    leader = [cell.text for cell in forecast_lines(later)[0].cells]
    assert leader[0] == "1:30.000"  # of the lap before
    assert leader[4] == "1:30.000"  # what was said when it began


def test_of_a_race_whose_length_is_reckoned_that_is_said():
    forecaster = Forecaster(1, ask=Models(), executor=Inline())
    board = race(5)
    board["clock"]["about"] = True
    forecaster.see(board, NOW)
    assert ABOUT in forecaster.see(board, NOW + SETTLING)["notes"]
    assert len(forecaster.see(board, NOW + SETTLING)["cars"]) == 2


def test_a_stop_is_shown_with_the_place_in_which_the_car_came_out():
    forecaster = Forecaster(1, ask=Models(), executor=Inline())
    forecaster.see(race(5), NOW)
    forecaster.see(race(5), NOW + SETTLING)
    moments = [race(5, pit=True), race(6, pit=True, out_lap=True), race(6, out_lap=True), race(7, place=9)]
    boards = [shown(forecaster, board, NOW + timedelta(minutes=1)) for board in moments]
    texts = [stop_text(board["forecast"]["stops"][0]) for board in boards]
    assert texts[:3] == ["VER, lap 5: forecast P8 (P7 to P10), on its out-lap"] * 3
    assert texts[3] == "VER, lap 5: forecast P8 (P7 to P10), came out P9"
    assert len(shown(forecaster, race(8), NOW + timedelta(minutes=2))["forecast"]["stops"]) == 1


def test_another_process_goes_on_with_the_stops_and_first_forecasts_that_viewers_were_shown():
    """Both were lost when it took over."""
    first = Forecaster(1, ask=Models(sectors=1), executor=Inline())
    first.see(race(4), NOW)
    first.see(race(4), NOW + SETTLING)
    first.see(race(5), NOW + timedelta(seconds=90))
    first.see(race(5), NOW + timedelta(seconds=93))
    first.see(race(5, pit=True), NOW + timedelta(seconds=100))
    before = shown(first, race(6, pit=True, out_lap=True), NOW + timedelta(seconds=101))
    second = Forecaster(1, ask=lambda *args: {"notes": []}, executor=Inline())
    second.take_over(msgspec.json.decode(msgspec.json.encode(without_nulls(before)))["forecast"])
    after = shown(second, race(6, pit=True, out_lap=True), NOW + timedelta(seconds=101))
    assert after["forecast"] == before["forecast"]
    assert after["forecast"]["cars"]["1"]["was"]["lap"] == 5
    came = shown(second, race(7, place=9), NOW + timedelta(seconds=190))
    assert stop_text(came["forecast"]["stops"][0]) == "VER, lap 5: forecast P8 (P7 to P10), came out P9"


@pytest.mark.django_db
def test_a_process_that_begins_takes_over_what_was_forecast(recording):
    session = listed_session(9069, 2023)
    engines = [Engine(session, source=Source.OPENF1, now=NOW, stores=False) for _ in range(2)]
    for engine in engines:
        engine.begin_with(Alerts(), Forecaster(session.pk, ask=Models(), executor=Inline()), NOW)
        engine.alerting.close()
        engine.receive(recording[: len(recording) // 2])
    engines[0].write_frame(NOW)
    engines[0].write_frame(NOW + SETTLING)
    engines[1].begin_with(Alerts(), Forecaster(session.pk, ask=Models(), executor=Inline()), NOW + SETTLING)
    engines[1].alerting.close()
    engines[1].write_frame(NOW + SETTLING)
    assert len(engines[1].board["forecast"]["cars"]) > 15
    assert engines[1].board["forecast"]["cars"].keys() == engines[0].board["forecast"]["cars"].keys()


def test_a_car_first_seen_in_the_lane_on_its_out_lap_came_in_a_lap_before():
    forecaster = Forecaster(1, ask=Models(), executor=Inline())
    forecaster.see(race(5), NOW)
    forecaster.see(race(5), NOW + SETTLING)
    (stop,) = forecaster.see(race(6, pit=True, out_lap=True), NOW + timedelta(minutes=1))["stops"]
    assert stop["lap"] == 5


def test_cars_that_are_out_and_other_sessions_have_no_forecast():
    forecaster = Forecaster(1, ask=Models(), executor=Inline())
    forecaster.see(race(5), NOW)
    now = shown(forecaster, race(5, out=True), NOW + SETTLING)
    assert [line.car["acronym"] for line in forecast_lines(now)] == ["LEC"]
    practice = race(5) | {"session": {"kind": "practice"}}
    assert forecaster.see(practice, NOW) is None


def test_a_failure_is_said_and_the_next_lap_is_asked_about_again():
    def fail(*args):
        raise RuntimeError("no memory")

    forecaster = Forecaster(1, ask=fail, executor=Inline())
    forecaster.see(race(5), NOW)
    assert forecaster.see(race(5), NOW + SETTLING)["notes"] == ["The race could not be forecast: no memory"]
    forecaster.ask = Models()
    forecaster.see(race(6), NOW + timedelta(minutes=2))
    assert forecaster.see(race(6), NOW + timedelta(minutes=3))["notes"] == []


@pytest.mark.django_db
def test_without_a_promoted_model_that_is_said_in_words_and_nothing_scientific_is_loaded(monkeypatch):
    monkeypatch.setitem(sys.modules, "ml.running_race", None)  # importing it would fail
    answer = forecasts_of(1, {1: 5}, 50)
    assert answer == {"laps": {}, "rejoin": {}, "under_way": {}, "notes": [MISSING["next_lap"], MISSING["strategy"]]}


@pytest.mark.django_db
def test_a_race_of_unknown_length_is_not_forecast(monkeypatch):
    """Models reckon with the laps to go, and a race that has driven ten laps would seem to be over."""
    monkeypatch.setitem(sys.modules, "ml.running_race", None)
    Run.objects.create(
        experiment=Experiment.objects.create(name="laps"),
        task="next_lap",
        model="ridge",
        dataset_sha256="0" * 64,
        split="before:2022-04-01",
        champion=True,
    )
    answer = forecasts_of(1, {1: 10}, None)
    assert answer["notes"] == [MISSING["strategy"], MISSING["in_lap"], UNKNOWN_LENGTH]


@pytest.mark.django_db
def test_forecasts_are_a_part_of_what_the_delay_holds_back(recording):
    session = listed_session(9069, 2023)
    messages = sorted([*recording, *woven(9069, 2023, drivers=recorded("drivers", 9069))], key=lambda message: message.t)
    engine = Engine(session, source=Source.OPENF1, now=NOW, stores=False, past=True)
    engine.forecaster = Forecaster(session.pk, ask=Models(), executor=Inline())
    engine.receive(messages[: len(messages) // 2])
    engine.write_frame(NOW)
    engine.write_frame(NOW + SETTLING)
    assert not board_at(NOW)["forecast"]["cars"]
    now = board_at(NOW + SETTLING)
    assert len(forecast_lines(now)) > 15
