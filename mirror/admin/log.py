"""The log of syncs: runs, their pieces, and the rows they refused. Read-only."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from jobs.models import Lease
from mirror.admin.display import badge, display_value, duration_text, labels, list_url
from mirror.admin.pages import KnownValuesFilter, LogAdmin
from mirror.feeds import registry
from mirror.models import Counts, PieceState, PieceVersion, Reject, SyncPiece, SyncRun, UpstreamPace

SHOWN_PIECES = 50  # on the page of a run
SHOWN_CHANGES = 10  # of each of those pieces; a piece's own page shows all that it logged
STATE_COLOURS = {"running": "info", "done": "success", "failed": "danger", "interrupted": "warning"}


def scope_label(scope: dict) -> str:
    """Describe what a run covers, "season 2023, race 1229"; it names the collections unless they are the default ones."""
    labels_by_filter = {"year": "season", "meeting_key": "race", "session_key": "session"}
    filters = [(labels_by_filter.get(name, name), value) for part in scope.get("filters", []) for name, value in part.items()]
    parts = [f"the latest {word}" if value == "latest" else f"{word} {value}" for word, value in filters]
    collections = scope.get("collections", [])
    default = [name for name, feed in registry().items() if feed.by_default]
    only = "" if collections == default else f" ({', '.join(collections)})"
    return f"{', '.join(parts) or 'everything'}{only}{', prune' if scope.get('prune') else ''}"


def describe_changes(piece: SyncPiece, limit: int | None = None) -> list[dict[str, Any]]:
    """The logged changes of a piece as its template shows them: the row with its URL, and the old and new value per field.

    Fields have the labels and the order of the model's form; a field that the model no longer has keeps its name.
    """
    feed = registry().get(piece.collection)
    names = labels(feed)
    positions = {name: position for position, name in enumerate(names)}
    has_admin = feed is not None and admin.site.is_registered(feed.model)

    def labelled(values: dict) -> list[tuple[str, Any]]:
        ordered = sorted(values, key=lambda name: positions.get(name, len(positions)))
        return [(names.get(name, name), values[name]) for name in ordered]

    return [
        {
            "what": ", ".join(f"{label} {value}" for label, value in labelled(key_in_session(change["key"]))),
            "url": list_url(feed.model, **change["key"]) if feed and has_admin else "",
            "fields": [(label, *map(display_value, values)) for label, values in labelled(change.get("fields", {}))],
            "vanished": change.get("vanished", False),
        }
        for change in piece.changes[:limit]
    ]


def key_in_session(key: dict) -> dict:
    """The key without the session, which is the same for all rows of a piece."""
    return {name: value for name, value in key.items() if len(key) == 1 or name != "session_id"}


def with_race_and_session_names(pieces: models.QuerySet) -> models.QuerySet:
    """The pieces annotated with `race_name` and `session_name`."""
    feeds = registry()
    races, sessions = feeds["meetings"].model._default_manager, feeds["sessions"].model._default_manager
    race, session = races.filter(pk=models.OuterRef("race_id")), sessions.filter(pk=models.OuterRef("session_id"))
    return pieces.annotate(
        race_name=models.Subquery(race.values("race_name")[:1]),
        session_name=models.Subquery(session.values("session_name")[:1]),
    )


def sum_by_collection(run: SyncRun) -> dict[str, Any]:
    """The summed counts of a run's pieces per collection, in the order of the sync."""
    names = ("pieces", "failed", *Counts.NAMES)
    sums = {name: models.Sum(name) for name in Counts.NAMES}
    failed = models.Count("pk", filter=models.Q(ok=False))
    sums_by_collection = run.pieces.order_by().values("collection").annotate(pieces=models.Count("pk"), failed=failed, **sums)
    order = {name: position for position, name in enumerate(registry())}
    rows: list[Any] = sorted(sums_by_collection, key=lambda row: order.get(row["collection"], len(order)))
    url = list_url(SyncPiece, run=run.pk)
    return {
        "names": names,
        "rows": [
            (row["collection"], f"{url}&collection={row['collection']}", [f"{row[name]:,}" for name in names]) for row in rows
        ],
    }


def notable_pieces(run: SyncRun) -> dict[str, Any]:
    """The first pieces of a run with failed, updated, vanished or rejected rows, and the number of further ones."""
    condition = models.Q(ok=False) | models.Q(updated__gt=0) | models.Q(vanished__gt=0) | models.Q(rejected__gt=0)
    pieces = with_race_and_session_names(run.pieces.filter(condition))
    shown = [(piece, describe_changes(piece, SHOWN_CHANGES)) for piece in pieces[:SHOWN_PIECES]]
    return {"pieces": shown, "more": max(0, pieces.count() - SHOWN_PIECES)}


