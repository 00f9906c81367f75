"""From addresses in people's words to rows."""

from races.models import Session
from races.slugs import race_slug, session_slug


def find_session(year: str, race: str, session: str) -> Session | None:
    rows = Session.objects.filter(year=int(year)).select_related("race", "quality")
    return next((s for s in rows if race_slug(s.race.race_name) == race and session_slug(s.session_name) == session), None)


def session_url(session: Session) -> str:
    return f"/f1/{session.year}/{race_slug(session.race.race_name)}/{session_slug(session.session_name)}/"
