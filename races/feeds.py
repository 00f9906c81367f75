"""OpenF1's meetings, sessions, weather and race control."""

from f1site.openf1.feeds import Feed, digest
from races.models import Race, RaceControl, Session, Weather


class MeetingFeed(Feed):
    collection = "meetings"
    model = Race
    lists = True
    rename = {
        "race_name": "meeting_name",
        "official_name": "meeting_official_name",
        "circuit_name": "circuit_short_name",
    }


class SessionFeed(Feed):
    collection = "sessions"
    model = Session
    lists = True
    rename = {"circuit_name": "circuit_short_name"}


class WeatherFeed(Feed):
    collection = "weather"
    model = Weather


class RaceControlFeed(Feed):
    """Upstream repeats messages: those that agree in all that identifies them are one."""

    collection = "race_control"
    model = RaceControl
    derived = ("digest",)

    def derive(self, rows):
        # The qualifying phase stays out: upstream added it years later, to messages that were known.
        for row in rows:
            row.digest = digest(
                row.date, row.driver_number, row.lap_number, row.category, row.flag, row.scope, row.sector, row.message
            )
