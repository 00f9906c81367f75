"""Corrections: what people changed by hand on synced rows, kept against every later sync.

`edit` and `delete` are what the admin and REST call instead of `save()` and `delete()`; `overlay` is what a sync calls between
validating upstream's rows and comparing them with the stored ones, so that a corrected value compares as itself.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from django.db import connection, models, transaction
from msgspec import UNSET

from mirror.feeds import Feed, expected
from mirror.models import Correction, Mirrored, Source


def feed_of(model: type[models.Model]) -> Feed:
    """The feed that knows a model's key and fields."""
    return Feed.by_model[model]


def feed_named(collection: str) -> Feed:
    return next(feed for feed in Feed.by_model.values() if feed.collection == collection)


def plain(value: Any) -> Any:
    """A field's value in JSON's terms, as corrections keep it."""
    return msgspec.to_builtins(value)


def native(field: models.Field, value: Any) -> Any:
    """The way back: only moments are not themselves in JSON."""
    return field.to_python(value) if isinstance(field, models.DateTimeField) and value is not None else value


def checked(feed: Feed, name: str, value: Any) -> Any:
    """A value from outside as its field takes it; msgspec.ValidationError where it does not."""
    return msgspec.convert(value, expected(attname_field(feed.model, name)))


def key_of(feed: Feed, row: Any) -> dict[str, Any]:
    """What identifies a row or an instance, by field, in JSON's terms."""
    return plain(dict(zip(feed.key, feed.key_of(row), strict=True)))


def values_of(feed: Feed, row: Any) -> dict[str, Any]:
    return {name: plain(getattr(row, name)) for name in feed.fields}


# --- by hand ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def edit(instance: Mirrored, *, user, reason: str = "", fields: Iterable[str] | None = None) -> None:
    """Save an instance a person made or changed. On a synced row every changed field of upstream's becomes a correction.

    `fields` are the names of those the person set, where that is known: all others take the value that is stored by now, so
    that what a sync or somebody else changed meanwhile is neither lost nor taken for a correction. A changed key makes it
    another row: the old one is kept away as if deleted, and what is saved counts as made by hand. So does a computed row once
    a person has changed it.
    """
    feed = feed_of(type(instance))
    new = instance._state.adding
    before = None if new else type(instance)._default_manager.select_for_update().filter(pk=instance.pk).first()
    if before is not None:
        keep_others(before, instance, fields)
        if not is_changed(before, instance):
            return
    if feed.computed:
        instance.source = Source.MANUAL
    moved = before is not None and is_moved(feed, before, instance)
    if before is None or moved or before.source == Source.MANUAL:
        feed.derive([instance])
        feed.before_create([instance], scope_of(instance))
    else:
        feed.derive_again(instance)
    if before and before.source != Source.MANUAL and not feed.computed:
        if moved:
            keep_away(feed, before, user=user, reason=reason)
            instance.source = Source.MANUAL
        else:
            correct_changed(feed, before, instance, user=user, reason=reason)
    instance.save(force_insert=new)
    settle(feed, instance, before)


def keep_others(before: Mirrored, after: Mirrored, fields: Iterable[str] | None) -> None:
    """Give all but `fields` the value that is stored."""
    if fields is not None:
        edited = set(fields)
        for field in after._meta.concrete_fields:
            if not edited & {field.name, field.attname}:
                setattr(after, field.attname, getattr(before, field.attname))


def is_changed(before: Mirrored, after: Mirrored) -> bool:
    return any(getattr(before, field.attname) != getattr(after, field.attname) for field in after._meta.concrete_fields)


def is_moved(feed: Feed, before: Mirrored, after: Mirrored) -> bool:
    """Whether an edit changed what identifies the row; keys computed from it do not count."""
    return any(getattr(before, name) != getattr(after, name) for name in feed.key if name not in feed.derived)


def scope_of(row: Any) -> dict[str, Any]:
    """The piece a row belongs to, in OpenF1's names, and the car and the person it is about."""
    names = {"session_key": "session_id", "driver_number": "driver_number", "driver_id": "driver_id"}
    return {name: getattr(row, attribute) for name, attribute in names.items() if hasattr(row, attribute)}


def settle(feed: Feed, *rows: Any) -> None:
    """Bring up to date what depends on rows as they were and as they are."""
    scopes = {tuple(scope_of(row).items()): row.source for row in rows if row is not None}
    for scope, source in scopes.items():
        feed.written(dict(scope), source=source)


def correct_changed(feed: Feed, before: Mirrored, after: Mirrored, *, user, reason: str) -> None:
    for name in feed.sent:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            correct(feed, before, name, plain(old), plain(new), user=user, reason=reason)


def correct(feed: Feed, row: Mirrored, name: str, old: Any, new: Any, *, user, reason: str) -> None:
    """Keep that `name` is `new` where upstream says `old`; going back to upstream's value takes the correction away."""
    where = {"collection": feed.collection, "key": key_of(feed, row), "field": name}
    known = Correction.objects.filter(**where).first()
    if known and known.upstream == new:
        known.delete()
        return
    known = known or Correction(**where, upstream=old, session_id=getattr(row, "session_id", None), source=row.source)
    known.corrected, known.state, known.user = new, Correction.State.HOLDS, user
    known.reason = reason or known.reason
    known.save()


