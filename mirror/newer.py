"""Bring single rows of a session up to date, while the rest of it is left alone: what a live feed sends, a second at a time."""

from collections.abc import Collection
from typing import Any

from django.db import models, transaction

from mirror import overlay, versions
from mirror.changes import Changes, compare, rows_in_scope, sent_fields, unique
from mirror.mapping import Mapping
from mirror.models import Correction, PieceState
from mirror.writing import create, delete, update

LISTS = 0  # of lists of races and sessions no state is kept
MAX_KEYS = 5_000  # that one query names; for more all rows of the scope are read


@transaction.atomic
def apply_newer(
    mapping: Mapping, rows: list[dict], scope: dict[str, Any], *, earlier: Collection[tuple], source: str
) -> tuple[Changes, set[tuple]]:
    """Store `rows`, each the newest version of its row, as a sync would that got them among all others of the scope.

    `rows` have to be whole groups (`Mapping.group_of`). `earlier` are the keys that older versions of them were stored under:
    what has none of these rows any more is deleted. Returns what changed, and the keys of the rows. What depends on the rows
    (`Mapping.after_write`) is left to the caller.
    """
    changes = Changes()
    built, changes.rejects = mapping.build(rows)
    incoming = unique(mapping, built, rows, changes)
    keys = set(incoming)
    fields = sent_fields(mapping, built)
    corrections = overlay.corrections_in_scope(mapping, scope)
    outdated: list[Correction] = []
    if corrections:
        outdated, changes.deleted_by_people = overlay.apply_corrections(mapping, incoming, corrections)
    difference = compare(mapping, incoming, stored_among(mapping, scope, fields, keys.union(earlier)), fields, source=source)
    spared = overlay.corrected_keys(mapping, difference.vanished, corrections)
    pruned = [key for key in difference.vanished if key in set(earlier) - spared]
    changes.count(difference, received=len(incoming), pruned=len(pruned))
    create(mapping, difference.new, fields, scope=scope, source=source)
    update(mapping, [key + values for key, _, values in difference.changed], fields, source=source)
    delete(mapping, pruned, among(mapping, scope, pruned))
    if outdated:
        Correction.objects.bulk_update(outdated, ["upstream", "state", "updated_at"])
    if changes.wrote:
        versions.touch(mapping.collection, scope.get("session_key"))
        # The next sync has to compare, also if its answer is the one before the live session.
        PieceState.objects.filter(collection=mapping.collection, session_id=scope.get("session_key", LISTS)).delete()
    return changes, keys


def among(mapping: Mapping, scope: dict[str, Any], keys: Collection[tuple]) -> models.QuerySet:
    """The stored rows of the scope that can have one of the keys."""
    rows = rows_in_scope(mapping, scope)
    if len(keys) <= MAX_KEYS:
        rows = rows.filter(**{f"{name}__in": {key[place] for key in keys} for place, name in enumerate(mapping.key)})
    return rows


def stored_among(mapping: Mapping, scope: dict[str, Any], fields: tuple[str, ...], keys: Collection[tuple]) -> dict[tuple, tuple]:
    """{key: (value of each field …, source)} of the stored rows with one of the keys, in one query."""
    if not keys:
        return {}
    width = len(mapping.key)
    rows = among(mapping, scope, keys).order_by().values_list(*mapping.key, *fields, "source")
    return {row[:width]: row[width:] for row in rows if row[:width] in keys}
