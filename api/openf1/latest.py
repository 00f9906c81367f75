"""The session that `latest` means: the newest that upstream lists, is not cancelled, and has begun or begins within a minute."""

from datetime import datetime, timedelta
from functools import cached_property

from api.openf1.catalogue import find_collection

EARLY = timedelta(seconds=60)


class Latest:
    """A function from `session_key` or `meeting_key` to its value for the latest session; at most one query."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self, name: str) -> int | None:
        return self.keys.get(name)

    @property
    def was_asked(self) -> bool:
        """Whether what is answered depends on the moment."""
        return "keys" in vars(self)

    @cached_property
    def keys(self) -> dict[str, int]:
        sessions = find_collection("sessions")
        assert sessions
        columns = sessions.columns
        paths = {name: columns[name].path for name in ("session_key", "meeting_key")}
        begun = sessions.model._default_manager.filter(
            **{f"{columns['date_start'].path}__lte": self.now + EARLY, columns["is_cancelled"].path: False}, listed=True
        )
        newest = begun.order_by(f"-{columns['date_start'].path}", "-pk").values_list(*paths.values()).first()
        return dict(zip(paths, newest, strict=True)) if newest else {}
