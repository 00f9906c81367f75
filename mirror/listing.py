"""Which of the stored races and sessions upstream's lists still have.

OpenF1 withdraws sessions, and lists sessions of race weekends that it does not list. Rows stay stored without `--prune`, so
each says by its field `listed` whether the newest answer that could have had it had it.
"""

from typing import Any

from mirror import versions
from mirror.changes import rows_in_scope
from mirror.feeds import Feed


def mark(feed: Feed, rows: list[dict], scope: dict[str, Any], *, source: str) -> None:
    """Mark the stored rows of `scope` that upstream's answer lacks as no longer listed, and those it has as listed again.

    An invalid row of the answer takes no stored one off the list, and puts none back.
    """
    [key] = feed.key
    sent = [row.get(feed.wire[key]) for row in rows]
    valid = [getattr(row, key) for row in feed.build(rows)[0]]
    stored = feed.model._default_manager.filter(source=source)
    listed = rows_in_scope(feed, scope).filter(source=source, listed=True).values_list("pk", flat=True)
    gone = [pk for pk in listed if pk not in sent]
    back = [pk for pk in stored.filter(listed=False).values_list("pk", flat=True) if pk in valid]
    for keys, value in ((gone, False), (back, True)):
        if keys:
            stored.filter(pk__in=keys).update(listed=value)
    if gone or back:
        versions.touch(feed.collection, None)
