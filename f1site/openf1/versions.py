"""When a piece last changed: a collection of a session, or a list of races or sessions.

Rows know when they changed, deleted rows do not, and asking every row is slow. So whatever writes rows says so here, in the same
transaction, and who keeps answers (a cache, a client with an ETag) asks here whether they still hold.
"""

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, Max, Q, Sum
from django.utils import timezone

from f1site.openf1.models import PieceVersion

LISTS = 0  # in place of a session: the piece is a list of races or sessions


class Version(NamedTuple):
    """What was the same before is the same still, as long as this is."""

    pieces: int
    stamps: int
    changed_at: datetime | None


def touch(collection: str, session_id: int | None) -> None:
    """Note that rows of a piece were created, changed or deleted."""
    # A random stamp, not a counter: two transactions at the same time cannot both write the same one.
    piece = PieceVersion(
        collection=collection, session_id=session_id or LISTS, stamp=secrets.randbits(40), changed_at=timezone.now()
    )
    PieceVersion.objects.bulk_create(
        [piece], update_conflicts=True, unique_fields=["collection", "session_id"], update_fields=["stamp", "changed_at"]
    )


def latest(collection: str, session_ids: Collection[int] | None = None) -> Version:
    """The version of a collection's rows, of these sessions or of all.

    The lists of sessions and races always count: a row's race is known through its session, and rows go with them.
    """
    lists = Q(collection__in=("sessions", "meetings"))
    if session_ids is None:
        found = PieceVersion.objects.filter(Q(collection=collection) | lists)
        return Version(**found.aggregate(pieces=Count("pk"), stamps=Sum("stamp", default=0), changed_at=Max("changed_at")))
    few = PieceVersion.objects.filter(Q(collection=collection, session_id__in=[*session_ids, LISTS]) | lists)
    rows = few.values_list("stamp", "changed_at")  # takes half the time of an aggregate
    return Version(len(rows), sum(stamp for stamp, _ in rows), max((changed_at for _, changed_at in rows), default=None))
