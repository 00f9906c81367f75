"""Edit and delete mirrored rows: what the admin and REST call instead of `save()` and `delete()`.

On a row that came from upstream every changed field, and a deletion, is stored as a `Correction`, which later syncs keep.
"""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from mirror.feeds import Feed, feed_of
from mirror.models import Correction, Mirrored, Source
from mirror.values import to_json_value
from mirror.writing import finish_write


@transaction.atomic
def edit(instance: Mirrored, *, user: Any, reason: str = "", fields: Iterable[str] | None = None) -> None:
    """Save an instance that a person made or changed; on a synced row every changed upstream field becomes a correction.

    `fields` names those that the person set, where that is known: all others take the value stored by now, so that what a sync
    or another person changed meanwhile is neither lost nor taken for a correction. A changed key makes it another row: the old
    one is treated as deleted, and the saved one as made by hand. A computed row also counts as made by hand once edited.
    """
    feed = feed_of(type(instance))
    feed.normalise_texts([instance])
    is_new = instance._state.adding
    before = None if is_new else type(instance)._default_manager.select_for_update(no_key=True).filter(pk=instance.pk).first()
    if before is not None:
        if fields is not None:
            restore_other_fields(before, instance, set(fields))
        if not is_changed(before, instance):
            return
        feed.before_edit(before, instance)
    if feed.computed:
        instance.source = Source.MANUAL
    moved = before is not None and is_key_changed(feed, before, instance)
    if before is None or moved or before.source == Source.MANUAL:
        feed.derive([instance])
        feed.fill_initially(instance, scope_of(instance))
    else:
        feed.derive_after_edit(instance)
    if before and before.source != Source.MANUAL and not feed.computed:
        if moved:
            record_deletion(feed, before, user=user, reason=reason)
            instance.source = Source.MANUAL
        else:
            correct_changed_fields(feed, before, instance, user=user, reason=reason)
    instance.save(force_insert=is_new)
    finish_edit(feed, instance, before)


@transaction.atomic
def delete(instance: Mirrored, *, user: Any, reason: str = "") -> None:
    """Delete a row. A synced row is not created again by later syncs, until `decisions.take_upstream` restores it."""
    feed = feed_of(type(instance))
    if instance.source != Source.MANUAL and not feed.computed:
        record_deletion(feed, instance, user=user, reason=reason)
    instance.delete()
    finish_edit(feed, instance)


def restore_other_fields(before: Mirrored, after: Mirrored, edited: set[str]) -> None:
    """Give all fields of `after` but the edited ones the value that is stored."""
    for field in after._meta.concrete_fields:
        if not edited & {field.name, field.attname}:
            setattr(after, field.attname, getattr(before, field.attname))


def is_changed(before: Mirrored, after: Mirrored) -> bool:
    return any(getattr(before, field.attname) != getattr(after, field.attname) for field in after._meta.concrete_fields)


def is_key_changed(feed: Feed, before: Mirrored, after: Mirrored) -> bool:
    """Whether an edit changed a field of the key; derived fields do not count."""
    return any(getattr(before, name) != getattr(after, name) for name in feed.key if name not in feed.derived)


def scope_of(row: Any) -> dict[str, Any]:
    """The scope of the piece that a row belongs to, in OpenF1's names, with the car and the driver it is about."""
    names = {"session_key": "session_id", "driver_number": "driver_number", "driver_id": "driver_id"}
    return {name: getattr(row, attribute) for name, attribute in names.items() if hasattr(row, attribute)}


def finish_edit(feed: Feed, *rows: Any) -> None:
    """Bring up to date what depends on the edited row, given as it was and as it is now."""
    scopes = {tuple(scope_of(row).items()): row.source for row in rows if row is not None}
    for scope, source in scopes.items():
        finish_write(feed, dict(scope), source=source)


def correct_changed_fields(feed: Feed, before: Mirrored, after: Mirrored, *, user: Any, reason: str) -> None:
    """Store a correction for every upstream field in which `after` differs from `before`."""
    for name in feed.column_names:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            correct_field(feed, before, name, to_json_value(old), to_json_value(new), user=user, reason=reason)


def correct_field(feed: Feed, row: Mirrored, name: str, old: Any, new: Any, *, user: Any, reason: str) -> None:
    """Store that `name` is `new` where upstream sent `old`; an edit back to upstream's value deletes the correction."""
    where = {"collection": feed.collection, "key": feed.json_key(feed.key_of(row)), "field": name}
    correction = Correction.objects.filter(**where).first()
    if correction and correction.upstream == new:
        correction.delete()
        return
    if correction is None:
        correction = Correction(**where, upstream=old, session_id=getattr(row, "session_id", None), source=row.source)
    correction.corrected, correction.state, correction.user = new, Correction.State.HOLDS, user
    correction.reason = reason or correction.reason
    correction.save()


def record_deletion(feed: Feed, row: Mirrored, *, user: Any, reason: str) -> None:
    """Store that a row was deleted, with upstream's values of its fields; corrections of single fields end with it."""
    where = {"collection": feed.collection, "key": feed.json_key(feed.key_of(row))}
    corrected = Correction.objects.filter(**where).exclude(field="").values_list("field", "upstream")
    values = {name: to_json_value(getattr(row, name)) for name in feed.fields} | dict(corrected)
    Correction.objects.filter(**where).delete()
    session_id = getattr(row, "session_id", None)
    Correction.objects.create(**where, upstream=values, session_id=session_id, source=row.source, user=user, reason=reason)
