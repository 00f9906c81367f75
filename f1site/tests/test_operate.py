"""The procedures of docs/operate.md, run as they stand there, with other addresses and folders."""

import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import ssl
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection

from f1site.tests.test_docs import page, section
from jobs.tests.processes import SQLiteFile, new_database

pytestmark = pytest.mark.django_db
PAGE = page("operate")
PRIVATE = (".*", "__pycache__", "node_modules", "*.sqlite3*", "*.csv", "media")  # what a clone does not have
HOST = "f1.example.org"
PASSWORD = "pit-wall-22"
TOKEN = "7" * 40
PATIENCE = 40  # seconds

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="a procedure for PostgreSQL")
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="a procedure for SQLite")

FILL = f"""
from django.core.management import call_command
call_command("migrate", verbosity=0)
from datetime import datetime, UTC
from django.contrib.auth.models import User
from api.logins.models import Token
from races.models import Race, Session
user = User.objects.create_superuser("chief", password={PASSWORD!r})
Token.issue(user, key={TOKEN!r})
race = Race.objects.create(race_id=1, race_name="Demo Grand Prix", year=2024)
Session.objects.create(session_id=11, race=race, session_name="Race", year=2024, date_start=datetime(2024, 3, 2, tzinfo=UTC))
"""
# An editor who writes without a break: each transaction has a race and its session, or neither.
WRITE = """
import itertools
from django.db import transaction
from races.models import Race, Session
for number in itertools.count(100):
    with transaction.atomic():
        race = Race.objects.create(race_id=number, race_name="Race", year=2025)
        Session.objects.create(session_id=number, race=race, session_name="Race", year=2025)
    print(number, flush=True)
"""


def blocks(title: str, language: str = "sh") -> list[str]:
    """The fenced blocks of a language in a section of the page."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", section(PAGE, title), re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def replaced(text: str, values: dict[str, str]) -> str:
    """A block with the addresses and folders of this test; each has to be in it."""
    for example, value in values.items():
        assert example in text
        text = text.replace(example, value)
    return text


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Folder:
    """A copy of the project in a folder of its own, whose environment has only what the folder's `.env` says."""

    def __init__(self, path: Path):
        shutil.copytree(settings.BASE_DIR, path, ignore=shutil.ignore_patterns(*PRIVATE))
        self.path, self.processes = path, list[subprocess.Popen]()
        install(path)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(path.parent)}

    def run(self, block: str, **environment: str) -> str:
        """What a block prints; it has to succeed."""
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", block],
            cwd=self.path,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def begin(self, command: str, **environment: str) -> subprocess.Popen:
        with (self.path.parent / f"{self.path.name}.log").open("a") as log:
            process = subprocess.Popen(
                ["/bin/bash", "-c", f"exec {command}"],
                cwd=self.path,
                env=self.environment | environment,
                start_new_session=True,
                stdout=subprocess.PIPE if "shell" in command else log,
                stderr=log,
                text=True,
            )
        self.processes.append(process)
        return process

    def serve(self, command: str) -> int:
        """Start the site; its port, once it answers."""
        port = free_port()
        self.begin(replaced(command, {"127.0.0.1:8000": f"127.0.0.1:{port}"}))
        until = time.monotonic() + PATIENCE
        while True:
            with suppress(OSError):
                return ask(port, "/healthz/").port
            assert time.monotonic() < until, (self.path.parent / f"{self.path.name}.log").read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def rows(self, query: str) -> list[tuple]:
        with closing(sqlite3.connect(self.path / "db.sqlite3")) as database:
            return database.execute(query).fetchall()


def install(path: Path) -> None:
    """An environment that is up to date already: the one of the tests."""
    python = path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (path / ".venv" / "installed").touch()


@pytest.fixture
def folder(tmp_path):
    """Makes folders with the project."""
    made = list[Folder]()

    def make(name: str) -> Folder:
        made.append(Folder(tmp_path / name))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture(scope="module")
def filled(tmp_path_factory, migrated):
    """An SQLite database with a user, a race and a session, which tests copy."""
    path = SQLiteFile(tmp_path_factory.mktemp("filled"), migrated).path
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": f"sqlite:///{path}", "SECRET_KEY": make_password(None) * 3}
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", FILL]
    subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def site(folder, filled):
    """A site on SQLite with rows, a key and a file of samples."""
    made = folder("f1 stats")
    shutil.copy(filled, made.path / "db.sqlite3")
    (made.path / ".secret_key").write_text("k" * 20 + "0123456789abcdefghijklmnopqrstuvwxyz")
    (made.path / ".secret_key").chmod(0o600)
    samples = made.path / "media" / "car_data" / "session_id=11" / "driver_number=1.parquet"
    samples.parent.mkdir(parents=True)
    samples.write_bytes(b"PAR1 samples")
    return made


