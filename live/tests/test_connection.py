"""The connection to the feed: tokens are renewed before they end, and what fails meanwhile costs no message."""

import asyncio

import pytest

from live import connection
from live.connection import Connection, cancel
from mirror.client import Token
from mirror.errors import Unavailable
from tools.live.broker import Broker

pytestmark = pytest.mark.once


async def until(holds):
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    for name, seconds in {"RENEW_AGAIN": 0.1, "RENEW_WITHIN": 2.0, "OVERLAP": 0.1}.items():
        monkeypatch.setattr(connection, name, seconds)


async def renew(answers):
    """Messages sent while tokens are fetched: each answer is a token's life in seconds, or an error."""
    given, valid = [*answers], set()

    def log_in():
        answer = given.pop(0) if len(given) > 1 else given[0]
        if isinstance(answer, Exception):
            raise answer
        text = f"token {len(given)}"
        if answer:
            valid.add(text)
        return Token(text, answer or 3600)

    broker = Broker(lambda user, password: password in valid)
    await broker.start()
    feed = Connection(url=f"mqtt://127.0.0.1:{broker.port}", username="team", log_in=log_in)
    running = asyncio.create_task(feed.run())
    await until(lambda: any(broker.subscribers.values()))
    sent = 0
    while len(given) > 1 or broker.connections < 2:
        await broker.publish("v1/laps", b'{"n": %d}' % sent)
        sent += 1
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    await broker.publish("v1/laps", b'{"n": %d}' % sent)
    await until(lambda: feed.inbox.waiting and feed.inbox.waiting[-1].payload == {"n": sent})
    await cancel(running)
    await broker.stop()
    return feed, {message.payload["n"] for message in feed.inbox.waiting}, sent


@pytest.mark.parametrize(
    "failure",
    [Unavailable("OpenF1 is out of reach"), RuntimeError("nobody has foreseen this"), 0],
    ids=["no token", "unforeseen", "refused"],
)
def test_a_renewal_that_fails_is_repeated_while_the_old_connection_receives(failure):
    """One failure ended a connection that had five minutes left."""
    feed, received, sent = asyncio.run(renew([0.5, failure, failure, 3600]))
    if isinstance(failure, RuntimeError):
        assert feed.holes  # the connection is made anew
    else:
        assert received == {*range(sent + 1)}
        assert not feed.holes
