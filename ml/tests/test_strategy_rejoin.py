"""Where a car rejoins: what is known at a moment, what a stop costs, and the distribution of places."""

from dataclasses import replace
from math import comb

import numpy as np
import pytest

from ml.strategy import constants, exam, fitting, hazard, pitloss, rejoin
from ml.strategy.asking import CannotAnswer, begin_forecast, entry_moment
from ml.strategy.rejoin import Question
from ml.strategy.storing import Strategy
from ml.strategy.timeline import Penalty, Window, read_penalties
from ml.tests.races import IN_LAP, NEW_TYRES, OUT_LAP, PACE, race, season

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def races():
    return season()


@pytest.fixture(scope="module")
def model(races):
    return fitting.fit(races)


def spoilt(timeline, moment):
    """The race with everything after a moment replaced by something else."""
    random = np.random.default_rng(5)
    later = ~(timeline.crossing <= moment)
    begun = np.zeros_like(later)
    begun[:, 1:] = ~later[:, :-1]
    begun[:, :2] = True

    def other(values, where, low, high):
        return np.where(where, random.integers(low, high, values.shape), values)

    revoked = ~later & timeline.clean & (random.random(later.shape) < 0.3)  # laps that turn out not to have been at racing speed
    entry = np.where(timeline.entry <= moment, timeline.entry, moment + random.uniform(1, 900, later.shape))
    return replace(
        timeline,
        crossing=np.where(later, moment + random.uniform(1, 900, later.shape), timeline.crossing),
        duration=np.where(later, random.uniform(60, 200, later.shape), timeline.duration),
        clean=np.where(later, random.random(later.shape) < 0.5, timeline.clean & ~revoked),
        revoked=np.where(revoked, moment + random.uniform(1, 900, later.shape), timeline.revoked),
        compound=other(timeline.compound, ~begun, 0, 5),
        age=other(timeline.age, ~begun, 0, 50),
        entry=entry,
        exit=np.where(timeline.exit <= moment, timeline.exit, moment + random.uniform(1, 900, later.shape)),
        stop=np.where(timeline.entry <= moment, timeline.stop, random.random(later.shape) < 0.5),
        windows=(*(w for w in timeline.windows if w.start <= moment), Window("safety car", moment + 1, moment + 500)),
        penalties=(*timeline.penalties, Penalty(moment + 1, 4, 10.0)),
    )


@pytest.mark.parametrize("lap", [8, 15, 20])
def test_what_happens_after_the_question_does_not_move_the_answer(races, model, lap):
    row = 4
    timeline = replace(races[0], windows=(Window("virtual safety car", races[0].crossing[0, 18], races[0].crossing[0, 22]),))
    moment = float(timeline.crossing[row, lap - 1] + 80)
    answers = []
    for version in (timeline, spoilt(timeline, moment)):
        projection = rejoin.project(version.as_of(moment), Question(row, lap, moment, has_entered=False), model)
        answers.append(rejoin.place_probabilities(projection, model.errors, cars=20))
    assert answers[0].tolist() == answers[1].tolist()


def test_a_stop_is_measured_by_its_parts():
    stops = pitloss.measure_stops(race(stops={3: 10}))
    assert len(stops) == 1
    assert stops[0].in_lap == pytest.approx(IN_LAP)
    assert stops[0].loss == pytest.approx(IN_LAP + OUT_LAP)
    assert stops[0].new_tyres == pytest.approx(NEW_TYRES)
    assert stops[0].before_line == pytest.approx(3.0)


def test_a_stop_behind_a_safety_car_is_measured_beside_those_who_stay_out():
    timeline = race(stops={3: 10})
    slow = timeline.duration.copy()
    slow[:, 10:12] += 40
    crossing = timeline.crossing[:, :1] + np.cumsum(np.nan_to_num(slow), axis=1)
    window = Window("safety car", float(crossing[0, 9]), float(crossing[0, 12]))
    (stop,) = pitloss.measure_stops(replace(timeline, duration=slow, crossing=crossing, windows=(window,)))
    assert stop.state == "safety car"
    assert stop.loss == pytest.approx(IN_LAP + OUT_LAP)


