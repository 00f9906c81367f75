"""The slope of one more stint lies within its 80 % interval in four of five cases."""

import numpy as np
import pandas as pd
import pytest

from ml.analysis import next_stint, robust
from ml.analysis.next_stint import COMPOUND, LAP, MEANS, RACE, STINT, TEAM, StintModel

pytestmark = pytest.mark.once
FUEL = {"race_laps": 57.0, "fuel_effect": 0.03, "fuel_load": 110.0}


def race(seed, count=40, noise=0.6, shift=0.0):
    """Stints of one race with the spreads that recorded races have; noise: of a lap, in seconds."""
    random = np.random.default_rng(seed)
    car = np.arange(count) % 20
    stints = pd.DataFrame(
        {
            "name": [f"D{number}" for number in car],
            "team": [f"T{number // 2}" for number in car],
            "compound": random.choice([*MEANS], count),
            "laps": random.integers(8, 28, count),
        }
    )
    reach = stints["laps"] * (stints["laps"] ** 2 - 1) / 12
    team, compound = random.normal(0, TEAM, 10), dict(zip(MEANS, random.normal(0, COMPOUND, 3), strict=True))
    true = stints["compound"].map(MEANS) + random.normal(0, RACE) + team[car // 2] + stints["compound"].map(compound) + shift
    slope = true + random.normal(0, STINT, count) + noise / np.sqrt(reach) * random.normal(size=count)
    return stints.assign(slope=slope, error=noise / LAP / np.sqrt(reach), reach=reach.astype(float))


def test_four_of_five_unseen_stints_lie_within_their_intervals():
    held = [StintModel(race(seed, noise=0.3 + 0.1 * (seed % 6)), **FUEL).held() for seed in range(40)]
    share = sum(one["held"] for one in held) / sum(one["stints"] for one in held)
    assert 0.78 <= share <= 0.85


def test_pooling_by_compound_alone_holds_fewer():
    """What `new_stint` would say at 80 %."""
    inside = []
    for seed in range(6):
        stints = race(seed)
        for place, stint in stints.iterrows():
            others = stints.drop(index=place)
            pooled = robust.pool(
                *(others.loc[others["compound"] == stint["compound"], name].to_numpy() for name in ("slope", "error"))
            )
            middle, away = sum(pooled.predictive) / 2, (pooled.predictive[1] - pooled.predictive[0]) / 2
            inside.append(abs(stint["slope"] - middle) <= away * next_stint.TENTH / pooled.times)
    assert np.mean(inside) < 0.78


def test_a_left_out_stint_is_foretold_as_by_a_race_without_it():
    stints = race(3)
    model = StintModel(stints, **FUEL)
    place = 7
    one = stints.loc[place]
    without = StintModel(stints.drop(index=place).assign(error=lambda rows: rows["error"] * model.lap / 0.6), **FUEL)
    expected = without.interval(compound=one["compound"], laps=int(one["laps"]), team=one["team"], name=one["name"])
    assert model.left_out()[place].tolist() == pytest.approx(expected, abs=1e-6)


def test_a_race_that_wears_tyres_more_is_known_by_its_other_stints():
    calm, hard = (StintModel(race(5, shift=shift), **FUEL).interval(compound="HARD", laps=15) for shift in (0.0, 0.1))
    assert sum(hard) / 2 - sum(calm) / 2 == pytest.approx(0.1, abs=0.01)


def test_a_short_stint_is_less_certain_and_a_driver_is_told_by_the_team():
    stints = race(8)
    stints.loc[stints["team"] == "T3", "slope"] += 0.1
    model = StintModel(stints, **FUEL)
    short, long = (np.ptp(model.interval(compound="SOFT", laps=laps)) for laps in (6, 25))
    assert short > 1.5 * long
    others, own = (sum(model.interval(compound="SOFT", laps=20, team=team, name="new")) / 2 for team in ("T1", "T3"))
    assert own > others + 0.02


def test_the_assumed_fuel_moves_slopes_and_intervals_alike():
    more = FUEL | {"fuel_effect": 0.04}
    stints = race(2)
    moved = stints.assign(slope=stints["slope"] + 0.01 * 110 / 57)
    before, after = StintModel(stints, **FUEL), StintModel(moved, **more)
    assert (after.left_out() - before.left_out()).ravel() == pytest.approx(0.01 * 110 / 57, abs=1e-6)
