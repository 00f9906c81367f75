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
from f1site.jobs import queue
from f1site.jobs.models import Job
from f1site.jobs.progress import Failed, Progress
from f1site.openf1.client import from_settings
from f1site.openf1.models import SyncPiece
from f1site.openf1.pipeline import FIRST_SEASON, Report, Scope, registry, sync
from f1site.stale import sync_stale
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
        client=from_settings(notice=progress.step), scope=scope, collections=asked.get("collections", ()),
        force=asked.get("force", False) and job.attempts == 1, prune=asked.get("prune", False), observer=progress,
    )  # fmt: skip
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


KINDS = {
    "sync": Kind(run=run_sync, parameters=SyncParameters, about="mirror OpenF1, as `sync_openf1`"),
    "sync_stale": Kind(run=run_sync_stale, about="mirror what is due, as `sync_openf1 --stale`"),
    "check_data": Kind(run=run_check_data, parameters=CheckParameters, about="look for known faults, as `check_data`"),
    "dump": Kind(run=run_dump, parameters=DumpParameters, about="write files below MEDIA_ROOT, as `dump`"),
}
