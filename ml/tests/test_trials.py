"""Trainings as runs: what is written down of them."""

import hashlib
import io
import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone
from PIL import Image
from skops import io as skops_io

from jobs import queue
from jobs.models import Lease
from ml import artifacts, building, estimators, recording, trials
from ml.cards import render_card
from ml.models import Experiment, Run
from ml.tests.test_training import QUICK, before
from races.models import RaceControl

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def data(laps, table):
    return building.Data(laps, table, building.fingerprint(building.join_features(laps, table).items()))


@pytest.fixture
def tried(data):
    return trials.trial(data, model="ridge", task="next_lap", split=before(data.laps), owner="ada")


def test_everything_of_a_training_is_in_its_run(tried, data):
    run, result = tried
    run = Run.objects.get(pk=run.pk)
    assert (run.status, run.experiment.name, run.experiment.status) == ("completed", "next_lap", "completed")
    assert (run.model, run.task, run.split, run.owner, run.leaky) == ("ridge", "next_lap", result.split, "ada", False)
    assert run.dataset_sha256 == data.sha256
    assert run.libraries["scikit-learn"]
    figures = dict(run.metrics.filter(context="").values_list("key", "value"))
    assert figures["mae"] == result.metrics["mae"]
    assert figures["skill"] == result.skill.value
    assert figures["coverage"] == result.coverage["coverage"]
    races = run.metrics.filter(key="mae", context__startswith="race=")
    assert races.count() == result.predictions["race_id"].nunique()
    assert {"compound=SOFT", "compound=MEDIUM", "compound=HARD"} & set(run.metrics.values_list("context", flat=True))


def test_its_files_are_there_and_have_their_fingerprints(tried):
    run, result = tried
    files = {artifact.name: artifact for artifact in run.artifacts.all()}
    assert set(files) == {
        "model.skops",
        "memory.json",
        "metrics.json",
        "predictions.parquet",
        "model_card.md",
        "predicted_against_actual.png",
        "residuals_by_tyre_age.png",
        "residuals_by_race.png",
        "error_by_race.png",
        "importance.png",
        "pace_evolution.png",
        "coverage.png",
    }
    for name, artifact in files.items():
        content = recording.read_artifact(artifact)
        assert hashlib.sha256(content).hexdigest() == artifact.sha256
        if name.endswith(".png"):
            colours = Image.open(io.BytesIO(content)).convert("RGB").getcolors(1_000_000)
            assert len(colours) > 100, f"{name} is empty"
    predictions = pd.read_parquet(io.BytesIO(recording.read_artifact(files["predictions.parquet"])))
    assert (predictions["actual"] - predictions["prediction"]).abs().mean() == pytest.approx(result.metrics["mae"])
    assert json.loads(recording.read_artifact(files["metrics.json"]))["metrics"] == result.metrics


def test_the_model_card_says_what_it_is_made_of_and_what_it_cannot(tried, data):
    run, result = tried
    card = recording.read_artifact(run.artifacts.get(name="model_card.md")).decode()
    for words in (
        data.sha256,
        result.split,
        f"{result.metrics['mae']:.4f}",
        result.baseline,
        "hindsight",
        str(run.pk),
        "out-lap",
    ):
        assert words in card
    assert "Leaky" not in card
    assert "race control" not in card


def test_the_model_card_names_races_whose_flags_are_unknown(tried, data):
    run, result = tried
    first = data.laps.sort_values("session_id").iloc[0]
    RaceControl.objects.filter(session_id=first["session_id"]).delete()
    card = render_card(run, result, data)
    assert "No messages of race control are stored of 1 of these sessions" in card
    assert f"count as laps at racing speed: {first['season']} {first['circuit']}\n" in card


@pytest.mark.parametrize("model", estimators.MODELS)
def test_every_model_comes_back_from_its_file_and_predicts_the_same(data, model, monkeypatch):
    monkeypatch.setattr("ml.plots.draw_all", lambda result: iter(()))
    run, result = trials.trial(data, model=model, task="next_lap", split=before(data.laps), owner="a", settings=QUICK.get(model))
    estimator, ends = artifacts.loads(run)
    assert estimator.predict(result.last.inputs) == pytest.approx(result.last.estimator.predict(result.last.inputs))
    nothing, moment = pd.Series(np.nan, index=result.last.inputs.index), pd.Series(0.0, index=result.last.inputs.index)
    places = pd.DataFrame({"session_id": 0, "end": nothing})
    asked = result.last.inputs, nothing, places, moment
    for came_back, kept in zip(ends.predict(*asked), result.last.ends.predict(*asked), strict=True):
        assert came_back == pytest.approx(kept)


