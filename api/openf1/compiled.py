"""The SQL of questions, kept by their shape: questions that differ in values alone have the same statement.

Django takes longer to build and compile the SQL of a small question than the database takes to answer it.
"""

from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet

MOST = 500  # statements that are kept

kept: dict[Hashable, str] = {}


def shape_of(condition: Q, values: list[Any]) -> Hashable:
    """A condition without the values in it, which are added to `values`; None for a condition with expressions."""
    parts: list[Hashable] = [condition.connector, condition.negated]
    for child in condition.children:
        if isinstance(child, Q):
            part = shape_of(child, values)
        elif isinstance(child, tuple):
            lookup, value = child
            part = shape_of_lookup(lookup, value, values)
        else:
            part = None
        if part is None:
            return None
        parts.append(part)
    return tuple(parts)


def shape_of_lookup(lookup: str, value: Any, values: list[Any]) -> Hashable:
    if isinstance(value, bool):  # of isnull it is no parameter, and there are but two
        return lookup, value
    some = value if isinstance(value, list) else [value]
    values += some
    return lookup, *map(type, some)


def statement(question: Hashable, condition: Q, build: Callable[[], QuerySet]) -> tuple[str, list[Any]] | None:
    """The SQL and the parameters of the rows that `build` selects by a condition; None where no row can meet it.

    `question` is all that the SQL depends on beside the condition. Only such SQL is kept whose parameters are the values of the
    condition in their order.
    """
    values: list[Any] = []
    shape = shape_of(condition, values)
    params = [connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value for value in values]
    key = (question, shape)
    if shape is not None and (sql := kept.get(key)):
        return sql, params
    try:
        sql, compiled = build().query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        return None
    if shape is not None and [*compiled] == params:
        if len(kept) >= MOST:
            kept.clear()
        kept[key] = sql
    return sql, [*compiled]
