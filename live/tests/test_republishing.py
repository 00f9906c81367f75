"""The feed on a broker of the owner's, as OpenF1's live clients and Home Assistant read it."""

import asyncio
import json
import secrets
import socket
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from live.connection import Connection, cancel, open_client
from live.messages import Message
from live.republishing import STATE_TOPIC, WAITING, Republisher, discovery, sensor_states
from live.tests.test_alerts import QUIET, after
from tools.live.broker import Broker

pytestmark = pytest.mark.once
NOW = datetime(2026, 3, 8, 14, tzinfo=UTC)
MOSQUITTO = "mqtt://127.0.0.1:1883"


def republish(scenario, *, home_assistant=False):
    """Run a broker, the republisher and a client of OpenF1's feed that has changed its host; returns what the client got."""

    async def whole():
        broker = Broker()
        await broker.start()
        client = Connection(url=f"mqtt://127.0.0.1:{broker.port}", log_in=lambda: None, topics=("#",))
        listening = asyncio.create_task(client.run())
        while not any(broker.subscribers.values()):
            await asyncio.sleep(0.01)
        republisher = Republisher(f"mqtt://127.0.0.1:{broker.port}", home_assistant=home_assistant)
        publishing = asyncio.create_task(republisher.run())
        wanted = scenario(republisher)
        while len(client.inbox.waiting) < wanted:
            await asyncio.sleep(0.01)
        for task in (publishing, listening):
            task.cancel()
        await asyncio.gather(publishing, listening, return_exceptions=True)
        await broker.stop()
        return client.inbox.take()

    async def within_a_minute():
        return await asyncio.wait_for(whole(), 60)

    return asyncio.run(within_a_minute())


def test_messages_go_on_as_they_came():
    rows = [{"lap_number": number, "_key": f"1_{number}", "_id": number} for number in range(50)]

    def scenario(republisher):
        republisher.add_messages([Message(NOW, "v1/laps", "no JSON"), *(Message(NOW, "v1/laps", row) for row in rows)])
        return 50

    assert [(message.topic, message.payload) for message in republish(scenario)] == [("v1/laps", row) for row in rows]


def test_home_assistant_finds_its_sensors_and_what_changes():
    def scenario(republisher):
        republisher.show(QUIET, "none")
        republisher.show(QUIET, "none")
        republisher.show(after(track__flag="sc", order=[16, 1]), "none")
        return 8

    messages = republish(scenario, home_assistant=True)
    found = {message.topic: message.payload for message in messages if message.topic.startswith("homeassistant/")}
    assert found["homeassistant/sensor/f1stats/leader/config"]["state_topic"] == STATE_TOPIC
    assert len(found) == 6
    states = [message.payload for message in messages if message.topic == STATE_TOPIC]
    assert [state["leader"] for state in states] == ["Max Verstappen", "Charles Leclerc"]
    assert states[1]["safety_car"] == "sc"


def test_without_a_session_the_next_one_is_told():
    assert sensor_states(None, "2026 Jeddah Race")["next_session"] == "2026 Jeddah Race"
    assert sensor_states(None, "")["status"] == "no session"


def test_while_the_broker_is_away_the_newest_messages_wait():
    async def scenario():
        republisher = Republisher("mqtt://127.0.0.1:1")
        republisher.add_messages([Message(NOW, "v1/laps", {"_id": number}) for number in range(WAITING + 5)])
        return republisher.left_out, json.loads(republisher.waiting.get_nowait()[1])

    assert asyncio.run(scenario()) == (5, {"_id": 5})


def test_a_broker_that_was_started_again_is_told_everything_again():
    async def scenario():
        republisher = Republisher("", home_assistant=True)
        republisher.show(QUIET, "none")
        told = []
        for _ in range(2):
            broker = Broker()
            await broker.start()
            republisher.url = f"mqtt://127.0.0.1:{broker.port}"
            home = Connection(url=republisher.url, log_in=lambda: None, topics=("#",))
            tasks = [asyncio.create_task(home.run())]
            async with asyncio.timeout(60):
                while not any(broker.subscribers.values()):
                    await asyncio.sleep(0.01)
                tasks.append(asyncio.create_task(republisher.run()))
                while STATE_TOPIC not in [message.topic for message in home.inbox.waiting]:
                    await asyncio.sleep(0.01)
            told.append({message.topic for message in home.inbox.take()})
            for task in tasks:
                await cancel(task)
            await broker.stop()
        return told

    first, second = asyncio.run(scenario())
    assert first == second
    assert len(first) == 7


def test_a_process_that_stands_by_repeats_nothing_old_and_tells_everything_when_it_takes_over():
    republisher = Republisher("", home_assistant=True)
    republisher.show(None, "2026 Jeddah Race")
    republisher.retained[STATE_TOPIC] = republisher.waiting.get_nowait()
    assert STATE_TOPIC in [topic for topic, _, _ in republisher.first_messages()]
    republisher.stand_by()
    assert STATE_TOPIC not in [topic for topic, _, _ in republisher.first_messages()]
    republisher.show(None, "2026 Jeddah Race")
    assert republisher.waiting.get_nowait()[0] == STATE_TOPIC


@pytest.fixture
def mosquitto():
    """The address of a Mosquitto; what is retained there is removed in the end."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", 1883), timeout=2):
        yield MOSQUITTO
        asyncio.run(forget_what_is_retained())
        return
    pytest.skip("no Mosquitto answers at 127.0.0.1:1883")


async def forget_what_is_retained():
    async with open_client(MOSQUITTO, "", "") as client:
        for topic in (STATE_TOPIC, *(topic for topic, _, _ in discovery())):
            await client.publish(topic, b"", retain=True)


def test_mosquitto_passes_the_feed_on_and_tells_a_home_assistant_that_starts_later(mosquitto):
    topic = f"v1/test_{secrets.token_hex(4)}"
    rows = [{"lap_number": number, "_key": f"1_{number}", "_id": number} for number in range(500)]

    async def scenario():
        client = Connection(url=mosquitto, log_in=lambda: None, topics=(topic,))
        republisher = Republisher(mosquitto, home_assistant=True)
        home = Connection(url=mosquitto, log_in=lambda: None, topics=("homeassistant/sensor/f1stats/#", STATE_TOPIC))
        tasks = [asyncio.create_task(client.run())]
        async with asyncio.timeout(60):
            while client.connected_at is None:
                await asyncio.sleep(0.01)
            tasks.append(asyncio.create_task(republisher.run()))
            republisher.show(after(track__flag="sc"), "none")
            republisher.add_messages([Message(NOW, topic, row) for row in rows])
            while len(client.inbox.waiting) < len(rows):
                await asyncio.sleep(0.01)
            tasks.append(asyncio.create_task(home.run()))
            while len(home.inbox.waiting) < 7:
                await asyncio.sleep(0.01)
        for task in tasks:
            await cancel(task)
        return client.inbox.take(), {message.topic: message.payload for message in home.inbox.take()}

    received, home = asyncio.run(scenario())
    assert [(message.topic, message.payload) for message in received] == [(topic, row) for row in rows]
    for sensor in ("flag", "safety_car", "status", "lap", "leader", "next_session"):
        config = home[f"homeassistant/sensor/f1stats/{sensor}/config"]
        assert config["state_topic"] == STATE_TOPIC
        assert sensor in home[STATE_TOPIC]
    assert home[STATE_TOPIC]["safety_car"] == "sc"
