"""How a race ends: the simulation, its distributions, and what it is measured by."""

from dataclasses import replace
from time import process_time

import numpy as np
import pytest

from ml.strategy import circuits, forecast, race_exam, simulation
from ml.strategy.simulation import Plan
from ml.tests.races import race, season
from ml.tests.test_strategy_rejoin import spoilt

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def model():
    return forecast.fit(season())


def moment_of(timeline, lap):
    return float(np.nanmin(timeline.crossing[:, lap]))


def no_stops(cars, laps):
    shape = (cars, laps + 1)
    return Plan(np.zeros(shape, bool), np.full(shape, -1), np.ones(cars, bool))


def test_a_thousand_races_of_57_laps_are_quick(model):
    timeline = race(laps=57)
    known = timeline.as_of(moment_of(timeline, 1))
    begin = process_time()
    _, places = forecast.simulate_from(known, 1, model)
    assert places.shape == (1000, 20)
    assert process_time() - begin < 2


def test_every_race_gives_every_place_once(model):
    timeline = race(stops={3: 10})
    _, places = forecast.simulate_from(timeline.as_of(moment_of(timeline, 15)), 15, model, races=50)
    assert (np.sort(places, axis=1) == np.arange(1, 21)).all()


def test_probabilities_sum_to_one_for_each_car_and_the_leader_is_likely_to_win(model):
    timeline = race(gap=4.0, stops=dict.fromkeys(range(1, 21), 10))
    _, chances = forecast.forecast(timeline.as_of(moment_of(timeline, 36)), 36, model, plan=no_stops(20, 40))
    assert chances.sum(axis=1) == pytest.approx(np.ones(20))
    assert chances[0, 0] > 0.8
    assert forecast.place_range(chances[0], given_stops=True)[0] == 1


def test_a_planned_stop_costs_places(model):
    timeline = race(gap=4.0)
    known = timeline.as_of(moment_of(timeline, 30))
    kept, changed = no_stops(20, 40), no_stops(20, 40)
    changed.stops[0, 35] = True
    changed.compound[0, 35] = 1
    means = []
    for plan in (kept, changed):
        _, chances = forecast.forecast(known, 30, model, plan=plan)
        means.append(chances[0] @ np.arange(1, 21))
    assert means[1] > means[0] + 3


def test_what_happens_after_the_lap_does_not_move_the_forecast(model):
    timeline = season(races=1)[0]
    moment = moment_of(timeline, 16)
    answers = [forecast.forecast(version.as_of(moment), 16, model)[1] for version in (timeline, spoilt(timeline, moment))]
    assert answers[0].tolist() == answers[1].tolist()


def test_nobody_gets_past_where_it_cannot_be_done(model):
    timeline = race(gap=0.8, laps=40, stops=dict.fromkeys(range(1, 21), 5))
    running = forecast.running_at(timeline.as_of(moment_of(timeline, 20)), 20, model)
    faster_behind = running.start.pace.copy()
    faster_behind[1] = -2.0
    start = simulation.Start(**{**running.start.__dict__, "pace": faster_behind})
    orders = {}
    for passing in (0.0, 0.9):
        circuit = simulation.Circuit(loss=21.0, safety_car_share=0.6, passing=passing, safety_cars=0.0, retirements=0.0)
        places = simulation.simulate(start, circuit, model.tables, plan=no_stops(20, 40), races=200)
        orders[passing] = places[:, 1].mean()
    assert orders[0.0] == pytest.approx(2)
    assert orders[0.9] < 1.2


def test_laps_close_behind_a_car_and_passes_are_counted():
    timeline = race(cars=2, laps=10, gap=1.0)
    assert circuits.count_battles(timeline) == circuits.Battles(laps=7, passes=0)
    rates, mean = circuits.passing_rates([timeline])
    assert 0 < mean < 0.1
    assert rates["Sakhir"] < mean


def test_the_exam_scores_a_race_beside_the_order_at_that_moment(model):
    timeline = season(races=1)[0]
    score = race_exam.score_race(timeline, 0.5, model)
    assert score.cars == 20
    assert 0 <= score.crps < score.frozen_crps
    assert score.error <= score.frozen_error
    mean = race_exam.means([score, score])
    assert mean["error"] == pytest.approx(score.error)
    assert mean["worst_race"] == pytest.approx(score.error - score.frozen_error)


def test_a_fast_car_at_the_end_of_the_field_may_stay_there_anywhere_and_most_likely_where_nobody_gets_past(model):
    timeline = race(gap=1.0, stops=dict.fromkeys(range(1, 21), 12))
    duration = timeline.duration.copy()
    duration[0] -= 1.5
    duration[0, 19] += 50
    crossing = timeline.crossing[:, :1] + np.cumsum(np.nan_to_num(duration), axis=1)
    known = replace(timeline, duration=duration, crossing=crossing).as_of(float(np.nanmin(crossing[:, 20])))
    stays = {}
    for passing in (0.9, 0.02):
        learnt = model._replace(passing={timeline.circuit: passing})
        _, chances = forecast.forecast(known, 20, learnt)
        _, places = forecast.simulate_from(known, 20, learnt)
        stays[passing] = chances[0, 16:].sum(), (places[:, 0] > 16).mean()
    (mixed, simulated), (hard, _) = stays[0.9], stays[0.02]
    assert simulated < 0.1
    assert 0.2 < mixed < 0.5 < hard


def test_exactly_one_car_wins_where_the_order_is_likely_to_stay(model):
    timeline = season(races=1)[0]
    learnt = model._replace(passing={timeline.circuit: 0.02})
    _, chances = forecast.forecast(timeline.as_of(moment_of(timeline, 4)), 4, learnt)
    assert chances.sum(axis=0) == pytest.approx(np.ones(20), abs=1e-3)
    assert chances.sum(axis=1) == pytest.approx(np.ones(20))


def test_where_the_stops_are_given_the_range_is_that_of_more_simulated_races():
    chances = np.array([0.1, 0.6, 0.15, 0.1, 0.05])
    assert forecast.place_range(chances, given_stops=False) == (2, 3)
    assert forecast.place_range(chances, given_stops=True) == (1, 3)
