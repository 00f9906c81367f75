"""The log of syncs: runs, their pieces, and the rows they refused. Read-only."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.utils import timezone

from jobs.models import Lease
from mirror.admin.pages import LogAdmin, badge, labels, list_url, spelled
from mirror.feeds import registry
from mirror.models import Counts, PieceState, PieceVersion, Reject, SyncPiece, SyncRun, UpstreamPace

SHOWN_PIECES, SHOWN_CHANGES = 50, 10  # on the page of a run; a piece's own page shows all it logged
STATES = {"running": "info", "done": "success", "failed": "danger", "interrupted": "warning"}


def asked(scope: dict) -> str:
    """What a run was asked for, in words: "season 2023, race 1229"; collections only where they were not all."""
    words = {"year": "season", "meeting_key": "race", "session_key": "session"}
    filters = [(words.get(name, name), value) for part in scope.get("filters", []) for name, value in part.items()]
    parts = [f"the latest {word}" if value == "latest" else f"{word} {value}" for word, value in filters]
    named = scope.get("collections", [])
    usual = [name for name, feed in registry().items() if feed.by_default]
    what = "" if named == usual else f" ({', '.join(named)})"
    return f"{', '.join(parts) or 'everything'}{what}{', prune' if scope.get('prune') else ''}"


def described(piece: SyncPiece, limit: int | None = None) -> list[dict[str, Any]]:
    """The logged changes of a piece for people: which row (and where to find it), and per field the old and the new value.

    Fields are named as in forms, in the model's order; one that the model no longer has keeps the name it had in the log.
    """
    feed = registry().get(piece.collection)
    names = labels(feed)
    places = {name: place for place, name in enumerate(names)}
    listed = feed is not None and admin.site.is_registered(feed.model)

    def told(values: dict) -> list[tuple[str, Any]]:
        ordered = sorted(values, key=lambda name: places.get(name, len(places)))
        return [(names.get(name, name), values[name]) for name in ordered]

    return [
        {
            "what": ", ".join(f"{label} {value}" for label, value in told(own_key(change["key"]))),
            "url": list_url(feed.model, **change["key"]) if feed and listed else "",
            "fields": [(label, *map(spelled, values)) for label, values in told(change.get("fields", {}))],
            "vanished": change.get("vanished", False),
        }
        for change in piece.changes[:limit]
    ]


def own_key(key: dict) -> dict:
    """What identifies a row among those of its session."""
    return {name: value for name, value in key.items() if len(key) == 1 or name != "session_id"}


def with_names(pieces: models.QuerySet) -> models.QuerySet:
    """Pieces with `race_name` and `session_name`, by the models that hold races and sessions."""
    feeds = registry()
    races, sessions = feeds["meetings"].model._default_manager, feeds["sessions"].model._default_manager
    race, session = races.filter(pk=models.OuterRef("race_id")), sessions.filter(pk=models.OuterRef("session_id"))
    return pieces.annotate(
        race_name=models.Subquery(race.values("race_name")[:1]),
        session_name=models.Subquery(session.values("session_name")[:1]),
    )


def by_collection(run: SyncRun) -> dict[str, Any]:
    """The counts of a run's pieces, collection by collection, in the order they are synced."""
    names = ("pieces", "failed", *Counts.NAMES)
    sums = {name: models.Sum(name) for name in Counts.NAMES}
    failed = models.Count("pk", filter=models.Q(ok=False))
    found = run.pieces.order_by().values("collection").annotate(pieces=models.Count("pk"), failed=failed, **sums)
    order = {name: place for place, name in enumerate(registry())}
    rows: list[Any] = sorted(found, key=lambda row: order.get(row["collection"], len(order)))
    url = list_url(SyncPiece, run=run.pk)
    return {
        "names": names,
        "rows": [
            (row["collection"], f"{url}&collection={row['collection']}", [f"{row[name]:,}" for name in names]) for row in rows
        ],
    }


