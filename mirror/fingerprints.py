"""Skip the comparison of an answer that is the same as last time."""

from collections import Counter
from hashlib import blake2b
from typing import Any

import msgspec
from django.utils import timezone

from mirror.changes import Changes
from mirror.feeds import Feed
from mirror.models import PieceState

STABLE_COUNTS = ("vanished", "rejected", "folded")  # the same again when the same answer is compared again


def fingerprint(feed: Feed, rows: list[dict]) -> str:
    """Hash upstream's rows and the names of the stored fields, so that a field added to the model forces a comparison."""
    digest = blake2b(repr(feed.fields).encode(), digest_size=20)
    digest.update(msgspec.json.encode(rows))
    return digest.hexdigest()


def apply_unless_same(
    feed: Feed, rows: list[dict], scope: dict[str, Any], *, source: str, force: bool, prune: bool, write: bool
) -> Changes:
    """Apply rows to the feed's storage, unless they are the same as last time and still stored.

    `force` compares in any case, and so does `prune` while there are vanished rows. Lists of races and sessions are compared
    always.
    """
    if feed.lists:
        return feed.storage.apply(rows, scope, source=source, prune=prune, write=write)
    piece = {
        "collection": feed.collection,
        "session_id": scope["session_key"],
        "driver_number": scope.get("driver_number", 0),
        "source": source,
    }
    new_fingerprint = fingerprint(feed, rows)
    state = PieceState.objects.filter(**piece).first() or PieceState(**piece)
    same = state.fingerprint == new_fingerprint and not force and not (prune and state.counts.get("vanished"))
    if same and feed.storage.count(scope) == state.stored:
        if write:
            PieceState.objects.filter(pk=state.pk).update(synced_at=timezone.now())
        return Changes(counts=Counter(state.counts))
    changed = feed.storage.apply(rows, scope, source=source, prune=prune, write=write)
    if write:
        state.fingerprint, state.counts = new_fingerprint, repeated_counts(changed)
        state.stored, state.synced_at = feed.storage.count(scope), timezone.now()
        state.save()
    return changed


def repeated_counts(changed: Changes) -> dict[str, int]:
    """The counts of a comparison with the same answer once more."""
    counts = {name: changed.counts[name] for name in STABLE_COUNTS}
    counts["vanished"] -= changed.counts["pruned"]
    counts["unchanged"] = sum(changed.counts[name] for name in ("created", "updated", "unchanged"))
    return counts
