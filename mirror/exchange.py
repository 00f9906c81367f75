"""Corrections as a file, so that people can share them: keyed by what identifies a row everywhere, not by our primary keys."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from mirror import corrections
from mirror.models import Correction, Mirrored, Source

FORMAT = "f1-stats corrections 1"


class Shared(msgspec.Struct, omit_defaults=True):
    """One correction as it travels. Without a field, the row is one that should not be there."""

    collection: str
    key: dict[str, Any]
    field: str = ""
    upstream: Any = None
    corrected: Any = None
    reason: str = ""
    by: str = ""


class Document(msgspec.Struct):
    format: str
    corrections: list[Shared]


def dump() -> bytes:
    """All corrections as a JSON document, in a stable order; those of demo and hand-made rows stay at home."""
    rows = Correction.objects.filter(source=Source.OPENF1).select_related("user").order_by("collection", "key", "field")
    shared = [
        Shared(c.collection, c.key, c.field, c.upstream, c.corrected, c.reason, c.user.get_username() if c.user else "")
        for c in rows
    ]
    return msgspec.json.format(msgspec.json.encode(Document(FORMAT, shared)), indent=1)


def parse(content: bytes) -> list[Shared]:
    """The corrections in a document; ValueError says what is wrong with it."""
    try:
        document = msgspec.json.decode(content, type=Document)
    except msgspec.MsgspecError as error:
        raise ValueError(f"this is no file of corrections: {error}") from error
    if document.format != FORMAT:
        raise ValueError(f"its format is {document.format!r}, expected {FORMAT!r}")
    return document.corrections


@transaction.atomic
def apply(shared: Iterable[Shared], *, user, overwrite: bool) -> tuple[Counter, list[str]]:
    """Make these corrections ours; (how many were applied, known, missing, refused or skipped, a line for each not applied).

    A row that is not stored here is `missing`, a field or value that does not fit is `refused`, and where somebody here corrected
    the same field to something else, theirs stands (`skipped`) unless `overwrite`.
    """
    counts: Counter = Counter()
    told = []
    for correction in shared:
        outcome, why = apply_one(correction, user=user, overwrite=overwrite)
        counts[outcome] += 1
        if why:
            told.append(f"{correction.collection} {correction.key} {correction.field or '(deleted)'}: {why}")
    return counts, told


def apply_one(shared: Shared, *, user, overwrite: bool) -> tuple[str, str]:
    try:
        feed = corrections.feed_named(shared.collection)
        known = Correction.objects.filter(collection=shared.collection, key=shared.key, field=shared.field).first()
        row = corrections.stored_row(feed, shared)
    except (KeyError, StopIteration):
        return "refused", "there is no such collection or key"
    if known and (known.corrected == shared.corrected or not shared.field):
        return "known", ""
    if known and not overwrite:
        return "skipped", f"corrected to {known.corrected!r} here"
    if row is None:
        return "missing", "no such row is stored"
    if not shared.field:
        corrections.delete(row, user=user, reason=shared.reason)
        return "applied", ""
    return set_field(feed, row, shared, user=user)


def set_field(feed: corrections.Feed, row: Mirrored, shared: Shared, *, user) -> tuple[str, str]:
    """Correct one field, validated as upstream's values are; upstream having moved on since makes it a conflict."""
    if shared.field not in feed.sent or shared.field in feed.key:
        return "refused", f"{shared.field} is no field that can be corrected"
    try:
        value = corrections.checked(feed, shared.field, shared.corrected)
    except msgspec.ValidationError as error:
        return "refused", str(error)
    before = corrections.plain(getattr(row, shared.field))
    setattr(row, shared.field, value)
    corrections.edit(row, user=user, reason=shared.reason)
    if before not in (shared.upstream, shared.corrected):
        Correction.objects.filter(collection=shared.collection, key=shared.key, field=shared.field).update(
            state=Correction.State.CONFLICT, updated_at=timezone.now()
        )
    return "applied", ""
