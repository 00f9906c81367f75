"""The calls of MLflow's protocol: each gets the user and a message, and gives the answer's body."""

import math
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction

from ml import recording, splits
from ml.models import Experiment, Metric, Run
from ml.tracker import answers, messages, search
from ml.views.experiments import require_owner

UNKNOWN = "unknown"  # the split and the fingerprint of a run that names none
SEARCHED = 5_000  # runs, the newest, that a search looks through
LARGEST_STEP = 2**31 - 1


class Refused(Exception):
    """What cannot be done, with MLflow's code for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Call(NamedTuple):
    method: str
    message: type[Any]
    answer: Callable[[Any, Any], dict[str, Any]]


# Experiments


def get_by_name(user: Any, message: messages.ExperimentName) -> dict[str, Any]:
    row = Experiment.objects.filter(name=message.experiment_name.lower()).first()
    if row is None:
        raise Refused("RESOURCE_DOES_NOT_EXIST", f"There is no experiment called {message.experiment_name!r}.")
    return {"experiment": answers.experiment(row)}


def get_experiment(user: Any, message: messages.ExperimentId) -> dict[str, Any]:
    return {"experiment": answers.experiment(find_experiment(message.experiment_id))}


def create_experiment(user: Any, message: messages.NewExperiment) -> dict[str, Any]:
    name, tags = message.name.lower(), {tag.key: tag.value for tag in message.tags}
    if Experiment.objects.filter(name=name).exists():
        raise Refused("RESOURCE_ALREADY_EXISTS", f"There is an experiment called {name!r} already.")
    owner = tags.get("owner") or user.get_username()
    try:
        row = recording.experiment(name=name, owner=owner[:50], task=tags.get("task", "")[:40], user=user)
    except ValidationError as error:
        raise Refused(
            "INVALID_PARAMETER_VALUE", f"{message.name!r} is no name of an experiment. {' '.join(error.messages)}"
        ) from error
    return {"experiment_id": row.pk.hex}


def search_experiments(user: Any, message: messages.ExperimentSearch) -> dict[str, Any]:
    rows = search.matching([answers.experiment(row) for row in Experiment.objects.all()], message.filter)
    return page("experiments", rows, message)


# Runs


def create_run(user: Any, message: messages.NewRun) -> dict[str, Any]:
    experiment = find_experiment(message.experiment_id)
    require_owner(user, experiment)
    tags = {tag.key: tag.value for tag in message.tags}
    if message.run_name:
        tags["mlflow.runName"] = message.run_name
    with transaction.atomic():
        run = recording.start_run(
            experiment=experiment,
            model=(tags.get("mlflow.runName") or "mlflow")[:60],
            split=UNKNOWN,
            dataset_sha256=UNKNOWN,
            user=user,
            owner=user.get_username()[:50],
            elsewhere=True,
            commit=tags.get("mlflow.source.git.commit", "")[:40],
            libraries={},
        )
        keep_tags(run, tags)
    return {"run": one_run(run)}


def get_run(user: Any, message: messages.RunId) -> dict[str, Any]:
    return {"run": one_run(find_run(message.run))}


def update_run(user: Any, message: messages.RunUpdate) -> dict[str, Any]:
    run = own_run(user, message)
    if message.status and message.status not in answers.OURS:
        raise Refused("INVALID_PARAMETER_VALUE", f"There is no status {message.status!r}; there are {', '.join(answers.OURS)}.")
    with transaction.atomic():
        if message.run_name:
            keep_tags(run, {"mlflow.runName": message.run_name})
        ended = answers.OURS.get(message.status)
        if ended and ended != run.status:
            recording.end_run(run=run, status=ended)
    return {"run_info": one_run(run)["info"]}


def search_runs(user: Any, message: messages.RunSearch) -> dict[str, Any]:
    experiments = [find_experiment(key).pk for key in message.experiment_ids]
    rows = answers.runs(list(Run.objects.filter(experiment__in=experiments)[:SEARCHED]))
    return page("runs", search.ordered(search.matching(rows, message.filter), message.order_by), message)


def delete_run(user: Any, message: messages.RunId) -> dict[str, Any]:
    run = own_run(user, message)
    if run.champion:
        raise Refused("INVALID_STATE", "This run answers predictions: promote another one first.")
    recording.delete_run(run)
    return {}


def log_batch(user: Any, message: messages.Batch) -> dict[str, Any]:
    run = own_run(user, message)
    with transaction.atomic():
        recording.log_params(run=run, params={param.key: param.value for param in message.params})
        for figure in message.metrics:
            keep_figure(run, figure.key, figure.value, figure.step)
        keep_tags(run, {tag.key: tag.value for tag in message.tags})
        recognise(run, {param.key: param.value for param in message.params})
    return {}


def log_metric(user: Any, message: messages.OneMetric) -> dict[str, Any]:
    keep_figure(own_run(user, message), message.key, message.value, message.step)
    return {}


def log_parameter(user: Any, message: messages.OnePair) -> dict[str, Any]:
    run = own_run(user, message)
    with transaction.atomic():
        recording.log_params(run=run, params={message.key: message.value})
        recognise(run, {message.key: message.value})
    return {}


def set_tag(user: Any, message: messages.OnePair) -> dict[str, Any]:
    run = own_run(user, message)
    with transaction.atomic():
        keep_tags(run, {message.key: message.value})
    return {}


def log_inputs(user: Any, message: messages.Inputs) -> dict[str, Any]:
    """Keep the names of MLflow's datasets as tags; their digests are no SHA-256 of a dataset here."""
    run = own_run(user, message)
    names = {f"dataset.{use.dataset.get('name', '')}"[:100]: use.dataset.get("digest", "") for use in message.datasets}
    with transaction.atomic():
        keep_tags(run, names)
    return {}


