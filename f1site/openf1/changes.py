"""Compare what upstream sends with what is stored, and write only the difference. Knows nothing of Formula 1 or HTTP."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db import models

from f1site.openf1.feeds import Feed, getter
from f1site.openf1.models import Source

LOGGED = 1_000  # changed rows a piece describes in full; the counts are always exact
BATCH = 2_000  # rows a statement writes


@dataclass
class Changes:
    """What became of the rows of one piece."""

    counts: Counter = field(default_factory=Counter)  # by the names in models.Counts.NAMES
    log: list[dict] = field(
        default_factory=list
    )  # {"key": {...}, "fields": {name: [old, new]}} and {"key": {...}, "vanished": true}
    rejects: list[tuple[dict, str]] = field(default_factory=list)  # (row as sent, reason)

    @property
    def wrote(self) -> bool:
        return any(self.counts[name] for name in ("created", "updated", "pruned"))


def apply(feed: Feed, rows: list[dict], scope: dict[str, Any], *, source: str, prune=False, write=True) -> Changes:
    """Make the stored rows of `scope` equal to `rows`, upstream's answer for it.

    Rows made by hand are left alone. Fields that upstream no longer sends keep their stored value. Vanished rows are kept unless
    `prune`, and an answer without any row prunes nothing: that is an upstream without data, not an empty session.
    With `write` false everything is counted and nothing is stored.
    """
    changes = Changes()
    built, changes.rejects = feed.build(rows)
    incoming = {feed.key_of(row): row for row in built}
    fields, ragged = sent_fields(feed, built)
    stored = read_stored(feed, scope, fields)
    values_of, new, changed = getter(fields), [], []
    unchanged = 0
    for key, row in incoming.items():
        known = stored.pop(key, None)
        if known is None:
            new.append(row)
            continue
        *old, origin = known
        values = values_of(row)
        if ragged:
            values = tuple(o if v is msgspec.UNSET else v for o, v in zip(old, values, strict=True))
        if origin == Source.MANUAL or tuple(old) == values:
            unchanged += 1
        else:
            changed.append((key, row))
            if len(changes.log) < LOGGED:
                different = {n: [o, v] for n, o, v in zip(fields, old, values, strict=True) if o != v}
                changes.log.append({"key": named(feed, key), "fields": msgspec.to_builtins(different)})
    vanished = [key for key, (*_, origin) in stored.items() if origin == source]
    changes.log += [{"key": named(feed, key), "vanished": True} for key in vanished[:LOGGED]]
    changes.counts.update(
        created=len(new), updated=len(changed), unchanged=unchanged, vanished=len(vanished),
        rejected=len(changes.rejects), folded=len(built) - len(incoming),
    )  # fmt: skip
    prune = prune and bool(rows)
    changes.counts["pruned"] = len(vanished) if prune else 0
    if write:
        create(feed, new, scope, source=source)
        update(feed, changed, fields)
        if prune:
            delete(feed, vanished, scope)
        if changes.wrote:
            feed.after_write(scope, source=source)
    return changes


def sent_fields(feed: Feed, built: list) -> tuple[tuple[str, ...], bool]:
    """(fields outside the key that at least one row carries, whether some row lacks one of them)."""
    optional = [f.attname for f in feed.columns if f.attname not in feed.key and (f.null or f.has_default())]
    lacking = {name: sum(getattr(row, name) is msgspec.UNSET for row in built) for name in optional}
    absent = {name for name, count in lacking.items() if count == len(built)}
    fields = tuple(name for name in feed.fields if name not in feed.key and name not in absent)
    return fields, any(lacking[name] for name in optional if name not in absent)


def read_stored(feed: Feed, scope: dict[str, Any], fields: tuple[str, ...]) -> dict[tuple, tuple]:
    """{key: (value of each field …, source)} of what is stored of the scope, in one query."""
    width = len(feed.key)
    rows = feed.stored(scope).order_by().values_list(*feed.key, *fields, "source")
    return {row[:width]: row[width:] for row in rows.iterator(chunk_size=BATCH)}


def named(feed: Feed, key: tuple) -> dict[str, Any]:
    return msgspec.to_builtins(dict(zip(feed.key, key, strict=True)))


def instance(feed: Feed, row, **more) -> models.Model:
    values = {name: value for name in feed.fields if (value := getattr(row, name)) is not msgspec.UNSET}
    return feed.model(**values, **more)


def create(feed: Feed, rows: list, scope: dict[str, Any], *, source: str) -> None:
    if not rows:
        return
    instances = [instance(feed, row, source=source) for row in rows]
    feed.before_create(instances, scope)
    upsert(feed, instances, tuple(name for name in feed.fields if name not in feed.key))


def update(feed: Feed, changed: list[tuple[tuple, Any]], fields: tuple[str, ...]) -> None:
    """Write the fields upstream sends; all else on the stored rows (source, driver, FastF1's columns) stays."""
    if changed:
        upsert(feed, [instance(feed, row) for _, row in changed], fields)


def upsert(feed: Feed, instances: list[models.Model], fields: tuple[str, ...]) -> None:
    """Insert, or overwrite `fields` of the row with the same key: a second sync at the same time does no harm."""
    feed.model._default_manager.bulk_create(
        instances, batch_size=BATCH, update_conflicts=True, unique_fields=feed.key, update_fields=(*fields, "changed_at")
    )


def delete(feed: Feed, keys: list[tuple], scope: dict[str, Any]) -> None:
    for key in keys:
        feed.model._default_manager.filter(**dict(zip(feed.key, key, strict=True))).delete()
