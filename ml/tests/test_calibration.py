"""Intervals keep their word in races unlike those of the past, and know nothing of what has not ended."""

import numpy as np
import pandas as pd
import pytest

from ml import calibration
from ml.fallback import LastLapFallback

pytestmark = pytest.mark.once
PAST = np.sort(np.random.default_rng(0).normal(size=300)).tolist()
LEARNERS = [calibration.RaceMisses, calibration.Adaptive, calibration.Experts]


def race(spread, laps=50, cars=16, shift=0.0, session_id=1):
    """(laps, when each is asked about, misses) of cars that cross the line two seconds apart."""
    start = 1_700_000_000 + 90.0 * np.repeat(np.arange(laps), cars) + np.tile(2.0 * np.arange(cars), laps)
    rows = pd.DataFrame({"session_id": session_id, "start": start, "end": start + 90.0})
    return rows, rows["start"], shift + spread * np.random.default_rng(session_id).normal(size=len(rows))


def share_inside(learner, *, share=0.2, **options):
    rows, asked_at, misses = race(**options)
    margins = calibration.replay(lambda: learner(PAST, share), misses, rows, asked_at)
    return (misses <= margins).mean()


@pytest.mark.parametrize("spread", [0.5, 1.5, 1.8])
@pytest.mark.parametrize("learner", [calibration.Adaptive, calibration.Experts])
def test_intervals_hold_four_of_five_laps_of_a_calm_and_of_a_wild_race(learner, spread):
    assert share_inside(learner, spread=spread) == pytest.approx(0.8, abs=0.035)


def test_misses_of_the_race_alone_follow_it_too_slowly():
    """Else the adaptive ways were not needed."""
    assert share_inside(calibration.RaceMisses, spread=1.8) < share_inside(calibration.Adaptive, spread=1.8) - 0.01


def test_an_end_that_is_asked_for_a_tenth_holds_nine_of_ten():
    assert share_inside(calibration.Experts, spread=1.5, share=0.1) == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize("learner", LEARNERS)
def test_every_race_begins_anew(learner):
    wild, calm = race(spread=3.0), race(spread=1.0, session_id=2)
    both = [pd.concat(pair, ignore_index=True) for pair in zip(wild[:2], calm[:2], strict=True)]
    margins = calibration.replay(lambda: learner(PAST), np.concatenate([wild[2], calm[2]]), both[0], both[1])
    alone = calibration.replay(lambda: learner(PAST), calm[2], calm[0], calm[1])
    assert margins[len(wild[0]) :].tolist() == alone.tolist()


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_miss_is_learnt_from_only_once_its_lap_has_ended(learner):
    rows, asked_at, misses = race(spread=1.0)
    changed = misses.copy()
    changed[400] += 100
    before, after = (calibration.replay(lambda: learner(PAST), values, rows, asked_at) for values in (misses, changed))
    moved = rows["start"][before != after]
    assert len(moved)
    assert moved.min() >= rows["end"][400]


@pytest.mark.parametrize("learner", LEARNERS)
def test_laps_that_never_end_teach_nothing(learner):
    rows, asked_at, misses = race(spread=5.0)
    margins = calibration.replay(lambda: learner(PAST), misses, rows.assign(end=np.nan), asked_at)
    assert len(set(margins)) == 1


def constant():
    """A model that always says the anchor."""
    from sklearn.dummy import DummyRegressor

    return DummyRegressor(strategy="constant", constant=0.0)


def jumped(truth):
    """(inputs, seconds beside the anchor) of laps, of which every fourth is one after the field has jumped."""
    count = 400
    away = np.where(np.arange(count) % 4 == 0, 4.5, 0.0)
    inputs = pd.DataFrame({"level": 0.0, "state_pace": away, "lag_1": away}, index=range(count))
    return inputs, pd.Series(truth(inputs), index=inputs.index)


def test_a_model_falls_back_to_the_last_lap_where_the_race_has_jumped():
    inputs, target = jumped(lambda rows: rows["lag_1"])
    model = LastLapFallback(constant(), constant()).fit(inputs, target)
    assert model.share_ == 1
    assert model.predict(inputs).tolist() == pytest.approx(target.tolist())


def test_it_does_not_where_the_training_races_say_that_the_model_knows_better():
    inputs, target = jumped(lambda rows: 0 * rows["lag_1"])
    model = LastLapFallback(constant(), constant()).fit(inputs, target)
    assert model.share_ == 0
    assert (model.predict(inputs) == 0).all()


def test_what_is_unknown_is_no_jump():
    inputs, target = jumped(lambda rows: rows["lag_1"])
    model = LastLapFallback(constant(), constant()).fit(inputs, target)
    for name in inputs:
        assert np.isfinite(model.predict(inputs.assign(**{name: np.nan}))).all()
    assert (model.predict(inputs.assign(state_pace=np.nan)) == 0).all()
