"""What waits between the connection and the engine: bounded in a flood, and known where the disk is full."""

import asyncio
import errno
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from live import condition, inbox, journal
from live.connection import Connection, cancel
from live.engine import Engine
from live.inbox import Inbox
from live.journal import Journal, read_session
from live.messages import Message
from live.models import LiveState
from live.samples import Samples
from mirror.errors import NotStored
from mirror.models import Source
from races.models import Race, Session
from telemetry.models import SampleFile
from tools.live.broker import Broker

NOW = datetime(2026, 3, 8, 14, tzinfo=UTC)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    settings.OPENF1_USERNAME = "team"


class Disk:
    """A disk that can be full: nothing can be brought to it then."""

    def __init__(self, monkeypatch):
        self.is_full, self.fsync = False, os.fsync
        monkeypatch.setattr(journal.os, "fsync", self.sync)

    def sync(self, number):
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.fsync(number)


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


def message(number):
    return Message(NOW + timedelta(seconds=number), "v1/laps", {"n": number})


def numbers(messages):
    return [each.payload["n"] for each in messages]


def take_all(box):
    taken = []
    while batch := box.take():
        taken += batch
    return numbers(taken)


@pytest.mark.once
def test_a_flood_waits_in_the_journal_and_comes_in_order(monkeypatch):
    """Everything waited in memory: 690 MB at twenty times the speed of a race."""
    monkeypatch.setattr(inbox, "LIMIT", 1000)
    monkeypatch.setattr(inbox, "BATCH", 300)
    box, taken, sent = Inbox(), [], 0
    box.put(message(0))
    box.begin(Journal(1, NOW))
    for burst in (1, 5000, 700, 20_000, 10, 3000):
        for number in range(sent + 1, sent + 1 + burst):
            box.put(message(number))
            assert len(box.waiting) <= 1000
        sent += burst
        batch = box.take()
        assert len(batch) <= 300
        taken += numbers(batch)
    taken += take_all(box)
    assert taken == [*range(sent + 1)]
    box.put(message(sent + 1))
    assert numbers(box.waiting) == [sent + 1]  # it is in memory again
    box.close()
    assert numbers(read_session(1)) == [*range(sent + 2)]


@pytest.mark.once
def test_thirty_thousand_messages_at_once_come_over_mqtt_without_waiting_in_memory(monkeypatch):
    monkeypatch.setattr(inbox, "LIMIT", 2000)
    count, widest = 30_000, 0

    async def flood():
        nonlocal widest
        broker = Broker()
        await broker.start()
        feed = Connection(url=f"mqtt://127.0.0.1:{broker.port}", log_in=lambda: None)
        feed.inbox.begin(Journal(1, NOW))
        running = asyncio.create_task(feed.run())
        async with asyncio.timeout(60):
            while not any(broker.subscribers.values()):
                await asyncio.sleep(0.02)
            for number in range(count):
                await broker.publish("v1/laps", b'{"n": %d}' % number)
            await broker.publish("v1/laps", b'{"n": -1}')
            taken = []
            while not taken or taken[-1] != -1:
                await asyncio.sleep(0.05)
                widest = max(widest, len(feed.inbox.waiting))
                taken += numbers(feed.inbox.take())
        await cancel(running)
        await broker.stop()
        feed.inbox.close()
        return taken

    assert asyncio.run(flood()) == [*range(count), -1]
    assert widest <= 2000


@pytest.mark.once
def test_a_full_disk_raises_nothing_and_the_journal_goes_on_when_there_is_room(disk):
    """It ended the process."""
    box = Inbox()
    box.begin(Journal(1, NOW))
    box.put(message(1))
    box.sync()
    box.put(message(2))
    disk.is_full = True
    box.sync()
    assert box.failure == "No space left on device"
    box.put(message(3))
    box.sync()
    assert take_all(box) == [1, 2, 3]  # viewers see them all the same
    disk.is_full = False
    box.sync()
    assert box.failure == ""
    box.put(message(4))
    box.close()
    box.sync()
    [hole] = box.holes
    assert (hole.since, hole.until) == (NOW + timedelta(seconds=2), NOW + timedelta(seconds=3))
    assert hole.reason == "the journal could not be written: No space left on device"
    assert {1, 4} <= {*numbers(read_session(1))}
    assert len(list((journal.folder_of(1)).iterdir())) == 2  # attempts in vain leave nothing


@pytest.mark.once
def test_a_disk_that_is_full_in_a_flood_loses_only_what_memory_has_no_room_for(disk, monkeypatch):
    monkeypatch.setattr(inbox, "LIMIT", 100)
    box = Inbox()
    box.begin(Journal(1, NOW))
    for number in range(200):
        box.put(message(number))
    box.sync()
    disk.is_full = True
    box.sync()
    for number in range(200, 300):
        box.put(message(number))
    assert len(box.waiting) == 100
    first = numbers(box.take())
    disk.is_full = False
    box.sync()
    for number in range(300, 500):
        box.put(message(number))
        assert len(box.waiting) <= 100
    assert sorted([*first, *take_all(box)]) == [*range(200), *range(300, 500)]
    assert [(hole.since, hole.until) for hole in box.holes] == [(message(199).t, message(299).t)]
    box.close()


