"""OpenF1's meetings and sessions."""

from f1site.openf1.feeds import Feed
from races.models import Race, Session


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
