"""Corrections as a sync applies them: put over upstream's rows after validation and before the comparison.

A corrected value then compares equal to the stored one, so that a sync writes it neither way.
"""

from collections.abc import Iterable
from typing import Any

from django.db import connection
from msgspec import UNSET

from mirror.mapping import Mapping, field_by_attname
from mirror.models import Correction
from mirror.values import from_json_value, to_json_value


def corrections_in_scope(mapping: Mapping, scope: dict[str, Any]) -> list[Correction]:
    """The corrections that can concern a piece: those of its session, or of the whole collection for lists."""
    session_id = scope.get("session_key")
    if session_id is not None and not has_corrections(mapping.collection, session_id):
        return []
    corrections = Correction.objects.filter(collection=mapping.collection)
    return list(corrections if session_id is None else corrections.filter(session_id=session_id))


def has_corrections(collection: str, session_id: int) -> bool:
    """Whether a piece has corrections. In SQL, because it is asked for every piece and the ORM takes ten times as long."""
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(Correction._meta.db_table)
        condition = "collection = %s AND session_id = %s"
        cursor.execute(f"SELECT 1 FROM {table} WHERE {condition} LIMIT 1", [collection, session_id])  # noqa: S608 - no input
        return cursor.fetchone() is not None


def deleted_keys(collection: str) -> list[dict[str, Any]]:
    """The keys of the rows that people deleted."""
    return list(Correction.objects.filter(collection=collection, field="").values_list("key", flat=True))


def apply_corrections(
    mapping: Mapping, incoming: dict[tuple, Any], corrections: Iterable[Correction]
) -> tuple[list[Correction], set[tuple]]:
    """Put the corrected values into upstream's rows, given as {key: row}, and remove the rows that people deleted.

    Returns the corrections whose upstream value is new (each is now a conflict or obsolete, and not yet saved) and the keys of
    the removed rows.
    """
    by_json_key = {tuple(to_json_value(list(key))): key for key in incoming}
    outdated, removed = [], set()
    for correction in corrections:
        key = by_json_key.get(correction_key(mapping, correction))
        if key is None:
            continue
        row = incoming[key]
        if correction.field:
            upstream = getattr(row, correction.field)
            if upstream is not UNSET:
                field = field_by_attname(mapping.model, correction.field)
                setattr(row, correction.field, from_json_value(field, correction.corrected))
        else:
            sent = {name: value for name in mapping.fields if (value := getattr(row, name)) is not UNSET}
            upstream = {**(correction.upstream or {}), **sent}
            removed.add(key)
        if upstream is not UNSET and correction.set_upstream(to_json_value(upstream)):
            outdated.append(correction)
    for key in removed:
        del incoming[key]
    for correction in corrections:
        if correction.field and (key := by_json_key.get(correction_key(mapping, correction))) in incoming:
            mapping.derive_after_edit(incoming[key])
    return outdated, removed


def corrected_keys(mapping: Mapping, keys: Iterable[tuple], corrections: Iterable[Correction]) -> set[tuple]:
    """Those of `keys` whose row has a correction."""
    corrected = {correction_key(mapping, correction) for correction in corrections}
    return {key for key in keys if tuple(to_json_value(list(key))) in corrected}


def correction_key(mapping: Mapping, correction: Correction) -> tuple:
    """The key of the corrected row as a tuple, in JSON's types."""
    return tuple(correction.key[name] for name in mapping.key)