def test_a_compound_costs_what_stops_for_it_took_longer_than_the_others_shrunk_towards_nothing():
    timeline = race(stops={car: 10 + car for car in range(1, 21)})
    compound, duration = timeline.compound.copy(), timeline.duration.copy()
    for row in range(12):
        compound[row, 12 + row :] = 0
        duration[row, 12 + row] += 0.6  # the out-lap
    races = [replace(timeline, compound=compound, duration=duration)] * 2
    costs = pitloss.compound_costs((one, pitloss.measure_stops(one)) for one in races)
    assert costs["HARD"].seconds == pytest.approx(-0.6 * 16 / (16 + pitloss.COMPOUND_WEIGHT))
    assert (costs["SOFT"].low, costs["SOFT"].high, costs["SOFT"].n) == (pytest.approx(0), pytest.approx(0), 24)
    assert "MEDIUM" not in costs


def test_the_loss_is_shrunk_to_the_past_of_the_circuit(races):
    past = pitloss.gather_past([("Sakhir", pitloss.measure_stops(races[0]))])
    dear = pitloss.Stop(1, 5, "", 14.0, 17.0, -1.5, 24.0, 3.0, 0.0)
    usual = pitloss.estimate_loss([], past, "Sakhir").total
    assert usual == pytest.approx(IN_LAP + OUT_LAP, abs=0.5)
    assert pitloss.estimate_loss([dear], past, "Sakhir").total == pytest.approx((31 + 4 * usual) / 5)
    assert pitloss.estimate_loss([dear], past, "Elsewhere").total == pytest.approx((31 + 2 * usual) / 3)


def test_the_leader_rejoins_behind_those_within_the_loss(model):
    timeline = race(gap=4.0)
    moment = float(timeline.crossing[0, 4] + 85)
    projection = rejoin.project(timeline.as_of(moment), Question(0, 5, moment, has_entered=False), model)
    places = rejoin.place_probabilities(projection, model.errors, cars=20)
    assert places.sum() == pytest.approx(1)
    assert rejoin.median_place(places) == 6  # 21 s are five cars at 4 s each
    assert 6 in rejoin.smallest_set(places)


def test_a_gap_grows_when_a_neutralisation_slows_both_cars_in_the_middle_of_a_lap(model):
    timeline = race(gap=4.0)
    begin = float(timeline.crossing[0, 4] + 60)
    known = replace(timeline, windows=(Window("virtual safety car", begin, begin + 200),)).as_of(begin + 25)
    projection = rejoin.project(known, Question(0, 5, begin + 25, has_entered=False), model)
    slow = 1.35 * PACE
    # The leader drove two thirds of the lap at racing speed, the last car, 76 s behind, none of it.
    assert projection.rivals[0].seconds - projection.rivals[-1].seconds == pytest.approx(-(75 - 3) * slow / PACE, abs=6)
    assert projection.own - projection.loss.total * model.past.neutralised["virtual safety car"] == pytest.approx(
        begin + 30 / PACE * slow + slow, abs=0.1
    )
    assert projection.rivals[0].seconds == pytest.approx(begin + 34 / PACE * slow + slow, abs=0.1)


def test_times_behind_a_safety_car_do_not_say_how_far_off_the_places_are(races):
    """The first cars wait there for the others: they lose half a minute, and no place."""
    neutralised = []
    for number in range(11, 21):
        timeline = race(session_id=number, gap=4.0, stops={2: 12, 12: 12})
        bunched = timeline.crossing.copy()
        bunched[:, 12] += 0.4 * PACE
        places = bunched[:, 13].argsort().argsort()
        bunched[:, 13:] += (bunched[9, 13] + 0.8 * PACE + 0.6 * places - bunched[:, 13])[:, None]
        window = Window("safety car", float(bunched[0, 11]), float(bunched[0, 18]))
        neutralised.append(replace(timeline, crossing=bunched, windows=(window,)))
    learnt = fitting.fit([*races, *neutralised])
    question = fitting.stop_questions(neutralised[0])[0]
    projection = rejoin.project(neutralised[0].as_of(question.asked_at), question, learnt)
    assert projection.conditions == "safety car"
    assert len(rejoin.smallest_set(rejoin.place_probabilities(projection, learnt.errors, cars=20))) <= 5


