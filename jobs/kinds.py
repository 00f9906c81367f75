"""What kinds of jobs there are: each calls what a command calls, with parameters that a serializer has read."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers

from f1site import dump
from f1site.stale import sync_stale
from jobs import queue
from jobs.models import Job
from jobs.progress import Failed, Progress
from mirror.client import from_settings
from mirror.models import SyncPiece
from mirror.pipeline import FIRST_SEASON, Report, Scope, registry, sync
from ml.estimators import MODELS
from ml.models import Run
from ml.splits import NAMES
from ml.tasks import TASKS
from races.models import Session
from telemetry.quality.report import examine


def numbers(about: str, least: int = 1, most: int = 2**31 - 1) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.IntegerField(min_value=least, max_value=most), required=False, max_length=1000, help_text=about
    )


def seasons(first: int = 1950) -> serializers.ListField:
    return numbers("Seasons, e.g. [2024].", first, 2100)


class Parameters(serializers.Serializer):
    """Takes only what it knows."""

    def to_internal_value(self, data):
        if isinstance(data, dict) and (unknown := [str(name) for name in data if name not in self.fields]):
            known = ", ".join(self.fields) or "none"
            raise serializers.ValidationError({name: [f"There is no such parameter; valid are: {known}."] for name in unknown})
        return super().to_internal_value(data)


class SyncParameters(Parameters):
    """What to sync; nothing given means every season."""

    seasons = seasons(FIRST_SEASON)
    races = numbers("Race weekends, by race_id.")
    sessions = numbers("Sessions, by session_id.")
    latest = serializers.BooleanField(required=False, help_text="The newest race weekend.")
    collections = serializers.ListField(child=serializers.CharField(), required=False, help_text="All by default.")
    force = serializers.BooleanField(required=False, help_text="Fetch everything again.")
    prune = serializers.BooleanField(required=False, help_text="Delete rows that upstream no longer sends.")

    def validate_collections(self, names):
        if unknown := set(names) - registry().keys():
            raise serializers.ValidationError(f"Unknown: {', '.join(sorted(unknown))}. There are {', '.join(registry())}.")
        return names


class CheckParameters(Parameters):
    """Which sessions to check; all by default."""

    seasons = seasons()
    sessions = numbers("Sessions, by session_id.")


class DumpParameters(Parameters):
    """What to write, and how."""

    seasons = seasons()
    format = serializers.ChoiceField(dump.FORMATS, required=False, help_text="Of the files; parquet by default.")


class TrainParameters(Parameters):
    """A model, a task, a split, and which laps; those of all races by default."""

    model = serializers.ChoiceField([*MODELS], required=False, help_text="gradient_boosting by default.")
    task = serializers.ChoiceField([*TASKS], required=False, help_text="next_lap by default.")
    split = serializers.CharField(required=False, max_length=60, help_text=f"One of {NAMES}; by_race by default.")
    dataset = serializers.CharField(
        required=False, max_length=100, help_text="What build_dataset stored, instead of the database."
    )
    seasons = seasons()
    races = numbers("Race weekends, by race_id.")
    session_names = serializers.ListField(child=serializers.CharField(max_length=50), required=False, max_length=20)
    experiment = serializers.RegexField(r"\A[A-Za-z0-9_-]{1,100}\Z", required=False, help_text="The task's name by default.")
    settings = serializers.DictField(required=False, help_text="Of the model.")
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)

    def validate(self, asked):
        if "dataset" in asked and asked.keys() & {"seasons", "races", "session_names"}:
            raise serializers.ValidationError(
                {"dataset": ["It says which laps already: leave out seasons, races, session_names."]}
            )
        return asked


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Something that workers can do."""

    run: Callable[[Progress, Job], Any]  # returns the job's result
    parameters: type[Parameters] = Parameters
    about: str


def run_sync(progress: Progress, job: Job) -> dict[str, Any]:
    """A job that is taken up again goes on where its worker died, also one that fetches everything anew."""
    asked = job.parameters
    scope = Scope(
        latest=asked.get("latest", False), **{name: tuple(asked.get(name, ())) for name in ("seasons", "races", "sessions")}
    )
    report = sync(
        client=from_settings(notice=progress.step),
        scope=scope,
        collections=asked.get("collections", ()),
        force=asked.get("force", False) and job.attempts == 1,
        prune=asked.get("prune", False),
        observer=progress,
    )
    return synced(report, job)


