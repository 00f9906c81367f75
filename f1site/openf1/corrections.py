"""Corrections: what people changed by hand on synced rows, kept against every later sync.

`edit` and `delete` are what the admin and REST call instead of `save()` and `delete()`; `overlay` is what a sync calls between
validating upstream's rows and comparing them with the stored ones, so that a corrected value compares as itself.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from django.db import models, transaction

from f1site.openf1.feeds import Feed
from f1site.openf1.models import Correction, Mirrored, Source


def feed_of(model: type[models.Model]) -> Feed | None:
    """The feed that writes a model's rows; None for models that upstream knows nothing of."""
    return Feed.by_model.get(model)


def plain(value: Any) -> Any:
    """A field's value in JSON's terms, as corrections keep it."""
    return msgspec.to_builtins(value)


def native(field: models.Field, value: Any) -> Any:
    """The way back: only moments are not themselves in JSON."""
    return field.to_python(value) if isinstance(field, models.DateTimeField) and value is not None else value


def key_of(feed: Feed, row: Any) -> dict[str, Any]:
    """What identifies a row or an instance, by field, in JSON's terms."""
    return plain(dict(zip(feed.key, feed.key_of(row), strict=True)))


def values_of(feed: Feed, row: Any) -> dict[str, Any]:
    return {name: plain(getattr(row, name)) for name in feed.fields}


# --- by hand ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def edit(instance: Mirrored, *, user, reason: str = "") -> None:
    """Save an instance a person changed. On a synced row every changed field of upstream's becomes a correction.

    A changed key makes it another row: the old one is kept away as if deleted, and what is saved counts as made by hand.
    """
    feed = feed_of(type(instance))
    before = type(instance)._default_manager.select_for_update().filter(pk=instance.pk).first()
    if feed and before and before.source != Source.MANUAL:
        feed.derive_edited(instance)
        if key_of(feed, before) != key_of(feed, instance):
            keep_away(feed, before, user=user, reason=reason)
            instance.source = Source.MANUAL
        else:
            for field in feed.columns:
                old, new = getattr(before, field.attname), getattr(instance, field.attname)
                if old != new:
                    correct(feed, before, field.attname, plain(old), plain(new), user=user, reason=reason)
    elif feed:
        feed.derive([instance])
    instance.save()
    if feed:
        feed.after_edit(instance, before)


def correct(feed: Feed, row: Mirrored, name: str, old: Any, new: Any, *, user, reason: str) -> None:
    """Keep that `name` is `new` where upstream says `old`; going back to upstream's value takes the correction away."""
    where = {"collection": feed.collection, "key": key_of(feed, row), "field": name}
    known = Correction.objects.filter(**where).first()
    if known and known.upstream == new:
        known.delete()
        return
    known = known or Correction(**where, upstream=old, session_id=getattr(row, "session_id", None))
    known.corrected, known.state, known.user = new, Correction.State.HOLDS, user
    known.reason = reason or known.reason
    known.save()


@transaction.atomic
def delete(instance: Mirrored, *, user, reason: str = "") -> None:
    """Delete a row for good: a synced one stays away at every later sync, and can be brought back."""
    feed = feed_of(type(instance))
    if feed and instance.source != Source.MANUAL:
        keep_away(feed, instance, user=user, reason=reason)
    instance.delete()
    if feed:
        feed.after_edit(None, instance)


def keep_away(feed: Feed, row: Mirrored, *, user, reason: str) -> None:
    """Note that a stored row should not come back; what was corrected on it is forgotten for upstream's own values."""
    where = {"collection": feed.collection, "key": key_of(feed, row)}
    values = values_of(feed, row) | dict(Correction.objects.filter(**where).exclude(field="").values_list("field", "upstream"))
    Correction.objects.filter(**where).delete()
    Correction.objects.create(**where, upstream=values, session_id=getattr(row, "session_id", None), user=user, reason=reason)


# --- decisions -------------------------------------------------------------------------------------------------------


def keep_mine(correction: Correction) -> None:
    """The person's value stands, whatever upstream said so far."""
    correction.state = Correction.State.HOLDS
    correction.save(update_fields=["state", "updated_at"])


@transaction.atomic
def take_upstreams(correction: Correction) -> None:
    """Upstream's value replaces the corrected one, and a deleted row comes back; the correction is gone."""
    feed = next(feed for feed in Feed.by_model.values() if feed.collection == correction.collection)
    meta = feed.model._meta
    if correction.field:
        row = stored_row(feed, correction)
        if row:
            setattr(row, correction.field, native(meta.get_field(correction.field), correction.upstream))
            feed.derive_edited(row)
            row.save()
    else:
        values = {name: native(attname_field(feed.model, name), value) for name, value in correction.upstream.items()}
        row = feed.model(**values, source=Source.OPENF1)
        feed.before_create([row], {"session_key": correction.session_id})
        row.save(force_insert=True)
    correction.delete()
    if row:
        feed.after_edit(row, row)


def stored_row(feed: Feed, correction: Correction) -> Any:
    """The row a correction is about, or None when it is no longer there."""
    key = {name: native(attname_field(feed.model, name), value) for name, value in correction.key.items()}
    return feed.model._default_manager.filter(**key).first()


def attname_field(model: type[models.Model], attname: str) -> models.Field:
    return next(field for field in model._meta.concrete_fields if field.attname == attname)


# --- by a sync -------------------------------------------------------------------------------------------------------


def of_piece(feed: Feed, scope: dict[str, Any]) -> list[Correction]:
    """The corrections that can concern a piece: of its session, or of the whole collection for lists."""
    found = Correction.objects.filter(collection=feed.collection)
    return list(found.filter(session_id=scope["session_key"]) if "session_key" in scope else found)


def overlay(feed: Feed, incoming: dict[tuple, Any], corrections: Iterable[Correction]) -> list[Correction]:
    """Put the corrected values into upstream's rows and take deleted rows out; returns the corrections that heard news.

    Each correction notes what upstream says now, and becomes a conflict or obsolete by it.
    """
    by_key = {tuple(plain(list(key))): key for key in incoming} if corrections else {}
    heard = []
    for correction in corrections:
        key = by_key.get(tuple(correction.key[name] for name in feed.key))
        row = incoming.get(key) if key is not None else None
        if row is None:
            continue
        if not correction.field:
            news = {name: value for name, value in values_of(feed, row).items() if value is not msgspec.UNSET}
            del incoming[key]
        else:
            news = plain(getattr(row, correction.field))
            if news is not msgspec.UNSET:
                corrected = native(attname_field(feed.model, correction.field), correction.corrected)
                setattr(row, correction.field, corrected)
        if news is not msgspec.UNSET and correction.hear(news):
            heard.append(correction)
    return heard
