"""Our rows as MLflow's clients expect them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ml import comparison
from ml.models import Experiment, Run

STATUSES = {Run.Status.RUNNING: "RUNNING", Run.Status.COMPLETED: "FINISHED", Run.Status.FAILED: "FAILED"}
OURS = {
    "RUNNING": None,
    "SCHEDULED": None,
    "FINISHED": Run.Status.COMPLETED,
    "FAILED": Run.Status.FAILED,
    "KILLED": Run.Status.FAILED,
}


def milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def experiment(row: Experiment) -> dict[str, Any]:
    return {
        "experiment_id": row.pk.hex,
        "name": row.name,
        "artifact_location": f"mlflow-artifacts:/{row.pk.hex}",
        "lifecycle_stage": "active",
        "creation_time": milliseconds(row.created_at),
        "last_update_time": milliseconds(row.updated_at),
        "tags": pairs({"owner": row.owner, "task": row.task}),
    }


def runs(rows: Sequence[Run]) -> list[dict[str, Any]]:
    """Runs with the last value of each figure; figures of single races are left to the comparison here."""
    keys = [row.pk for row in rows]
    params, metrics = comparison.params(keys), comparison.all_metrics(keys)
    return [run(row, params=params[row.pk], metrics=metrics[row.pk]) for row in rows]


def run(row: Run, *, params: dict[str, Any], metrics: list[dict[str, Any]]) -> dict[str, Any]:
    last = {each["key"]: each for each in sorted(metrics, key=lambda each: each["step"]) if not each["context"]}
    tags = {
        "mlflow.runName": row.model,
        "mlflow.user": row.owner,
        "split": row.split,
        "dataset_sha256": row.dataset_sha256,
        "leaky": str(row.leaky).lower(),
        "measured_elsewhere": str(row.elsewhere).lower(),
    }
    return {
        "info": {
            "run_id": row.pk.hex,
            "run_uuid": row.pk.hex,
            "run_name": row.tags.get("mlflow.runName", row.model),
            "experiment_id": row.experiment_id.hex,
            "user_id": row.owner,
            "status": STATUSES[Run.Status(row.status)],
            "start_time": milliseconds(row.started_at),
            "end_time": milliseconds(row.ended_at),
            "artifact_uri": f"mlflow-artifacts:/{row.experiment_id.hex}/{row.pk.hex}/artifacts",
            "lifecycle_stage": "active",
        },
        "data": {
            "metrics": [figure(row, each) for each in last.values()],
            "params": pairs(params),
            "tags": pairs(tags | row.tags),
        },
        "inputs": {"dataset_inputs": []},
    }


def figure(row: Run, each: dict[str, Any]) -> dict[str, Any]:
    """A metric; its time is the run's, as only its step is kept."""
    return {"key": each["key"], "value": each["value"], "step": each["step"], "timestamp": milliseconds(row.started_at)}


def pairs(values: dict[str, Any]) -> list[dict[str, str]]:
    return [{"key": key, "value": value if isinstance(value, str) else str(value)} for key, value in values.items()]
