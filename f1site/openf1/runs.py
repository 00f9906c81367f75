"""The log of a sync: a run, its pieces, and how an interrupted run is taken up again."""

from collections import Counter
from datetime import timedelta

from django.utils import timezone

from f1site.openf1.changes import Changes
from f1site.openf1.models import Counts, Reject, SyncPiece, SyncRun

RESUMED_FOR = timedelta(hours=24)  # after that upstream may have changed, and a run starts anew


def open_run(scope: dict, *, source: str, force: bool) -> SyncRun:
    """The run to log to: the newest of this scope when it was interrupted or had failures, else (or by `force`) a new one."""
    last = SyncRun.objects.filter(scope=scope, source=source).first()
    if not force and last and last.state != SyncRun.State.DONE and last.started_at > timezone.now() - RESUMED_FOR:
        last.state, last.error = SyncRun.State.RUNNING, ""
        last.save(update_fields=["state", "error"])
        return last
    return SyncRun.objects.create(scope=scope, source=source)


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