def test_an_altered_model_is_refused(tried):
    run, _ = tried
    file = run.artifacts.get(name="model.skops").file
    with default_storage.open(file, "ab") as content:
        content.write(b"more")
    with pytest.raises(ValueError, match="altered"):
        artifacts.loads(run)


def test_a_model_of_another_scikit_learn_is_refused(tried):
    run, _ = tried
    run.libraries |= {"scikit-learn": "0.24.0"}
    with pytest.raises(ValueError, match=r"written with scikit-learn 0\.24\.0"):
        artifacts.loads(run)


class Harmful:
    """Nothing that a model is made of."""

    def __init__(self):
        self.value = 1


def test_a_file_with_anything_else_than_a_model_builds_nothing(data):
    experiment = recording.experiment(name="foreign", owner="eve")
    run = recording.start_run(experiment=experiment, model="ridge", split="by_race", dataset_sha256="0" * 64)
    recording.store_artifact(run=run, name=recording.MODEL_FILE, content=skops_io.dumps({"estimator": Harmful(), "ends": None}))
    with pytest.raises(ValueError, match="something else than a model"):
        artifacts.loads(run)
    recording.store_artifact(run=run, name=recording.MODEL_FILE, content=b"\x80\x04no zip at all")
    with pytest.raises(ValueError, match="something else than a model"):
        artifacts.loads(run)


def test_a_failed_training_leaves_a_failed_run_with_the_reason(data):
    with pytest.raises(ValueError, match="does not take the settings"):
        trials.trial(data, model="ridge", task="next_lap", split="by_race", owner="ada", settings={"nosuch": 1})
    run = Run.objects.get()
    assert run.status == run.experiment.status == "failed"
    assert "nosuch" in run.error
    assert dict(run.params.values_list("key", "value")) == {"nosuch": 1}


def train(*args):
    out = io.StringIO()
    call_command("train_model", *args, stdout=out)
    return out.getvalue()


def test_the_command_learns_from_a_dataset_and_names_its_run(laps):
    call_command("build_dataset", "--output", "demo", stdout=io.StringIO())
    out = train("linear", "--dataset", "demo", "--experiment", "First_Try", "--split", before(laps))
    run = Run.objects.get()
    assert str(run.pk) in out
    assert run.experiment.name == "first_try"
    assert run.dataset.name == "demo"
    assert "dataset `demo`" in recording.read_artifact(run.artifacts.get(name="model_card.md")).decode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "nosuch"], "no dataset 'nosuch'"),
        (["--dataset", "nosuch", "--season", "2023"], "says which laps already"),
        (["--experiment", "a b"], "--experiment a b: Use 1 to 100 letters"),
    ],
)
def test_the_command_names_what_it_cannot_take(laps, arguments, message):
    with pytest.raises(CommandError, match=message):
        train("linear", *arguments)
    assert not Experiment.objects.exists()


@pytest.mark.parametrize("end", [SystemExit(143), KeyboardInterrupt()], ids=["SIGTERM", "Ctrl-C"])
def test_a_training_that_is_told_to_stop_leaves_a_failed_run(data, monkeypatch, end):
    def stop(*args, **options):
        raise end

    monkeypatch.setattr(trials.training, "train", stop)
    with pytest.raises(type(end)):
        trials.trial(data, model="ridge", task="next_lap", split=before(data.laps), owner="ada")
    run = Run.objects.get()
    assert (run.status, run.error, run.experiment.status) == ("failed", "It was ended before it was complete.", "failed")
    assert not Lease.objects.exists()


def test_the_run_of_a_training_that_was_killed_does_not_stay_running(data, monkeypatch):
    """The lease of a killed process stays, and is not renewed."""
    left = {}

    def see(*args, **options):
        left.update(Lease.objects.filter(name__startswith="training ").values().get())
        raise ValueError("enough")

    monkeypatch.setattr(trials.training, "train", see)
    with pytest.raises(ValueError, match="enough"):
        trials.trial(data, model="ridge", task="next_lap", split=before(data.laps), owner="ada")
    Run.objects.update(status="running", ended_at=None)
    killed = Run.objects.get()
    lease = Lease.objects.create(**left)
    elsewhere = recording.start_run(experiment=killed.experiment, model="x", split="y", dataset_sha256="a" * 64)  # over REST
    queue.take_up()
    assert Run.objects.get(pk=killed.pk).status == "running"  # it may still live
    Lease.objects.filter(pk=lease.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    queue.take_up()
    killed.refresh_from_db()
    assert (killed.status, killed.error) == ("failed", "Its process ended without a word: it was killed.")
    assert Run.objects.get(pk=elsewhere.pk).status == "running"
    assert not Lease.objects.filter(name__startswith="training ").exists()
