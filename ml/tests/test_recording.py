"""What is written down about a run, and that it stays."""

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage

from ml import recording
from ml.models import Experiment, Metric, Run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def pace():
    return recording.experiment(name="Pace-1", owner="ada", task="next_lap")


def begin(experiment, **given):
    return recording.start_run(
        experiment=experiment, **{"model": "ridge", "split": "by_race", "dataset_sha256": "a" * 64} | given
    )


def test_an_experiment_is_found_again_whatever_its_case(pace):
    assert recording.experiment(name="pACE-1", owner="bob", task="lap_time") == pace
    assert (pace.name, pace.owner, pace.status) == ("pace-1", "ada", "created")
    with pytest.raises(ValidationError):
        recording.experiment(name="two words", owner="ada")


def test_a_run_knows_what_it_was_made_with(pace):
    run = begin(pace, params={"alpha": 1.5, "columns": ["lap", "tyre_age"]}, seed=7)
    assert (run.task, run.owner, run.seed, run.status) == ("next_lap", "ada", 7, "running")
    assert {"python", "scikit-learn"} <= run.libraries.keys()
    assert len(run.git_commit) in (0, 40)
    assert {param.key: param.value for param in run.params.all()} == {"alpha": 1.5, "columns": ["lap", "tyre_age"]}
    pace.refresh_from_db()
    assert pace.status == "running"


@pytest.mark.parametrize("given", [{"dataset_sha256": ""}, {"split": ""}])
def test_a_run_needs_fingerprint_and_split(pace, given):
    with pytest.raises(ValueError, match="fingerprint of its dataset and its split"):
        begin(pace, **given)
    assert not Run.objects.exists()


def test_figures_are_finite_and_the_last_of_a_step_counts(pace):
    run = begin(pace)
    recording.log_metrics(run=run, metrics={"mae": 0.4, "r2": 0.9})
    recording.log_metrics(run=run, metrics={"mae": 0.3})
    recording.log_metrics(run=run, metrics={"mae": 0.5}, context="race=1229")
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite"):
            recording.log_metrics(run=run, metrics={"rmse": 1.0, "bias": value})
    assert list(Metric.objects.values_list("key", "context", "value")) == [
        ("mae", "", 0.3),
        ("mae", "race=1229", 0.5),
        ("r2", "", 0.9),
    ]


def test_what_has_ended_stays_as_it_is(pace):
    run = recording.end_run(run=begin(pace))
    pace.refresh_from_db()
    assert (run.status, pace.status) == ("completed", "completed")
    assert run.ended_at >= run.started_at
    for change in (
        lambda: recording.log_params(run=run, params={"alpha": 2}),
        lambda: recording.log_metrics(run=run, metrics={"mae": 2.0}),
        lambda: recording.store_artifact(run=run, name="card.md", content=b""),
        lambda: recording.end_run(run=run, status="failed"),
    ):
        with pytest.raises(recording.Ended):
            change()


def test_a_file_is_kept_with_its_hash_and_an_altered_one_is_refused(pace, django_capture_on_commit_callbacks):
    run = begin(pace)
    recording.store_artifact(run=run, name="card.md", content=b"old")
    with django_capture_on_commit_callbacks(execute=True):
        card = recording.store_artifact(run=run, name="card.md", content=b"# Card", content_type="text/markdown")
    assert recording.read_artifact(card) == b"# Card"
    assert len(default_storage.listdir(f"ml/runs/{run.pk}")[1]) == 1
    with open(default_storage.path(card.file), "wb") as file:
        file.write(b"# Lies")
    with pytest.raises(ValueError, match="altered"):
        recording.read_artifact(card)
    default_storage.delete(card.file)
    with pytest.raises(ValueError, match=f"{card.file} cannot be read"):
        recording.read_artifact(card)


@pytest.mark.parametrize(
    "name", ["", "../x", "/a", "a/", "a//b", "a/./b", "a/../b", "a/.b", ".hidden", "a\nb", "a\n", "é", "x" * 101]
)
def test_names_of_files_lead_nowhere_else(pace, name):
    with pytest.raises(ValueError, match="no name"):
        recording.store_artifact(run=begin(pace), name=name, content=b"")


def test_one_champion_per_task_and_none_that_is_leaky(pace):
    first, second = (recording.end_run(run=begin(pace)) for _ in range(2))
    recording.promote(first)
    recording.promote(second)
    assert Run.objects.get(champion=True) == second
    for run in (begin(pace), recording.end_run(run=begin(pace, leaky=True))):
        with pytest.raises(ValueError, match="champion"):
            recording.promote(run)


def test_an_experiment_goes_with_its_files(pace, django_capture_on_commit_callbacks):
    card = recording.store_artifact(run=begin(pace), name="card.md", content=b"# Card")
    with django_capture_on_commit_callbacks(execute=True):
        recording.delete_experiment(pace)
    assert not Experiment.objects.exists()
    assert not Run.objects.exists()
    assert not default_storage.exists(card.file)
