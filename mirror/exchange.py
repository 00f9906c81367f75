"""Export and import corrections as JSON, keyed by the rows' natural keys, which are the same on every site."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from mirror import editing
from mirror.decisions import find_row
from mirror.feeds import Feed, feed_named
from mirror.mapping import expected, field_by_attname
from mirror.models import Correction, Mirrored, Source
from mirror.values import to_json_value

FORMAT = "f1-stats corrections 1"


class Shared(msgspec.Struct, omit_defaults=True):
    """One correction in the file; without a field it says that the row is deleted."""

    collection: str
    key: dict[str, Any]
    field: str = ""
    upstream: Any = None
    corrected: Any = None
    reason: str = ""
    by: str = ""


class Document(msgspec.Struct):
    """The content of the file."""

    format: str
    corrections: list[Shared]


def dump() -> bytes:
    """Export the corrections of OpenF1's rows (not of demo rows) as a JSON document, in a stable order."""
    rows = Correction.objects.filter(source=Source.OPENF1).select_related("user").order_by("collection", "key", "field")
    shared = [
        Shared(c.collection, c.key, c.field, c.upstream, c.corrected, c.reason, c.user.get_username() if c.user else "")
        for c in rows
    ]
    return msgspec.json.format(msgspec.json.encode(Document(FORMAT, shared)), indent=1)


def parse(content: bytes) -> list[Shared]:
    """Parse the corrections of a document; ValueError says what is wrong with it."""
    try:
        document = msgspec.json.decode(content, type=Document)
    except msgspec.MsgspecError as error:
        raise ValueError(f"this is no file of corrections: {error}") from error
    if document.format != FORMAT:
        raise ValueError(f"its format is {document.format!r}, expected {FORMAT!r}")
    return document.corrections


@transaction.atomic
def apply(shared: Iterable[Shared], *, user: Any, overwrite: bool) -> tuple[Counter, list[str]]:
    """Apply corrections from elsewhere; returns ({outcome: count}, a line for each that was not applied).

    The outcome is `applied`, `known` (the same correction exists), `missing` (the row is not stored here), `refused` (a
    collection, key, field or value that does not fit) or, unless `overwrite`, `skipped` (somebody here corrected the same field
    to something else).
    """
    counts: Counter = Counter()
    problems = []
    for correction in shared:
        outcome, problem = apply_one(correction, user=user, overwrite=overwrite)
        counts[outcome] += 1
        if problem:
            problems.append(f"{correction.collection} {correction.key} {correction.field or '(deleted)'}: {problem}")
    return counts, problems


def apply_one(shared: Shared, *, user: Any, overwrite: bool) -> tuple[str, str]:
    """Apply one correction; (outcome, problem or "")."""
    try:
        feed = feed_named(shared.collection)
        row = find_row(feed, shared.key)
    except (KeyError, StopIteration):
        return "refused", "there is no such collection or key"
    own = Correction.objects.filter(collection=shared.collection, key=shared.key, field=shared.field).first()
    if own and (own.corrected == shared.corrected or not shared.field):
        return "known", ""
    if own and not overwrite:
        return "skipped", f"corrected to {own.corrected!r} here"
    if row is None:
        return "missing", "no such row is stored"
    if not shared.field:
        editing.delete(row, user=user, reason=shared.reason)
        return "applied", ""
    return apply_to_field(feed, row, shared, user=user)


def apply_to_field(feed: Feed, row: Mirrored, shared: Shared, *, user: Any) -> tuple[str, str]:
    """Correct one field with a value validated as upstream's are; a conflict when upstream has sent another since."""
    if shared.field not in feed.column_names or shared.field in feed.key:
        return "refused", f"{shared.field} is no field that can be corrected"
    try:
        field = field_by_attname(feed.model, shared.field)
        value = msgspec.convert(shared.corrected, expected(field))
        if value is not None:
            field.run_validators(value)
    except msgspec.ValidationError as error:
        return "refused", str(error)
    except ValidationError as error:
        return "refused", " ".join(error.messages)
    before = to_json_value(getattr(row, shared.field))
    setattr(row, shared.field, value)
    editing.edit(row, user=user, reason=shared.reason)
    if before not in (shared.upstream, shared.corrected):
        Correction.objects.filter(collection=shared.collection, key=shared.key, field=shared.field).update(
            state=Correction.State.CONFLICT, updated_at=timezone.now()
        )
    return "applied", ""
