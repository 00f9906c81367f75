"""Compare what upstream sends with what is stored, and write only the difference. Knows nothing of Formula 1 or HTTP."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

import msgspec
from django.db import connection, models, transaction
from django.utils import timezone
from msgspec import UNSET

from mirror import corrections
from mirror.feeds import Feed, getter
from mirror.models import Correction, Source

LOGGED = 1_000  # changed rows a piece describes in full; the counts are always exact
BATCH = 2_000  # rows a statement writes
COPIED = 100  # rows from which on PostgreSQL's COPY pays


@dataclass
class Changes:
    """What became of the rows of one piece."""

    counts: Counter = field(default_factory=Counter)  # by the names in models.Counts.NAMES
    log: list[dict] = field(default_factory=list)  # {"key": …, "fields": {name: [old, new]}} or {"key": …, "vanished": true}
    rejects: list[tuple[dict, str]] = field(default_factory=list)  # (row as sent, reason)
    kept_away: set[tuple] = field(default_factory=set)  # keys of rows that a person deleted

    @property
    def wrote(self) -> bool:
        return any(self.counts[name] for name in ("created", "updated", "pruned"))

    def note(self, feed: Feed, fields: tuple[str, ...], changed: list[tuple], vanished: list[tuple]) -> None:
        """Describe changed rows, given as (key, old values, new values), and keys that vanished."""
        for key, old, new in changed[:LOGGED]:
            different = {name: [o, n] for name, o, n in zip(fields, old, new, strict=True) if o != n}
            self.log.append({"key": named(feed, key), "fields": msgspec.to_builtins(different)})
        self.log += [{"key": named(feed, key), "vanished": True} for key in vanished[:LOGGED]]


def apply(feed: Feed, rows: list[dict], scope: dict[str, Any], *, source: str, prune=False, write=True) -> Changes:
    """Make the stored rows of `scope` equal to `rows`, upstream's answer for it.

    Rows made by hand are left alone, and so is what people corrected. Fields that upstream no longer sends keep their stored
    value. Vanished rows are kept unless `prune`; and neither an answer without any row prunes (that is an upstream without data,
    not an empty session) nor one with invalid rows (they may be the ones that seem to have vanished). With `write` false all is
    counted and nothing is stored.
    """
    changes = Changes()
    built, changes.rejects = feed.build(rows)
    prune = prune and bool(built) and not changes.rejects
    incoming = unique(feed, built, rows, changes)
    fields = sent_fields(feed, built)
    corrected = corrections.of_piece(feed, scope)
    heard, changes.kept_away = corrections.overlay(feed, incoming, corrected) if corrected else ([], set())
    stored = read_stored(feed, scope, fields)
    new = [row for key, row in incoming.items() if key not in stored]
    changed = list(differing(incoming, stored, getter(fields)))
    vanished = [key for key, known in stored.items() if key not in incoming and known[-1] == source]
    kept = vanished if not prune else corrections.about(feed, vanished, corrected)
    changes.note(feed, fields, changed, vanished)
    changes.counts.update(
        created=len(new),
        updated=len(changed),
        unchanged=len(incoming) + len(changes.kept_away) - len(new) - len(changed),
        vanished=len(vanished),
        pruned=len(vanished) - len(kept),
        rejected=len(changes.rejects),
    )
    if write:
        create(feed, new, fields, scope=scope, source=source)
        update(feed, [key + values for key, _, values in changed], fields, source=source)
        if changes.counts["pruned"]:
            delete(feed, [key for key in vanished if key not in kept], scope)
        if heard:
            Correction.objects.bulk_update(heard, ["upstream", "state", "updated_at"])
        if changes.wrote:
            feed.written(scope, source=source)
    return changes


def unique(feed: Feed, built: list, rows: list[dict], changes: Changes) -> dict[tuple, Any]:
    """{key: row}; of rows with one key the last, as upstream itself would have it.

    Those before it are folded when they say the same, and otherwise rejected, so that what they said is on record.
    """
    incoming = dict(zip(map(feed.key_of, built), built, strict=True))
    if len(incoming) == len(built):
        return incoming
    refused = {id(row) for row, _ in changes.rejects}
    as_sent = [row for row in rows if id(row) not in refused]
    for row, sent in zip(built, as_sent, strict=True):
        last = incoming[feed.key_of(row)]
        if row is last:
            continue
        if row == last:
            changes.counts["folded"] += 1
        else:
            changes.rejects.append((sent, f"a later row of the same answer has the same key ({', '.join(feed.key)})"))
    return incoming


def sent_fields(feed: Feed, built: list) -> tuple[str, ...]:
    """The fields outside the key that at least one row carries."""
    columns = zip(*map(getter(feed.fields), built), strict=True)
    sent = [name for name, column in zip(feed.fields, columns, strict=False) if column.count(UNSET) < len(column)]
    return tuple(name for name in sent if name not in feed.key)


def differing(incoming: dict[tuple, Any], stored: dict[tuple, tuple], values_of: Callable) -> Iterator[tuple]:
    """(key, stored values, values to be) of the rows that upstream changed; what a row lacks stays as it is stored."""
    for key, row in incoming.items():
        known = stored.get(key)
        if known is None or known[-1] == Source.MANUAL:
            continue
        old, values = known[:-1], values_of(row)
        if old != values:
            values = tuple(o if v is UNSET else v for o, v in zip(old, values, strict=True))
            if old != values:
                yield key, old, values


def read_stored(feed: Feed, scope: dict[str, Any], fields: tuple[str, ...]) -> dict[tuple, tuple]:
    """{key: (value of each field …, source)} of what is stored of the scope, in one query."""
    width = len(feed.key)
    rows = feed.stored(scope).order_by().values_list(*feed.key, *fields, "source")
    return {row[:width]: row[width:] for row in rows}


def named(feed: Feed, key: tuple) -> dict[str, Any]:
    return msgspec.to_builtins(dict(zip(feed.key, key, strict=True)))


def maker(feed: Feed, names: tuple[str, ...], *, source: str) -> Callable[[Iterable], models.Model]:
    """A function from values of `names` to an instance; what is UNSET gets the model's default.

    Instances are made by position, which takes Django a third of the time it takes by name.
    """
    attributes = [field.attname for field in feed.model._meta.concrete_fields]
    blank = feed.model(source=source)
    defaults = [getattr(blank, name) for name in attributes]
    places = [attributes.index(name) for name in names]

    def make(values: Iterable) -> models.Model:
        filled = defaults.copy()
        for place, value in zip(places, values, strict=True):
            if value is not UNSET:
                filled[place] = value
        return feed.model(*filled)

    return make


def create(feed: Feed, rows: list, fields: tuple[str, ...], *, scope: dict[str, Any], source: str) -> None:
    """Insert rows in the order upstream sent them, so that primary keys grow in it."""
    if rows:
        names = feed.key + fields
        instances = list(map(maker(feed, names, source=source), map(getter(names), rows)))
        feed.before_create(instances, scope)
        upsert(feed, instances, fields)


def update(feed: Feed, rows: list[tuple], fields: tuple[str, ...], *, source: str) -> None:
    """Write `fields` of rows given as key and values; all else that is stored (source, driver, FastF1's columns) stays."""
    if rows:
        upsert(feed, list(map(maker(feed, feed.key + fields, source=source), rows)), fields)


def upsert(feed: Feed, instances: list[models.Model], fields: tuple[str, ...]) -> None:
    """Insert, or overwrite `fields` of the row with the same key: a second sync at the same time does no harm."""
    fields = (*fields, "changed_at")
    if connection.vendor == "sqlite":
        insert_many(feed, instances, fields)
    elif connection.vendor == "postgresql" and len(instances) >= COPIED:
        copy_many(feed, instances, fields)
    else:
        feed.model._default_manager.bulk_create(
            instances, batch_size=BATCH, update_conflicts=True, unique_fields=feed.key, update_fields=fields
        )


def insert_many(feed: Feed, instances: list[models.Model], fields: tuple[str, ...]) -> None:
    """`bulk_create` with one prepared statement: on SQLite, where a statement costs no round trip, twice as fast."""
    columns = stored_columns(feed)
    with connection.cursor() as cursor:
        cursor.executemany(insert(feed, f"VALUES ({', '.join(['%s'] * len(columns))})", fields), list(cells(columns, instances)))


def copy_many(feed: Feed, instances: list[models.Model], fields: tuple[str, ...]) -> None:
    """`bulk_create` by COPY into a temporary table and one INSERT from there: on PostgreSQL three times as fast."""
    columns, quote = stored_columns(feed), connection.ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in columns)
    table, staging = quote(feed.model._meta.db_table), quote(f"staged_{feed.model._meta.db_table}")
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {staging} AS SELECT {names} FROM {table} WITH NO DATA")  # noqa: S608 - no input
        with connection.wrap_database_errors, cursor.copy(f"COPY {staging} FROM STDIN") as copy:
            for row in cells(columns, instances):
                copy.write_row(row)
        cursor.execute(insert(feed, f"SELECT * FROM {staging} ORDER BY ctid", fields))  # noqa: S608 - no input
        cursor.execute(f"DROP TABLE {staging}")


