"""The log of a sync: a run, its pieces, and how an interrupted run is taken up again."""

from collections import Counter
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from jobs import leases
from mirror.changes import Changes
from mirror.models import Counts, Reject, SyncPiece, SyncRun

RESUMED_FOR = timedelta(hours=24)  # after that upstream may have changed, and a run starts anew

UNDONE = (SyncRun.State.FAILED, SyncRun.State.INTERRUPTED)


def lease_of(run: SyncRun) -> str:
    """The name of the lease that says a run's process is alive."""
    return f"run {run.pk}"


def close_dead_runs() -> int:
    """Note of runs whose process was killed that they were interrupted; how many there were."""
    held = set(leases.alive().values_list("name", flat=True))
    dead = [run for run in SyncRun.objects.filter(state=SyncRun.State.RUNNING) if lease_of(run) not in held]
    for run in dead:
        close_run(run, state=SyncRun.State.INTERRUPTED, requests=0, error="Its process ended without a word.")
    return len(dead)


@transaction.atomic
def open_run(scope: dict, *, source: str, force: bool) -> tuple[SyncRun, str]:
    """The run to log to, and the holder of its lease.

    It is the newest of this scope when that was interrupted or had failures, else (or by `force`) a new one.
    """
    close_dead_runs()
    last = SyncRun.objects.filter(scope=scope, source=source).first()
    again = not force and last and last.state in UNDONE and last.started_at > timezone.now() - RESUMED_FOR
    if again and last and (holder := leases.take(lease_of(last))):
        last.state, last.error = SyncRun.State.RUNNING, ""
        last.save(update_fields=["state", "error"])
        return last, holder
    run = SyncRun.objects.create(scope=scope, source=source)
    return run, leases.take_new(lease_of(run))


def finished_pieces(run: SyncRun) -> set[tuple[str, int | None, int | None, int | None]]:
    """{(collection, race_id, session_id, driver_number)} that this run has already brought in."""
    return set(run.pieces.filter(ok=True).values_list("collection", "race_id", "session_id", "driver_number"))


def log_piece(run: SyncRun, changes: Changes, **what) -> None:
    """Store what became of a piece, in the piece's own transaction."""
    piece = SyncPiece.objects.create(run=run, changes=changes.log, **changes.counts, **what)
    Reject.objects.bulk_create([Reject(piece=piece, row=row, reason=reason) for row, reason in changes.rejects])


def log_failure(run: SyncRun, error: str, **what) -> None:
    """Store that a piece could not be fetched."""
    SyncPiece.objects.create(run=run, ok=False, error=error, **what)


def close_run(run: SyncRun, *, state: str, requests: int, error: str = "") -> None:
    """Sum the pieces up and set the final state."""
    totals: Counter = Counter()
    for counts in run.pieces.values(*Counts.NAMES):
        totals.update(counts)
    for name in Counts.NAMES:
        setattr(run, name, totals[name])
    run.requests += requests
    run.state, run.error, run.ended_at = state, error, timezone.now()
    run.save()
