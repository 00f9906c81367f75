"""Writing down what is tried: experiments, runs, their parameters, metrics and files.

What has ended is a record: its parameters, metrics and files stay as they are.
"""

import hashlib
import math
import platform
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from jobs import leases
from jobs.models import Lease
from ml.models import Artifact, Dataset, Experiment, Metric, Param, Run
from ml.models.experiments import VALID_NAME

LIBRARIES = ("scikit-learn", "numpy", "pandas", "scipy", "skops", "pyarrow")
MODEL_FILE = "model.skops"  # of a run: the file that answers predictions
LEASE_PREFIX = "training "
# Tasks whose naive answer everybody knows, the last race's lap time: a model that is worse is of no use to anybody.
NEED_SKILL = ("lap_time", "in_lap")
SAFE_NAME = re.compile(r"(?=.{1,100}\Z)[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*\Z")


class Ended(ValueError):
    """The run has ended: what was written down stays."""


def experiment(*, name: str, owner: str, task: str = "", user: Any = None, **fields: Any) -> Experiment:
    """The experiment of that name; made where there is none, with the other fields. ValidationError for a bad name."""
    VALID_NAME(name)
    given = {"owner": owner, "task": task, "created_by": user, **fields}
    return Experiment.objects.get_or_create(name=name.lower(), defaults=given)[0]


def start_run(  # noqa: PLR0913 - a run is described by many values
    *,
    experiment: Experiment,
    model: str,
    split: str,
    dataset: Dataset | None = None,
    dataset_sha256: str = "",
    task: str = "",
    owner: str = "",
    user: Any = None,
    seed: int = 0,
    leaky: bool = False,
    elsewhere: bool = False,
    params: Mapping[str, Any] | None = None,
    commit: str | None = None,
    libraries: Mapping[str, str] | None = None,
) -> Run:
    """A run that begins now. ValueError without a split or a fingerprint of the dataset (the dataset's own by default).

    `commit` and `libraries` are those of the program that trains; None where this process does.
    """
    fingerprint = dataset_sha256 or (dataset.sha256 if dataset else "")
    if not fingerprint or not split:
        raise ValueError("A run needs the fingerprint of its dataset and its split.")
    with transaction.atomic():
        run = Run.objects.create(
            experiment=experiment,
            model=model,
            split=split,
            dataset=dataset,
            dataset_sha256=fingerprint,
            task=task or experiment.task,
            owner=owner or experiment.owner,
            created_by=user,
            seed=seed,
            leaky=leaky,
            elsewhere=elsewhere,
            git_commit=git_commit() if commit is None else commit,
            libraries=dict(library_versions() if libraries is None else libraries),
        )
        Experiment.objects.filter(pk=experiment.pk).update(status=Experiment.Status.RUNNING, updated_at=timezone.now())
        log_params(run=run, params=params or {})
    return run


def find_dataset(sha256: str) -> Dataset | None:
    """The dataset with this fingerprint; None where it was not made here."""
    return Dataset.objects.filter(sha256=sha256).first()


def log_params(*, run: Run, params: Mapping[str, Any]) -> None:
    """Add parameters, or replace those of the same key; Ended once the run has ended."""
    rows = [Param(run=run, key=key, value=value) for key, value in params.items()]
    with transaction.atomic():
        still_running(run)
        upsert(rows, fields=["value"], unique=["run", "key"])


def log_metrics(*, run: Run, metrics: Mapping[str, float], step: int = 0, context: str = "") -> None:
    """Add figures, or replace those of the same key, context and step. ValueError for what is not a finite number."""
    for key, value in metrics.items():
        if not math.isfinite(value):
            raise ValueError(f"{key} is {value}, not a finite number.")
    rows = [Metric(run=run, key=key, value=value, step=step, context=context) for key, value in metrics.items()]
    with transaction.atomic():
        still_running(run)
        upsert(rows, fields=["value"], unique=["run", "key", "context", "step"])


def upsert(rows: list[Any], *, fields: list[str], unique: list[str]) -> None:
    if rows:
        kind = type(rows[0])
        kind._default_manager.bulk_create(rows, update_conflicts=True, update_fields=fields, unique_fields=unique)


def store_artifact(*, run: Run, name: str, content: bytes, content_type: str = "application/octet-stream") -> Artifact:
    """Keep a file of a run in the default storage, with its SHA-256. ValueError for a name that is no path of a file."""
    if not SAFE_NAME.match(name):
        raise ValueError(
            f"{name!r} is no name for a file: letters, digits, . _ and -, / between folders, at most 100, no dot in front."
        )
    digest = hashlib.sha256(content).hexdigest()
    with transaction.atomic():
        still_running(run)
        before = Artifact.objects.filter(run=run, name=name).values_list("file", flat=True).first()
        file = default_storage.save(f"ml/runs/{run.pk}/{name}", ContentFile(content))
        given = {"file": file, "size": len(content), "sha256": digest, "content_type": content_type}
        artifact, _ = Artifact.objects.update_or_create(run=run, name=name, defaults=given)
        if before:
            transaction.on_commit(lambda: default_storage.delete(before))
    return artifact


