"""The end state after a live session is what a sync of the same rows gives, row by row."""

import random
from datetime import UTC, datetime

import msgspec
import pytest

from live.engine import Engine
from live.messages import Message
from live.tests.feeding import (
    ask_rest,
    forget_rows,
    listed_session,
    newest,
    play,
    recorded,
    stored_rows,
    woven,
)
from mirror.models import Correction, Reject, Source, SyncRun
from telemetry.models import Lap

pytestmark = pytest.mark.django_db
NOW = datetime(2023, 4, 29, 13, tzinfo=UTC)
WOVEN = ("drivers", "race_control", "weather", "overtakes", "team_radio", "session_result")


@pytest.fixture
def sprint(recording):
    """The session in the calendar, and all messages of it in the order of arrival."""
    session = listed_session(9069, 2023)
    rest = woven(9069, 2023, **{name: recorded(name, 9069) for name in WOVEN})
    return session, sorted([*recording, *rest], key=lambda message: message.t)


def repeated(messages):
    return [each for message in messages for each in (message, message)]


def shuffled(messages):
    """Within half a minute in any order, so that old versions come after new ones."""
    chance = random.Random(1)
    return [
        message for _, message in sorted(((m.t.timestamp() + chance.uniform(0, 30), m) for m in messages), key=lambda x: x[0])
    ]


def malformed(messages):
    """Among them what is no row: broken JSON, a list, no key, a text for a number, a version with an impossible value."""
    bad = []
    for message in messages[::50]:
        newer = message.payload | {"_id": message.payload["_id"] + 10**9, "driver_number": "Verstappen", "lap_number": -4}
        bad += [Message(message.t, message.topic, each) for each in ('{"lap', [1, 2], {"driver_number": 1}, newer)]
        bad.append(Message(message.t, "v1/unheard_of", {"_key": "1", "_id": 1}))
    return [each for pair in zip(messages, bad * len(messages), strict=False) for each in pair]


def skewed(messages):
    """The clock of this machine is two minutes behind the feed's."""
    return [msgspec.structs.replace(message, t=message.t.replace(minute=(message.t.minute + 2) % 60)) for message in messages]


@pytest.mark.parametrize("condition", [list, repeated, shuffled, malformed, skewed], ids=lambda each: each.__name__)
def test_the_end_state_is_that_of_a_sync(sprint, condition):
    session, messages = sprint
    play(Engine(session, source=Source.OPENF1, now=NOW), condition(messages))
    live = stored_rows(9069)
    forget_rows(9069)
    ask_rest(newest(messages), 9069)
    synced = stored_rows(9069)
    assert {name: len(rows) for name, rows in live.items()} == {name: len(rows) for name, rows in synced.items()}
    assert live == synced
    assert len(live["laps"]) == 327


def test_a_flood_of_everything_at_once_ends_alike(sprint):
    session, messages = sprint
    play(Engine(session, source=Source.OPENF1, now=NOW), messages, batch=100_000)
    live = stored_rows(9069)
    forget_rows(9069)
    ask_rest(newest(messages), 9069)
    assert live == stored_rows(9069)


def test_corrections_win_over_the_feed(sprint):
    session, messages = sprint
    key = {"session_id": 9069, "driver_number": 1, "lap_number": 5}
    Correction.objects.create(collection="laps", session_id=9069, key=key, field="lap_duration", upstream=1.0, corrected=99.5)
    engine = play(Engine(session, source=Source.OPENF1, now=NOW), messages)
    assert Lap.objects.get(**key).lap_duration == 99.5
    assert engine.picture.laps[1][5].lap_duration == 99.5
    assert Correction.objects.get().upstream == 180.075


def test_what_cannot_be_is_kept_as_a_reject_and_counted(sprint):
    session, messages = sprint
    engine = Engine(session, source=Source.OPENF1, now=NOW)
    engine.open_run()
    bad = messages[-1].payload | {"lap_number": "seven", "_id": 10**9, "_key": "another"}
    play(engine, [*messages[:500], Message(NOW, "v1/laps", bad), Message(NOW, "v1/laps", "no JSON")])
    reasons = set(Reject.objects.values_list("reason", flat=True))
    assert any("lap_number" in reason for reason in reasons)
    assert any("_key" in reason for reason in reasons)
    run = SyncRun.objects.get(kind=SyncRun.Kind.LIVE)
    assert (run.state, run.rejected) == (SyncRun.State.DONE, 2)
    assert run.pieces.get(collection="laps", session_id=9069).created == Lap.objects.count()


def test_rows_of_a_session_that_no_list_has_wait_until_one_has_it(recording, sprint):
    session, _ = sprint
    engine = Engine(session, source=Source.OPENF1, now=NOW)
    engine.open_run()
    other = recording[0].payload | {"session_key": 4711, "_key": "x"}
    engine.receive([Message(NOW, "v1/position", other)])
    engine.store(everything=True, samples=True)
    assert Reject.objects.get().reason.startswith("session_key:")
    assert engine.intake.pieces["position", 4711].changed
