"""Live against final: what a session's live rows lacked, found by the sync that follows it."""

from typing import Any

from django.utils import timezone

from jobs.wording import plural
from live.engine import Engine
from live.models import LiveReview
from mirror.feeds import registry
from mirror.models import SyncPiece, SyncRun
from pages.charts import changes
from pages.charts.changes import Remarks, key_in_words

SHOWN = 100  # rows of each kind and collection that are described


def review(engine: Engine, final: SyncRun | None) -> LiveReview | None:
    """Compare the session with the sync that followed it; None where there was none."""
    if final is None:
        return None
    found = {}
    for piece in final.pieces.filter(session_id=engine.session.pk, ok=True):
        own = compare(piece, final) | {"late": engine.late[piece.collection]}
        if any(own[kind] for kind in ("late", "never", "rewritten", "only_live")):
            found[piece.collection] = own
    values = {"reviewed_at": timezone.now(), "collections": found}
    return LiveReview.objects.update_or_create(session_id=engine.session.pk, defaults=values)[0]


def compare(piece: SyncPiece, final: SyncRun) -> dict[str, Any]:
    """What the sync created never came live; what it updated was rewritten; what it missed came live only."""
    feed = registry()[piece.collection]
    changed = [each["key"] for each in piece.changes if "fields" in each]
    written = feed.model._default_manager.filter(session_id=piece.session_id, changed_at__gte=final.started_at)
    keys = [feed.json_key(tuple(key)) for key in written.values_list(*feed.key)] if piece.created else []
    return {
        "never": piece.created,
        "rewritten": piece.updated,
        "only_live": piece.vanished,
        "rows": {
            "never": [key_in_words(key) for key in keys if key not in changed][:SHOWN],
            "only_live": [key_in_words(each["key"]) for each in piece.changes if each.get("vanished")][:SHOWN],
        },
    }


def remarks(session_id: int) -> Remarks:
    """The review as the view of changes shows it."""
    found = LiveReview.objects.filter(session_id=session_id).first()
    if found is None:
        return Remarks([], [])
    lines, notes = [], []
    moment = f"{found.reviewed_at:%Y-%m-%d %H:%M:%S}"
    for collection, own in found.collections.items():
        notes.append(
            f"Live against final, {collection}: {plural(own['never'], 'row')} never came live, "
            f"{plural(own['rewritten'], 'was rewritten', 'were rewritten')} afterwards, "
            f"{own['only_live']:,} came live only, {own['late']:,} came more than a minute late."
        )
        lines += [[moment, collection, row, "the row", "never came live", "there"] for row in own["rows"]["never"]]
        lines += [[moment, collection, row, "the row", "came live", "not there"] for row in own["rows"]["only_live"]]
    if not notes:
        notes = ["Live against final: the live session had every row as it is now."]
    return Remarks(notes, lines)


def register() -> None:
    changes.remark_by(remarks)