class Answer:
    def __init__(self, port: int, response: http.client.HTTPResponse):
        self.port, self.status, self.headers, self.body = port, response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)

    @property
    def cookies(self) -> str:
        return "; ".join(value.partition(";")[0] for value in self.headers.get_all("Set-Cookie", []))


def ask(port: int, path: str, *, method: str = "GET", body: str | None = None, tls: bool = False, **headers: str) -> Answer:
    """An answer of the server at a port, without a proxy, a redirect or a check of certificates."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as asked:
        if tls:
            context = ssl._create_unverified_context()  # noqa: S323 - the certificate was made by this test
            asked.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname=HOST)
        asked.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return Answer(port, asked.getresponse())


def log_in(port: int, *, host: str, password: str = PASSWORD, tls: bool = False, **headers: str) -> Answer:
    """The answer to the admin's login form, as a browser sends it."""
    form = ask(port, "/admin/login/", tls=tls, Host=host, **headers)
    [token] = re.findall(rb'name="csrfmiddlewaretoken" value="(\w+)"', form.body)[:1]
    body = urlencode({"csrfmiddlewaretoken": token.decode(), "username": "chief", "password": password})
    headers = {"Cookie": form.cookies, "Content_Type": "application/x-www-form-urlencoded"} | headers
    return ask(port, "/admin/login/?next=/admin/", method="POST", body=body, tls=tls, Host=host, **headers)


@on_sqlite
def test_an_sqlite_site_is_backed_up_while_somebody_writes_and_restored_in_another_folder(site, folder):
    back_up, restore = blocks("SQLite")
    writer = site.begin(f".venv/bin/python manage.py shell -v0 -c {shlex.quote(WRITE)}")
    written = int(writer.stdout.readline())
    site.run(back_up)
    assert int(writer.stdout.readline()) > written
    assert writer.poll() is None
    backup = site.path.parent / "f1-backup"
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in [backup, *backup.iterdir()]} == {0}

    restored = folder("restored")
    (restored.path / "db.sqlite3").write_text("what was there before")
    (restored.path / "db.sqlite3-wal").write_text("and its log")
    restored.run(restore)
    assert restored.rows("PRAGMA integrity_check") == [("ok",)]
    numbers = restored.rows("SELECT race_id FROM races_race WHERE race_id >= 100")
    assert len(numbers) > written - 100
    assert numbers == restored.rows("SELECT session_id FROM races_session WHERE session_id >= 100")
    assert (restored.path / ".secret_key").read_text() == (site.path / ".secret_key").read_text()
    assert (restored.path / "media/car_data/session_id=11/driver_number=1.parquet").read_bytes() == b"PAR1 samples"
    users = "SELECT username, password FROM auth_user"
    assert restored.rows(users) == site.rows(users) != []


@on_postgresql
@pytest.mark.skipif(not shutil.which("pg_dump"), reason="pg_dump is not installed")
def test_a_postgresql_site_is_backed_up_and_restored_into_another_database(site, migrated, tmp_path):
    back_up, restore = blocks("PostgreSQL")
    database, empty = new_database(tmp_path / "dumped", migrated), new_database(tmp_path / "restored")
    example = "postgres://f1stats:password@127.0.0.1:5432/f1stats"
    try:
        site.run(f".venv/bin/python manage.py shell -v0 -c {shlex.quote(FILL)}", DATABASE_URL=database.url)
        site.run(replaced(back_up, {example: database.url}))
        shutil.rmtree(site.path / "media")
        (site.path / ".secret_key").unlink()
        site.run(replaced(restore, {f"{example}_restored": empty.url}))
        for query in (
            "SELECT * FROM races_session",
            "SELECT username, password FROM auth_user",
            "SELECT * FROM django_migrations",
        ):
            assert empty.rows(query) == database.rows(query) != []
        assert (site.path / ".secret_key").read_text().startswith("kkk")
        assert (site.path / "media/car_data/session_id=11/driver_number=1.parquet").exists()
    finally:
        database.drop()
        empty.drop()


