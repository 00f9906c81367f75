"""Predictions of laps to come, by the models that were promoted."""

import datetime
import io
import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ml import champions, prediction, recording
from ml.models import Run
from ml.tests.promoted import learn
from races.models import RaceControl, Session
from telemetry.models import Lap

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.usefixtures("storage")]
URL = "/api/v1/predict/"


def last_race(laps):
    return laps[laps["session_date"] == laps["session_date"].max()]


def ask(api, status=200, **body):
    answer = api.post(URL, body)
    assert answer.status_code == status, answer.json()
    return answer.json()


def test_a_lap_is_predicted_as_it_was_in_the_test_of_its_model(api, laps, results):
    """The same race, one car and lap at a time, from the database, with a model from its file."""
    rows = results["next_lap"].predictions
    assert set(rows["session_id"]) == {int(last_race(laps)["session_id"].iloc[0])}
    for place in (3, len(rows) // 2, len(rows) - 1):
        row = rows.iloc[place]
        (lap,) = ask(
            api, session_id=int(row["session_id"]), driver_number=int(row["driver_number"]), from_lap=int(row["lap_number"])
        )["laps"]
        assert lap["task"] == "next_lap"
        assert lap["seconds"] == pytest.approx(row["prediction"], abs=1e-6)
        assert (lap["low"], lap["high"]) == (pytest.approx(row["low"], abs=0.05), pytest.approx(row["high"], abs=0.05))


def test_later_laps_are_predicted_as_the_rest_of_a_stint(api, laps, results):
    """Of a run late in the race: the intervals know how those before it missed."""
    rows = results["rest_of_stint"].predictions.sort_values("lap_number")
    begins = rows["lap_number"] - rows.groupby("driver_number")["lap_number"].shift(1) > 3
    row = rows[begins & (rows["lap_number"] < rows["lap_number"].max() - 5)].iloc[-1]
    mine = rows[(rows["driver_number"] == row["driver_number"]) & (rows["lap_number"] >= row["lap_number"])].head(6)
    body = {"session_id": int(row["session_id"]), "driver_number": int(row["driver_number"]), "from_lap": int(row["lap_number"])}
    told = ask(api, **body, horizon=6)
    assert [lap["lap_number"] for lap in told["laps"]] == list(range(body["from_lap"], body["from_lap"] + 6))
    assert [lap["task"] for lap in told["laps"]] == ["next_lap"] + ["rest_of_stint"] * 5
    said = {lap["lap_number"]: [lap[name] for name in ("seconds", "low", "high")] for lap in told["laps"][1:]}
    known = {lap["lap_number"]: [lap[name] for name in ("prediction", "low", "high")] for _, lap in mine.iterrows()}
    assert len(said.keys() & known.keys()) > 2
    for number in said.keys() & known.keys():
        assert said[number] == pytest.approx(known[number], abs=1e-6)
    assert {champion["task"] for champion in told["champions"]} == {"next_lap", "rest_of_stint"}


def test_an_answer_says_who_says_so_and_how_good_that_was(api, laps, results):
    row = results["next_lap"].predictions.iloc[50]
    told = ask(api, session_id=int(row["session_id"]), driver_number=int(row["driver_number"]), from_lap=int(row["lap_number"]))
    (champion,) = told["champions"]
    assert champion["measured"]["mae"] == pytest.approx(results["next_lap"].metrics["mae"])
    assert api.get(champion["run"]).json()["champion"] is True


def test_without_messages_of_race_control_a_prediction_says_that_neutralisations_are_unknown(api, laps, results):
    row = results["next_lap"].predictions.iloc[3]
    lap = {"session_id": int(row["session_id"]), "driver_number": int(row["driver_number"]), "from_lap": int(row["lap_number"])}
    assert not any("Neutralisations are unknown" in warning for warning in ask(api, **lap)["warnings"])
    RaceControl.objects.filter(session_id=lap["session_id"]).delete()
    assert any("Neutralisations are unknown" in warning for warning in ask(api, **lap)["warnings"])


def test_a_race_that_was_learnt_from_is_warned_of(api, laps, results):
    lap = laps[(laps["session_date"] == laps["session_date"].min()) & (laps["lap_number"] == 10)].iloc[0]
    told = ask(api, session_id=int(lap["session_id"]), driver_number=int(lap["driver_number"]), from_lap=10)
    assert any("learnt from this very race" in warning for warning in told["warnings"])


def test_the_next_lap_of_a_race_that_is_on_knows_nothing_later(api, laps, results):
    """The lap is asked about twice: when the race is over, and when nothing after the lap before has happened."""
    race = last_race(laps)
    lap = race[(race["lap_number"] == 12) & (race["excluded"] == "")].iloc[4]
    body = {"session_id": int(lap["session_id"]), "driver_number": int(lap["driver_number"]), "from_lap": 12}
    length = int(race["lap_number"].max())
    after = ask(api, **body)["laps"][0]
    moment = datetime.datetime.fromtimestamp(lap["start"] + 0.0001, tz=datetime.UTC)
    Lap.objects.filter(session_id=body["session_id"], date_start__gt=moment).delete()
    unfinished = race[(race["start"] <= lap["start"]) & ~(race["end"] <= lap["start"])]
    for number, car in zip(unfinished["lap_number"], unfinished["driver_number"], strict=True):
        if car == body["driver_number"]:
            Lap.objects.filter(session_id=body["session_id"], driver_number=car, lap_number=number).delete()
        else:
            Lap.objects.filter(session_id=body["session_id"], driver_number=car, lap_number=number).update(
                lap_duration=None,
                duration_sector_1=None,
                duration_sector_2=None,
                duration_sector_3=None,
                i1_speed=None,
                i2_speed=None,
                st_speed=None,
            )
    prediction.load_race.cache_clear()
    during = ask(api, **body, race_laps=length)["laps"][0]
    assert during["seconds"] == pytest.approx(after["seconds"], abs=0.02)


def test_a_race_that_is_on_is_as_long_as_the_last_one_there(laps):
    session = Session.objects.get(pk=int(last_race(laps)["session_id"].iloc[0]))
    assert prediction.announced_laps(session) is None
    earlier = Session.objects.get(pk=int(laps[laps["session_date"] == laps["session_date"].min()]["session_id"].iloc[0]))
    session.circuit_name, session.date_end = earlier.circuit_name, timezone.now() + datetime.timedelta(hours=1)
    driven = laps[laps["session_id"] == earlier.pk]["lap_number"].max()
    assert prediction.announced_laps(session) == driven


def test_a_change_of_the_race_is_seen(api, laps, results, editor):
    lap = last_race(laps)
    lap = lap[(lap["lap_number"] == 15) & (lap["excluded"] == "")].iloc[2]
    body = {"session_id": int(lap["session_id"]), "driver_number": int(lap["driver_number"]), "from_lap": 15}
    first = ask(api, **body)["laps"][0]["seconds"]
    before = Lap.objects.get(session_id=body["session_id"], driver_number=body["driver_number"], lap_number=14)
    changed = editor.patch(f"/api/v1/laps/{before.pk}/", {"lap_duration": before.lap_duration + 0.8})
    assert changed.status_code == 200
    assert ask(api, **body)["laps"][0]["seconds"] > first


def test_a_lap_that_is_made_up(api, laps, results):
    known = laps.iloc[100]
    body = {
        "circuit_name": known["circuit"],
        "driver_id": known["driver_id"],
        "tyre_compound": "MEDIUM",
        "tyre_age": 5,
        "lap_number": 10,
        "race_laps": 50,
        "track_temperature": float(laps["track_temperature"].median()),
    }
    told = ask(api, **body)
    (lap,) = told["laps"]
    clean = laps[(laps["circuit"] == known["circuit"]) & (laps["excluded"] == "")]
    assert abs(lap["seconds"] - clean["lap_duration"].median()) < 2.5
    assert lap["low"] <= lap["seconds"] <= lap["high"]
    assert lap["high"] - lap["low"] < 4
    assert told["warnings"] == []
    (later,) = ask(api, **body | {"lap_number": 40})["laps"]
    assert 1 < lap["seconds"] - later["seconds"] < 3  # three quarters of the fuel less


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tyre_age": 90}, "Tyres 90 laps old"),
        ({"tyre_compound": "WET"}, "a lap on a dry track"),
        ({"driver_id": "nobody"}, "No lap of nobody was learnt from"),
    ],
)
def test_a_warning_says_what_the_model_has_not_met(api, laps, results, change, words):
    body = {"circuit_name": laps["circuit"].iloc[0], "lap_number": 10, "tyre_compound": "SOFT", "tyre_age": 5}
    (warning,) = ask(api, **body | change)["warnings"]
    assert words in warning


