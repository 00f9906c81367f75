"""Forecasts of a race that has been driven, each as if it were then."""

import datetime

import pandas as pd
import pytest
from django.db.models import F

from api.kept import kept
from ml import forecasts, prediction
from pages.addresses import url_of
from races.models import Session, Weather
from telemetry.models import Interval, Lap, Stint

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def race(laps):
    """The laps of the last race, which no model has learnt from."""
    return laps[laps["session_date"] == laps["session_date"].max()]


def as_table(answer, car):
    return pd.DataFrame(answer["cars"][str(car)])


def test_a_forecast_is_what_predict_says_from_that_lap_on(results, race):
    session, car = int(race["session_id"].iloc[0]), int(race["driver_number"].iloc[0])
    rows = as_table(forecasts.forecast_race(session), car)
    start = int(rows["start"].value_counts().index[0])
    own = rows[rows["start"] == start]
    said = prediction.predict_session(session_id=session, driver_number=car, from_lap=start, horizon=len(own))
    assert own["lap"].tolist() == [lap.lap_number for lap in said.laps]
    for name in ("seconds", "low", "high"):
        assert own[name].tolist() == pytest.approx([getattr(lap, name) for lap in said.laps], abs=0.001)


def test_no_forecast_knows_what_came_after_its_lap_began(results, race):
    """Everything that began or was measured later is replaced: forecasts from that lap or an earlier one stay as they are."""
    session = int(race["session_id"].iloc[0])
    car = int(race["driver_number"].iloc[0])
    moment = race[(race["driver_number"] == car) & (race["lap_number"] == 14)]["start"].iloc[0]
    before = forecasts.forecast_race(session)
    later = datetime.datetime.fromtimestamp(moment + 0.001, tz=datetime.UTC)
    unfinished = race[(race["start"] > moment) | ~(race["end"] <= moment)]
    for number, each in zip(unfinished["lap_number"], unfinished["driver_number"], strict=True):
        Lap.objects.filter(session_id=session, driver_number=each, lap_number=number).update(
            lap_duration=F("lap_duration") + 0.9, duration_sector_1=F("duration_sector_1") + 0.9
        )
    Weather.objects.filter(session_id=session, date__gt=later).update(track_temperature=55)
    Interval.objects.filter(session_id=session, date__gt=later).update(interval_seconds=0.4)
    Stint.objects.filter(session_id=session, lap_start__gt=16).update(tyre_compound="SOFT")
    prediction.load_race.cache_clear()
    after = forecasts.forecast_race(session)
    compared = 0
    for number in before["cars"]:
        begun = race[(race["driver_number"] == int(number)) & (race["start"] <= moment)]["lap_number"].max()
        old, new = (as_table(answer, number) for answer in (before, after))
        old, new = (rows[rows["start"] <= begun] for rows in (old, new))
        both = pd.merge(old, new, on=["start", "lap"], suffixes=("", "_after"))
        assert len(both) == len(old)
        assert (both["seconds"] - both["seconds_after"]).abs().max() < 0.002
        assert (both["low"] - both["low_after"]).abs().max() < 0.002
        compared += len(both)
    assert compared > 200
    assert (as_table(before, car)["seconds"] - as_table(after, car)["seconds"]).abs().max() > 0.1


def test_errors_are_those_of_the_clean_laps_by_what_they_met(results, race):
    answer = forecasts.forecast_race(int(race["session_id"].iloc[0]))
    predicted = results["next_lap"].predictions
    error = (predicted["actual"] - predicted["prediction"]).abs()
    laps = sum(row["laps"] for row in answer["causes"])
    assert laps == len(predicted)
    assert sum(row["error"] * row["laps"] for row in answer["causes"]) / laps == pytest.approx(error.mean(), abs=0.002)
    assert {row["cause"] for row in answer["causes"]} <= set(forecasts.CAUSES)
    assert any(row["cause"] == "traffic" for row in answer["causes"])


def test_the_models_and_their_exams_are_named(results, race):
    answer = forecasts.forecast_race(int(race["session_id"].iloc[0]))
    assert [champion["task"] for champion in answer["champions"]] == ["next_lap", "rest_of_stint", "pace_delta"]
    first = answer["champions"][0]
    assert first["measured"]["mae"] == pytest.approx(results["next_lap"].metrics["mae"])
    assert first["has_learnt_from_it"] is False


def test_without_a_champion_there_is_no_forecast(laps, race, storage):
    with pytest.raises(prediction.NoChampion, match="promote_model"):
        forecasts.forecast_race(int(race["session_id"].iloc[0]))


def test_the_pages_show_the_forecast_and_where_it_was_wrong(results, race, client):
    """The session's page shows the errors once somebody has looked at the forecast; a second look computes nothing."""
    session = Session.objects.select_related("race").get(pk=int(race["session_id"].iloc[0]))
    assert "Where the models were wrong" not in client.get(url_of(session)).content.decode()
    page = client.get(f"{url_of(session)}forecast/").content.decode()
    assert "next_lap by ridge" in page
    assert "Do not believe a forecast in rain" in page
    assert "Where the models were wrong" in client.get(url_of(session)).content.decode()
    prediction.load_race.cache_clear()
    kept.clear()
    body = client.get(f"{url_of(session)}forecast/", {"format": "json"}).json()
    assert prediction.load_race.cache_info().misses == 0
    assert body["data"]["from"] in body["data"]["starts"]
    assert len(body["table"]["rows"]) == len(body["data"]["starts"])
