"""Jobs that check the stored data and compute circuits, also after each sync, and that sync what is due."""

from typing import Any

from rest_framework import serializers

from jobs import kinds
from jobs.models import Job
from jobs.progress import Progress
from mirror.client import from_settings
from mirror.jobs import ProgressObserver, result_of
from mirror.models import SyncPiece
from races.models import Session
from telemetry.circuits import circuits_of, update_circuit
from telemetry.quality.due import due_sessions
from telemetry.quality.report import check_sessions
from telemetry.stale import sync_stale


class CheckParameters(kinds.Parameters):
    """The sessions to check; all by default."""

    seasons = kinds.season_list()
    sessions = kinds.integer_list("Sessions, by session_id.")
    changed = serializers.BooleanField(
        required=False, help_text="Only those of which something has changed since their last check."
    )


def run_check_data(progress: Progress, job: Job) -> dict[str, int]:
    """Check sessions and store their quality reports; returns how many sessions, errors, warnings and notes there were."""
    sessions = Session.objects.order_by("date_start", "pk")
    if seasons := job.parameters.get("seasons"):
        sessions = sessions.filter(year__in=seasons)
    if session_ids := job.parameters.get("sessions"):
        sessions = sessions.filter(pk__in=session_ids)
    ids = list(sessions.values_list("pk", flat=True))
    if job.parameters.get("changed"):
        ids = due_sessions(ids)
    progress.step(total=len(ids))
    counts = {"sessions": len(ids), "errors": 0, "warnings": 0, "notes": 0}
    for report in check_sessions(ids):
        for severity, count in report.counts.items():
            counts[f"{severity}s"] += count
        progress.step(f"{report.session.year} {report.session.race__race_name}: {report.session.session_name}", done=1)
    return counts


def sessions_of_sync(job: Job, result: dict[str, Any]) -> dict[str, list[int]] | None:
    """Parameters of the check that follows a sync: the sessions of which it stored something; None without any."""
    pieces = SyncPiece.objects.filter(run=result["run_id"], session_id__isnull=False, ok=True)
    sessions = sorted(Session.objects.filter(pk__in=pieces.values("session_id")).values_list("pk", flat=True))
    return {"sessions": sessions} if sessions else None


class CircuitParameters(kinds.Parameters):
    """The circuits to compute; by default all that there are positions of."""

    circuits = kinds.integer_list("Circuits, by circuit_key.", minimum=0)


def run_update_circuits(progress: Progress, job: Job) -> dict[str, int]:
    """Compute the circuits whose positions have changed."""
    keys = job.parameters.get("circuits") or circuits_of()
    progress.step(total=len(keys))
    for key in keys:
        progress.step(str(update_circuit(key) or key), done=1)
    return {"circuits": len(keys)}


def circuits_of_sync(job: Job, result: dict[str, Any]) -> dict[str, list[int]] | None:
    """Parameters of the job that follows a sync: the circuits of which it stored positions; None without any."""
    pieces = SyncPiece.objects.filter(run=result["run_id"], collection="location", session_id__isnull=False, ok=True)
    circuits = circuits_of(pieces.values_list("session_id", flat=True))
    return {"circuits": circuits} if circuits else None


def run_sync_stale(progress: Progress, job: Job) -> dict[str, Any]:
    return result_of(sync_stale(client=from_settings(notice=progress.step), observer=ProgressObserver(progress)))


kinds.register("sync_stale", run=run_sync_stale, about="mirror what is due, as `sync_openf1 --stale`")
kinds.register(
    "check_data",
    run=run_check_data,
    parameters=CheckParameters,
    about="look for known faults, as `check_data`",
    follows=("sync", "sync_stale"),
    parameters_after=sessions_of_sync,
)
kinds.register(
    "update_circuits",
    run=run_update_circuits,
    parameters=CircuitParameters,
    about="compute circuits from positions, as `update_circuits`",
    follows=("sync", "sync_stale"),
    parameters_after=circuits_of_sync,
)
