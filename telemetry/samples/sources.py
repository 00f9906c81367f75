"""Where the samples of a session come from, for the messages of what needs them."""

from mirror.models import Source
from races.models import Session


def command_for(session_id: int, *collections: str, source: str | None = None) -> str:
    """The command that brings the samples of a session in; OpenF1 knows nothing of the demo season's.

    `source` is the session's, where the caller knows it; else it is read.
    """
    if is_invented(session_id, source):
        return "manage.py load_demo"
    return f"manage.py sync_openf1 {' '.join(collections)} --session {session_id}"


def way_to(session_id: int, *collections: str, source: str | None = None) -> str:
    """How a session gets the samples that it has not, as the end of a sentence."""
    source = source or (Source.DEMO if is_invented(session_id) else Source.OPENF1)
    command = command_for(session_id, *collections, source=source)
    if is_invented(session_id, source):
        return f"the demo season has samples of one race only, which `{command}` brings in"
    return f"`{command}` brings them in"


def is_invented(session_id: int, source: str | None = None) -> bool:
    if source is not None:
        return source == Source.DEMO
    return Session.objects.filter(pk=session_id, source=Source.DEMO).exists()
