"""The rows that answer a query: tuples straight from the database, without models, in OpenF1's order.

Datetimes come as OpenF1's text (`2023-09-15T13:08:19.923000+00:00`), booleans as 1 and 0, JSON values as their text. Python
touches no single row; `api.tables.converters` converts whole columns.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, IntegerField, Q, QuerySet, TextField
from django.db.models.expressions import OrderBy
from django.db.models.functions import Cast
from django.db.models.sql.compiler import SQLCompiler

from api.openf1 import compiled
from api.openf1.catalogue import Collection
from api.openf1.predicates import condition
from api.openf1.query import Query
from api.selecting import Included
from api.tables import spreadsheet
from api.tables.columns import Column
from api.tables.converters import stored_to_spreadsheet
from api.tables.writers import FORMATS, Chunk

CHUNK = 4_000  # rows read and written at once

Order = tuple[Column, bool]  # (column, descending)


class DatetimeText(Func):
    """A datetime as OpenF1 writes it: six digits of a second or none, always UTC."""

    output_field = TextField()

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> Any:  # stored as text: `2023-09-15 13:08:19.923000`
        return self.as_sql(compiler, connection, template="replace(%(expressions)s, ' ', 'T') || '+00:00'", **context)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        text = """to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')"""
        return self.as_sql(compiler, connection, template=f"replace({text}, '.000000', '') || '+00:00'", **context)


class JSONAsText(Func):
    """A JSON value's text, as stored."""

    output_field = TextField()
    template = "%(expressions)s"


def statement_of(query: Query) -> tuple[str, list[Any]] | None:
    """The SQL of a query and its parameters; None where no row can match."""
    conditions = condition(query.predicates) & edge(query)
    order = [*ordering(query)]
    names = [tuple(column.name for column in columns) for columns in (query.fields, *(each.columns for each in query.included))]
    question = (query.collection.name, *names, *((column.name, descending) for column, descending in order))
    found = compiled.statement(question, conditions, lambda: queryset_of(query, conditions, order))
    if found is None or query.limit == 0:
        return None
    sql, params = found
    last = None if query.limit is None else query.offset + query.limit
    return f"{sql} {connection.ops.limit_offset_sql(query.offset, last)}", params


def queryset_of(query: Query, conditions: Q, order: list[Order]) -> QuerySet:
    """The rows that meet the conditions, as a queryset of tuples with a value for each of `query.fields`."""
    rows = select_columns(query.collection, query.fields, query.included).filter(conditions)
    return rows.order_by(*(order_by(column, descending) for column, descending in order), "pk")


def edge(query: Query) -> Q:
    """Of all rows by an indexed column: the condition that leaves out what comes after the last row wanted.

    The index alone knows the value of that row. Without the condition databases sort the whole table, as the order goes on with
    columns that the index lacks.
    """
    if query.predicates or not query.order_by or not query.limit:
        return Q()
    model, (column, descending) = query.collection.model, query.order_by[0]
    if column.path not in {index.fields[0] for index in model._meta.indexes if index.fields}:
        return Q()
    last = query.offset + query.limit - 1
    values = model._default_manager.order_by(order_by(column, descending)).values_list(column.path, flat=True)
    found = list(values[last : last + 1])
    unknown = Q((f"{column.path}__isnull", True))
    if not found or (found[0] is None and descending):
        return Q()
    if descending:
        return Q((f"{column.path}__gte", found[0]))
    return unknown if found[0] is None else unknown | Q((f"{column.path}__lte", found[0]))


def order_by(column: Column, descending: bool) -> OrderBy:
    """A column in OpenF1's order, in which null is the smallest."""
    by = F(column.key or column.path)
    return by.desc(nulls_last=True) if descending else by.asc(nulls_first=True)


@lru_cache(maxsize=256)
def select_columns(
    collection: Collection, fields: tuple[Column, ...], included: tuple[Included, ...] = (), **more: Any
) -> QuerySet:
    """Every row of a collection as a tuple of these fields and of `more` expressions.

    To be filtered: the queryset is cached, so it
    is not to be iterated itself.
    """
    names = []
    texts = {}
    for column in fields:
        expression = text_expression(column)
        if expression is not None:
            texts[f"text_of_{column.name}"] = expression
        names.append(column.path if expression is None else f"text_of_{column.name}")
    rows: QuerySet = collection.model._default_manager.all()
    for each in included:
        rows = each.annotate(rows)
    return rows.annotate(**texts, **more).values_list(*names, *more)


def text_expression(column: Column) -> Func | None:
    """The expression by which the database converts a value to text or a number; None where none is needed."""
    if column.is_datetime:
        return DatetimeText(F(column.path))
    if column.is_json:
        return JSONAsText(F(column.path))
    if column.type is bool:
        return Cast(F(column.path), IntegerField())
    return None


def ordering(query: Query) -> Iterator[Order]:
    """`order_by`, then OpenF1's order; without the columns that the query fixes to one value. The order of arrival follows."""
    yield from query.order_by
    race_follows = "session_key" in query.collection.columns and query.values_of("session_key")
    for column in query.collection.order:
        fixed = query.values_of(column.name) or (race_follows if column.name == "meeting_key" else None)
        if not fixed or len(fixed) > 1:
            yield column, False


def read_chunks(query: Query) -> Iterator[Chunk]:
    """The rows of a query in lists of `CHUNK`, read as they are used. No column needs a converter of Django's."""
    statement = statement_of(query)
    if statement is None:
        return
    in_memory = connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")
    with connection.cursor() if in_memory else connection.chunked_cursor() as cursor:
        cursor.execute(*statement)
        while chunk := cursor.fetchmany(CHUNK):
            yield chunk


def write_chunks(query: Query, chunks: Iterable[Chunk]) -> Iterator[bytes]:
    if query.zone:
        return spreadsheet.write_csv(query.fields, chunks, stored_to_spreadsheet, zone=query.zone)
    return FORMATS[query.format].write(query.fields, chunks)
