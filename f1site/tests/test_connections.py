"""The server with clients that send nothing, half a request, or do not read: by real connections to a gunicorn of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
GET = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n%s"
HALVES = [
    b"",
    b"GET /half",
    b"GET / HTTP/1.1\r\nHost: x\r\nX-Half: ",
    POST % (b"Content-Length: 10", b"half"),
    POST % (b"Transfer-Encoding: chunked", b"ff\r\nhalf"),
    POST % (b"Content-Length: 10\r\nExpect: 100-continue", b""),
]


class Server:
    def __init__(self, log, *, keepalive=60, files=None):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = probe.getsockname()
        self.log = log
        command = [sys.executable, "-m", "gunicorn", "--keep-alive", str(keepalive), "--bind", f"127.0.0.1:{self.address[1]}"]
        limited = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh"] if files else []
        with log.open("w") as out:
            environment = os.environ | {"DATABASE_URL": "sqlite://:memory:"}
            self.process = subprocess.Popen(
                [*limited, *command, "f1site.tests.slow_clients"], cwd=ROOT, env=environment, stdout=out, stderr=out
            )
        until = time.monotonic() + 60
        while self.status() != 200:
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() < until
            time.sleep(0.1)

    def connect(self, sent=b""):
        connection = socket.create_connection(self.address, timeout=10)
        connection.sendall(sent)
        return connection

    def status(self, sent=GET % b"/"):
        """The status of the answer to a request on a connection of its own; 0 without an answer."""
        try:
            with closing(self.connect(sent)) as connection:
                return int(re.match(rb"HTTP/1.1 (\d+)", connection.recv(4096))[1])
        except (OSError, TypeError):
            return 0

    def stop(self):
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        return time.monotonic() - began


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server") / "log.txt")
    yield server
    server.stop()


def ends(connection, within=8):
    """What the server sends until it closes a connection, as it has to do in time."""
    connection.settimeout(within)
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    return received


@pytest.mark.parametrize("half", HALVES)
def test_half_a_request_holds_nothing_but_its_connection_and_that_not_for_long(server, half):
    held = [server.connect(half) for _ in range(60)]
    began = time.monotonic()
    assert server.status() == 200
    assert time.monotonic() - began < 1
    for connection in held:
        received = ends(connection)
        assert not received or b" 408 " in received
        connection.close()


def test_clients_that_do_not_read_hold_nothing_but_their_connections_and_those_not_for_long(server):
    before = server.log.read_text().count("closed")
    held = [server.connect(GET % b"/endless") for _ in range(20)]
    time.sleep(0.5)
    began = time.monotonic()
    assert server.status() == 200
    assert time.monotonic() - began < 1
    until = time.monotonic() + 15
    while server.log.read_text().count("closed") < before + len(held) + 1:
        assert time.monotonic() < until, "the answers are not given up"
        time.sleep(0.1)
    for connection in held:
        ends(connection)
        connection.close()


def test_a_client_that_reads_slowly_but_reads_gets_its_answer(server):
    with closing(server.connect(GET % b"/endless")) as connection:
        taken, until = 0, time.monotonic() + 3
        while time.monotonic() < until:
            taken += len(connection.recv(65536))
            time.sleep(0.02)
    assert taken > 2**20


def test_a_websocket_is_refused(server):
    upgrade = (
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=="
    )
    assert server.status(b"GET / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % upgrade) == 403


def test_one_connection_answers_many_requests_and_requests_sent_at_once(server):
    with closing(server.connect()) as connection:
        for _ in range(3):
            connection.sendall(GET % b"/")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.sendall(GET % b"/" * 3)
        received = b""
        while received.count(b"HTTP/1.1 200") < 3:
            received += connection.recv(4096)


def test_an_idle_connection_is_closed(tmp_path):
    server = Server(tmp_path / "log.txt", keepalive=1)
    with closing(server.connect(GET % b"/")) as idle, closing(server.connect(GET % b"/" + b"GET /half")) as half:
        assert b"200" in ends(idle, 5)
        assert b"200" in ends(half, 5)
    server.stop()


def test_a_stop_waits_for_no_idle_connection(tmp_path):
    server = Server(tmp_path / "log.txt")
    with closing(server.connect(GET % b"/")) as idle, closing(server.connect()):
        assert idle.recv(4096)
        assert server.stop() < 4
    assert "Traceback" not in server.log.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count open files otherwise")
def test_more_connections_than_files_take_the_place_of_those_that_wait_longest(tmp_path):
    server = Server(tmp_path / "log.txt", files=300)  # 256 of which are not for connections
    held = [server.connect() for _ in range(200)]
    assert server.status() == 200
    assert server.status(POST % (b"Content-Length: 2", b"ok")) == 200
    assert ends(held[0], 1) == b""
    for connection in held:
        connection.close()
    server.stop()
    assert "Too many open files" not in server.log.read_text()
