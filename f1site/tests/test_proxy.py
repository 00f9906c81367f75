"""The proxy before several web servers, with the configuration that compose.yaml uses."""

import re
import shutil
import socket
import subprocess
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from django.conf import settings

pytestmark = [pytest.mark.once, pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")]
PATIENCE = 20  # seconds


class Server(BaseHTTPRequestHandler):
    """A web server; while `dying` it ends each connection in the middle of a request, as one that is killed."""

    dying = False
    requests: list[tuple[str, str]]

    def answer(self):
        if self.path == "/healthz/":
            self.reply(400, b"refused")  # a host name that is not allowed
            return
        self.requests.append((self.command, self.path))
        if not self.dying:
            self.reply(200, ", ".join(self.headers.get_all("X-Forwarded-For")).encode())

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815 - the names that http.server calls

    def log_message(self, *arguments):
        pass


@pytest.fixture
def servers():
    """Two web servers; the second is dying."""
    started = []
    for dying in (False, True):
        handler = type("Handler", (Server,), {"dying": dying, "requests": []})
        started.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=started[-1].serve_forever, daemon=True).start()
    yield started
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.fixture
def proxy(servers, tmp_path):
    """The address of the proxy, once it serves."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    lines = "\n".join(f"    server web{n} 127.0.0.1:{server.server_port}" for n, server in enumerate(servers))
    text = (settings.BASE_DIR / "tools" / "container" / "haproxy.cfg").read_text().replace(":8080", f"127.0.0.1:{port}")
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(re.sub(r"^ *server-template.*$", lines, text, flags=re.MULTILINE))
    process = subprocess.Popen([shutil.which("haproxy"), "-db", "-f", configuration], stderr=subprocess.DEVNULL)
    until = time.monotonic() + PATIENCE
    while True:
        with suppress(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{port}/healthz/", timeout=5)
            break
        assert time.monotonic() < until
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def test_reads_that_a_dying_server_leaves_unanswered_are_answered_by_another(proxy, servers):
    answers = [
        requests.get(f"{proxy}/read/{number}", headers={"X-Forwarded-For": "10.9.8.7"}, timeout=20) for number in range(20)
    ]
    assert {answer.status_code for answer in answers} == {200}
    alive, dying = (server.RequestHandlerClass.requests for server in servers)
    assert len(alive) == 20
    assert dying
    assert {answer.content for answer in answers} == {b"10.9.8.7, 127.0.0.1"}, "the address that the proxy saw is the last"


def test_an_edit_is_sent_to_one_server_only(proxy, servers):
    statuses = [requests.post(f"{proxy}/edit/{number}", timeout=20).status_code for number in range(20)]
    assert set(statuses) == {200, 502}
    sent = [path for server in servers for _, path in server.RequestHandlerClass.requests]
    assert len(sent) == len(set(sent)) == 20
