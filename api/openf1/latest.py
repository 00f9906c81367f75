"""The session that `latest` means: the newest that upstream lists, is not cancelled, and has begun or begins within a minute."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache

from api.openf1.catalogue import find_collection

EARLY = timedelta(seconds=60)


def latest_key_finder(now: datetime) -> Callable[[str], int | None]:
    """A function from `session_key` or `meeting_key` to its value for the latest session; at most one query."""

    @cache
    def session() -> dict[str, int]:
        sessions = find_collection("sessions")
        assert sessions
        columns = sessions.columns
        paths = {name: columns[name].path for name in ("session_key", "meeting_key")}
        begun = sessions.model._default_manager.filter(
            **{f"{columns['date_start'].path}__lte": now + EARLY, columns["is_cancelled"].path: False}, listed=True
        )
        newest = begun.order_by(f"-{columns['date_start'].path}", "-pk").values_list(*paths.values()).first()
        return dict(zip(paths, newest, strict=True)) if newest else {}

    return lambda name: session().get(name)