def test_of_an_unknown_circuit_the_range_of_the_known_ones_is_said(api, laps, results):
    told = ask(api, circuit_name="Atlantis", lap_number=10)
    (lap,), (warning,) = told["laps"], told["warnings"]
    assert "No race at Atlantis was learnt from" in warning
    levels = laps[laps["excluded"] == ""].groupby("circuit")["lap_duration"].median()
    assert levels.min() - 1 < lap["low"] < lap["seconds"] < lap["high"] < levels.max() + 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"session_id": 1}, "session_id"),
        ({"driver_number": 98}, "driver_number"),
        ({"from_lap": 150}, "from_lap"),
        ({"from_lap": 1}, "from_lap"),
        ({"horizon": 100}, "horizon"),
        ({"horizon": 0}, "horizon"),
        ({"tyre_age": 3}, "tyre_age"),
        ({"nosuch": 3}, "nosuch"),
        ({"driver_number": None}, "driver_number"),
    ],
)
def test_what_cannot_be_predicted_is_said_by_field(api, laps, results, wrong, field):
    lap = last_race(laps).iloc[20]
    good = {"session_id": int(lap["session_id"]), "driver_number": int(lap["driver_number"]), "from_lap": 12}
    assert list(ask(api, 400, **good | wrong)) == [field]