@transaction.atomic
def delete(instance: Mirrored, *, user, reason: str = "") -> None:
    """Delete a row for good: a synced one stays away at every later sync, and can be brought back."""
    feed = feed_of(type(instance))
    if instance.source != Source.MANUAL and not feed.computed:
        keep_away(feed, instance, user=user, reason=reason)
    instance.delete()
    settle(feed, instance)


def keep_away(feed: Feed, row: Mirrored, *, user, reason: str) -> None:
    """Note that a stored row should not come back; what was corrected on it is forgotten for upstream's own values."""
    where = {"collection": feed.collection, "key": key_of(feed, row)}
    values = values_of(feed, row) | dict(Correction.objects.filter(**where).exclude(field="").values_list("field", "upstream"))
    Correction.objects.filter(**where).delete()
    session = getattr(row, "session_id", None)
    Correction.objects.create(**where, upstream=values, session_id=session, source=row.source, user=user, reason=reason)


# --- decisions -------------------------------------------------------------------------------------------------------


def keep_mine(correction: Correction) -> None:
    """The person's value stands, whatever upstream said so far."""
    correction.state = Correction.State.HOLDS
    correction.save(update_fields=["state", "updated_at"])


@transaction.atomic
def take_upstreams(correction: Correction) -> None:
    """Upstream's value replaces the corrected one, and a deleted row comes back; the correction is gone."""
    feed = feed_named(correction.collection)
    if correction.field:
        row = stored_row(feed, correction)
        if row:
            setattr(row, correction.field, native(attname_field(feed.model, correction.field), correction.upstream))
            feed.derive_again(row)
            row.save()
    else:
        upstream = correction.upstream or {}
        row = feed.model(source=correction.source)
        for name, value in upstream.items():
            setattr(row, name, native(attname_field(feed.model, name), value))
        feed.before_create([row], scope_of(row))
        row.save(force_insert=True)
    correction.delete()
    settle(feed, row)


def stored_row(feed: Feed, correction: Any) -> Any:
    """The row a correction is about, or None when it is no longer there."""
    key = {name: native(attname_field(feed.model, name), value) for name, value in correction.key.items()}
    return feed.model._default_manager.filter(**key).first()


def attname_field(model: type[models.Model], attname: str) -> models.Field:
    return next(field for field in model._meta.concrete_fields if field.attname == attname)


# --- by a sync -------------------------------------------------------------------------------------------------------


def of_piece(feed: Feed, scope: dict[str, Any]) -> list[Correction]:
    """The corrections that can concern a piece: of its session, or of the whole collection for lists."""
    found = Correction.objects.filter(collection=feed.collection)
    if "session_key" not in scope:
        return list(found)
    return list(found.filter(session_id=scope["session_key"])) if is_corrected(feed.collection, scope["session_key"]) else []


def is_corrected(collection: str, session_id: int) -> bool:
    """Whether a piece has corrections. Asked of every piece, hence in SQL: the ORM would take ten times as long to ask it."""
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(Correction._meta.db_table)
        condition = "collection = %s AND session_id = %s"
        cursor.execute(f"SELECT 1 FROM {table} WHERE {condition} LIMIT 1", [collection, session_id])  # noqa: S608 - no input
        return cursor.fetchone() is not None


def deleted_keys(collection: str) -> list[dict[str, Any]]:
    """The keys of the rows that people deleted."""
    return list(Correction.objects.filter(collection=collection, field="").values_list("key", flat=True))


def overlay(feed: Feed, incoming: dict[tuple, Any], corrections: Iterable[Correction]) -> tuple[list[Correction], set[tuple]]:
    """Put the corrected values into upstream's rows and take deleted rows out of `incoming`.

    Returns the corrections to which upstream says something new, which makes them a conflict or obsolete, and the keys of the
    rows taken out.
    """
    by_key = {tuple(plain(list(key))): key for key in incoming}
    heard, taken_out = [], set()
    for correction in corrections:
        key = by_key.get(tuple(correction.key[name] for name in feed.key))
        if key is None:
            continue
        row = incoming[key]
        if correction.field:
            news = getattr(row, correction.field)
            if news is not UNSET:
                setattr(row, correction.field, native(attname_field(feed.model, correction.field), correction.corrected))
        else:
            news = {**(correction.upstream or {}), **{n: v for n in feed.fields if (v := getattr(row, n)) is not UNSET}}
            taken_out.add(key)
        if news is not UNSET and correction.hear(plain(news)):
            heard.append(correction)
    for key in taken_out:
        del incoming[key]
    for correction in corrections:
        if correction.field and (key := by_key.get(tuple(correction.key[name] for name in feed.key))) in incoming:
            feed.derive_again(incoming[key])
    return heard, taken_out


def about(feed: Feed, keys: Iterable[tuple], corrections: Iterable[Correction]) -> set[tuple]:
    """Those of `keys` that a correction is about."""
    corrected = {tuple(correction.key[name] for name in feed.key) for correction in corrections}
    return {key for key in keys if tuple(plain(list(key))) in corrected}