@pytest.mark.once
def test_a_journal_that_cannot_be_begun_is_begun_later(disk):
    disk.is_full = True
    box = Inbox()
    box.begin(Journal(1, NOW))
    box.put(message(1))
    assert take_all(box) == [1]
    disk.is_full = False
    box.sync()
    box.put(message(2))
    box.close()
    assert numbers(read_session(1)) == [2]


@pytest.mark.once
def test_a_disk_that_stays_full_is_a_hole_up_to_the_end(disk):
    box = Inbox()
    box.begin(Journal(1, NOW))
    disk.is_full = True
    for number in (1, 2):
        box.put(message(number))
    box.close()
    box.close()
    box.sync()  # the task that does so may be a step behind
    assert [(hole.since, hole.until) for hole in box.holes] == [(message(1).t, message(2).t)]


@pytest.mark.django_db
def test_a_journal_that_cannot_be_written_is_said_in_readyz_admin_and_metrics(disk, client, admin_client, settings):
    settings.METRICS = True
    race = Race.objects.create(race_id=1, race_name="Bahrain Grand Prix", year=2026)
    session = Session.objects.create(session_id=1, race=race, session_name="Race", year=2026)
    feed = Connection(url="mqtt://localhost", log_in=lambda: None, condition="is connected", connected_at=NOW)
    feed.inbox.begin(Journal(1, NOW))
    engine = SimpleNamespace(session=session, counts=Counter(), last={})
    condition.report_session(engine, feed, per_second=1, now=datetime.now(UTC))
    assert client.get("/readyz/").json()["parts"]["live"] == "ok"
    assert b"f1site_live_healthy 1" in client.get("/metrics/").content
    disk.is_full = True
    feed.inbox.sync()
    condition.report_session(engine, feed, per_second=1, now=datetime.now(UTC))
    assert "No space left on device" in client.get("/readyz/").json()["parts"]["live"]
    assert b"f1site_live_healthy 0" in client.get("/metrics/").content
    assert "No space left on device" in admin_client.get("/admin/live/livestate/").content.decode()
    disk.is_full = False
    feed.inbox.sync()
    condition.report_session(engine, feed, per_second=1, now=datetime.now(UTC))
    assert client.get("/readyz/").json()["parts"]["live"] == "ok"
    assert "No space left" in LiveState.objects.get().holes[0]["why"]
    feed.inbox.close()


@pytest.mark.django_db
def test_samples_wait_while_the_disk_is_full_but_not_without_end(monkeypatch):
    """They were dropped at the first failure."""
    race = Race.objects.create(race_id=1, race_name="Bahrain Grand Prix", year=2026)
    Session.objects.create(session_id=1, race=race, session_name="Race", year=2026)
    samples = Samples(source=Source.OPENF1)
    own = {"session_key": 1, "meeting_key": 1, "driver_number": 1, "x": 1, "y": 2, "z": 3}
    dates = [(NOW + timedelta(seconds=number)).isoformat() for number in range(10)]
    rows = [own | {"date": date, "_key": date, "_id": number} for number, date in enumerate(dates)]
    samples.add("location", [Message(NOW, "v1/location", row) for row in rows])

    def fail(*args, **options):
        raise NotStored("No space left on device")

    monkeypatch.setattr("live.samples.append", fail)
    monkeypatch.setattr("live.samples.MANY", 10)
    assert samples.store(everything=True) == set()
    assert samples.are_many
    samples.leave_out_oldest()
    [(_, waiting)] = samples.waiting.items()
    assert [*waiting] == dates[5:]
    assert samples.counts["left out"] == 5


@pytest.mark.django_db
def test_a_process_that_takes_over_far_behind_stores_samples_while_it_reads_the_journal(monkeypatch):
    """All that was not in the files yet waited in memory."""
    monkeypatch.setattr("live.samples.MANY", 4_000)
    race = Race.objects.create(race_id=1, race_name="Bahrain Grand Prix", year=2026)
    session = Session.objects.create(session_id=1, race=race, session_name="Race", date_start=NOW, year=2026)
    own = {"session_key": 1, "meeting_key": 1, "driver_number": 1, "x": 1, "y": 2, "z": 3}
    dates = ((NOW + timedelta(seconds=number / 4)).isoformat() for number in range(12_000))
    rows = (own | {"date": date, "_key": date, "_id": number} for number, date in enumerate(dates))
    engine = Engine(session, source=Source.OPENF1, now=NOW)
    engine.restore(Message(NOW, "v1/location", row) for row in rows)
    assert not engine.samples.are_many
    assert engine.samples.counts["left out"] == 0
    engine.finish()
    assert SampleFile.objects.get().rows == 12_000
