"""Skip the comparison of an answer that is the same as last time."""

from collections import Counter
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from django.utils import timezone

from mirror import upserting
from mirror.changes import Changes
from mirror.feeds import Feed
from mirror.models import PieceState

STABLE_COUNTS = ("vanished", "rejected", "folded")  # the same again when the same answer is compared again
KEY = ("session_id", "collection", "driver_number", "source")  # of a state
VALUES = ("fingerprint", "counts", "stored")


class Piece(NamedTuple):
    """Upstream's answer for a scope, which is given in OpenF1's names."""

    scope: dict[str, Any]
    rows: list[dict]


def fingerprint(feed: Feed, rows: list[dict]) -> str:
    """Hash upstream's rows and the names of the stored fields, so that a field added to the model forces a comparison."""
    digest = blake2b(repr(feed.fields).encode(), digest_size=20)
    digest.update(msgspec.json.encode(rows))
    return digest.hexdigest()


def apply_unless_same(feed: Feed, pieces: list[Piece], *, source: str, force: bool, prune: bool, write: bool) -> list[Changes]:
    """Apply each piece to the feed's storage, unless its rows are the same as last time and still stored.

    `force` compares in any case, and so does `prune` while there are vanished rows. Lists of races and sessions are compared
    always.
    """
    if feed.lists:
        return [feed.storage.apply(piece.rows, piece.scope, source=source, prune=prune, write=write) for piece in pieces]
    states = stored_states(feed, pieces, source=source)
    results = []
    for piece, state, stored in zip(pieces, states, feed.storage.counts([piece.scope for piece in pieces]), strict=True):
        new_fingerprint = fingerprint(feed, piece.rows)
        same = state.fingerprint == new_fingerprint and not force and not (prune and state.counts.get("vanished"))
        if same and stored == state.stored:
            results.append(Changes(counts=Counter(state.counts)))
            continue
        changes = feed.storage.apply(piece.rows, piece.scope, source=source, prune=prune, write=write, stored=stored)
        state.fingerprint, state.counts = new_fingerprint, repeated_counts(changes)
        state.stored = stored + changes.counts["created"] - changes.counts["pruned"]
        results.append(changes)
    if write:
        save_states(states)
    return results


def stored_states(feed: Feed, pieces: list[Piece], *, source: str) -> list[PieceState]:
    """The state of each piece as it was stored last, or a new one."""
    keys = [(piece.scope["session_key"], piece.scope.get("driver_number", 0)) for piece in pieces]
    stored = PieceState.objects.filter(collection=feed.collection, source=source, session_id__in={session for session, _ in keys})
    states = {(state.session_id, state.driver_number): state for state in stored}
    new = {"collection": feed.collection, "source": source}
    return [states.get(key) or PieceState(**new, session_id=key[0], driver_number=key[1]) for key in keys]


def save_states(states: list[PieceState]) -> None:
    columns = {name: [getattr(state, name) for state in states] for name in (*KEY, *VALUES)}
    upserting.upsert(PieceState, columns, key=KEY, fields=(*VALUES, "synced_at"), defaults={"synced_at": timezone.now()})


def repeated_counts(changed: Changes) -> dict[str, int]:
    """The counts of a comparison with the same answer once more."""
    counts = {name: changed.counts[name] for name in STABLE_COUNTS}
    counts["vanished"] -= changed.counts["pruned"]
    counts["unchanged"] = sum(changed.counts[name] for name in ("created", "updated", "unchanged"))
    return counts
