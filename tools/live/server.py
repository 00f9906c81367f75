"""OpenF1's side of a live session, for tests and for a look at the site without an account: tokens, MQTT, and a closed REST.

    python tools/live/server.py recording.jsonl.gz --speed 20

prints the settings by which `manage.py live --session KEY` receives it. Faults: `--token-seconds 60`, `--disconnect-every 30`,
`--lose 0.01` (holes), `--repeat 0.1`, `--shuffle 5` (seconds within which the order is lost), `--malformed 0.01`, `--flood`.
"""

import argparse
import asyncio
import json
import random
import secrets
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from live.journal import read_messages
from live.messages import Message
from tools.live.broker import Broker, Connections

USER, PASSWORD = "team", "box box"


class FeedServer:
    """Tokens and REST over HTTP, the feed over MQTT; `rows` answers REST after the session."""

    def __init__(self, *, token_seconds: float = 3600, rows: Callable[[str, dict], list] | None = None) -> None:
        self.token_seconds, self.rows = token_seconds, rows
        self.tokens: dict[str, float] = {}  # {token: when it ends}
        self.locked = True
        self.askers = Connections(self.serve)
        self.broker = Broker(lambda user, password: self.tokens.get(password, 0) > time.monotonic())

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        await self.broker.start(tls=tls)
        self.http = await asyncio.start_server(self.askers.accept, "127.0.0.1", 0)
        self.http_port = self.http.sockets[0].getsockname()[1]
        self.scheme = "mqtts" if tls else "mqtt"

    async def stop(self) -> None:
        await self.askers.stop(self.http)
        await self.broker.stop()

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a site that receives this feed."""
        return {
            "OPENF1_BASE_URL": f"http://127.0.0.1:{self.http_port}/v1",
            "OPENF1_MQTT_URL": f"{self.scheme}://localhost:{self.broker.port}",
            "OPENF1_USERNAME": USER,
            "OPENF1_PASSWORD": PASSWORD,
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            size = next((int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")), 0)
            body = (await reader.readexactly(size)).decode()
            method, target, _ = head.split(" ", 2)
            status, answer = self.answer(method, target, body)
            content = json.dumps(answer).encode()
            lines = [
                f"HTTP/1.1 {status} .",
                "Content-Type: application/json",
                f"Content-Length: {len(content)}",
                "Connection: close",
            ]
            writer.write("\r\n".join([*lines, "", ""]).encode() + content)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def answer(self, method: str, target: str, body: str) -> tuple[int, object]:
        parts = urlsplit(target)
        if method == "POST" and parts.path == "/token":
            form = parse_qs(body)
            if form.get("username") != [USER] or form.get("password") != [PASSWORD]:
                return 401, {"detail": "Incorrect username or password"}
            token = secrets.token_urlsafe()
            self.tokens[token] = time.monotonic() + self.token_seconds
            return 200, {"access_token": token, "token_type": "bearer", "expires_in": str(int(self.token_seconds))}
        if self.locked or self.rows is None:
            return 401, {"detail": "Live F1 session in progress"}
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        rows = self.rows(parts.path.rsplit("/", 1)[-1], query)
        return (200, rows) if rows else (404, {"detail": "No results found."})

    async def send(self, messages: list[Message]) -> None:
        """Publish messages at once."""
        for message in messages:
            payload = message.payload if isinstance(message.payload, str) else json.dumps(message.payload)
            await self.broker.publish(message.topic, payload.encode())
        await self.broker.drain()

    async def play(self, messages: list[Message], *, speed: float, disconnect_every: float = 0) -> None:
        """Publish messages as time passes."""
        began, cut = time.monotonic(), time.monotonic()
        for message in messages:
            due = began + (message.t - messages[0].t).total_seconds() / speed
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            if disconnect_every and time.monotonic() - cut > disconnect_every:
                cut = time.monotonic()
                self.broker.disconnect_all()
            await self.send([message])


def spoil(messages: list[Message], *, lose: float, repeat: float, shuffle: float, malformed: float) -> list[Message]:
    """Messages as a bad day delivers them."""
    chance = random.Random(1)
    spoilt = []
    for message in messages:
        if chance.random() < lose:
            continue
        spoilt.append(message)
        if chance.random() < repeat:
            spoilt.append(message)
        if chance.random() < malformed:
            spoilt.append(Message(message.t, message.topic, chance.choice(['{"lap', "[]", '{"driver_number": "VER"}'])))
    return sorted(spoilt, key=lambda message: message.t.timestamp() + chance.uniform(0, shuffle))


async def main(options: argparse.Namespace) -> None:
    messages = list(read_messages(options.file))
    server = FeedServer(token_seconds=options.token_seconds)
    await server.start()
    print(*(f"{name}='{value}'" for name, value in server.settings.items()), flush=True)
    while not server.broker.subscribers:
        await asyncio.sleep(0.1)
    spoilt = spoil(messages, lose=options.lose, repeat=options.repeat, shuffle=options.shuffle, malformed=options.malformed)
    speed = 1e9 if options.flood else options.speed
    await server.play(spoilt, speed=speed, disconnect_every=options.disconnect_every)
    await asyncio.sleep(5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--speed", type=float, default=1)
    parser.add_argument("--token-seconds", type=float, default=3600)
    for fault in ("disconnect-every", "lose", "repeat", "shuffle", "malformed"):
        parser.add_argument(f"--{fault}", type=float, default=0)
    parser.add_argument("--flood", action="store_true", help="everything at once")
    asyncio.run(main(parser.parse_args()))
