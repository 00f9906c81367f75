"""OpenF1's meetings, sessions, weather and race control."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from mirror.changes import rows_in_scope
from mirror.feeds import Feed
from mirror.values import digest
from races import slugs
from races.models import Race, RaceControl, Session, Weather


class MeetingFeed(Feed):
    collection = "meetings"
    model = Race
    local = ("slug", "former_slugs")
    lists = True
    rename = {
        "race_name": "meeting_name",
        "official_name": "meeting_official_name",
        "circuit_name": "circuit_short_name",
    }

    def before_create(self, instances: list, scope: dict[str, Any]) -> None:
        slugs.fill_races(instances)

    def before_edit(self, before: Race, after: Race) -> None:
        slugs.keep_former(before, after)


class SessionFeed(Feed):
    collection = "sessions"
    model = Session
    local = ("slug", "former_slugs")
    lists = True
    rename = {"circuit_name": "circuit_short_name"}

    def before_create(self, instances: list, scope: dict[str, Any]) -> None:
        slugs.fill_sessions(instances)

    def before_edit(self, before: Session, after: Session) -> None:
        slugs.keep_former(before, after)

    def after_write(self, scope: dict[str, Any], *, source: str) -> None:
        """Restarts are announced in local time: with another offset they were at another time."""
        messages = RaceControl.objects.filter(session__in=rows_in_scope(self, scope)).order_by()
        for session_id in messages.values_list("session_id", flat=True).distinct():
            RaceControlFeed.update_session(session_id)


class WeatherFeed(Feed):
    collection = "weather"
    model = Weather


class RaceControlFeed(Feed):
    """Upstream repeats messages: those that agree in all that identifies them are one."""

    collection = "race_control"
    model = RaceControl
    derived = ("digest",)
    session_updates: ClassVar[list[Callable[[int], None]]] = []  # see `update_with`

    @classmethod
    def update_with(cls, update: Callable[[int], None]) -> Callable[[int], None]:
        """Register a function that updates what depends on the messages of a session, from an app that knows its laps."""
        cls.session_updates.append(update)
        return update

    @classmethod
    def update_session(cls, session_id: int) -> None:
        for update in cls.session_updates:
            update(session_id)

    def derive(self, rows: Iterable[Any]) -> None:
        # The qualifying phase stays out: upstream added it years later, to messages that were known.
        for row in rows:
            row.digest = digest(
                row.date, row.driver_number, row.lap_number, row.category, row.flag, row.scope, row.sector, row.message
            )

    def after_write(self, scope: dict[str, Any], *, source: str) -> None:
        self.update_session(scope["session_key"])