@on_sqlite
def test_a_new_version_is_tried_on_a_copy_of_a_database_of_an_older_one(site, tmp_path):
    site.run(".venv/bin/python manage.py migrate -v0 telemetry 0004")  # the tables of an older version
    shutil.copy(settings.BASE_DIR / ".gitignore", site.path)
    site.run("git init -q; git add -A; git -c user.name=x -c user.email=x@example.org commit -qm 'A newer version'")
    template = tmp_path / "template" / "hooks"  # git puts an environment into the clone that is up to date already
    template.mkdir(parents=True)
    hook = template / "post-checkout"
    hook.write_text(f'#!/bin/sh\ncp -a "{site.path}/.venv" .\ntouch -d tomorrow .venv/installed\n')
    hook.chmod(0o755)
    [upgrade] = blocks("Upgrade")
    before = site.rows("SELECT name FROM sqlite_master")
    printed = site.run(upgrade, GIT_TEMPLATE_DIR=str(template.parent))
    assert "Applying telemetry.0005" in printed
    copy = tmp_path / "f1-upgrade" / "db.sqlite3"
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT * FROM races_session").fetchall() == site.rows("SELECT * FROM races_session")
    assert site.rows("SELECT name FROM sqlite_master") == before


class PythonProxy(BaseHTTPRequestHandler):
    """What the examples do, apart from TLS: the host stays, the scheme is overwritten, the caller's address is appended."""

    target: int

    def forward(self) -> None:
        forwarded = ", ".join([*self.headers.get_all("X-Forwarded-For", []), self.client_address[0]])
        headers = {name: value for name, value in self.headers.items() if not name.lower().startswith("x-forwarded-")}
        headers |= {"X-Forwarded-Proto": "https", "X-Forwarded-For": forwarded, "Connection": "close"}
        with closing(http.client.HTTPConnection("127.0.0.1", self.target, timeout=20)) as asked:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.request(self.command, self.path, body, headers)
            response = asked.getresponse()
            content = response.read()
        self.send_response(response.status)
        for name, value in response.headers.items():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = forward  # noqa: N815 - the names that http.server calls

    def log_message(self, *args) -> None:
        pass


def start_python_proxy(site: Folder, target: int) -> int:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Proxy", (PythonProxy,), {"target": target}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def start_nginx(site: Folder, target: int) -> int:
    port, here = free_port(), site.path.parent / "nginx"
    here.mkdir()
    certificate = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN={HOST} -keyout {here}/key.pem -out {here}/cert.pem"
    )
    subprocess.run(certificate.split(), check=True, capture_output=True)
    folder = f"/etc/letsencrypt/live/{HOST}"
    values = {"listen 443": f"listen 127.0.0.1:{port}", "127.0.0.1:8000": f"127.0.0.1:{target}"}
    values |= {f"{folder}/fullchain.pem": f"{here}/cert.pem", f"{folder}/privkey.pem": f"{here}/key.pem"}
    [server] = blocks("Behind a reverse proxy", "nginx")
    folders = "".join(f"{kind}_temp_path {here}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (here / "nginx.conf").write_text(
        f"daemon off; error_log {here}/error.log; pid {here}/pid; events {{}}\n"
        f"http {{ access_log off; {folders}\n{replaced(server, values)} }}"
    )
    site.begin(f"nginx -e {here}/error.log -c {here}/nginx.conf")
    return port


def start_caddy(site: Folder, target: int) -> int:
    port, here = free_port(), site.path.parent
    [example] = blocks("Behind a reverse proxy", "caddy")
    values = {f"{HOST} {{": f"https://{HOST}:{port} {{\n tls internal", "127.0.0.1:8000": f"127.0.0.1:{target}"}
    options = f"{{\n admin off\n skip_install_trust\n auto_https disable_redirects\n storage file_system {here}/caddy\n}}\n"
    (here / "Caddyfile").write_text(options + replaced(example, values))
    site.begin(f"caddy run --adapter caddyfile --config {here}/Caddyfile")
    return port


PROXIES = {"python": start_python_proxy, "nginx": start_nginx, "caddy": start_caddy}


