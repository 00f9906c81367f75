"""Undercut and overcut: what an attempt is, how likely it is to win, and how good that is."""

from dataclasses import replace

import numpy as np
import pytest

from ml.strategy import undercut, undercut_exam
from ml.strategy.timeline import Window
from ml.strategy.undercut import OVERCUT, OWN_SLOW, UNDERCUT, USUAL, Attempt
from ml.tests.races import race
from ml.tests.test_strategy_rejoin import spoilt

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def races():
    """Pairs of cars of which one stops two laps before the other, with gaps between 1 and 4.5 s."""
    gaps = np.linspace(1.0, 4.5, 12)
    undercuts = [race(cars=2, gap=gap, stops={2: 15, 1: 17}, noise=0.1, session_id=place) for place, gap in enumerate(gaps)]
    overcuts = [race(cars=2, gap=gap, stops={1: 15, 2: 17}, noise=0.1, session_id=place) for place, gap in enumerate(gaps, 50)]
    return undercuts + overcuts


@pytest.fixture(scope="module")
def odds(races):
    return undercut.fit(races)


def test_stopping_first_within_reach_of_the_car_ahead_is_an_undercut_and_wins_by_the_new_tyres():
    (attempt,) = undercut.find_attempts(race(cars=2, gap=1.0, stops={2: 10, 1: 11}))
    assert attempt == Attempt(UNDERCUT, chaser=1, leader=0, lap=10, answer=11, stops=USUAL, won=True)
    (attempt,) = undercut.find_attempts(race(cars=2, gap=2.0, stops={2: 10, 1: 11}))
    assert not attempt.won  # one lap on new tyres gives 1.5 s


def test_staying_out_while_the_car_ahead_stops_is_an_overcut():
    (attempt,) = undercut.find_attempts(race(cars=2, gap=1.0, stops={1: 10, 2: 12}))
    assert (attempt.kind, attempt.chaser, attempt.lap, attempt.answer, attempt.won) == (OVERCUT, 1, 10, 12, False)


@pytest.mark.parametrize(
    ("gap", "stops"),
    [
        (5.5, {2: 10, 1: 11}),  # too far behind
        (1.0, {2: 10}),  # the car ahead does not answer
        (1.0, {2: 10, 1: 16}),  # or too late
        (1.0, {2: 10, 1: 10}),  # both at once
    ],
)
def test_other_stops_are_no_attempt(gap, stops):
    assert undercut.find_attempts(race(cars=2, gap=gap, stops=stops)) == []


def test_under_a_neutralisation_and_on_wet_tyres_there_is_no_attempt():
    timeline = race(cars=2, gap=1.0, stops={2: 10, 1: 11})
    moment = float(timeline.crossing[0, 11])
    assert undercut.find_attempts(replace(timeline, windows=(Window("safety car", moment, moment + 10),))) == []
    compound = timeline.compound.copy()
    compound[0, 12:] = 3
    assert undercut.find_attempts(replace(timeline, compound=compound)) == []


def test_an_attempt_with_a_slow_stop_is_kept_apart():
    timeline = race(cars=4, gap=1.0, stops={2: 10, 1: 11, 4: 20, 3: 21})
    leave, crossing = timeline.exit.copy(), timeline.crossing.copy()
    leave[1, 10] += 4.0
    crossing[1, 11:] += 4.0
    attempts = undercut.find_attempts(replace(timeline, exit=leave, crossing=crossing))
    assert {(one.chaser, one.stops, one.won) for one in attempts} == {(1, OWN_SLOW, False), (3, USUAL, True)}


def test_the_smaller_the_gap_the_likelier_the_place_is_gained(odds):
    chances = [undercut.win_probability(odds[UNDERCUT], [gap, 0.0]) for gap in (1.0, 2.5, 4.5)]
    assert chances[0] > 0.9 > chances[1] > chances[2]
    assert chances[2] < 0.3
    assert undercut.win_probability(odds[OVERCUT], [1.0, 0.0]) < 0.2  # new tyres are faster in these races
    assert odds[UNDERCUT].recorded[USUAL][0] == 12


def test_what_happens_after_the_pit_entry_does_not_move_the_probability(odds):
    for timeline in (race(cars=6, gap=1.0, stops={2: 10, 1: 11}), race(cars=6, gap=1.0, stops={1: 10, 2: 12})):
        (attempt,) = [one for one in undercut.find_attempts(timeline) if one.chaser == 1]
        other = spoilt(timeline, float(timeline.entry[1 if attempt.kind == UNDERCUT else 0, 10]))
        before, after = (undercut.inputs_of(version, attempt) for version in (timeline, other))
        assert undercut.win_probability(odds[attempt.kind], before) == undercut.win_probability(odds[attempt.kind], after)


def test_few_attempts_say_no_more_than_the_base_rate():
    odds = undercut.fit([race(cars=2, gap=1.0, stops={2: 10, 1: 11})])
    assert odds[UNDERCUT].base_rate == pytest.approx(0.75)
    assert undercut.win_probability(odds[UNDERCUT], [4.0, 0.5]) == pytest.approx(0.75)
    assert undercut.win_probability(odds[OVERCUT], [4.0, 0.5]) == pytest.approx(0.5)


def test_the_exam_compares_with_the_base_rate_and_draws_races(races, odds):
    asked = undercut_exam.examine(races, odds)
    scores = {key: undercut_exam.score(part) for key, part in undercut_exam.subsets(asked).items()}
    undercuts = scores[UNDERCUT, False]
    assert undercuts.attempts == 12
    assert undercuts.brier < undercuts.base_rate_brier
    assert 0 < undercuts.better_low < undercuts.base_rate_brier - undercuts.brier < undercuts.better_high
    assert undercut_exam.figures(asked)["undercut_with_slow_stops_attempts"] == 12
