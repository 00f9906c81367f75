"""What upstream has changed in a session since it was first mirrored here, as each sync found it."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from django.db.models import QuerySet

from api.queries import Row, Tables, columns, parameter
from mirror import versions
from mirror.models import SyncPiece, SyncRun
from pages.analyses import empty_chart
from pages.chart import Chart, Choice, Table
from pages.charts import View
from pages.rows import SessionRows
from pages.state import BadState, State

SHOWN = 200  # rows of a sync's piece on the page; the table and its CSV have all


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A row that upstream changed or no longer sends."""

    what: str  # its key in words: "car 16, lap 12"
    fields: list[tuple[str, str, str]]  # (field, old, new)
    vanished: bool = False


class PieceRow(Row):
    id: int
    collection: str
    ended_at: datetime
    updated: int
    vanished: int
    changes: list[dict[str, Any]]


class Sync(msgspec.Struct, frozen=True, kw_only=True):
    """The changes of one collection that one sync found."""

    collection: str
    at: datetime
    updated: int
    vanished: int
    changes: list[Change]  # at most as many as the sync logs


class Remarks(msgspec.Struct, frozen=True):
    """What an upper app has to say on the changes of a session."""

    notes: list[str]
    lines: list[list[str]]  # of the table


remarks: list[Callable[[int], Remarks]] = []  # of a session's number; see `remark_by`


def remark_by(function: Callable[[int], Remarks]) -> None:
    """Register an app's remarks, which the view shows before the log."""
    remarks.append(function)


def build(rows: SessionRows, state: State) -> Chart:
    """The logged changes, newest first, and how many there are per collection."""
    logged = rows.more(log_tables)
    since = next((piece.ended_at for piece in logged["first"]), None)
    chart = described(log_of(logged["pieces"]), since, state)
    _, *said = rows.version_beside(version)
    lines = [line for each in said for line in each.lines]
    if not lines:
        return msgspec.structs.replace(chart, notes=[*(note for each in said for note in each.notes), *chart.notes])
    if chart.empty:
        chart = msgspec.structs.replace(chart, empty="", summary=chart.empty, table=table([]))
    whole = Table.of(list(zip(chart.table.columns, chart.table.numeric, strict=True)), [*lines, *chart.table.rows])
    return msgspec.structs.replace(chart, table=whole, notes=[*(note for each in said for note in each.notes), *chart.notes])


@cache
def log_tables() -> Tables:
    """The pieces of a session's syncs with changes, and the first piece of all."""
    first = SyncPiece.objects.filter(session_id=parameter("session"), ok=True).order_by("ended_at").values("pk")[:1]
    return {
        "pieces": (PieceRow, pieces_of(parameter("session"))),
        "first": (columns(SyncPiece, "ended_at"), SyncPiece.objects.filter(pk__in=first)),
    }


def log_of(pieces: Iterable[PieceRow]) -> list[Sync]:
    """The pieces of a session's syncs in which upstream had changed or left out rows, newest first.

    Every sync reports the rows that are still missing: they are told of once, where they were first missed.
    """
    missing: set[tuple[str, str]] = set()
    log = []
    for piece in sorted(pieces, key=lambda piece: (piece.ended_at, piece.id)):
        changes = []
        for each in map(change, piece.changes):
            row = (piece.collection, each.what)
            if not each.vanished or row not in missing:
                changes.append(each)
            (missing.add if each.vanished else missing.discard)(row)
        gone = sum(each.vanished for each in changes)
        if piece.updated or gone:
            log.append(
                Sync(collection=piece.collection, at=piece.ended_at, updated=piece.updated, vanished=gone, changes=changes)
            )
    return log[::-1]


def pieces_of(session_id: Any) -> QuerySet[SyncPiece]:
    """The pieces with changes; that rows grow while a session runs is its normal course."""
    return SyncPiece.objects.filter(session_id=session_id).exclude(updated=0, vanished=0).exclude(run__kind=SyncRun.Kind.LIVE)


