"""How the live process is, as it says so in the database once a second: for /readyz/, the admin and /metrics."""

import os
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from live.connection import Connection
from live.engine import Engine
from live.journal import Hole
from live.models import LiveState

STALE = timedelta(seconds=30)  # without a word, after which the process counts as gone
WAITING = timedelta(minutes=5)  # the same between sessions, when it says something once a minute
PROCESS = f"{socket.gethostname()}:{os.getpid()}"


def report(condition: str, *, healthy: bool = True, now: datetime, **more: Any) -> None:
    """Say how the process is; the row is overwritten."""
    values = {"condition": condition[:200], "healthy": healthy, "process": PROCESS[:100], "changed_at": now, **more}
    defaults: dict[str, Any] = {
        "session_id": None,
        "connected_at": None,
        "messages": 0,
        "per_second": 0.0,
        "topics": {},
        "holes": [],
    }
    LiveState.objects.update_or_create(pk=1, defaults=defaults | values)


def report_session(engine: Engine, connection: Connection, *, per_second: float, now: datetime) -> None:
    """Say how the session is received."""
    topics = {name: {"messages": n, "last": engine.last[name].isoformat()} for name, n in engine.counts.items()}
    failure = connection.inbox.failure
    problem = f"cannot write its journal ({failure}), tries again each second" if failure else connection.condition
    report(
        f"{problem}: {engine.session}",
        healthy=connection.connected_at is not None and not failure,
        now=now,
        session_id=engine.session.pk,
        connected_at=connection.connected_at,
        messages=engine.counts.total(),
        per_second=per_second,
        topics=topics,
        holes=[{"from": h.since.isoformat(), "to": h.until.isoformat(), "why": h.reason} for h in connection.all_holes],
    )


def holes_of(session_id: int) -> list[Hole]:
    """The holes of a session that its last process has reported."""
    state = LiveState.objects.filter(session_id=session_id).first()
    moments = [
        (datetime.fromisoformat(hole["from"]), datetime.fromisoformat(hole["to"]), hole["why"])
        for hole in (state.holes if state else [])
    ]
    return [Hole(*each) for each in moments]


def wrong(now: datetime | None = None) -> str:
    """What is wrong with the live process where there should be one; empty where nothing is."""
    if not settings.OPENF1_USERNAME:
        return ""
    state = LiveState.objects.first()
    if state is None:
        return "no process has run `manage.py live` yet"
    silent = (now or timezone.now()) - state.changed_at
    if silent > (STALE if state.session_id else WAITING):
        return f"the process {state.process} has said nothing for {silent.total_seconds():.0f} s"
    return "" if state.healthy else state.condition


def metrics() -> Iterator[str]:
    """Lines for Prometheus; none where no live process has run."""
    state = LiveState.objects.first()
    if state is None:
        return
    yield "# HELP f1site_live_healthy Whether the live process is connected and can write its journal."
    yield "# TYPE f1site_live_healthy gauge"
    yield f"f1site_live_healthy {int(state.healthy)}"
    yield "# HELP f1site_live_messages_per_second Messages of the live feed in the last ten seconds."
    yield "# TYPE f1site_live_messages_per_second gauge"
    yield f"f1site_live_messages_per_second {state.per_second:g}"
    yield "# HELP f1site_live_holes Times in which nothing was received or the journal not written, in this session."
    yield "# TYPE f1site_live_holes gauge"
    yield f"f1site_live_holes {len(state.holes)}"
    yield "# HELP f1site_live_message_age_seconds Age of the last message by collection."
    yield "# TYPE f1site_live_message_age_seconds gauge"
    for name, topic in state.topics.items():
        age = (timezone.now() - datetime.fromisoformat(topic["last"])).total_seconds()
        yield f'f1site_live_message_age_seconds{{collection="{name}"}} {age:.1f}'