@pytest.mark.parametrize("body", [{}, {"session_id": 1}, {"circuit_name": "Sakhir"}, {"lap_number": 3}])
def test_what_is_missing_is_named(api, body):
    assert "Required" in str(ask(api, 400, **body))


def test_without_a_champion_it_is_said_how_to_get_one(api, laps):
    lap = last_race(laps).iloc[20]
    told = ask(api, 409, session_id=int(lap["session_id"]), driver_number=int(lap["driver_number"]), from_lap=12)
    assert "promote_model" in told["detail"]


def test_a_model_from_an_older_version_is_named_as_such(api, laps, results):
    run = Run.objects.get(task="next_lap", champion=True)
    known = json.loads(recording.read_artifact(run.artifacts.get(name="memory.json")))
    known["inputs"] = known["inputs"][1:]
    Run.objects.filter(pk=run.pk).update(status="running")
    recording.store_artifact(run=run, name="memory.json", content=json.dumps(known).encode())
    Run.objects.filter(pk=run.pk).update(status="completed")
    lap = last_race(laps).iloc[20]
    told = ask(api, 409, session_id=int(lap["session_id"]), driver_number=int(lap["driver_number"]), from_lap=12)
    assert "train its model again" in told["detail"]


def promote(run):
    out = io.StringIO()
    call_command("promote_model", str(run), stdout=out)
    return out.getvalue()


def test_a_run_is_promoted_by_the_beginning_of_its_id_as_pages_show_it(results):
    run = Run.objects.get(task="next_lap", champion=True)
    assert "answers for next_lap" in promote(str(run.pk)[:8])
    for pk in ("abcdef00-0000-4000-8000-000000000001", "abcdef00-0000-4000-8000-000000000002"):
        Run.objects.create(pk=pk, experiment=run.experiment, dataset_sha256="elsewhere", split="elsewhere", status="failed")
    with pytest.raises(CommandError, match="Several runs begin with 'abcdef'"):
        promote("abcdef")
    for wrong in ("", "ridge", "abcdef01", "%"):
        with pytest.raises(CommandError, match=f"There is no run '{wrong}'"):
            promote(wrong)


def test_another_champion_answers_from_then_on(api, laps, table, results):
    row = results["next_lap"].predictions.iloc[50]
    body = {"session_id": int(row["session_id"]), "driver_number": int(row["driver_number"]), "from_lap": int(row["lap_number"])}
    ask(api, **body)
    run, result = learn(laps, table, "next_lap", model="stint_state")
    assert "in place of ridge" in promote(run.pk)
    assert ask(api, **body)["laps"][0]["seconds"] == pytest.approx(result.predictions.iloc[50]["prediction"], abs=1e-6)
    assert Run.objects.filter(task="next_lap", champion=True).count() == 1


def test_a_champion_whose_intervals_adapt_in_an_earlier_way_still_answers(api, laps, table, storage, no_plots, monkeypatch):
    monkeypatch.setattr("ml.intervals.KINDS", {})
    run, result = learn(laps, table, "next_lap")
    promote(run.pk)
    row = result.predictions.iloc[50]
    lap = {"session_id": int(row["session_id"]), "driver_number": int(row["driver_number"]), "from_lap": int(row["lap_number"])}
    (told,) = ask(api, **lap)["laps"]
    assert (told["low"], told["high"]) == (pytest.approx(row["low"], abs=0.05), pytest.approx(row["high"], abs=0.05))


def test_what_cannot_be_champion(laps, table, no_plots):
    leaky, _ = learn(laps, table, "next_lap", split="random")
    with pytest.raises(CommandError, match="not leaky"):
        promote(leaky.pk)
    for unknown in ("nosuch", "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(CommandError, match="no run"):
            promote(unknown)
    empty = recording.start_run(experiment=leaky.experiment, model="ridge", split="by_race", dataset_sha256="a" * 64)
    recording.end_run(run=empty)
    with pytest.raises(CommandError, match=r"has no model\.skops"):
        promote(empty.pk)


def test_outside_means_beyond_the_training_laps():
    champion = champions.Champion(
        run=Run(),
        estimator=None,
        intervals=None,
        measured={},
        summary={"limits": {"tyre_age": [0, 40], "level": [-1, 1]}, "texts": {"compound": ["SOFT"]}},
    )
    import pandas as pd

    rows = pd.DataFrame({"tyre_age": [41.0], "level": [np.nan], "compound": ["SOFT"], "other": [1e9]})
    (warning,) = champion.range_warnings(rows)
    assert warning == "Tyres 41 laps old: the model has learnt from laps on tyres of 0 to 40 laps."


def test_a_model_that_is_worse_than_the_naive_answer_is_no_champion(laps):
    experiment = recording.experiment(name="worse", owner="ada", task="lap_time")
    run = recording.start_run(experiment=experiment, model="ridge", split="by_race", dataset_sha256="a" * 64)
    recording.log_metrics(run=run, metrics={"skill": -1.19})
    with pytest.raises(ValueError, match=r"a skill of -119\.0%"):
        recording.promote(recording.end_run(run=run))
