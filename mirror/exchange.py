"""Export and import corrections as JSON, keyed by the rows' natural keys, which are the same on every site."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.db.models import ForeignKey
from django.utils import timezone

from mirror import editing
from mirror.decisions import find_row
from mirror.feeds import Feed, feed_named
from mirror.json_input import has_nul, parse_json
from mirror.mapping import expected, field_by_attname
from mirror.models import Correction, Mirrored, Source
from mirror.storage import FileStorage
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


def dump(**parts: Any) -> bytes:
    """Export the corrections of OpenF1's rows (not of demo rows) as a JSON document, in a stable order, with further parts."""
    rows = Correction.objects.filter(source=Source.OPENF1).select_related("user").order_by("collection", "key", "field")
    shared = [
        Shared(c.collection, c.key, c.field, c.upstream, c.corrected, c.reason, c.user.get_username() if c.user else "")
        for c in rows
    ]
    return msgspec.json.format(msgspec.json.encode({"format": FORMAT, "corrections": shared, **parts}), indent=1)


def parse(content: bytes) -> list[Shared]:
    """Parse the corrections of a document; ValueError says what is wrong with it."""
    try:
        document = msgspec.convert(parse_json(content), Document)
    except (ValueError, msgspec.ValidationError) as error:
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
        feed = find_feed(shared.collection)
        key = parse_key(feed, shared.key)
        check_field(feed, shared.field)
    except ValueError as error:
        return "refused", str(error)
    row = find_row(feed, key)
    own = Correction.objects.filter(collection=shared.collection, key=key, field=shared.field).first()
    if obstacle := find_obstacle(shared, row, own, overwrite=overwrite):
        return obstacle
    if not shared.field:
        editing.delete(row, user=user, reason=shared.reason)
        return "applied", ""
    return apply_to_field(feed, row, shared, key=key, user=user)


def find_feed(collection: str) -> Feed:
    """The feed of a collection whose rows can be corrected; ValueError when there is none."""
    try:
        feed = feed_named(collection)
    except KeyError as error:
        raise ValueError("there is no such collection or key") from error
    if feed.computed or isinstance(feed.storage, FileStorage):
        raise ValueError(f"{collection} takes no corrections")
    return feed


def check_field(feed: Feed, name: str) -> None:
    """ValueError unless the field, if one is named, can be corrected."""
    if name and (name not in feed.column_names or name in feed.key):
        raise ValueError(f"{name} is no field that can be corrected")


def find_obstacle(shared: Shared, row: Mirrored | None, own: Correction | None, *, overwrite: bool) -> tuple[str, str] | None:
    """(outcome, problem) of a correction that needs not or must not be applied to the row; `own` is the one made here."""
    if has_nul(shared.reason):
        return "refused", "its reason has the NUL character"
    if own and (own.corrected == shared.corrected or not shared.field):
        return "known", ""
    if own and not overwrite:
        return "skipped", f"corrected to {own.corrected!r} here"
    if row is None:
        return "missing", "no such row is stored"
    return ("skipped", "the row here was made by hand") if row.source == Source.MANUAL else None


def parse_key(feed: Feed, key: dict[str, Any]) -> dict[str, Any]:
    """The key of a row as corrections store it; ValueError unless it has exactly the fields of the feed's key, of their types."""
    if key.keys() != set(feed.key):
        raise ValueError(f"there is no such collection or key: a key of {feed.collection} is {', '.join(feed.key)}")
    values = []
    for name in feed.key:
        try:
            values.append(parse_value(feed, name, key[name]))
        except ValueError as error:
            raise ValueError(f"key {name}: {error}") from error
        if values[-1] is None:
            raise ValueError(f"key {name}: a value is required")
    return feed.json_key(tuple(values))


def parse_value(feed: Feed, name: str, value: Any) -> Any:
    """A value from JSON in the type of its field, validated as upstream's are; ValueError says what is wrong with it."""
    field = field_by_attname(feed.model, name)
    try:
        parsed = msgspec.convert(value, expected(field))
        if isinstance(parsed, datetime):
            if parsed.tzinfo is None:
                raise ValueError(f"{value} has no time zone")
            parsed = parsed.astimezone(UTC)
        if parsed is not None:
            field.run_validators(parsed)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from error
    except OverflowError as error:
        raise ValueError(f"{str(value)[:50]} is out of range") from error
    if has_nul(parsed):
        raise ValueError("the text has the NUL character")
    if isinstance(field, ForeignKey) and parsed is not None:
        try:
            field.validate(parsed, None)  # whether the row that it refers to is stored
        except ValidationError as error:
            raise ValueError(f"there is no {field.name} {parsed!r}") from error
    return parsed


def apply_to_field(feed: Feed, row: Mirrored, shared: Shared, *, key: dict[str, Any], user: Any) -> tuple[str, str]:
    """Correct one field with a value validated as upstream's are; a conflict when upstream has sent another since."""
    before = to_json_value(getattr(row, shared.field))
    try:
        setattr(row, shared.field, parse_value(feed, shared.field, shared.corrected))
        with transaction.atomic():
            editing.edit(row, user=user, reason=shared.reason)
    except ValidationError as error:
        return "refused", " ".join(error.messages)
    except ValueError as error:
        return "refused", str(error)
    except DatabaseError as error:
        return "refused", f"the row cannot be stored: {error}"
    if before not in (shared.upstream, shared.corrected):
        Correction.objects.filter(collection=shared.collection, key=key, field=shared.field).update(
            state=Correction.State.CONFLICT, updated_at=timezone.now()
        )
    return "applied", ""
