"""Features know the past only."""

import numpy as np
import pandas as pd
import pytest

from ml import cleaning, datasets, features
from telemetry.lap_rules import SLICK_COMPOUNDS

pytestmark = [pytest.mark.django_db, pytest.mark.once]
MEASURED = [
    "lap_duration",
    "duration_sector_1",
    "duration_sector_2",
    "duration_sector_3",
    "i1_speed",
    "i2_speed",
    "st_speed",
    *datasets.TELEMETRY,
]


def session(laps, place):
    return laps[laps["session_id"] == laps["session_id"].unique()[place]]


@pytest.mark.parametrize("change", ["blank", "shuffle", "slower"])
@pytest.mark.parametrize("lap_number", [6, 17])
def test_no_feature_changes_with_what_was_measured_from_a_laps_start_on(laps, table, lap_number, change):
    """The lap itself, and every lap that ends later."""
    one = session(laps, 1)
    car = one.loc[one["lap_number"] == lap_number].sort_values("start").iloc[5]
    past = laps[laps["session_date"] < car["session_date"]]
    changed = pd.concat([past, one]).copy()
    future = changed.index[(changed["session_id"] == car["session_id"]) & ~(changed["end"] <= car["start"])]
    assert car.name in future
    random = np.random.default_rng(1)
    if change == "blank":
        changed.loc[future, MEASURED] = np.nan
    elif change == "shuffle":
        changed.loc[future, MEASURED] = changed.loc[random.permutation(future), MEASURED].to_numpy()
    else:
        changed.loc[future, MEASURED] *= 1.01
    begun_later = changed.index[(changed["session_id"] == car["session_id"]) & (changed["start"] > car["start"])]
    changed.loc[begun_later, "start"] += random.uniform(0, 5, len(begun_later))
    changed.loc[future, "end"] = changed.loc[future, "start"].clip(lower=car["start"]) + random.uniform(60, 200, len(future))
    changed.loc[future, "excluded"] = random.choice(["", "slow"], len(future))
    again = features.build(changed)
    pd.testing.assert_series_equal(again.loc[car.name], table.loc[car.name])


def test_a_change_of_the_past_is_seen(laps, table):
    """Else the test above could not fail."""
    one = laps[(laps["excluded"] == "") & table["lag_1"].notna()]
    car = one.iloc[len(one) // 2]
    changed = laps.copy()
    before = changed["session_id"].eq(car["session_id"]) & changed["end"].le(car["start"]) & changed["excluded"].eq("")
    changed.loc[before, "lap_duration"] += 1
    assert features.build(changed).loc[car.name, "lag_1"] == pytest.approx(table.loc[car.name, "lag_1"] + 1)


def test_a_race_is_remembered_only_after_it(laps, table):
    first, second = session(laps, 0), session(laps, 1)
    assert (table.loc[first.index, "driver_delta"] == 0).all()
    assert (table.loc[second.index, "driver_delta"] != 0).any()


def test_lags_are_the_clean_laps_of_the_same_run(laps, table):
    one = session(laps, 2)
    for _, car in one.groupby("driver_number"):
        clean: dict[int, list[float]] = {}
        for index, lap in car.sort_values("lap_number").iterrows():
            seen = clean.setdefault(lap["run"], [])
            assert table.loc[index, "lag_1"] == seen[-1] if seen else np.isnan(table.loc[index, "lag_1"])
            assert table.loc[index, "clean_laps"] == len(seen)
            if lap["excluded"] == "":
                seen.append(lap["lap_duration"])


def test_the_gap_is_to_the_car_that_crossed_the_line_before(laps, table):
    one = session(laps, 0).dropna(subset=["start"]).sort_values("start")
    gaps = one["start"].diff().to_numpy()[1:]
    assert np.allclose(table.loc[one.index[1:], "gap_ahead"], np.minimum(gaps, features.MAX_GAP))


def test_every_lap_is_clean_or_has_a_reason(laps):
    assert set(laps["excluded"]) <= {"", *cleaning.REASONS}
    clean = laps[laps["excluded"] == ""]
    assert clean["lap_duration"].notna().all()
    assert not clean["is_pit_out_lap"].any()
    assert not clean["is_in_lap"].any()
    assert (clean["lap_number"] > 1).all()
    assert set(clean["compound"]) <= set(SLICK_COMPOUNDS)
    assert sum(datasets.excluded(laps).values()) == len(laps) - len(clean)


def test_a_lap_knows_the_state_of_the_track_and_the_car_ahead_when_it_began(laps):
    from races.models import Neutralisation
    from telemetry.models import Interval

    assert set(laps["track_state"]) <= {"", *Neutralisation.State.values}
    slow = Neutralisation.objects.filter(state="safety car").select_related("session").first()
    behind = laps[(laps["session_id"] == slow.session_id) & (laps["track_state"] == "safety car")]
    assert len(behind)
    assert (behind["start"] >= slow.date_start.timestamp()).all()
    known = laps[laps["interval_ahead"].notna()]
    assert len(known) > 0.5 * len(laps)
    lap = known.iloc[len(known) // 2]
    measured = Interval.objects.filter(
        session_id=lap["session_id"], driver_number=lap["driver_number"], interval_seconds__isnull=False
    ).order_by("date")
    before = [row for row in measured if row.date.timestamp() <= lap["start"]]
    assert lap["interval_ahead"] == before[-1].interval_seconds


def test_telemetry_is_that_of_the_lap_before(laps, table):
    """The demo season has samples of its first race."""
    one = session(laps, 0)
    assert one["full_throttle"].notna().mean() > 0.8
    assert session(laps, 1)["full_throttle"].isna().all()
    assert table.loc[one.index, "full_throttle_surprise"].notna().sum() > 100
    place = table.loc[one.index, "full_throttle_surprise"].dropna().index[50]
    car = one[one["driver_number"] == one.loc[place, "driver_number"]].sort_values("lap_number")
    before = car.index[car.index.get_loc(place) - 1]
    changed = laps.copy()
    changed.loc[before, "full_throttle"] += 0.05
    again = features.build(changed)["full_throttle_surprise"]
    moved = again.index[(again - table["full_throttle_surprise"]).abs() > 1e-9]
    assert place in moved
    assert (laps.loc[moved, "lap_number"] > laps.loc[before, "lap_number"]).all()
    assert set(laps.loc[moved, "driver_number"]) == {laps.loc[place, "driver_number"]}