def insert(feed: Feed, source: str, fields: tuple[str, ...]) -> str:
    """The statement that inserts all columns from `source`, or overwrites `fields` of the row with the same key."""
    quote = connection.ops.quote_name
    column = {field.attname: quote(str(field.column)) for field in stored_columns(feed)}
    key = ", ".join(column[name] for name in feed.key)
    news = ", ".join(f"{column[name]} = EXCLUDED.{column[name]}" for name in fields)
    return (
        f"INSERT INTO {quote(feed.model._meta.db_table)} ({', '.join(column.values())}) {source} "
        f"ON CONFLICT ({key}) DO UPDATE SET {news}"
    )


def stored_columns(feed: Feed) -> list[models.Field]:
    """What a statement gives; the database counts the rest."""
    return [field for field in feed.model._meta.concrete_fields if not isinstance(field, models.AutoField)]


def cells(columns: list[models.Field], instances: list[models.Model]) -> Iterator[tuple]:
    """The values of each row as the database takes them."""
    now = [timezone.now()] * len(instances)
    values = ([row.__dict__[field.attname] for row in instances] if field.name != "changed_at" else now for field in columns)
    return zip(*(prepared(field, column) for field, column in zip(columns, values, strict=True)), strict=True)


def prepared(field: models.Field, values: list) -> list:
    """A field's values as the database takes them; numbers and texts are that already."""
    if isinstance(field, models.DateTimeField) and connection.vendor == "sqlite":  # as Django writes them: UTC, without saying so
        return [value and str(value.astimezone(UTC).replace(tzinfo=None)) for value in values]
    if isinstance(field, models.TextField):
        return [field.get_prep_value(value) for value in values]
    return values


def delete(feed: Feed, keys: list[tuple], scope: dict[str, Any]) -> None:
    gone = set(keys)
    stored = feed.stored(scope).order_by().values_list("pk", *feed.key)
    pks = [pk for pk, *key in stored if tuple(key) in gone]
    for start in range(0, len(pks), BATCH):
        feed.model._default_manager.filter(pk__in=pks[start : start + BATCH]).delete()
