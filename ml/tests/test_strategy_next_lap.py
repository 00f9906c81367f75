"""How fast cars are expected to be on their next lap."""

from dataclasses import replace

import numpy as np
import pytest

from ml.strategy import next_lap
from ml.strategy.timeline import Window
from ml.tests.races import PACE, race

pytestmark = pytest.mark.once


def test_a_virtual_safety_car_that_becomes_a_real_one_has_begun_once():
    timeline = race()
    begin = float(timeline.crossing[0, 4])
    windows = (Window("virtual safety car", begin, begin + 50), Window("safety car", begin + 52, begin + 400))
    known = replace(timeline, windows=windows)
    assert next_lap.neutralised_since(known, begin + 300) == begin
    assert next_lap.neutralised_since(known, begin + 500) is None
    apart = replace(timeline, windows=(windows[0], Window("safety car", begin + 90, begin + 400)))
    assert next_lap.neutralised_since(apart, begin + 300) == begin + 90


def test_on_a_wet_track_a_car_is_as_fast_as_on_its_last_two_laps():
    timeline = race()
    wet = replace(timeline, compound=np.full_like(timeline.compound, 3), clean=np.zeros_like(timeline.clean))
    wet.duration[4, 9:11] = 97.0, 99.0
    known = wet.as_of(float(wet.crossing[4, 10]))
    paces = next_lap.racing_paces(known, 0.0)
    assert paces[4] == 98.0
    assert paces[5] == PACE
