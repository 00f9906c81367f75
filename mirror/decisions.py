"""Decide corrections: keep the person's value, or take upstream's."""

from typing import Any

from django.db import transaction

from mirror.editing import finish_edit, scope_of
from mirror.feeds import Feed, feed_named
from mirror.mapping import field_by_attname
from mirror.models import Correction
from mirror.values import from_json_value


def keep_mine(correction: Correction) -> None:
    """Let the person's value hold against upstream's newest one."""
    correction.state = Correction.State.HOLDS
    correction.save(update_fields=["state", "updated_at"])


@transaction.atomic
def take_upstream(correction: Correction) -> None:
    """Replace the corrected value by upstream's, or restore the deleted row, and delete the correction.

    IntegrityError when what a restored row belongs to is not stored.
    """
    feed = feed_named(correction.collection)
    if correction.field:
        row = find_row(feed, correction.key)
        if row:
            field = field_by_attname(feed.model, correction.field)
            setattr(row, correction.field, from_json_value(field, correction.upstream))
            feed.derive_after_edit(row)
            row.save()
    else:
        row = restore_row(feed, correction)
    correction.delete()
    finish_edit(feed, row)


def restore_row(feed: Feed, correction: Correction) -> Any:
    """Insert a deleted row again with upstream's values."""
    row: Any = feed.model(source=correction.source)
    for name, value in (correction.upstream or {}).items():
        setattr(row, name, from_json_value(field_by_attname(feed.model, name), value))
    feed.fill_initially(row, scope_of(row))
    row.save(force_insert=True)
    return row


def find_row(feed: Feed, key: dict[str, Any]) -> Any:
    """The stored row with this key, given in JSON's types; None when there is none."""
    values = {name: from_json_value(field_by_attname(feed.model, name), value) for name, value in key.items()}
    return feed.model._default_manager.filter(**values).first()
