"""The feed over websockets, as of OpenF1's wss://mqtt.openf1.org:8084/mqtt, from a broker that others wrote."""

import asyncio
from datetime import UTC, datetime

import pytest
from amqtt.broker import Broker

from live.connection import Connection, cancel
from live.messages import Message
from live.republishing import Republisher
from pages.tests.site import free_port

pytestmark = pytest.mark.once
ROWS = [{"lap_number": number, "_key": f"1_{number}", "_id": number} for number in range(50)]
ANONYMOUS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


async def pass_on(url, listener, *, patience=60):
    """Publish rows at an address and return what a connection to the same address receives."""
    broker = Broker({"listeners": {"default": {"type": "ws"} | listener}, "plugins": ANONYMOUS})
    await broker.start()
    connection, republisher = Connection(url=url, log_in=lambda: None), Republisher(url)
    tasks = [asyncio.create_task(connection.run())]
    try:
        async with asyncio.timeout(patience):
            while connection.connected_at is None:
                await asyncio.sleep(0.01)
            tasks.append(asyncio.create_task(republisher.run()))
            republisher.add_messages([Message(datetime.now(UTC), "v1/laps", row) for row in ROWS])
            while len(connection.inbox.waiting) < len(ROWS):
                await asyncio.sleep(0.01)
    finally:
        for task in tasks:
            await cancel(task)
        await broker.shutdown()
    return [(message.topic, message.payload) for message in connection.inbox.take()]


def test_the_feed_is_received_and_published_over_websockets():
    port = free_port()
    received = asyncio.run(pass_on(f"ws://127.0.0.1:{port}/mqtt", {"bind": f"127.0.0.1:{port}"}))
    assert received == [("v1/laps", row) for row in ROWS]


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_over_tls_only_a_broker_with_a_known_certificate_is_trusted(certificate, monkeypatch):
    port = free_port()
    url = f"wss://localhost:{port}/mqtt"
    listener = {"bind": f"127.0.0.1:{port}", "ssl": True, "certfile": certificate.certificate, "keyfile": certificate.key}
    with pytest.raises(TimeoutError):
        asyncio.run(pass_on(url, listener, patience=1))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    assert asyncio.run(pass_on(url, listener)) == [("v1/laps", row) for row in ROWS]
