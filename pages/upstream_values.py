"""A session's rows as upstream sent them, for those who want to see what people corrected."""

from dataclasses import replace
from typing import Any

import msgspec

from pages.rows import SessionRows

COLLECTIONS = {"laps": "laps", "stints": "stints", "pit": "pits", "session_result": "results", "drivers": "entries"}


def as_upstream_sent(rows: SessionRows) -> SessionRows:
    """The same rows with upstream's values in place of the corrected ones; rows that people deleted stay away."""
    changed: dict[str, Any] = {}
    for correction in rows.corrections:
        table = COLLECTIONS.get(correction.collection)
        if table is None or not correction.field:
            continue
        own = changed.setdefault(table, [*getattr(rows, table)])
        key = {name: value for name, value in correction.key.items() if name != "session_id"}
        for number, row in enumerate(own):
            if hasattr(row, correction.field) and all(getattr(row, name, None) == value for name, value in key.items()):
                own[number] = msgspec.structs.replace(row, **{correction.field: correction.upstream})
    return replace(rows, raw=True, **changed)
