"""Compare what upstream sends with what is stored, and write only the difference. Knows nothing of Formula 1 or HTTP."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db import models
from msgspec import UNSET

from mirror import overlay
from mirror.mapping import Mapping, getter
from mirror.models import Correction, Source
from mirror.values import to_json_value
from mirror.writing import create, delete, finish_write, update

LOGGED_ROWS = 1_000  # changed rows that a piece describes in full; the counts are always exact


@dataclass
class Changes:
    """What became of the rows of one piece."""

    counts: Counter = field(default_factory=Counter)  # by the names in models.Counts.NAMES
    log: list[dict] = field(default_factory=list)  # {"key": …, "fields": {name: [old, new]}} or {"key": …, "vanished": true}
    rejects: list[tuple[dict, str]] = field(default_factory=list)  # (row as sent, reason)
    deleted_by_people: set[tuple] = field(
        default_factory=set
    )  # keys of sent rows that are not stored, because people deleted them

    @property
    def wrote(self) -> bool:
        return any(self.counts[name] for name in ("created", "updated", "pruned"))

    def count(self, difference: "Difference", *, received: int, pruned: int) -> None:
        """Add up what became of `received` rows, those deleted by people not included."""
        new, changed = len(difference.new), len(difference.changed)
        self.counts.update(
            created=new,
            updated=changed,
            unchanged=received + len(self.deleted_by_people) - new - changed,
            vanished=len(difference.vanished),
            pruned=pruned,
            rejected=len(self.rejects),
        )

    def log_difference(self, mapping: Mapping, fields: tuple[str, ...], difference: "Difference") -> None:
        """Describe the first changed and vanished rows."""
        for key, old, new in difference.changed[:LOGGED_ROWS]:
            different = {name: [o, n] for name, o, n in zip(fields, old, new, strict=True) if o != n}
            self.log.append({"key": mapping.json_key(key), "fields": msgspec.to_builtins(different)})
        self.log += [{"key": mapping.json_key(key), "vanished": True} for key in difference.vanished[:LOGGED_ROWS]]


@dataclass(frozen=True)
class Difference:
    """How upstream's rows of a piece differ from the stored ones."""

    new: list  # structs
    changed: list[tuple[tuple, tuple, tuple]]  # (key, stored values, new values)
    vanished: list[tuple]  # keys


def apply(
    mapping: Mapping,
    rows: list[dict],
    scope: dict[str, Any],
    *,
    source: str,
    prune: bool = False,
    write: bool = True,
    stored: int | None = None,
) -> Changes:
    """Make the stored rows of `scope` equal to `rows`, upstream's answer for it; `stored` is their number where that is known.

    Rows made by hand are left alone, and so are corrected values. Fields that upstream no longer sends keep their stored value.
    Vanished rows are kept unless `prune`; and neither an answer without any row prunes (that is an upstream without data, not an
    empty session) nor one with invalid rows (they may be the ones that seem to have vanished). With `write` false everything is
    counted and nothing is stored.
    """
    changes = Changes()
    built, changes.rejects = mapping.build(rows)
    prune = prune and bool(built) and not changes.rejects
    incoming = unique(mapping, built, rows, changes)
    fields = sent_fields(mapping, built)
    corrections = overlay.corrections_in_scope(mapping, scope)
    outdated: list[Correction] = []
    if corrections:
        outdated, changes.deleted_by_people = overlay.apply_corrections(mapping, incoming, corrections)
    current = {} if stored == 0 else stored_values(mapping, scope, fields)
    difference = compare(mapping, incoming, current, fields, source=source)
    spared = overlay.corrected_keys(mapping, difference.vanished, corrections) if prune else set(difference.vanished)
    pruned = [key for key in difference.vanished if key not in spared]
    changes.count(difference, received=len(incoming), pruned=len(pruned))
    changes.log_difference(mapping, fields, difference)
    if write:
        create(mapping, difference.new, fields, scope=scope, source=source)
        update(mapping, [key + values for key, _, values in difference.changed], fields, source=source)
        delete(mapping, pruned, rows_in_scope(mapping, scope))
        if outdated:
            Correction.objects.bulk_update(outdated, ["upstream", "state", "updated_at"])
        if changes.wrote:
            finish_write(mapping, scope, source=source)
    return changes


