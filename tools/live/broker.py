"""A small MQTT 3.1.1 broker (QoS 0) for tests of the live feed: it checks passwords, and fails on request.

It is not for anything else: no retained messages, no sessions, no wildcards but `#` at the end of a filter.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress

CONNECT, PUBLISH, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 8, 12, 14
NOT_AUTHORIZED = 5


class Reader:
    """The fields of a packet, one after the other."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def take(self, size: int) -> bytes:
        piece, self.body = self.body[:size], self.body[size:]
        return piece

    def number(self) -> int:
        return int.from_bytes(self.take(2))

    def text(self) -> str:
        return self.take(self.number()).decode()


def packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    length, size = bytearray(), len(body)
    while True:
        size, digit = size >> 7, size & 127
        length.append(digit | (128 if size else 0))
        if not size:
            return bytes([kind << 4 | flags]) + bytes(length) + body


def publication(topic: str, payload: bytes) -> bytes:
    encoded = topic.encode()
    return packet(PUBLISH, len(encoded).to_bytes(2) + encoded + payload)


class Connections:
    """Serves each connection in a task of its own, and ends all of them when it stops: also one that was only just accepted."""

    def __init__(self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
        self.serve = serve
        self.open: dict[asyncio.StreamWriter, asyncio.Future[None]] = {}

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open[writer] = asyncio.ensure_future(self.serve(reader, writer))
        self.open[writer].add_done_callback(lambda task: self.open.pop(writer))

    async def stop(self, server: asyncio.Server) -> None:
        await asyncio.sleep(0.01)  # what has been accepted becomes a connection, as it could not once the server is closed
        server.close()
        serving = [*self.open.values()]
        for writer in self.open:
            writer.transport.abort()
        await asyncio.gather(*serving, return_exceptions=True)


class Broker:
    """Delivers what is published to all who have subscribed to it."""

    def __init__(self, allows: Callable[[str, str], bool] = lambda user, password: True) -> None:
        self.allows = allows
        self.subscribers: dict[asyncio.StreamWriter, list[str]] = {}
        self.clients = Connections(self.serve)
        self.connections = 0  # accepted so far
        self.refused = 0
        self.port = 0

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.server = await asyncio.start_server(self.clients.accept, "127.0.0.1", port, ssl=tls)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        await self.clients.stop(self.server)

    def disconnect_all(self) -> None:
        """End every connection, as a broker does that is restarted or whose tokens have expired."""
        for writer in [*self.subscribers]:
            writer.transport.abort()
        self.subscribers.clear()

    async def publish(self, topic: str, payload: bytes) -> None:
        content = publication(topic, payload)
        for writer, filters in [*self.subscribers.items()]:
            if any(topic == each or (each.endswith("#") and topic.startswith(each[:-1])) for each in filters):
                writer.write(content)
        await asyncio.sleep(0)

    async def drain(self) -> None:
        for writer in [*self.subscribers]:
            with suppress(ConnectionError):  # of a subscriber that is gone; the others receive what follows
                await writer.drain()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                kind, flags, body = await read_packet(reader)
                if kind == DISCONNECT or not await self.answer(kind, flags, Reader(body), writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            self.subscribers.pop(writer, None)
            writer.close()

    async def answer(self, kind: int, flags: int, body: Reader, writer: asyncio.StreamWriter) -> bool:
        """Answer a packet; whether the connection stays."""
        if kind == CONNECT:
            accepted = self.allows(*credentials(body))
            self.connections += accepted
            self.refused += not accepted
            writer.write(packet(2, bytes([0, 0 if accepted else NOT_AUTHORIZED])))
            await writer.drain()
            if accepted:
                self.subscribers[writer] = []
            return accepted
        if kind == SUBSCRIBE:
            identifier, granted = body.take(2), b""
            while body.body:
                self.subscribers[writer].append(body.text())
                body.take(1)
                granted += b"\0"
            writer.write(packet(9, identifier + granted))
        elif kind == PUBLISH:
            topic = body.text()
            if flags & 0b110:
                writer.write(packet(4, body.take(2)))
            await self.publish(topic, body.body)
        elif kind == PINGREQ:
            writer.write(packet(13, b""))
        return True


def credentials(body: Reader) -> tuple[str, str]:
    """The user and password of a CONNECT."""
    body.text()
    body.take(1)
    flags = body.take(1)[0]
    body.take(2)
    body.text()
    if flags & 4:
        body.text()
        body.text()
    return body.text() if flags & 128 else "", body.text() if flags & 64 else ""


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    first = (await reader.readexactly(1))[0]
    size = shift = 0
    while True:
        digit = (await reader.readexactly(1))[0]
        size |= (digit & 127) << shift
        shift += 7
        if not digit & 128:
            return first >> 4, first & 15, await reader.readexactly(size)
