"""Write the rows of a mapping: create, update and delete, as fast as each database allows."""

from collections.abc import Iterable, Sequence
from datetime import UTC
from itertools import chain
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone
from msgspec import UNSET

from mirror import versions
from mirror.fields import JSONText
from mirror.mapping import Mapping, getter

BATCH_ROWS = 2_000  # rows that one statement deletes
COPY_MIN_ROWS = 100  # fewer rows are written faster by INSERT than by PostgreSQL's COPY

Columns = dict[str, Sequence]  # by attribute: the value in each row


def finish_write(mapping: Mapping, scope: dict[str, Any], *, source: str) -> None:
    """Give the piece a new version and update what depends on it; call it in the transaction that wrote rows of the piece."""
    versions.touch(mapping.collection, scope.get("session_key"))
    mapping.after_write(scope, source=source)


def create(mapping: Mapping, rows: list, fields: tuple[str, ...], *, scope: dict[str, Any], source: str) -> None:
    """Insert rows in the order upstream sent them, so that primary keys grow in it."""
    if rows:
        names = mapping.key + fields
        columns = make_columns(names, map(getter(names), rows))
        upsert(mapping, columns | mapping.initial_columns(rows, scope), fields, source=source)


def update(mapping: Mapping, rows: list[tuple], fields: tuple[str, ...], *, source: str) -> None:
    """Write `fields` of rows given as key + values; other columns (source, driver, FastF1's columns) keep their value."""
    if rows:
        upsert(mapping, make_columns(mapping.key + fields, rows), fields, source=source)


def make_columns(names: tuple[str, ...], rows: Iterable[tuple]) -> Columns:
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def upsert(mapping: Mapping, columns: Columns, fields: tuple[str, ...], *, source: str) -> None:
    """Insert rows, or overwrite `fields` of the row with the same key, so that two syncs at the same time do no harm.

    A field without a column, and an UNSET value, get the default. The statements are those that each database runs fastest:
    SQLite, where one costs no round trip, runs a prepared one for every row; PostgreSQL copies many rows into a temporary table.
    """
    fields = (*fields, "changed_at")
    values = complete_columns(mapping, columns, source=source)
    count = len(next(iter(values)))
    rows = zip(*values, strict=True)
    marks = f"({', '.join(['%s'] * len(values))})"
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.executemany(upsert_sql(mapping, f"VALUES {marks}", fields), list(rows))
        elif count < COPY_MIN_ROWS:
            cursor.execute(upsert_sql(mapping, f"VALUES {', '.join([marks] * count)}", fields), [*chain.from_iterable(rows)])
        else:
            upsert_by_copy(cursor, mapping, rows, fields)


def upsert_by_copy(cursor: Any, mapping: Mapping, rows: Iterable[tuple], fields: tuple[str, ...]) -> None:
    """Upsert by COPY into a temporary table and one INSERT from there."""
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in inserted_fields(mapping))
    table, staging = quote(mapping.model._meta.db_table), quote(f"staged_{mapping.model._meta.db_table}")
    with transaction.atomic(savepoint=False):
        cursor.execute(f"CREATE TEMPORARY TABLE {staging} AS SELECT {names} FROM {table} WITH NO DATA")  # noqa: S608 - no input
        with connection.wrap_database_errors, cursor.copy(f"COPY {staging} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(upsert_sql(mapping, f"SELECT * FROM {staging} ORDER BY ctid", fields))  # noqa: S608 - no input
        cursor.execute(f"DROP TABLE {staging}")


def upsert_sql(mapping: Mapping, source: str, fields: tuple[str, ...]) -> str:
    """The statement that inserts all columns from `source`, or overwrites `fields` of the row with the same key."""
    quote = connection.ops.quote_name
    column = {field.attname: quote(str(field.column)) for field in inserted_fields(mapping)}
    key = ", ".join(column[name] for name in mapping.key)
    assignments = ", ".join(f"{column[name]} = EXCLUDED.{column[name]}" for name in fields)
    return (
        f"INSERT INTO {quote(mapping.model._meta.db_table)} ({', '.join(column.values())}) {source} "
        f"ON CONFLICT ({key}) DO UPDATE SET {assignments}"
    )


def inserted_fields(mapping: Mapping) -> list[models.Field]:
    """The fields that an INSERT gives; the database numbers automatic keys itself."""
    return [field for field in mapping.model._meta.concrete_fields if not isinstance(field, models.AutoField)]


def complete_columns(mapping: Mapping, columns: Columns, *, source: str) -> list[Sequence]:
    """A column for every field that an INSERT gives, with values as the database takes them."""
    count = len(next(iter(columns.values())))
    own = {"source": source, "changed_at": timezone.now()}
    complete: list[Sequence] = []
    for field in inserted_fields(mapping):
        default = own.get(field.attname, field.get_default())
        values = columns.get(field.attname) or [default] * count
        if UNSET in values:
            values = [default if value is UNSET else value for value in values]
        complete.append(prepare_column(field, values))
    return complete


def prepare_column(field: models.Field, values: Sequence) -> Sequence:
    """A field's values as the database takes them; numbers and texts are that already."""
    if isinstance(field, models.DateTimeField) and connection.vendor == "sqlite":  # as Django writes them: in UTC, without offset
        return [value and value.astimezone(UTC).isoformat(" ")[:-6] for value in values]
    if isinstance(field, JSONText):
        return [field.get_prep_value(value) for value in values]
    return values


def delete(mapping: Mapping, keys: list[tuple], rows: models.QuerySet) -> None:
    """Delete those of `rows` that have one of the keys."""
    if not keys:
        return
    deleted = set(keys)
    pks = [pk for pk, *key in rows.order_by().values_list("pk", *mapping.key) if tuple(key) in deleted]
    for start in range(0, len(pks), BATCH_ROWS):
        mapping.model._default_manager.filter(pk__in=pks[start : start + BATCH_ROWS]).delete()