def run_sync_stale(progress: Progress, job: Job) -> dict[str, Any]:
    return synced(sync_stale(client=from_settings(notice=progress.step), observer=progress), job)


def synced(report: Report, job: Job) -> dict[str, Any]:
    """The result of a sync. What it brought in is checked next."""
    pieces = SyncPiece.objects.filter(run=report.run_id, session_id__isnull=False, ok=True)
    sessions = sorted(Session.objects.filter(pk__in=pieces.values("session_id")).values_list("pk", flat=True))
    if sessions:
        queue.add("check_data", {"sessions": sessions}, description=f"after {job}", owner=job.owner)
    if report.errors:
        raise Failed(f"{len(report.errors)} failed; first: {report.errors[0]}", result=report.as_dict())
    return report.as_dict()


def run_check_data(progress: Progress, job: Job) -> dict[str, Any]:
    wanted = Session.objects.order_by("date_start", "pk")
    if chosen := job.parameters.get("seasons"):
        wanted = wanted.filter(year__in=chosen)
    if chosen := job.parameters.get("sessions"):
        wanted = wanted.filter(pk__in=chosen)
    ids = list(wanted.values_list("pk", flat=True))
    progress.step(total=len(ids))
    counts = {"sessions": len(ids), "errors": 0, "warnings": 0, "notes": 0}
    for report in examine(ids):
        for severity, count in report.counts.items():
            counts[f"{severity}s"] += count
        progress.step(f"{report.session.year} {report.session.race__race_name}: {report.session.session_name}", done=1)
    return counts


def run_dump(progress: Progress, job: Job) -> dict[str, Any]:
    """Files in a folder of the job's own below MEDIA_ROOT; what an earlier attempt left there is removed first."""
    folder = Path(settings.MEDIA_ROOT) / "dumps" / f"{timezone.now():%Y-%m-%d}-{job.pk}"
    shutil.rmtree(folder, ignore_errors=True)
    progress.step("Writing", total=1)
    manifest = dump.dump(folder, format_=job.parameters.get("format", "parquet"), seasons=job.parameters.get("seasons", ()))
    progress.step(done=1)
    return {"folder": str(folder.relative_to(settings.MEDIA_ROOT)), "manifest": manifest}


def run_train(progress: Progress, job: Job) -> dict[str, Any]:
    """A worker that died in the middle leaves a run without an end; it fails when the job is taken up again."""
    from ml import building, recording, trials

    left = (job.result or {}).get("run")
    for run in Run.objects.filter(pk=left, status=Run.Status.RUNNING) if left else ():
        recording.end_run(run=run, status=Run.Status.FAILED, error="Its worker died.")
    asked = dict(job.parameters)
    query = {name: asked.pop(name) for name in ("seasons", "races", "session_names") if name in asked}
    dataset = asked.pop("dataset", None)
    progress.step("Gathering laps")
    told: dict[str, Any] = {"model": "gradient_boosting", "task": "next_lap", "split": "by_race"} | asked
    owner = job.owner.username[:50] if job.owner else "worker"

    def begun(run: Run) -> None:
        progress.mine.update(result={"run": str(run.pk)})

    try:
        data = building.read(dataset) if dataset else building.gather(**query)
        run, result = trials.trial(
            data,
            **told,
            owner=owner,
            user=job.owner,
            told=progress.step,
            begun=begun,
        )
    except ValueError as error:
        raise Failed(str(error)) from error
    return {"run": str(run.pk), "experiment": run.experiment.name, "baseline": result.baseline, **trials.overall(result)}


KINDS = {
    "sync": Kind(run=run_sync, parameters=SyncParameters, about="mirror OpenF1, as `sync_openf1`"),
    "sync_stale": Kind(run=run_sync_stale, about="mirror what is due, as `sync_openf1 --stale`"),
    "check_data": Kind(run=run_check_data, parameters=CheckParameters, about="look for known faults, as `check_data`"),
    "dump": Kind(run=run_dump, parameters=DumpParameters, about="write files below MEDIA_ROOT, as `dump`"),
    "train": Kind(run=run_train, parameters=TrainParameters, about="train a model of lap times, as `train_model`"),
}
