"""The state of a race finds what laps are made of, and a car's own filter does not know the run that is on."""

import numpy as np
import pandas as pd
import pytest

from ml import race_state

pytestmark = pytest.mark.once


def race(*, seed=0, cars=12, length=40):
    """Laps of known parts: drivers 0.1 s apart, a step of 0.5 s between compounds, 0.03 s of fuel, 0.08 s of wear per lap."""
    random = np.random.default_rng(seed)
    rows = []
    for car in range(cars):
        compound, age, now = ("SOFT", "MEDIUM", "HARD")[car % 3], 0, 10.0 * car
        for number in range(1, length + 1):
            stops = number == 15 + car % 5
            compound, age = (("HARD", "SOFT", "MEDIUM")[car % 3], 0) if stops else (compound, age + 1)
            lap = 90 + 0.1 * car + {"SOFT": -0.5, "MEDIUM": 0.0, "HARD": 0.5}[compound] - 0.03 * number + 0.08 * age
            time = lap + random.normal(0, 0.1)
            rows.append(
                {
                    "driver_number": car,
                    "lap_number": number,
                    "run": int(number >= 15 + car % 5),
                    "compound": compound,
                    "tyre_age": age,
                    "start": now,
                    "end": now + time,
                    "lap_duration": time,
                    "true": lap,
                }
            )
            now += time
    return pd.DataFrame(rows)


def follow(laps):
    nothing = pd.Series(0.0, index=laps.index)
    return race_state.follow(laps, np.ones(len(laps), bool), dirty_air=nothing.to_numpy(), drivers=nothing)


def test_the_state_finds_what_laps_are_made_of():
    laps = race()
    state = follow(laps)
    late = laps["lap_number"] > 25
    assert (state["state_pace"] - laps["true"])[late].abs().mean() < 0.12
    assert (state["state_pace_others"] - laps["true"])[late].abs().mean() < 0.25
    assert state["state_slope"][late].mean() == pytest.approx(0.05, abs=0.02)


def test_a_stop_is_foreseen_from_what_others_did_on_these_tyres():
    laps = race()
    state, first = follow(laps), laps["run"].diff() == 1
    late = first & (laps["lap_number"] >= 18)
    held = laps["lap_duration"].shift(1)
    assert (state["state_pace"] - laps["true"])[late].abs().mean() < 0.7 * (held - laps["true"])[late].abs().mean()


def test_the_filter_of_others_knows_nothing_of_the_run_that_is_on():
    laps = race()
    own = (laps["driver_number"] == 7) & (laps["run"] == 1)
    changed = laps.assign(lap_duration=laps["lap_duration"] + 2.0 * own)
    before, after = follow(laps)[own], follow(changed)[own]
    pd.testing.assert_series_equal(before["state_pace_others"], after["state_pace_others"])
    assert (after["state_pace"] - before["state_pace"]).iloc[-1] > 1


def test_an_earlier_run_is_known_once_the_next_one_begins():
    laps = race()
    own = laps["driver_number"] == 7
    changed = laps.assign(lap_duration=laps["lap_duration"] + 1.0 * (own & (laps["run"] == 0)))
    moved = (follow(changed)["state_pace_others"] - follow(laps)["state_pace_others"])[own]
    assert moved[laps["run"] == 0].dropna().abs().max() == 0
    assert moved[laps["run"] == 1].iloc[0] > 0.3
