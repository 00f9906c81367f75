"""OpenF1's meetings, sessions, weather and race control."""

from collections.abc import Iterable
from typing import Any

from mirror.changes import rows_in_scope
from mirror.feeds import Feed
from mirror.values import digest
from races import neutralisations, slugs
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
            neutralisations.update_neutralisations(session_id)


class WeatherFeed(Feed):
    collection = "weather"
    model = Weather


class RaceControlFeed(Feed):
    """Upstream repeats messages: those that agree in all that identifies them are one."""

    collection = "race_control"
    model = RaceControl
    derived = ("digest",)

    def derive(self, rows: Iterable[Any]) -> None:
        # The qualifying phase stays out: upstream added it years later, to messages that were known.
        for row in rows:
            row.digest = digest(
                row.date, row.driver_number, row.lap_number, row.category, row.flag, row.scope, row.sector, row.message
            )

    def after_write(self, scope: dict[str, Any], *, source: str) -> None:
        neutralisations.update_neutralisations(scope["session_key"])