def test_the_errors_of_stops_on_a_wet_track_are_kept_apart_and_make_places_less_certain_there_only(races):
    rain = race(session_id=4, stops={car: 12 + car % 16 for car in range(1, 21)}, noise=0.2)
    duration = rain.duration.copy()
    rows, laps = np.nonzero(rain.stop)
    duration[rows, laps + 1] += np.linspace(-5, 25, 20)
    crossing = rain.crossing[:, :1] + np.cumsum(np.nan_to_num(duration), axis=1)
    wet = replace(rain, duration=duration, crossing=crossing, compound=np.full_like(rain.compound, 3))
    learnt = fitting.fit([*races, wet])
    sizes = {}
    for timeline in (races[0], wet):
        question = fitting.stop_questions(timeline)[0]
        projection = rejoin.project(timeline.as_of(question.asked_at), question, learnt)
        sizes[projection.conditions] = len(rejoin.smallest_set(rejoin.place_probabilities(projection, learnt.errors, cars=20)))
    assert np.std(learnt.errors.own[""]) < 2
    assert np.median(learnt.errors.own["wet track"]) == pytest.approx(0)
    assert sizes["wet track"] > sizes[""] + 2


def test_a_pending_penalty_is_served_at_the_stop_and_only_once(model):
    timeline = race(gap=3.0)
    moment = float(timeline.crossing[0, 4] + 85)
    question = Question(0, 5, moment, has_entered=False)
    given = replace(timeline, penalties=(Penalty(moment - 200, 1, 10.0),))
    plain, later = (rejoin.project(version.as_of(moment), question, model) for version in (timeline, given))
    assert later.own - plain.own == pytest.approx(12.0)
    served = race(stops={1: 3}, penalties=(Penalty(timeline.crossing[0, 1], 1, 10.0),))
    assert rejoin.pending_penalty(served.as_of(moment), question) == 0


def test_a_rival_in_the_lane_still_owes_the_rest_of_its_stop(model):
    timeline = race(stops={2: 5})
    crossed = float(timeline.crossing[1, 5] + 5)  # it has crossed the line in the lane
    question = Question(0, 6, crossed, has_entered=False)
    (rival,) = [one for one in rejoin.project(timeline.as_of(crossed), question, model).rivals if one.row == 1]
    assert rival.owes
    assert rival.seconds == pytest.approx(timeline.crossing[1, 7], abs=1.5)


def test_the_number_of_rivals_ahead_is_binomial_where_all_are_alike():
    counts = rejoin.count_distribution(np.full((5, 1), 0.3), 6)[:, 0]
    assert counts == pytest.approx([comb(5, k) * 0.3**k * 0.7 ** (5 - k) for k in range(6)])


def test_stops_are_likely_when_tyres_have_reached_the_age_at_which_others_stop(races, model):
    timeline = races[0]
    chances = {}
    for lap in (6, 26):
        moment = float(timeline.crossing[:, lap - 1].max() + 60)
        rows = np.array([row for row in range(20) if not timeline.as_of(moment).stop[row].any()][:1] or [0])
        inputs = hazard.stop_features(timeline.as_of(moment), rows, np.full(len(rows), lap), np.full(len(rows), moment))
        chances[lap] = model.hazard.predict_proba(inputs)[0, 1]
    assert chances[26] > 5 * chances[6]


