"""Forecasts of a race while it runs: what the page of the live session shows is what the site answers when asked car by car."""

import io

import pytest
from django.core.management import call_command

from ml.models import Run
from races.models import Session
from telemetry.models import Lap

pytestmark = pytest.mark.django_db
LAP = 20


@pytest.fixture
def race(laps, results):
    """The last of the races, which the champions have not learnt from."""
    return Session.objects.filter(pk__in=laps["session_id"].unique().tolist()).order_by("date_start").last()


@pytest.fixture
def on_lap(race):
    cars = Lap.objects.filter(session=race, lap_number=LAP).values_list("driver_number", flat=True)
    return dict.fromkeys(cars, LAP)


def test_the_next_laps_of_all_cars_are_those_that_are_answered_for_each(race, on_lap):
    from ml.prediction import CannotPredict, predict_session
    from ml.running_race import next_laps

    found = next_laps(session_id=race.pk, laps=on_lap)
    assert len(found) > 15
    for car, laps in found.items():
        try:
            asked = predict_session(session_id=race.pk, driver_number=car, from_lap=LAP, horizon=len(laps))
        except CannotPredict:
            assert len(laps) == 1
            continue
        assert [lap["lap"] for lap in laps] == [lap.lap_number for lap in asked.laps]
        for own, other in zip(laps, asked.laps, strict=True):
            assert (own["seconds"], own["low"], own["high"]) == pytest.approx((other.seconds, other.low, other.high), abs=2e-3)
    assert {len(laps) for laps in found.values()} >= {3}


def test_what_comes_later_changes_no_forecast(race, on_lap):
    from ml.running_race import next_laps

    with_hindsight = next_laps(session_id=race.pk, laps=on_lap, race_laps=57)
    Lap.objects.filter(session=race, lap_number__gt=LAP).delete()
    Lap.objects.filter(session=race, lap_number=LAP).update(lap_duration=None)
    from ml import prediction

    prediction.load_race.cache_clear()
    assert next_laps(session_id=race.pk, laps=on_lap, race_laps=57) == with_hindsight


def test_without_a_champion_for_later_laps_there_is_one_lap_each(race, on_lap):
    from ml.champions import NoChampion
    from ml.running_race import next_laps

    Run.objects.filter(task="rest_of_stint").update(champion=False)
    assert {len(laps) for laps in next_laps(session_id=race.pk, laps=on_lap).values()} == {1}
    Run.objects.update(champion=False)
    with pytest.raises(NoChampion):
        next_laps(session_id=race.pk, laps=on_lap)


def test_where_cars_rejoin_is_known_without_hindsight(race, on_lap, laps):
    from ml.running_race import rejoin_places
    from ml.strategy import asking, storing
    from ml.strategy.timeline import load_timelines

    races = load_timelines(laps["session_id"].unique().tolist())
    run = storing.store(races[:2], races[2:3], owner="tests", figures={"green_exact": 0.6}, split="season 2022 after 2021")
    call_command("promote_model", str(run.pk), stdout=io.StringIO())
    storing.loaded.clear()
    found = rejoin_places(session_id=race.pk, laps=on_lap, race_laps=57)
    assert len(found) > 15
    assert all(place["low"] <= place["place"] <= place["high"] <= 20 for place in found.values())
    places = [found[car]["place"] for car in on_lap if car in found]
    assert sum(places) / len(places) > len(places) / 2  # a stop costs places
    Lap.objects.filter(session=race, lap_number__gt=LAP).delete()
    asking.race_of.cache_clear()
    assert rejoin_places(session_id=race.pk, laps=on_lap, race_laps=57).keys() == found.keys()
    assert rejoin_places(session_id=race.pk, laps=dict.fromkeys(on_lap, 57), race_laps=57) == {}
    assert len(rejoin_places(session_id=race.pk, laps=dict.fromkeys(on_lap, 2), race_laps=57)) > 15
    storing.loaded.clear()