@admin.register(SyncRun)
class SyncRunAdmin(LogAdmin):
    icon = "sync"
    list_display = (
        "run_id",
        "status",
        "asked_for",
        "source",
        "started_at",
        "duration",
        "requests",
        "created",
        "updated",
        "unchanged",
        "vanished",
        "rejected",
    )
    list_filter = ("state", "kind", "source")
    date_hierarchy = "started_at"
    search_fields = ("=run_id", "error")
    fields = (("status", "source"), ("asked_for", "requests"), ("started_at", "duration"), "error")
    change_form_after_template = "admin/openf1/run.html"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        log = {"by_collection": sum_by_collection(run), **notable_pieces(run)} if run else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **log})

    @admin.display(description="state", ordering="state")
    def status(self, run: SyncRun) -> str:
        return badge(run.get_state_display(), STATE_COLOURS[run.state])

    @admin.display(description="asked for")
    def asked_for(self, run: SyncRun) -> str:
        return scope_label(run.scope)

    @admin.display(description="rows")
    def rows(self, run: SyncRun) -> str:
        return f"{run.created:,} created, {run.updated:,} updated, {run.unchanged:,} unchanged"

    @admin.display(description="duration")
    def duration(self, run: SyncRun) -> str:
        seconds = ((run.ended_at or timezone.now()) - run.started_at).total_seconds()
        return duration_text(seconds)


@admin.register(SyncPiece)
class SyncPieceAdmin(LogAdmin):
    icon = "data_check"
    list_display = ("collection", "race", "session", "driver_number", "went", "run", *Counts.NAMES, "ended_at")
    list_filter = ("ok", ("collection", KnownValuesFilter), "ended_at")
    list_select_related = ()
    list_prefetch_related = ("run",)
    ordering = ("-pk",)
    search_fields = ("collection", "=race_id", "=session_id", "error")
    fields = (
        ("collection", "went"),
        ("race", "session", "driver_number"),
        ("run", "ended_at"),
        Counts.NAMES[:4],
        Counts.NAMES[4:],
        "error",
    )
    change_form_after_template = "admin/openf1/piece.html"

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return with_race_and_session_names(super().get_queryset(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        piece = self.get_object(request, object_id)
        log: dict[str, Any] = {}
        if piece:
            place = {"collection": piece.collection, "race_id": piece.race_id, "session_id": piece.session_id}
            place = {name: value for name, value in place.items() if value is not None}
            rejects = Reject.objects.filter(**place, source=piece.run.source)
            log = {"changes": describe_changes(piece), "rejects": rejects[:SHOWN_CHANGES], "reject_count": rejects.count()}
            log["rejects_url"] = list_url(Reject, **place)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **log})

    @admin.display(description="race", ordering="race_id")
    def race(self, piece: Any) -> str | int | None:
        return piece.race_name or piece.race_id

    @admin.display(description="session", ordering="session_id")
    def session(self, piece: Any) -> str | int | None:
        return piece.session_name or piece.session_id

    @admin.display(description="state", ordering="ok")
    def went(self, piece: SyncPiece) -> str:
        return badge("done", "success") if piece.ok else badge("failed", "danger")


@admin.register(PieceState)
class PieceStateAdmin(LogAdmin):
    icon = "fingerprint"
    list_display = ("collection", "session_id", "driver_number", "source", "stored", "synced_at")
    list_filter = (("collection", KnownValuesFilter), "source", "synced_at")
    ordering = ("-synced_at", "-pk")
    search_fields = ("collection", "session_id__exact")
    fields = ("collection", ("session_id", "driver_number"), "source", ("stored", "synced_at"), "fingerprint", "counts")


@admin.register(PieceVersion)
class PieceVersionAdmin(LogAdmin):
    icon = "history"
    list_display = ("collection", "session_id", "changed_at")
    list_filter = (("collection", KnownValuesFilter), "changed_at")
    ordering = ("-changed_at", "-pk")
    search_fields = ("collection", "session_id__exact")
    fields = ("collection", "session_id", "changed_at", "stamp")


@admin.register(Reject)
class RejectAdmin(LogAdmin):
    icon = "block"
    list_display = ("reason", "collection", "race_id", "session_id", "driver_number", "first_seen", "last_seen", "run")
    list_filter = (("collection", KnownValuesFilter), "source", "last_seen")
    list_select_related = ()
    list_prefetch_related = ("run",)
    search_fields = ("reason", "=race_id", "=session_id")
    fields = (
        "reason",
        "row",
        ("collection", "source"),
        ("season", "race_id", "session_id", "driver_number"),
        ("first_seen", "last_seen", "run"),
    )


@admin.register(Lease)
class LeaseAdmin(LogAdmin):
    icon = "lock_clock"
    title = "Held locks"
    list_display = ("name", "expires_at")
    search_fields = ("name",)
    fields = ("name", "expires_at")


@admin.register(UpstreamPace)
class UpstreamPaceAdmin(LogAdmin):
    icon = "speed"
    title = "Pace"
    list_display = ("upstream", "requests")
    fields = ("upstream", "requests")

    @admin.display(description="recent requests")
    def requests(self, pace: UpstreamPace) -> int:
        return len(pace.slots)
