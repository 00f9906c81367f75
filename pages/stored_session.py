"""A session with its race and what checks found in it, brought in by the query of its rows."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404

from api.queries import Tables, as_model, columns, parameter
from races.models import Race, Session
from telemetry.models import SessionQuality

QUALITY = ("quality_id", "session", "checked_at", "grade", "errors", "warnings", "notes", "grades")  # its findings are long


def session_tables() -> Tables:
    """What `session_of` makes the session of."""
    number = parameter("session")
    return {
        "sessions": (columns(Session), Session.objects.filter(pk=number)),
        "races": (columns(Race), Race.objects.filter(sessions=number)),
        "qualities": (columns(SessionQuality, *QUALITY), SessionQuality.objects.filter(session=number)),
    }


def session_of(read: Mapping[str, list[Any]]) -> Session:
    """The session, whose race and quality are read with it; 404 where it is gone."""
    if not read["sessions"]:
        raise Http404("This session was deleted a moment ago.")
    session = as_model(Session, read["sessions"][0])
    session.race = as_model(Race, read["races"][0])
    quality = as_model(SessionQuality, read["qualities"][0]) if read["qualities"] else None
    Session._meta.get_field("quality").set_cached_value(session, quality)  # type: ignore[union-attr]
    return session
