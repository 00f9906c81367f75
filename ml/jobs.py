"""The job that trains a model of lap times."""

from typing import Any

from rest_framework import serializers

from api.fields import ChoiceField, JSONObjectField
from jobs import kinds
from jobs.models import Job
from jobs.progress import Failed, Progress
from ml import recording
from ml.estimators import MODELS
from ml.models import Run
from ml.splits import NAMES, check_split
from ml.tasks import TASKS

DATABASE_SELECTION = ("seasons", "races", "session_names")
DEFAULTS: dict[str, Any] = {"model": "gradient_boosting", "task": "next_lap", "split": "by_race"}


class TrainParameters(kinds.Parameters):
    """A model, a task, a split, and which laps; those of all races by default."""

    model = ChoiceField([*MODELS], required=False, help_text="gradient_boosting by default.")
    task = ChoiceField([*TASKS], required=False, help_text="next_lap by default.")
    split = serializers.CharField(required=False, max_length=60, help_text=f"One of {NAMES}; by_race by default.")
    dataset = serializers.CharField(
        required=False, max_length=100, help_text="What build_dataset stored, instead of the database."
    )
    seasons = kinds.season_list()
    races = kinds.integer_list("Race weekends, by race_id.")
    session_names = serializers.ListField(child=serializers.CharField(max_length=50), required=False, max_length=20)
    experiment = serializers.RegexField(r"\A[A-Za-z0-9_-]{1,100}\Z", required=False, help_text="The task's name by default.")
    settings = JSONObjectField(required=False, help_text="Of the model.")
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)

    def validate_split(self, split: str) -> str:
        try:
            check_split(split)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error
        return split

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "dataset" in attrs and attrs.keys() & set(DATABASE_SELECTION):
            message = f"It says which laps already: leave out {', '.join(DATABASE_SELECTION)}."
            raise serializers.ValidationError({"dataset": [message]})
        return attrs


def run_train(progress: Progress, job: Job) -> dict[str, Any]:
    """Train a model as a run of an experiment; returns the run and its metrics."""
    from ml import building, trials

    fail_run_of_dead_worker(job)
    options = dict(job.parameters)
    selection = {name: options.pop(name) for name in DATABASE_SELECTION if name in options}
    dataset = options.pop("dataset", None)
    progress.step("Gathering laps")

    def note_run(run: Run) -> None:
        progress.own_row.update(result={"run": str(run.pk)})

    try:
        data = building.read_dataset(dataset) if dataset else building.load_data(**selection)
        run, result = trials.trial(
            data,
            **(DEFAULTS | options),
            owner=job.owner.username[:50] if job.owner else "worker",
            user=job.owner,
            progress=progress.step,
            on_start=note_run,
        )
    except ValueError as error:
        raise Failed(str(error)) from error
    return {"run": str(run.pk), "experiment": run.experiment.name, "baseline": result.baseline, **trials.overall(result)}


def fail_run_of_dead_worker(job: Job) -> None:
    """Mark the run that an earlier attempt at this job left unfinished as failed."""
    run_id = (job.result or {}).get("run")
    for run in Run.objects.filter(pk=run_id, status=Run.Status.RUNNING) if run_id else ():
        recording.end_run(run=run, status=Run.Status.FAILED, error="Its worker died.")


kinds.register_clean_up(recording.fail_dead_runs)
kinds.register("train", run=run_train, parameters=TrainParameters, about="train a model of lap times, as `train_model`")


def run_update_circuit_facts(progress: Progress, job: Job) -> dict[str, int]:
    """Compute the facts about circuits; returns how many were created, updated, unchanged or deleted."""
    from ml.strategy.circuit_facts import update_circuit_facts

    progress.step("Reading races")
    return dict(update_circuit_facts())


kinds.register(
    "update_circuit_facts",
    run=run_update_circuit_facts,
    about="compute what stops cost, overtaking and safety cars by circuit, as `update_circuit_facts`",
)