def get_history(user: Any, message: messages.History) -> dict[str, Any]:
    run = find_run(message.run)
    rows = Metric.objects.filter(run=run, key=message.metric_key, context="").order_by("step").values("key", "value", "step")
    return {"metrics": [answers.figure(run, dict(row)) for row in rows]}


def list_files(user: Any, message: messages.Files) -> dict[str, Any]:
    run = find_run(message.run)
    info = one_run(run)["info"]
    return {"root_uri": info["artifact_uri"], "files": files_below(run, message.path)}


def search_models(user: Any, message: messages.Anything) -> dict[str, Any]:
    """MLflow's logged models are found as folders of their runs alone."""
    return {"models": []}


def log_outputs(user: Any, message: messages.RunId) -> dict[str, Any]:
    """That a run made a model is said by the model's key."""
    own_run(user, message)
    return {}


def files_below(run: Run, folder: str) -> list[dict[str, Any]]:
    """The files and folders directly in a folder of a run."""
    prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""
    entries: dict[str, dict[str, Any]] = {}
    for name, size in run.artifacts.filter(name__startswith=prefix).values_list("name", "size"):
        own, below, _ = name.removeprefix(prefix).partition("/")
        path = f"{prefix}{own}"
        entries[path] = {"path": path, "is_dir": True} if below else {"path": path, "is_dir": False, "file_size": size}
    return list(entries.values())


# What they have in common


def find_experiment(key: str) -> Experiment:
    row = Experiment.objects.filter(pk=parse_key(key)).first()
    if row is None:
        raise Refused("RESOURCE_DOES_NOT_EXIST", f"There is no experiment {key!r}.")
    return row


def find_run(key: str) -> Run:
    row = Run.objects.select_related("experiment").filter(pk=parse_key(key)).first()
    if row is None:
        raise Refused("RESOURCE_DOES_NOT_EXIST", f"There is no run {key!r}.")
    return row


def own_run(user: Any, message: messages.RunId) -> Run:
    """The run that a message names; PermissionDenied where it is somebody else's."""
    run = find_run(message.run)
    require_owner(user, run)
    return run


def parse_key(text: str) -> uuid.UUID:
    """A key; of a text that is none one that nothing has."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)


def one_run(run: Run) -> dict[str, Any]:
    run.refresh_from_db()
    return answers.runs([run])[0]


def keep_figure(run: Run, key: str, value: float | str, step: int) -> None:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Refused("INVALID_PARAMETER_VALUE", f"{key} is {value}, which is no finite number.")
    if abs(step) > LARGEST_STEP:
        raise Refused("INVALID_PARAMETER_VALUE", f"Step {step} of {key} is out of range.")
    recording.log_metrics(run=run, metrics={key: number}, step=step)


def keep_tags(run: Run, tags: dict[str, str]) -> None:
    """Add tags; some of them say what a run is. Recording.Ended once it has ended."""
    if not tags:
        return
    recording.still_running(run)
    run.refresh_from_db()
    run.tags = run.tags | tags
    run.model = (tags.get("estimator_name") or tags.get("mlflow.runName") or run.model)[:60]
    run.save(update_fields=["tags", "model"])
    recognise(run, tags)


def recognise(run: Run, values: dict[str, str]) -> None:
    """Take over the dataset and the split that a run names; with both known here it is measured as ours are."""
    named = {name: values[name] for name in ("split", "dataset_sha256") if values.get(name)}
    if not named:
        return
    run.split = named.get("split", run.split)[:60]
    run.dataset_sha256 = named.get("dataset_sha256", run.dataset_sha256)[:64]
    run.dataset = recording.find_dataset(run.dataset_sha256)
    run.leaky = splits.is_leaky(run.split)
    run.elsewhere = run.dataset is None or not splits.is_known(run.split)
    run.save(update_fields=["split", "dataset_sha256", "dataset", "leaky", "elsewhere"])


def page(name: str, rows: list[dict[str, Any]], message: Any) -> dict[str, Any]:
    """A part of the rows, and the token of the next one: the number of rows before it."""
    start = int(message.page_token) if message.page_token.isascii() and message.page_token.isdecimal() else 0
    most = min(max(message.max_results, 1), 50_000)
    end = start + most
    return {name: rows[start:end]} | ({"next_page_token": str(end)} if end < len(rows) else {})


CALLS = {
    "experiments/get-by-name": Call("GET", messages.ExperimentName, get_by_name),
    "experiments/get": Call("GET", messages.ExperimentId, get_experiment),
    "experiments/create": Call("POST", messages.NewExperiment, create_experiment),
    "experiments/search": Call("POST", messages.ExperimentSearch, search_experiments),
    "runs/create": Call("POST", messages.NewRun, create_run),
    "runs/get": Call("GET", messages.RunId, get_run),
    "runs/update": Call("POST", messages.RunUpdate, update_run),
    "runs/search": Call("POST", messages.RunSearch, search_runs),
    "runs/delete": Call("POST", messages.RunId, delete_run),
    "runs/log-batch": Call("POST", messages.Batch, log_batch),
    "runs/log-metric": Call("POST", messages.OneMetric, log_metric),
    "runs/log-parameter": Call("POST", messages.OnePair, log_parameter),
    "runs/set-tag": Call("POST", messages.OnePair, set_tag),
    "runs/log-inputs": Call("POST", messages.Inputs, log_inputs),
    "runs/outputs": Call("POST", messages.RunId, log_outputs),
    "metrics/get-history": Call("GET", messages.History, get_history),
    "artifacts/list": Call("GET", messages.Files, list_files),
    "logged-models/search": Call("POST", messages.Anything, search_models),
}