def test_penalties_are_read_from_the_messages_of_race_control():
    from datetime import UTC, datetime

    at = datetime(2024, 3, 2, 15, 0, tzinfo=UTC)
    messages = [
        (at, "FIA STEWARDS: 10 SECOND TIME PENALTY FOR CAR 20 (MAG) - CAUSING A COLLISION"),
        (at, "FIA STEWARDS: PENALTY SERVED - 10 SECOND TIME PENALTY FOR CAR 20 (MAG) - CAUSING A COLLISION"),
        (at, "CAR 4 (NOR) TIME 1:35.214 DELETED - TRACK LIMITS"),
    ]
    assert read_penalties(messages) == [Penalty(at.timestamp(), 20, 10.0)]
    odd = "Fia stewards:  10 second time penalty  for Car 20 (Mag) - causing a collision"
    assert read_penalties([*messages, (at, odd)]) == read_penalties([(at, odd)]) == [Penalty(at.timestamp(), 20, 10.0)]


def test_the_exam_puts_every_stop_to_the_model_and_to_the_baselines(races, model):
    asked = exam.examine(races[:2], races[2:], model)
    assert len(asked) == 20
    model_score, frozen = (exam.mean_score(asked, name) for name in ("model", "no change"))
    assert model_score.log_score < frozen.log_score
    assert model_score.exact > 0.5 > frozen.exact
    low, high = exam.interval(asked, "model", "exact")
    assert low == high == pytest.approx(model_score.exact)  # one race only
    found = exam.score_hazard(*exam.stop_chances(races[2:], model))
    assert found.log_loss < found.constant
    assert found.auc > 0.6


def test_leaving_one_out_asks_every_race_with_a_model_of_the_others(races, monkeypatch):
    trained = []
    monkeypatch.setattr(exam.fitting, "fit", lambda others: trained.append(others) or fitting.Model(*[None] * 3))
    monkeypatch.setattr(exam.forecast, "fit", lambda others: others)
    monkeypatch.setattr(exam.undercut, "fit", lambda others: others)
    monkeypatch.setattr(exam.undercut_exam, "examine", lambda asked, odds: [])
    monkeypatch.setattr(exam, "examine", lambda others, asked, model: asked)
    monkeypatch.setattr(exam, "stop_chances", lambda asked, model: (np.array([0.1, 0.9]), np.array([False, True])))
    results = exam.sit(exam.leave_one_out(races))
    assert trained == [[other for other in races if other is not race] for race in races]
    assert [*zip(results.answers, trained, strict=True)] == results.races
    assert (results.hazard.laps, results.hazard.auc) == (2 * len(races), 1)


def test_an_exam_can_have_another_value_of_a_constant(races, model):
    def score():
        return exam.mean_score(exam.examine(races[:2], races[2:], model), "model")

    before = score()
    with constants.changed([constants.read_setting("rejoin.FAR_OFF=0.4")]):
        assert score().log_score > before.log_score
    assert score() == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rejoin.DEGREES", "is not like"),
        ("rejoin.DEGREES=two", "is not like"),
        ("nothing.DEGREES=2", "no module 'nothing' with constants; there are circuits"),
        ("rejoin.WET_TRACK=2", "rejoin has no number 'WET_TRACK'; it has .*DEGREES"),
    ],
)
def test_what_is_no_constant_is_refused_in_words(text, message):
    with pytest.raises(ValueError, match=message):
        constants.read_setting(text)


@pytest.mark.parametrize("has_come_in", [True, False])
def test_before_a_lap_has_been_timed_nothing_is_claimed(races, model, has_come_in):
    """As at Monaco 2024 after a red flag on the first lap: places with a probability of 1 would be an answer from nothing."""
    timeline = race(stops={1: 2} if has_come_in else {}, laps=30)
    untimed = replace(timeline, duration=np.full_like(timeline.duration, np.nan), clean=np.zeros_like(timeline.clean))
    with pytest.raises(CannotAnswer, match="lap 2: no lap has been timed yet"):
        entry_moment(untimed, 0, 2, Strategy(None, model, None, None, [], {}, []))
    with pytest.raises(CannotAnswer, match="lap 1: no lap has been timed yet"):
        begin_forecast(untimed, 1)
