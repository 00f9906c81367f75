"""The rows that upstream sends and that are not stored: each is kept once, for as long as upstream sends it and it is refused."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils import timezone

from mirror.changes import Changes
from mirror.feeds import Feed, registry
from mirror.models import Reject, SyncRun
from mirror.values import digest, storable

BATCH_ROWS = 500  # rejects that one statement writes or deletes
COLUMNS = {"year": "season", "meeting_key": "race_id", "session_key": "session_id", "driver_number": "driver_number"}
INTEGERS = range(-(2**31), 2**31)  # what the columns can hold


def in_scope(feed: Feed, scope: dict[str, Any], *, source: str) -> models.QuerySet[Reject]:
    """The rejects of a collection that an answer to these filters would repeat."""
    columns = {COLUMNS[name]: value for name, value in scope.items()}
    return Reject.objects.filter(collection=feed.collection, source=source, **columns)


def sessions_with_rejects(feed: Feed, race_id: int | None, sessions: Iterable[int], *, source: str) -> set[int | None]:
    """The sessions of which a collection has rejects, among these and all that rows of this race name."""
    stored = Reject.objects.filter(collection=feed.collection, source=source).order_by()
    here = models.Q(session_id__in=sessions) | models.Q(race_id=race_id)
    return set(stored.filter(here).values_list("session_id", flat=True))


def of_unlisted_sessions() -> models.QuerySet[Reject]:
    """The rejects of race weekends whose session is in no list."""
    lists = [feed.collection for feed in registry().values() if feed.lists]
    sessions = registry()["sessions"].model._default_manager.values("pk")
    unlisted = models.Q(session_id=None) | ~models.Q(session_id__in=sessions)
    return Reject.objects.filter(unlisted, race_id__isnull=False).exclude(collection__in=lists)


def keep(changes: Changes, stored: models.QuerySet[Reject], run: SyncRun, **place: Any) -> None:
    """Replace the `stored` rejects of an answer by those of its comparison; call it in the transaction that stores the answer.

    `place` says where the rows belong (`collection`, `race_id`, …); what it leaves open is read from each row.
    """
    now = timezone.now()
    if changes.counts["rejected"] and not changes.rejects:  # the same answer as last time, which was not compared again
        stored.update(last_seen=now, run=run)
        return
    place |= {"source": run.source}
    rejects = {reject.digest: reject for reject in (make(row, reason, place) for row, reason in changes.rejects)}
    if not rejects:
        stored.delete()
        return
    for reject in rejects.values():
        reject.run, reject.first_seen, reject.last_seen = run, now, now
    gone = [pk for pk, value in stored.order_by().values_list("pk", "digest") if value not in rejects]
    for start in range(0, len(gone), BATCH_ROWS):
        Reject.objects.filter(pk__in=gone[start : start + BATCH_ROWS]).delete()
    Reject.objects.bulk_create(
        rejects.values(),
        batch_size=BATCH_ROWS,
        update_conflicts=True,
        unique_fields=["digest"],
        update_fields=["reason", "last_seen", "run"],
    )


def make(row: dict, reason: str, place: dict[str, Any]) -> Reject:
    """The reject of a row, not yet saved."""
    columns = {column: integer(row.get(name)) for name, column in COLUMNS.items()}
    columns |= {column: value for column, value in place.items() if value is not None}
    row = storable(row)
    identity = (columns["source"], columns["collection"], columns["race_id"], columns["session_id"], row)
    return Reject(row=row, reason=storable(reason), digest=digest(*identity), **columns)


def integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value in INTEGERS else None


def key_of(collection: str, row: dict) -> dict[str, Any]:
    """What identifies a rejected row: the fields of its key that upstream sends."""
    feed = registry().get(collection)
    names: Iterable[str] = (feed.wire[name] for name in feed.key if name in feed.wire) if feed else ()
    return {name: row.get(name) for name in names}
