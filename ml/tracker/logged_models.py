"""MLflow's logged models: here a model is a folder of files of its run, and its key names both.

Nothing of it is kept besides the files, so a model is ready once its run has a file of it.
"""

import re
from typing import Any

from ml.models import Run
from ml.tracker import answers
from ml.tracker.calls import Refused, find_run, own_run
from ml.tracker.messages import NewModel, RunId

PREFIX = "logged-models"
KEY = re.compile(rf"{PREFIX}/m-(?P<run>[0-9a-f]{{32}})-(?P<folder>[\w-]{{1,100}})(?:/(?P<part>params|tags))?")


def create(user: Any, message: NewModel) -> dict[str, Any]:
    if not message.source_run_id:
        raise Refused("INVALID_PARAMETER_VALUE", "Log a model within a run: here it is a folder of the run's files.")
    run = own_run(user, RunId(message.source_run_id))
    return describe(run, re.sub(r"[^\w-]+", "-", message.name, flags=re.ASCII).strip("-")[:100] or "model")


def ask(user: Any, name: str, *, method: str) -> dict[str, Any] | None:
    """What a call about one model answers; None for a call of another kind. Its parameters and tags are in its files."""
    match = KEY.fullmatch(name)
    if match is None:
        return None
    run = find_run(match["run"]) if method == "GET" else own_run(user, RunId(match["run"]))
    return {} if match["part"] else describe(run, match["folder"])


def describe(run: Run, folder: str) -> dict[str, Any]:
    """A model as MLflow's clients expect it."""
    ready = run.artifacts.filter(name__startswith=f"{folder}/").exists()
    info = {
        "model_id": f"m-{run.pk.hex}-{folder}",
        "experiment_id": run.experiment_id.hex,
        "name": folder,
        "creation_timestamp_ms": answers.milliseconds(run.started_at),
        "last_updated_timestamp_ms": answers.milliseconds(run.ended_at or run.started_at),
        "artifact_uri": f"mlflow-artifacts:/{run.experiment_id.hex}/{run.pk.hex}/artifacts/{folder}",
        "status": "LOGGED_MODEL_READY" if ready else "LOGGED_MODEL_PENDING",
        "source_run_id": run.pk.hex,
    }
    return {"model": {"info": info, "data": {}}}