def change(logged: dict[str, Any]) -> Change:
    fields = [(name.replace("_", " "), written(old), written(new)) for name, (old, new) in in_order(logged.get("fields", {}))]
    return Change(what=key_in_words(logged["key"]), fields=fields, vanished=logged.get("vanished", False))


def key_in_words(key: dict[str, Any]) -> str:
    """The key without the session, which is the same for all: "driver number 16, lap number 12"."""
    own = {name: value for name, value in key.items() if len(key) == 1 or name != "session_id"}
    return ", ".join(f"{name.replace('_', ' ')} {written(value)}" for name, value in in_order(own))


def in_order(logged: dict[str, Any]) -> list[tuple[str, Any]]:
    """By name, because PostgreSQL does not keep the order in which the names of a JSON object were written."""
    return sorted(logged.items())


def written(value: Any) -> str:
    return "nothing" if value is None or value == "" else "yes" if value is True else "no" if value is False else str(value)


def described(log: list[Sync], since: datetime | None, state: State) -> Chart:
    """The view of a log."""
    collections = sorted({sync.collection for sync in log})
    only = state.query.get("collection", "")
    if only and only not in collections:
        raise BadState(f"collection={only!r} has no changes; those that have: {', '.join(collections) or 'none'}.")
    if not log:
        first = f" on {since:%-d %B %Y}" if since else ""
        said = f"Upstream has changed nothing in this session since it was first mirrored here{first}."
        return empty_chart(
            "changes", "Changes", said if since else "This session was not mirrored from upstream: there is no log of changes."
        )
    shown = [sync for sync in log if not only or sync.collection == only]
    updated, vanished = sum(sync.updated for sync in log), sum(sync.vanished for sync in log)
    begun = f" since it was first mirrored here on {since:%-d %B %Y}" if since else ""
    gone = f" and {vanished:,} it no longer sends" if vanished else ""
    return Chart(
        view="changes",
        title="Changes",
        summary=f"Upstream changed {updated:,} rows of this session{begun}{gone}.",
        choices=[Choice("collection", "Of", only, [("", "all collections"), *((name, name) for name in collections)])],
        notes=["Corrections by people are not upstream's changes: the admin has those."],
        table=table(shown),
        data={"counts": counts(log), "syncs": [msgspec.structs.replace(sync, changes=sync.changes[:SHOWN]) for sync in shown]},
    )


def counts(log: list[Sync]) -> list[dict[str, Any]]:
    """Per collection: rows changed and gone, values changed per field, and when last."""
    found: dict[str, dict[str, Any]] = {}
    for sync in log:
        own = found.setdefault(
            sync.collection, {"collection": sync.collection, "updated": 0, "vanished": 0, "last": sync.at, "fields": {}}
        )
        own["updated"] += sync.updated
        own["vanished"] += sync.vanished
        for each in sync.changes:
            for name, _, _ in each.fields:
                own["fields"][name] = own["fields"].get(name, 0) + 1
    return sorted(found.values(), key=lambda own: -own["updated"] - own["vanished"])


def table(log: list[Sync]) -> Table:
    columns = [
        ("Found (UTC)", False),
        ("Collection", False),
        ("Row", False),
        ("Field", False),
        ("Before", False),
        ("After", False),
    ]
    lines = []
    for sync in log:
        moment = f"{sync.at:%Y-%m-%d %H:%M:%S}"
        for each in sync.changes:
            lines += [[moment, sync.collection, each.what, *field] for field in each.fields]
            if each.vanished:
                lines.append([moment, sync.collection, each.what, "the row", "there", "no longer sent"])
    return Table.of(columns, lines)


def version(session_id: int) -> tuple[Any, ...]:
    """The version of the log, which also grows where no stored row changes, and the remarks."""
    log = versions.combine(pieces_of(session_id), stamp="pk", changed_at="ended_at")
    return (log, *(function(session_id) for function in remarks))


VIEW = View(
    name="changes",
    title="Changes",
    about="What has upstream changed since?",
    build=build,
    parameters=("collection",),
    sessions=None,
    template="pages/views/changes.html",
    tables=log_tables,
    version=version,
)
