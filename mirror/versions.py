"""Versions of pieces, for caches and ETags. A piece is a collection of a session, or a list of races or sessions.

The rows' own `changed_at` cannot tell of deleted rows, and reading it from every row is slow. Therefore whatever writes rows
also calls `touch` in the same transaction, and a cached answer is valid while the version of its pieces is the same.
"""

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Max, Model, QuerySet, Sum
from django.db.models.expressions import Col
from django.utils import timezone

from mirror import upserting
from mirror.models import PieceVersion

LISTS = 0  # in place of a session: the piece is a list of races or sessions


class Version(NamedTuple):
    """The state of some pieces: two equal versions mean that nothing changed in between. Compare for equality only."""

    pieces: int
    stamps: int
    changed_at: datetime | None

    def with_also(self, other: "Version") -> "Version":
        """The version of both sets of pieces together."""
        dates = [at for at in (self.changed_at, other.changed_at) if at]
        return Version(self.pieces + other.pieces, self.stamps + other.stamps, max(dates, default=None))


def touch(collection: str, session_id: int | None) -> None:
    """Give a piece a new version; call it in the transaction that creates, changes or deletes its rows."""
    piece = {"collection": collection, "session_id": session_id or LISTS, "changed_at": timezone.now()}
    piece["stamp"] = secrets.randbits(40)  # not a counter: two transactions at the same time cannot both write the same one
    columns = {name: [value] for name, value in piece.items()}
    upserting.upsert(PieceVersion, columns, key=("collection", "session_id"), fields=("stamp", "changed_at"))


def latest(collection: str, session_ids: Collection[int] | None = None) -> Version:
    """The version of a collection's rows in these sessions, or in all.

    It includes the lists of sessions and races, because rows show their race and are deleted with their session.
    """
    with connection.cursor() as cursor:
        cursor.execute(*statement(collection, session_ids))
        [(pieces, stamps, changed_at)] = cursor.fetchall()
    if changed_at is not None:
        column = Col(PieceVersion._meta.db_table, PieceVersion._meta.get_field("changed_at"))
        for convert in connection.ops.get_db_converters(column):
            changed_at = convert(changed_at, column, connection)
    return Version(pieces, int(stamps), changed_at)


def statement(collection: str, session_ids: Collection[int] | None) -> tuple[str, list[Any]]:
    """The SQL that reads a version, and its parameters.

    In SQL, because every request of /v1 runs it and the ORM takes longer to build the query than the database to run it.
    """
    params: list[Any] = [collection]
    of_sessions = ""
    if session_ids is not None:
        of_sessions = f" AND session_id IN ({', '.join(['%s'] * (len(session_ids) + 1))})"
        params += [*sorted(session_ids), LISTS]
    sql = (
        f"SELECT count(*), coalesce(sum(stamp), 0), max(changed_at) FROM {PieceVersion._meta.db_table}"  # noqa: S608 (no input in it)
        f" WHERE collection = %s{of_sessions} OR collection IN ('sessions', 'meetings')"
    )
    return sql, params


def everything() -> Version:
    """The version of all mirrored rows."""
    return combine(PieceVersion.objects.all())


def of_table(model: type[Model], changed_at: str) -> Version:
    """The version of a table that no feed writes, from the column with the time of a row's last change."""
    return combine(model._default_manager.all(), stamp="pk", changed_at=changed_at)


def of_session(session_id: int) -> Version:
    """The version of all rows of a session."""
    return combine(PieceVersion.objects.filter(session_id=session_id))


def combine(rows: QuerySet, *, stamp: str = "stamp", changed_at: str = "changed_at") -> Version:
    """The version of these rows, with one query."""
    return Version(**rows.aggregate(pieces=Count("pk"), stamps=Sum(stamp, default=0), changed_at=Max(changed_at)))
