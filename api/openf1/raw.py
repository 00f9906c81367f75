"""`raw=true`: rows as upstream sends them, with what people corrected here taken back and what they deleted put in again.

Where nothing was corrected this is `rows`. Else the rows in question are few, so Python decides which of them match.
"""

import operator
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import F, OuterRef, Q, Subquery

from api.openf1 import rows
from api.openf1.catalogue import Collection, Column, find
from api.openf1.predicates import Alternatives, by_column, condition
from api.openf1.query import Query
from mirror.mapping import field_by_attname
from mirror.models import Correction
from mirror.values import extract_number, from_json_value, to_json_value

Values = dict[str, Any]  # a row by OpenF1's names, as `rows` reads it
Key = tuple  # what identifies a row, in JSON's terms

COMPARE = {"=": operator.eq, ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}

write = rows.write


def read(query: Query) -> Iterator[list[tuple]]:
    corrections = list(about(query))
    if not corrections:
        yield from rows.read(query)
        return
    changed: dict[Key, dict[str, Any]] = {}
    for correction in corrections:
        if correction.field:
            changed.setdefault(key_of(query.collection, correction), {})[correction.field] = correction.upstream
    found = [*stored(query, changed), *(deleted(query.collection, c) for c in corrections if not c.field)]
    alternatives = by_column(query.predicates)
    found = [row for row in found if all(holds(column, row[column.name], may) for column, may in alternatives.items())]
    found = in_order(query, found)[query.offset :][: query.limit]
    if found:
        yield [tuple(row[column.name] for column in query.fields) for row in found]


def about(query: Query) -> Iterable[Any]:
    """The corrections that can concern a query, each with the race it belongs to."""
    sessions = find("sessions")
    assert sessions
    race = sessions.model._default_manager.filter(pk=OuterRef("session_id")).values(sessions.columns["meeting_key"].path)
    found = Correction.objects.filter(collection=query.collection.name).annotate(race_id=Subquery(race))
    asked = query.values_of("session_key")
    if asked and not query.collection.feed.lists:
        found = found.filter(session_id__in=[value for value in asked if isinstance(value, int)])
    return found


def key_of(collection: Collection, correction: Any) -> Key:
    return tuple(correction.key[name] for name in collection.feed.key)


def stored(query: Query, changed: dict[Key, dict[str, Any]]) -> Iterator[Values]:
    """The rows that match as they are stored, and all that were corrected, as upstream has them."""
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
    wanted = condition(query.predicates)
    if wanted and corrected:  # an empty condition is all rows already
        wanted = Q(wanted, *corrected, _connector=Q.OR)
    columns = tuple(collection.columns.values())
    keyed = {f"key_{name}": F(name) for name in collection.feed.key}
    found = rows.columns_of(collection, columns, **keyed).filter(wanted).order_by("pk")
    names = {column.path: column for column in columns}
    for row in found.iterator(chunk_size=rows.CHUNK):
        values = dict(zip(collection.columns, row, strict=False))
        key = tuple(to_json_value(list(row[len(columns) :])))
        for name, upstream in changed.get(key, {}).items():
            values[names[name].name] = as_read(names[name], upstream)
        yield values


def deleted(collection: Collection, correction: Any) -> Values:
    """A row that a person deleted."""
    upstream = correction.upstream | {"session__race_id": correction.race_id}
    return {name: as_read(column, upstream.get(column.path)) for name, column in collection.columns.items()}


def as_read(column: Column, value: Any) -> Any:
    """A value that a correction keeps in JSON's terms, as `rows` would read it."""
    if value is None:
        return None
    if column.moment:
        return datetime.fromisoformat(value).isoformat()
    return msgspec.json.encode(value).decode() if column.mixed else value


def meant(column: Column, value: Any) -> Any:
    """What a value as `rows` reads it stands for."""
    if column.moment and value is not None:
        return datetime.fromisoformat(value)
    return msgspec.json.decode(value) if column.mixed and value is not None else value


def holds(column: Column, value: Any, may: Alternatives) -> bool:
    """Whether a field is what a query wants; of a list, whether any element is."""
    value = meant(column, value)
    ranges = [[("=", wanted)] for wanted in may.values if wanted is not None] + may.ranges
    if value is None:
        return None in may.values
    items = value if isinstance(value, list) else [value]
    return any(all(any(compares(item, op, wanted) for item in items) for op, wanted in bounds) for bounds in ranges)


def compares(value: Any, op: str, wanted: Any) -> bool:
    """Null and values of another type compare with nothing."""
    return value is not None and isinstance(value, str) == isinstance(wanted, str) and COMPARE[op](value, wanted)


def in_order(query: Query, found: list[Values]) -> list[Values]:
    """Nulls first, going up; rows that share all are in the order of arrival."""
    order = [*query.order_by, *((column, False) for column in query.collection.order)]
    for column, descending in reversed(order):
        found.sort(key=lambda row, column=column: sort_key(column, row[column.name]), reverse=descending)  # type: ignore[misc]
    return found


def sort_key(column: Column, value: Any) -> tuple:
    value = extract_number(meant(column, value)) if column.mixed else value
    return (value is not None, value if value is not None else 0)
