"""Proposed corrections: values that follow from other rows. A check attaches them to its finding; a person applies them."""

from collections.abc import Mapping
from typing import Any

from mirror.feeds import feed_named
from mirror.values import digest, to_json_value
from telemetry.quality.findings import Proposal
from telemetry.quality.session_rows import SessionRows


def propose(rows: SessionRows, collection: str, row: Any, values: Mapping[str, Any], *, why: str) -> list[Proposal]:
    """Proposals to give fields of a row other values: {field: value}; values that are stored already are left out.

    `row` is one of the session's tuples, which has the fields of the collection's key.
    """
    key = {name: rows.session.pk if name == "session_id" else getattr(row, name) for name in feed_named(collection).key}
    key = to_json_value(key)
    return [
        Proposal(
            proposal_id=f"{digest(collection, key, field, stored, value) & 0xFFFFFFFFFFFFFFFF:016x}",
            collection=collection,
            key=key,
            field=field,
            stored=stored,
            value=value,
            why=why,
        )
        for field, value in values.items()
        if (stored := to_json_value(getattr(row, field))) != value
    ]
