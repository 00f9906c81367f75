"""An answer that is the same as last time needs no comparison."""

from collections import Counter
from hashlib import blake2b
from typing import Any

import msgspec
from django.utils import timezone

from mirror.changes import Changes
from mirror.feeds import Feed
from mirror.models import PieceState

REPEATED = ("vanished", "rejected", "folded")  # counts that an unchanged answer gives again


def fingerprint(feed: Feed, rows: list[dict]) -> str:
    """Digest of upstream's rows, and of the fields they go into: a new field here makes every answer a new one."""
    digest = blake2b(repr(feed.fields).encode(), digest_size=20)
    digest.update(msgspec.json.encode(rows))
    return digest.hexdigest()


def apply_unless_same(
    feed: Feed, rows: list[dict], scope: dict[str, Any], *, source: str, force: bool, prune: bool, write: bool
) -> Changes:
    """`changes.apply` (or the feed's own), skipped when upstream sends what it sent last time and that is still stored.

    `force` compares anyway, and so does `prune` while there are vanished rows. Lists of races and sessions are always compared.
    """
    if feed.lists:
        return feed.storage.apply(rows, scope, source=source, prune=prune, write=write)
    where = {
        "collection": feed.collection,
        "session_id": scope["session_key"],
        "driver_number": scope.get("driver_number", 0),
        "source": source,
    }
    sent = fingerprint(feed, rows)
    state = PieceState.objects.filter(**where).first() or PieceState(**where)
    same = state.fingerprint == sent and not force and not (prune and state.counts.get("vanished"))
    if same and feed.storage.count(scope) == state.stored:
        if write:
            PieceState.objects.filter(pk=state.pk).update(synced_at=timezone.now())
        return Changes(counts=Counter(state.counts))
    changed = feed.storage.apply(rows, scope, source=source, prune=prune, write=write)
    if write:
        state.fingerprint, state.counts = sent, counts_again(changed)
        state.stored, state.synced_at = feed.storage.count(scope), timezone.now()
        state.save()
    return changed


def counts_again(changed: Changes) -> dict[str, int]:
    """What the same answer would count if it came again."""
    counts = {name: changed.counts[name] for name in REPEATED}
    counts["vanished"] -= changed.counts["pruned"]
    counts["unchanged"] = sum(changed.counts[name] for name in ("created", "updated", "unchanged"))
    return counts
