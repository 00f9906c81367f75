"""Messages that make no sense: any JSON value in any field costs nothing but itself."""

import logging
import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from django.db import OperationalError

from live.engine import OTHER, Engine
from live.inbox import Inbox
from live.intake import Piece
from live.journal import Journal, read_session
from live.lines import as_table, clock_text, draw_map, lines
from live.messages import Message, receive
from live.tests.feeding import listed, listed_session, recorded, woven
from mirror.models import Reject, Source
from races.models import Session, Weather
from telemetry.models import SampleFile

pytestmark = pytest.mark.django_db
NOW = datetime(2023, 4, 29, 13, tzinfo=UTC)
VALUES = [
    *(None, True, 0, -1, 1.5, 1e308, 2**31, 2**63, -(2**63), 10**30, "", "x", "a\x00b", "1", "NaN", "RED", "#" * 6, "x" * 10_000),
    *("2023-04-29T13:40:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "99:99:99", "RACE WILL RESUME AT 99:99"),
    *([], [None], [2**70], [2049, "x", {}], {}, {"a": [{}]}),
    f"CAR {10**20} (VER) TIME 1:33.147 DELETED - TRACK LIMITS AT TURN 19 LAP {10**20} 99:99:99",
]

MORE = {
    "car_data": {"driver_number": 1, "rpm": 11141, "speed": 315, "n_gear": 8, "throttle": 99, "brake": 0, "drs": 12},
    "location": {"driver_number": 1, "x": 567, "y": 3195, "z": 187},
    "pit": {"driver_number": 1, "lap_number": 4, "pit_duration": 24.5},
    "intervals": {"driver_number": 1, "gap_to_leader": 41.019, "interval": 0.003},
}


@pytest.fixture
def session(recording, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    return listed_session(9069, 2023)


@pytest.fixture
def rows(recording):
    """{collection: some messages of the sprint}"""
    own = {"session_key": 9069, "meeting_key": 1207}
    names = ("drivers", "race_control", "weather", "overtakes", "team_radio", "session_result")
    messages = [*recording, *woven(9069, 2023, **{name: recorded(name, 9069) for name in names})]
    messages += [
        Message(NOW, f"v1/{collection}", row | own | {"date": f"{NOW + timedelta(seconds=at):%FT%T}", "_key": str(at)})
        for collection, row in MORE.items()
        for at in range(3)
    ]
    lists = zip(("meetings", "sessions"), listed(9069, 2023), strict=True)
    messages += [Message(NOW, f"v1/{name}", row | {"_key": name}) for name, row in lists]
    by_collection = {}
    for message in messages:
        by_collection.setdefault(message.collection, []).append(message)
    return by_collection


def spoilt(rows, chance, number):
    """A message with a few fields replaced or left out."""
    collection = chance.choice([*rows])
    row = {**chance.choice(rows[collection]).payload, "_id": 10**7 + number}
    for name in chance.sample([*row], chance.choice((1, 1, 1, 3))):
        row[name] = chance.choice(VALUES)
        if chance.random() < 0.1:
            del row[name]
    return receive(f"v1/{collection}", msgspec.json.encode(row), NOW)


@pytest.mark.parametrize("seed", range(2))
def test_any_value_in_any_field_costs_nothing_but_itself(session, rows, caplog, seed):
    chance, now = random.Random(seed), NOW
    engine = Engine(session, source=Source.OPENF1, now=NOW)
    engine.open_run()
    inbox = Inbox()
    inbox.begin(Journal(9069, NOW))
    caplog.set_level(logging.ERROR)
    for second in range(40):
        now += timedelta(seconds=1)
        good = {"session_key": 9069, "meeting_key": 1207, "date": now.isoformat(), "air_temperature": 20.0}
        batch = [spoilt(rows, chance, 100 * second + number) for number in range(30)]
        batch.insert(second % 30, Message(now, "v1/weather", good | {"_key": f"good_{second}", "_id": second}))
        for message in batch:
            inbox.put(message)
        engine.receive(inbox.take())
        engine.tick(now)
        assert Weather.objects.filter(session=session, date=now).exists()
        shown = msgspec.json.decode(msgspec.json.encode(engine.frames.board))
        for draw in (lines, as_table, clock_text, draw_map):
            draw(shown)
    engine.finish()
    inbox.close()
    again = Engine(session, source=Source.OPENF1, now=now)
    again.restore(read_session(9069))
    again.store(everything=True, samples=True)
    again.write_frame(now)
    assert not [record.message for record in caplog.records]


def test_a_failure_that_nobody_has_foreseen_costs_the_row_at_fault_and_no_other(session, rows, monkeypatch):
    engine, store = Engine(session, source=Source.OPENF1, now=NOW), Piece.store
    engine.open_run()

    def fail_on_car_1(piece, **options):
        if any(piece.newest[key].row.get("driver_number") == 1 for group in piece.changed for key in piece.members[group]):
            raise ZeroDivisionError
        return store(piece, **options)

    monkeypatch.setattr(Piece, "store", fail_on_car_1)
    engine.receive([*rows["drivers"], *rows["weather"]])
    engine.store(everything=False, samples=False)
    assert session.entries.count() == len(rows["drivers"]) - 1
    assert session.weather.count() == len(rows["weather"])
    engine.store(everything=False, samples=False)
    assert [reject.reason for reject in Reject.objects.all()] == ["cannot be stored: ZeroDivisionError"]


def test_a_database_that_is_away_is_no_fault_of_the_rows(session, rows, monkeypatch):
    engine = Engine(session, source=Source.OPENF1, now=NOW)
    engine.receive(rows["weather"])

    def fail(piece, **options):
        raise OperationalError

    with monkeypatch.context() as patched:
        patched.setattr(Piece, "store", fail)
        with pytest.raises(OperationalError):
            engine.store(everything=False, samples=False)
    engine.store(everything=False, samples=False)
    assert session.weather.count() == len(rows["weather"])


def test_a_session_of_a_race_weekend_that_is_not_stored_waits_and_holds_up_nothing(session, rows):
    engine = Engine(session, source=Source.OPENF1, now=NOW)
    engine.open_run()
    [listing] = rows["sessions"]
    unknown = listing.payload | {"session_key": 4711, "meeting_key": 4712, "_id": 1}
    engine.receive([Message(NOW, "v1/sessions", unknown), *rows["weather"]])
    engine.store(everything=False, samples=False)
    assert session.weather.count() == len(rows["weather"])
    assert Reject.objects.get().reason.startswith("meeting_key:")
    weekend = rows["meetings"][0].payload | {"meeting_key": 4712, "_id": 2}
    engine.receive([Message(NOW, "v1/meetings", weekend)])
    engine.store(everything=False, samples=False)
    assert Session.objects.get(pk=4711).race_id == 4712


def test_samples_without_a_field_are_stored_without_it(session, rows):
    engine = Engine(session, source=Source.OPENF1, now=NOW)
    first, second, *_ = rows["car_data"]
    lacking = {name: value for name, value in second.payload.items() if name != "rpm"}
    engine.receive([Message(NOW, "v1/car_data", row | {"_id": 1}) for row in (first.payload, lacking)])
    engine.store(everything=True, samples=True)
    assert SampleFile.objects.get().rows == 2


def test_topics_that_nobody_knows_are_counted_together(session):
    engine = Engine(session, source=Source.OPENF1, now=NOW)
    engine.receive([Message(NOW, f"v1/unheard_of_{number}", {}) for number in range(3)])
    assert engine.counts == {OTHER: 3}