def read_artifact(artifact: Artifact) -> bytes:
    """The content of a file; ValueError where it cannot be read or is not what was stored."""
    try:
        with default_storage.open(artifact.file) as file:
            content = file.read()
    except OSError as error:
        raise ValueError(f"{artifact.file} cannot be read: {error.strerror or error}") from error
    if hashlib.sha256(content).hexdigest() != artifact.sha256:
        raise ValueError(f"{artifact.file} has been altered: its SHA-256 is not the one that was written down.")
    return content


def end_run(*, run: Run, status: str = Run.Status.COMPLETED, error: str = "") -> Run:
    """The run is over, completed or failed; Ended where it was already."""
    if status not in (Run.Status.COMPLETED, Run.Status.FAILED):
        raise ValueError(f"A run ends completed or failed, not {status}.")
    with transaction.atomic():
        still_running(run)
        run.status, run.error, run.ended_at = status, error, timezone.now()
        run.save(update_fields=["status", "error", "ended_at"])
        if not Run.objects.filter(experiment_id=run.experiment_id, status=Run.Status.RUNNING).exists():
            Experiment.objects.filter(pk=run.experiment_id).update(status=status, updated_at=timezone.now())
    return run


def promote(run: Run) -> Run:
    """Make a completed run the champion of its task.

    ValueError for one that is leaky, measured elsewhere, failed or still running, and for one of `NEED_SKILL` that was no better
    than the best naive answer.
    """
    if run.leaky or run.elsewhere or run.status != Run.Status.COMPLETED:
        raise ValueError("Only a completed run that was measured here, by a split that is not leaky, can be the champion.")
    skill = measured_skill(run)
    if run.task in NEED_SKILL and skill is not None and skill <= 0:
        raise ValueError(f"Run '{run.pk}' has a skill of {skill:.1%}: it was no better than the naive answer.")
    with transaction.atomic():
        Run.objects.filter(task=run.task, champion=True).exclude(pk=run.pk).update(champion=False)
        run.champion = True
        run.save(update_fields=["champion"])
    return run


def measured_skill(run: Run) -> float | None:
    """How much smaller the run's error was than that of the best naive answer, as a share; None where nobody recorded it."""
    return run.metrics.filter(key="skill", context="").order_by("step").values_list("value", flat=True).last()


def delete_run(run: Run) -> None:
    """A run with its files, once that is certain."""
    with transaction.atomic():
        files = list(Artifact.objects.filter(run=run).values_list("file", flat=True))
        run.delete()
        transaction.on_commit(lambda: forget(files))


def delete_experiment(experiment: Experiment) -> None:
    """An experiment with all its runs, and their files once that is certain."""
    with transaction.atomic():
        files = list(Artifact.objects.filter(run__experiment=experiment).values_list("file", flat=True))
        experiment.delete()
        transaction.on_commit(lambda: forget(files))


def forget(files: list[str]) -> None:
    for file in files:
        default_storage.delete(file)


def lease_of(run: Run) -> str:
    """The name of the lease that the process of a training holds; runs that are recorded over REST have none."""
    return f"{LEASE_PREFIX}{run.pk}"


def fail_dead_runs() -> None:
    """Mark runs whose process was killed as failed: its lease is there and was not renewed."""
    dead = Lease.objects.filter(leases.expired(timezone.now()), name__startswith=LEASE_PREFIX)
    for name in list(dead.values_list("name", flat=True)):
        with transaction.atomic():
            for run in Run.objects.filter(pk=name.removeprefix(LEASE_PREFIX), status=Run.Status.RUNNING):
                end_run(run=run, status=Run.Status.FAILED, error="Its process ended without a word: it was killed.")
            dead.filter(name=name).delete()


def still_running(run: Run) -> None:
    """Ended unless the run still runs; nobody else ends it during this transaction."""
    if Run.objects.select_for_update().get(pk=run.pk).status != Run.Status.RUNNING:
        raise Ended(f"Run '{run.pk}' has ended.")


@cache
def git_commit() -> str:
    """The commit of the code, empty where it is not in a repository."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        asked = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603 - no input
    except (OSError, subprocess.SubprocessError):
        return ""
    return asked.stdout.strip()


@cache
def library_versions() -> dict[str, str]:
    """{library: version}, without importing any."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