@on_sqlite
@pytest.mark.parametrize("name", PROXIES)
def test_a_site_behind_a_proxy_is_served_by_https_only_and_knows_its_callers(site, name):
    if not shutil.which(name) and name != "python":
        pytest.skip(f"{name} is not installed")
    [environment] = blocks("Behind a reverse proxy", "ini")
    (site.path / ".env").write_text(environment + "THROTTLE_LOGINS=3/day\n")
    [serve, *_] = blocks("Several machines")[1:]
    direct = site.serve(serve)
    tls = name != "python"
    port = PROXIES[name](site, direct)

    def through(path: str, **headers: str) -> Answer:
        return ask(port, path, tls=tls, **{"Host": HOST} | headers)

    until = time.monotonic() + PATIENCE
    while True:
        with suppress(OSError):
            if through("/health/").status == 200:
                break
        assert time.monotonic() < until, (site.path.parent / "f1 stats.log").read_text()
        time.sleep(0.1)
    # Whoever goes past the proxy is sent to HTTPS; monitors are not.
    redirect = ask(direct, "/api/v1/races/", Host=HOST)
    assert (redirect.status, redirect.headers["Location"]) == (301, f"https://{HOST}/api/v1/races/")
    assert ask(direct, "/healthz/", Host=HOST).status == 200
    # Links and cookies are those of the address outside.
    answer = through("/api/v1/races/")
    assert (answer.status, answer.json()["results"][0]["url"]) == (200, f"https://{HOST}/api/v1/races/1/")
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert b"Demo Grand Prix" not in through("/api/v1/races/", Host="evil.example.org").body
    login = log_in(port, host=HOST, tls=tls, Referer=f"https://{HOST}/admin/login/", Origin=f"https://{HOST}")
    assert (login.status, login.headers["Location"]) == (302, "/admin/")
    assert {"Secure" in value for value in login.headers.get_all("Set-Cookie")} == {True}
    assert log_in(port, host=HOST, tls=tls, Origin="https://evil.example.org").status == 403
    # An address that the caller writes down does not hide who tries passwords.
    wrong = [
        log_in(port, host=HOST, tls=tls, password="x", Referer=f"https://{HOST}/", X_Forwarded_For=f"10.0.0.{number}").status
        for number in range(4)
    ]
    assert wrong == [200, 200, 200, 429]


@pytest.fixture
def redis(tmp_path):
    """The port of a Redis of this test's own."""
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed")
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    yield port
    process.kill()
    process.wait()


@on_postgresql
def test_a_site_moves_from_sqlite_to_several_machines_that_share_what_they_do(site, folder, tmp_path, redis):
    copy, serve, work, schedule = blocks("Several machines")
    [environment] = blocks("Several machines", "ini")
    database = new_database(tmp_path / "shared")
    example = "postgres://f1stats:password@127.0.0.1:5432/f1stats"
    environment = replaced(
        environment,
        {
            example: database.url,
            "127.0.0.1:6379": f"127.0.0.1:{redis}",
            "the-content-of-.secret_key-of-the-first-machine": (site.path / ".secret_key").read_text(),
            "/srv/f1-media": str(tmp_path / "f1-media"),
        },
    )
    try:
        assert "Equal" in site.run(replaced(copy, {example: database.url}))
        first, second = folder("first"), folder("second")
        for machine in (first, second):
            (machine.path / ".env").write_text(environment + "THROTTLE_LOGINS=3/day\n")
        second.begin(work)
        scheduler = first.begin(schedule)
        one, two = first.serve(serve), second.serve(serve)
        token = {"Authorization": f"Token {TOKEN}", "Content_Type": "application/json"}
        # Rows: what one writes, the other has, though it has answered the same question before.
        assert ask(two, "/api/v1/races/1/").json()["race_name"] == "Demo Grand Prix"
        assert ask(one, "/api/v1/races/1/", method="PATCH", body='{"race_name": "Renamed"}', **token).status == 200
        assert ask(two, "/api/v1/races/1/").json()["race_name"] == "Renamed"
        # Jobs: queued at one, done by the other's worker.
        queued = ask(one, "/api/v1/jobs/", method="POST", body='{"kind": "check_data"}', **token)
        assert queued.status == 202, queued.body
        until = time.monotonic() + PATIENCE
        while (job := ask(two, f"/api/v1/jobs/{queued.json()['job_id']}/", **token).json())["state"] in ("queued", "running"):
            assert time.monotonic() < until, (tmp_path / "second.log").read_text()
            time.sleep(0.2)
        assert job["state"] == "succeeded", job
        # Logins and throttles hold on both.
        login = log_in(one, host="localhost")
        assert login.status == 302
        assert ask(two, "/admin/", Cookie=login.cookies).status == 200
        assert [log_in(one, host="localhost", password="x").status for _ in range(3)] == [200] * 3
        assert log_in(two, host="localhost").status == 429
        assert scheduler.poll() is None
    finally:
        for machine in (first, second):
            machine.stop()
        database.drop()


def test_every_block_of_the_page_is_run_by_a_test():
    """The blocks that the tests above unpack: no more and no less."""
    titles = {"SQLite": 2, "PostgreSQL": 2, "Upgrade": 1, "Several machines": 4}
    assert {title: len(blocks(title)) for title in titles} == titles
    assert len(re.findall(r"^ *```sh$", PAGE, re.MULTILINE)) == sum(titles.values())