def unique(mapping: Mapping, built: list, rows: list[dict], changes: Changes) -> dict[tuple, Any]:
    """{key: row}; of rows with one key every field's last value that is not null, as OpenF1 itself stores the last row.

    Earlier rows are counted as folded, or rejected with both values when a later one contradicts them.
    """
    incoming = dict(zip(map(mapping.key_of, built), built, strict=True))
    if len(incoming) == len(built):
        return incoming
    invalid = {id(row) for row, _ in changes.rejects}
    valid_rows = [row for row in rows if id(row) not in invalid]
    repeated: dict[tuple, list[tuple[Any, dict]]] = defaultdict(list)
    for row, sent in zip(built, valid_rows, strict=True):
        repeated[mapping.key_of(row)].append((row, sent))
    for key, same in repeated.items():
        if len(same) > 1:
            merge(mapping, incoming[key], same[:-1], changes)
    return incoming


def merge(mapping: Mapping, last: Any, earlier: list[tuple[Any, dict]], changes: Changes) -> None:
    """Fill the nulls of the last row with the values of earlier rows with its key, given with what was sent."""
    rejects = []
    for row, sent in reversed(earlier):
        contradictions = []
        for name in mapping.column_names:
            value, later = getattr(row, name), getattr(last, name)
            if value is None or value is UNSET or value == later:
                continue
            if later is None or later is UNSET:
                setattr(last, name, value)
            else:
                contradictions.append(f"{mapping.wire[name]} {to_json_value(value)!r}, later {to_json_value(later)!r}")
        if contradictions:
            key = ", ".join(mapping.key)
            reason = f"a later row of the same answer has the same key ({key}) and other values: {'; '.join(contradictions)}"
            rejects.append((sent, reason))
        else:
            changes.counts["folded"] += 1
    changes.rejects += reversed(rejects)
    mapping.derive_after_edit(last)


def sent_fields(mapping: Mapping, built: list) -> tuple[str, ...]:
    """The fields outside the key that at least one row carries."""
    others = (name for name in mapping.fields if name not in mapping.key)
    return tuple(name for name in others if any(getattr(row, name) is not UNSET for row in built))


def compare(
    mapping: Mapping, incoming: dict[tuple, Any], stored: dict[tuple, tuple], fields: tuple[str, ...], *, source: str
) -> Difference:
    """Compare {key: upstream's row} with `stored_values`; only rows from `source` can have vanished."""
    absent = [key for key, values in stored.items() if key not in incoming and values[-1] == source]
    needed = mapping.stays_unlisted(absent) if absent else set()
    return Difference(
        new=[row for key, row in incoming.items() if key not in stored],
        changed=list(changed_rows(incoming, stored, getter(fields))),
        vanished=[key for key in absent if key not in needed],
    )


def changed_rows(incoming: dict[tuple, Any], stored: dict[tuple, tuple], values_of: Callable) -> Iterator[tuple]:
    """(key, stored values, new values) of the rows that upstream changed; fields a row lacks keep their stored value."""
    for key, row in incoming.items():
        current = stored.get(key)
        if current is None or current[-1] == Source.MANUAL:
            continue
        old, new = current[:-1], values_of(row)
        if old != new:
            new = tuple(o if n is UNSET else n for o, n in zip(old, new, strict=True))
            if old != new:
                yield key, old, new


def rows_in_scope(mapping: Mapping, scope: dict[str, Any]) -> models.QuerySet:
    """The stored rows of a scope given in OpenF1's names: {"session_key": 9472} or {"year": 2023}."""
    fields = {openf1_name: name for name, openf1_name in mapping.wire.items()}
    return mapping.model._default_manager.filter(**{fields[name]: value for name, value in scope.items()})


def stored_values(mapping: Mapping, scope: dict[str, Any], fields: tuple[str, ...]) -> dict[tuple, tuple]:
    """{key: (value of each field …, source)} of the stored rows of the scope, in one query."""
    width = len(mapping.key)
    rows = rows_in_scope(mapping, scope).order_by().values_list(*mapping.key, *fields, "source")
    return {row[:width]: row[width:] for row in rows}
