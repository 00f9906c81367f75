"""Insert or overwrite rows, given column by column, with the statements that each database runs fastest.

SQLite, where a statement costs no round trip, runs a prepared one for every row. PostgreSQL gets few rows in one statement, and
many by COPY into a temporary table. Model instances and Django's compiler would take as long again as the database.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from itertools import chain
from typing import Any

from django.db import connection, models, transaction
from msgspec import UNSET

from mirror.fields import JSONText

COPY_MIN_ROWS = 100  # fewer rows are written faster by INSERT than by PostgreSQL's COPY

Columns = Mapping[str, Sequence]  # by attribute: the value in each row
Names = Sequence[str]


def upsert(
    model: type[models.Model], columns: Columns, *, key: Names = (), fields: Names = (), defaults: Mapping[str, Any] | None = None
) -> None:
    """Insert rows, or overwrite `fields` of those whose unique `key` is stored; without a key all are inserted.

    Where a column or a value (UNSET) is missing it is the one of `defaults`, else the model's default.
    """
    values = complete_columns(model, columns, defaults or {})
    rows = zip(*values, strict=True)
    marks = f"({', '.join(['%s'] * len(values))})"
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.executemany(upsert_sql(model, f"VALUES {marks}", key, fields), list(rows))
        elif len(values[0]) < COPY_MIN_ROWS:
            source = f"VALUES {', '.join([marks] * len(values[0]))}"
            cursor.execute(upsert_sql(model, source, key, fields), list(chain.from_iterable(rows)))
        else:
            copy_and_insert(cursor, model, rows, key, fields)


def copy_and_insert(cursor: Any, model: type[models.Model], rows: Iterable[tuple], key: Names, fields: Names) -> None:
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in inserted_fields(model))
    table, staging = quote(model._meta.db_table), quote(f"staged_{model._meta.db_table}")
    with transaction.atomic(savepoint=False):
        cursor.execute(f"CREATE TEMPORARY TABLE {staging} AS SELECT {names} FROM {table} WITH NO DATA")  # noqa: S608 - no input
        with connection.wrap_database_errors, cursor.copy(f"COPY {staging} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(upsert_sql(model, f"SELECT * FROM {staging} ORDER BY ctid", key, fields))  # noqa: S608 - no input
        cursor.execute(f"DROP TABLE {staging}")


def upsert_sql(model: type[models.Model], source: str, key: Names, fields: Names) -> str:
    """The statement that inserts all columns from `source`, or overwrites `fields` of the row with the same key."""
    quote = connection.ops.quote_name
    column = {field.attname: quote(str(field.column)) for field in inserted_fields(model)}
    insert = f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(column.values())}) {source}"
    if not key:
        return insert
    assignments = ", ".join(f"{column[name]} = EXCLUDED.{column[name]}" for name in fields)
    return f"{insert} ON CONFLICT ({', '.join(column[name] for name in key)}) DO UPDATE SET {assignments}"


def inserted_fields(model: type[models.Model]) -> list[models.Field]:
    """The fields that an INSERT gives; the database numbers automatic keys itself."""
    return [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]


def complete_columns(model: type[models.Model], columns: Columns, defaults: Mapping[str, Any]) -> list[Sequence]:
    """A column for every field that an INSERT gives, with values as the database takes them."""
    count = len(next(iter(columns.values())))
    complete: list[Sequence] = []
    for field in inserted_fields(model):
        name = field.attname
        default = defaults[name] if name in defaults else field.get_default()
        values = columns[name] if name in columns else [default] * count
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
    if isinstance(field, models.JSONField):
        return [field.get_db_prep_save(value, connection) for value in values]
    return values
