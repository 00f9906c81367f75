"""Write the rows of a mapping: create, update and delete."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils import timezone

from mirror import upserting, versions
from mirror.mapping import Mapping, getter
from mirror.upserting import Columns

BATCH_ROWS = 2_000  # rows that one statement deletes


def finish_write(mapping: Mapping, scope: dict[str, Any], *, source: str) -> None:
    """Give the piece a new version and update what depends on it; call it in the transaction that wrote rows of the piece."""
    versions.touch(mapping.collection, scope.get("session_key"))
    mapping.after_write(scope, source=source)


def create(mapping: Mapping, rows: list, fields: tuple[str, ...], *, scope: dict[str, Any], source: str) -> None:
    """Insert rows in the order upstream sent them, so that primary keys grow in it."""
    if rows:
        names = mapping.key + fields
        columns = {**make_columns(names, map(getter(names), rows)), **mapping.initial_columns(rows, scope)}
        upsert(mapping, columns, fields, source=source)


def update(mapping: Mapping, rows: list[tuple], fields: tuple[str, ...], *, source: str) -> None:
    """Write `fields` of rows given as key + values; other columns (source, driver, FastF1's columns) keep their value."""
    if rows:
        upsert(mapping, make_columns(mapping.key + fields, rows), fields, source=source)


def make_columns(names: tuple[str, ...], rows: Iterable[tuple]) -> Columns:
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def upsert(mapping: Mapping, columns: Columns, fields: tuple[str, ...], *, source: str) -> None:
    """Insert rows, or overwrite `fields` of the row with the same key, so that two syncs at the same time do no harm."""
    defaults = {"source": source, "changed_at": timezone.now()}
    upserting.upsert(mapping.model, columns, key=mapping.key, fields=(*fields, "changed_at"), defaults=defaults)


def delete(mapping: Mapping, keys: list[tuple], rows: models.QuerySet) -> None:
    """Delete those of `rows` that have one of the keys."""
    if not keys:
        return
    deleted = set(keys)
    pks = [pk for pk, *key in rows.order_by().values_list("pk", *mapping.key) if tuple(key) in deleted]
    for start in range(0, len(pks), BATCH_ROWS):
        mapping.model._default_manager.filter(pk__in=pks[start : start + BATCH_ROWS]).delete()
