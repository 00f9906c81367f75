"""The log of a sync: opening, continuing and closing a run, and logging its pieces."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from jobs import leases
from mirror import upserting
from mirror.changes import Changes
from mirror.models import Counts, SyncPiece, SyncRun

RESUME_WITHIN = timedelta(hours=24)  # later a new run starts, because upstream may have changed

RESUMABLE_STATES = (SyncRun.State.FAILED, SyncRun.State.INTERRUPTED)


def lease_of(run: SyncRun) -> str:
    """The name of the lease that a run's process holds while it is alive."""
    return f"run {run.pk}"


def close_dead_runs() -> int:
    """Mark runs whose process was killed as interrupted; returns how many."""
    held = set(leases.alive().values_list("name", flat=True))
    running = SyncRun.objects.filter(state=SyncRun.State.RUNNING, kind=SyncRun.Kind.SYNC)
    dead = [run for run in running if lease_of(run) not in held]
    for run in dead:
        close_run(run, state=SyncRun.State.INTERRUPTED, requests=0, error="Its process ended without closing the run.")
    return len(dead)


@transaction.atomic
def open_run(scope: dict, *, source: str, force: bool) -> tuple[SyncRun, str]:
    """Continue the newest run of this scope if it was interrupted or failed, else (or by `force`) start one.

    Returns (run, holder of its lease).
    """
    close_dead_runs()
    last = SyncRun.objects.filter(kind=SyncRun.Kind.SYNC, scope=scope, source=source).first()
    resumable = not force and last and last.state in RESUMABLE_STATES and last.started_at > timezone.now() - RESUME_WITHIN
    if resumable and last and (holder := leases.take(lease_of(last))):
        last.state, last.error = SyncRun.State.RUNNING, ""
        last.save(update_fields=["state", "error"])
        return last, holder
    run = SyncRun.objects.create(scope=scope, source=source)
    return run, leases.take_new(lease_of(run))


def finished_pieces(run: SyncRun) -> set[tuple[str, int | None, int | None, int | None]]:
    """{(collection, race_id, session_id, driver_number)} of the pieces that this run has stored."""
    return set(run.pieces.filter(ok=True).values_list("collection", "race_id", "session_id", "driver_number"))


def log_pieces(run: SyncRun, places: Sequence[dict[str, Any]], results: Sequence[Changes]) -> None:
    """Log stored pieces, by place and changes; call it in the transaction that stores them."""
    columns = {name: [place[name] for place in places] for name in ("collection", "race_id", "session_id", "driver_number")}
    columns |= {name: [changes.counts[name] for changes in results] for name in Counts.NAMES}
    columns["changes"] = [changes.log for changes in results]
    upserting.upsert(SyncPiece, columns, defaults={"run_id": run.pk, "ended_at": timezone.now()})


def log_failure(run: SyncRun, error: str, **piece_fields: Any) -> None:
    """Log a piece that could not be fetched."""
    SyncPiece.objects.create(run=run, ok=False, error=error, **piece_fields)


def close_run(run: SyncRun, *, state: str, requests: int, error: str = "") -> None:
    """Add up the counts of the pieces and set the final state."""
    totals: Counter = Counter()
    for counts in run.pieces.values(*Counts.NAMES):
        totals.update(counts)
    for name in Counts.NAMES:
        setattr(run, name, totals[name])
    run.requests += requests
    run.state, run.error, run.ended_at = state, error, timezone.now()
    run.save()
