"""OpenF1's meetings, sessions, weather and race control."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from msgspec import UNSET

from mirror.changes import rows_in_scope
from mirror.feeds import Feed
from mirror.models import Source
from mirror.values import digest
from races import slugs
from races.models import Race, RaceControl, Session, Weather


class MeetingFeed(Feed):
    collection = "meetings"
    model = Race
    local = ("slug", "former_slugs", "listed")
    lists = True
    rename = {
        "race_name": "meeting_name",
        "official_name": "meeting_official_name",
        "circuit_name": "circuit_short_name",
    }

    def stays_unlisted(self, keys: list[tuple]) -> set[tuple]:
        """A race of which upstream lists a session stays, whether or not upstream lists the race."""
        races = [race_id for (race_id,) in keys]
        listed = Session.objects.filter(race_id__in=races, listed=True, source=Source.OPENF1)
        return set(listed.order_by().values_list("race_id").distinct())

    def initial_columns(self, rows: list, scope: dict[str, Any]) -> dict[str, list]:
        return {"slug": slugs.race_slugs(rows)}

    def before_edit(self, before: Race, after: Race) -> None:
        slugs.keep_former(before, after)


class SessionFeed(Feed):
    collection = "sessions"
    model = Session
    local = ("slug", "former_slugs", "listed")
    lists = True
    rename = {"circuit_name": "circuit_short_name"}

    def initial_columns(self, rows: list, scope: dict[str, Any]) -> dict[str, list]:
        return {"slug": slugs.session_slugs(rows)}

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
    """Upstream repeats messages: those that agree in all that identifies them are one, and so are two of one moment and text of
    which one only lacks what the other says.
    """

    collection = "race_control"
    model = RaceControl
    derived = ("digest",)
    together = ("session_id",)
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
        rows = list(rows)
        fuller: dict[tuple, set[tuple]] = defaultdict(set)
        for row in rows:
            if row.date and row.message:
                fuller[row.session_id, row.date, row.message].add(identity(row))
        for row in rows:
            own = identity(row)
            others = [other for other in fuller.get((row.session_id, row.date, row.message), ()) if lacks(own, other)]
            fullest = min(others, key=lambda values: values.count(None), default=own)
            unambiguous = all(other == fullest or lacks(other, fullest) for other in others)
            row.digest = digest(*(fullest if unambiguous else own))

    def after_write(self, scope: dict[str, Any], *, source: str) -> None:
        self.update_session(scope["session_key"])


def identity(row: Any) -> tuple:
    """What identifies a message. The qualifying phase does not: upstream added it years later, to messages that were known."""
    values = (row.date, row.driver_number, row.lap_number, row.category, row.flag, row.scope, row.sector, row.message)
    return tuple(None if value is UNSET else value for value in values)


def lacks(values: tuple, others: tuple) -> bool:
    """Whether values differ from others only in nulls."""
    return values != others and all(value is None or value == other for value, other in zip(values, others, strict=True))
