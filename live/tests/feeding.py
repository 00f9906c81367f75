"""What tests of the feed share: messages of rows, a run of the engine over them, and all rows of a session to compare."""

import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path

from live.engine import Engine
from live.messages import Message
from live.weaving import moment, weave
from mirror.client import Client
from mirror.feeds import registry
from mirror.models import Source
from mirror.pace import Pace
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.storage import FileStorage
from mirror.tests.upstream import Rows
from races.models import Neutralisation, Session

DATA = Path(__file__).resolve().parents[3] / "shared" / "openf1" / "data"
BATCH = 200  # messages between two ticks


def recorded(collection: str, session: int) -> list[dict]:
    """The recorded rows of a session; [] where there are none."""
    path = DATA / collection / f"{session}.json.gz"
    return json.loads(gzip.decompress(path.read_bytes())) if path.exists() else []


def listed(session: int, year: int) -> tuple[dict, dict]:
    """The rows of a session and its race weekend in the recorded lists."""

    def find(collection, **key):
        rows = json.loads(gzip.decompress((DATA / collection / f"{year}.json.gz").read_bytes()))
        return next(row for row in rows if all(row[name] == value for name, value in key.items()))

    row = find("sessions", session_key=session)
    return find("meetings", meeting_key=row["meeting_key"]), row


def newest(messages: list[Message]) -> dict[str, list[dict]]:
    """What REST answers after the session: of each row the newest version, by collection."""
    rows: dict[tuple, tuple[int, dict]] = {}
    for message in messages:
        key = (message.collection, message.payload["_key"])
        if key not in rows or rows[key][0] < message.payload["_id"]:
            rows[key] = (message.payload["_id"], message.row)
    answer: dict[str, list[dict]] = {}
    for (collection, _), (_, row) in sorted(rows.items(), key=lambda each: each[1][0]):
        answer.setdefault(collection, []).append(row)
    return answer


def play(engine: Engine, messages: list[Message], *, batch: int = BATCH) -> Engine:
    """Give all messages to an engine, with a tick a second after each batch, and let it finish."""
    now = engine.stored_at
    for at in range(0, len(messages), batch):
        now += timedelta(seconds=1)
        engine.receive(messages[at : at + batch])
        engine.tick(now)
    engine.finish()
    return engine


def ask_rest(rows: dict[str, list[dict]], session: int) -> None:
    """Sync a session from an upstream that has these rows."""
    client = Client(base_url="http://openf1.test/v1", pace=Pace(), source=Source.OPENF1)
    client.session.mount("http://", Rows(**rows))
    lists = [name for name, feed in registry().items() if feed.lists]
    collections = lists if "sessions" in rows else [name for name in registry() if name not in lists]
    report = sync(client=client, scope=Scope(sessions=(session,)), collections=collections, force=True)
    assert not report.errors, report.errors


def stored_rows(session: int) -> dict[str, list]:
    """Every stored value of a session, by collection, without what says when it was stored."""
    rows: dict[str, list] = {}
    for collection, feed in registry().items():
        if feed.lists or isinstance(feed.storage, FileStorage):
            continue
        names = [
            field.attname for field in feed.model._meta.concrete_fields if not field.primary_key and field.name != "changed_at"
        ]
        rows[collection] = sorted(feed.model.objects.filter(session_id=session).values_list(*names), key=repr)
    windows = Neutralisation.objects.filter(session_id=session)
    rows["neutralisations"] = sorted(windows.values_list("state", "sector", "date_start", "date_end", "inferred"), key=repr)
    return rows


def listed_session(session: int, year: int) -> Session:
    """The session as the calendar has it, with nothing else."""
    meeting, row = listed(session, year)
    ask_rest({"meetings": [meeting], "sessions": [row]}, session)
    return Session.objects.select_related("race").get(pk=session)


def forget_rows(session: int) -> None:
    for feed in registry().values():
        if not feed.lists and not isinstance(feed.storage, FileStorage):
            feed.model.objects.filter(session_id=session).delete()


def woven(session: int, year: int, **rows: list[dict]) -> list[Message]:
    row = listed(session, year)[1]
    start, end = moment(row["date_start"]), moment(row["date_end"])
    assert isinstance(start, datetime)
    assert isinstance(end, datetime)
    return weave(rows, start=start, end=end, first_id=1_000_000)