def notable(run: SyncRun) -> dict[str, Any]:
    """The first pieces of a run that changed something that was there, lost something, or failed; and how many more there are."""
    told = models.Q(ok=False) | models.Q(updated__gt=0) | models.Q(vanished__gt=0) | models.Q(rejected__gt=0)
    pieces = with_names(run.pieces.filter(told))
    shown = [(piece, described(piece, SHOWN_CHANGES)) for piece in pieces[:SHOWN_PIECES]]
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
    list_filter = ("state", "source")
    date_hierarchy = "started_at"
    search_fields = ("=run_id", "error")
    fields = (("status", "source"), ("asked_for", "requests"), ("started_at", "duration"), "error")
    change_form_after_template = "admin/openf1/run.html"

    def change_view(self, request, object_id, form_url="", extra_context=None):
        run = self.get_object(request, object_id)
        log = {"by_collection": by_collection(run), **notable(run)} if run else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **log})

    @admin.display(description="state", ordering="state")
    def status(self, run):
        return badge(run.get_state_display(), STATES[run.state])

    @admin.display(description="asked for")
    def asked_for(self, run):
        return asked(run.scope)

    @admin.display(description="rows")
    def rows(self, run):
        return f"{run.created:,} created, {run.updated:,} updated, {run.unchanged:,} unchanged"

    @admin.display(description="duration")
    def duration(self, run):
        seconds = ((run.ended_at or timezone.now()) - run.started_at).total_seconds()
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s" if seconds >= 60 else f"{seconds:.1f} s"


@admin.register(SyncPiece)
class SyncPieceAdmin(LogAdmin):
    icon = "data_check"
    list_display = ("collection", "race", "session", "driver_number", "went", "run", *Counts.NAMES, "ended_at")
    list_filter = ("ok", "collection")
    list_select_related = ("run",)
    date_hierarchy = "ended_at"
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

    def get_queryset(self, request):
        return with_names(super().get_queryset(request))

    def change_view(self, request, object_id, form_url="", extra_context=None):
        piece = self.get_object(request, object_id)
        log = {"changes": described(piece), "rejects": piece.rejects.all()[:SHOWN_CHANGES]} if piece else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **log})

    @admin.display(description="race", ordering="race_id")
    def race(self, piece):
        return piece.race_name or piece.race_id

    @admin.display(description="session", ordering="session_id")
    def session(self, piece):
        return piece.session_name or piece.session_id

    @admin.display(description="state", ordering="ok")
    def went(self, piece):
        return badge("done", "success") if piece.ok else badge("failed", "danger")


@admin.register(PieceState)
class PieceStateAdmin(LogAdmin):
    icon = "fingerprint"
    list_display = ("collection", "session_id", "driver_number", "source", "stored", "synced_at")
    list_filter = ("collection", "source")
    date_hierarchy = "synced_at"
    ordering = ("-synced_at", "-pk")
    search_fields = ("collection", "session_id__exact")
    fields = ("collection", ("session_id", "driver_number"), "source", ("stored", "synced_at"), "fingerprint", "counts")


@admin.register(PieceVersion)
class PieceVersionAdmin(LogAdmin):
    icon = "history"
    list_display = ("collection", "session_id", "changed_at")
    list_filter = ("collection",)
    date_hierarchy = "changed_at"
    ordering = ("-changed_at", "-pk")
    search_fields = ("collection", "session_id__exact")
    fields = ("collection", "session_id", "changed_at", "stamp")


@admin.register(Reject)
class RejectAdmin(LogAdmin):
    icon = "block"
    list_display = ("reason", "collection", "race_id", "session_id", "run")
    list_filter = ("piece__collection",)
    list_select_related = ("piece__run",)
    date_hierarchy = "piece__ended_at"
    ordering = ("-pk",)
    search_fields = ("reason", "=piece__race_id", "=piece__session_id")
    fields = ("reason", "row", "piece", "run")

    @admin.display(ordering="piece__collection")
    def collection(self, reject):
        return reject.piece.collection

    @admin.display(description="race ID", ordering="piece__race_id")
    def race_id(self, reject):
        return reject.piece.race_id

    @admin.display(description="session ID", ordering="piece__session_id")
    def session_id(self, reject):
        return reject.piece.session_id

    @admin.display(ordering="piece__run")
    def run(self, reject):
        return reject.piece.run


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

    @admin.display(description="requests of late")
    def requests(self, pace):
        return len(pace.slots)
