"""`raw=true`: rows as upstream sends them, without the corrections of people and with the rows that people deleted.

Where nothing was corrected this is the same as `rows`. Corrected rows are few, so Python decides which of them match.
"""

import operator
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import F, OuterRef, Q, Subquery

from api.openf1 import rows
from api.openf1.catalogue import Collection, find_collection
from api.openf1.predicates import Alternatives, by_column, condition
from api.openf1.query import Query
from api.tables.columns import Column
from mirror.mapping import field_by_attname
from mirror.models import Correction
from mirror.values import extract_number, from_json_value, to_json_value

Values = dict[str, Any]  # a row by OpenF1's names, as `rows` reads it
Key = tuple  # what identifies a row, in JSON's terms

COMPARE = {"=": operator.eq, ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}

write_chunks = rows.write_chunks


def read_chunks(query: Query) -> Iterator[list[tuple]]:
    corrections = list(corrections_for(query))
    if not corrections:
        yield from rows.read_chunks(query)
        return
    changed: dict[Key, dict[str, Any]] = {}
    for correction in corrections:
        if correction.field:
            changed.setdefault(key_of(query.collection, correction), {})[correction.field] = correction.upstream
    candidates = [*upstream_rows(query, changed), *(deleted_row(query.collection, c) for c in corrections if not c.field)]
    alternatives = by_column(query.predicates)
    matching = [row for row in candidates if all(matches(column, row[column.name], a) for column, a in alternatives.items())]
    selected = sort_rows(query, matching)[query.offset :][: query.limit]
    if selected:
        yield [tuple(row[column.name] for column in query.fields) for row in selected]


def corrections_for(query: Query) -> Iterable[Any]:
    """The corrections that can concern a query, each with the race it belongs to."""
    sessions = find_collection("sessions")
    assert sessions
    race = sessions.model._default_manager.filter(pk=OuterRef("session_id")).values(sessions.columns["meeting_key"].path)
    corrections = Correction.objects.filter(collection=query.collection.name).annotate(race_id=Subquery(race))
    session_keys = query.values_of("session_key")
    if session_keys and not query.collection.feed.lists:
        corrections = corrections.filter(session_id__in=[key for key in session_keys if isinstance(key, int)])
    return corrections


def key_of(collection: Collection, correction: Any) -> Key:
    return tuple(correction.key[name] for name in collection.feed.key)


def upstream_rows(query: Query, changed: dict[Key, dict[str, Any]]) -> Iterator[Values]:
    """The rows that match as they are stored and all rows with corrections, with upstream's values."""
    collection = query.collection
    corrected = [
        Q(
            **{
                name: from_json_value(field_by_attname(collection.model, name), value)
                for name, value in zip(collection.feed.key, key, strict=True)
            }
        )
        for key in changed
    ]
    conditions = condition(query.predicates)
    if conditions and corrected:  # an empty condition is all rows already
        conditions = Q(conditions, *corrected, _connector=Q.OR)
    columns = tuple(collection.columns.values())
    keyed = {f"key_{name}": F(name) for name in collection.feed.key}
    queryset = rows.select_columns(collection, columns, **keyed).filter(conditions).order_by("pk")
    names = {column.path: column for column in columns}
    for row in queryset.iterator(chunk_size=rows.CHUNK):
        values = dict(zip(collection.columns, row, strict=False))
        key = tuple(to_json_value(list(row[len(columns) :])))
        for name, upstream in changed.get(key, {}).items():
            values[names[name].name] = to_stored(names[name], upstream)
        yield values


def deleted_row(collection: Collection, correction: Any) -> Values:
    """A row that a person deleted."""
    upstream = correction.upstream | {"session__race_id": correction.race_id}
    return {name: to_stored(column, upstream.get(column.path)) for name, column in collection.columns.items()}


def to_stored(column: Column, value: Any) -> Any:
    """A value of a correction, which is kept as JSON, in the form in which `rows` reads it."""
    if value is None:
        return None
    if column.is_datetime:
        return datetime.fromisoformat(value).isoformat()
    return msgspec.json.encode(value).decode() if column.is_json else value


def to_python(column: Column, value: Any) -> Any:
    """The Python value of a value as `rows` reads it."""
    if column.is_datetime and value is not None:
        return datetime.fromisoformat(value)
    return msgspec.json.decode(value) if column.is_json and value is not None else value


def matches(column: Column, value: Any, allowed: Alternatives) -> bool:
    """Whether a field has an allowed value; of a list, whether any element has."""
    value = to_python(column, value)
    ranges = [[("=", wanted)] for wanted in allowed.values if wanted is not None] + allowed.ranges
    if value is None:
        return None in allowed.values
    items = value if isinstance(value, list) else [value]
    return any(all(any(compare_value(item, op, wanted) for item in items) for op, wanted in bounds) for bounds in ranges)


def compare_value(value: Any, op: str, wanted: Any) -> bool:
    """Null and values of another type compare with nothing."""
    return value is not None and isinstance(value, str) == isinstance(wanted, str) and COMPARE[op](value, wanted)


def sort_rows(query: Query, rows_: list[Values]) -> list[Values]:
    """The rows in OpenF1's order: nulls first, ascending; equal rows in the order of arrival."""
    order = [*query.order_by, *((column, False) for column in query.collection.order)]
    for column, descending in reversed(order):
        rows_.sort(key=lambda row, column=column: sort_key(column, row[column.name]), reverse=descending)  # type: ignore[misc]
    return rows_


def sort_key(column: Column, value: Any) -> tuple:
    value = extract_number(to_python(column, value)) if column.is_json else value
    return (value is not None, value if value is not None else 0)
