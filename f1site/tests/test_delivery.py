"""What a release consists of besides the code: its version, its image and its services."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from f1site import __version__

ROOT = settings.BASE_DIR
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = {"web", "replica", "worker", "beat", "live"}
HADOLINT = Path(sys.prefix) / "bin" / "hadolint"


def test_the_newest_entry_of_the_changelog_is_the_version_that_the_site_shows(client, db):
    entries = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    if entries[0] == "Unreleased":
        del entries[0]
    assert [entry for entry in entries if not re.fullmatch(r"\d+\.\d+\.\d+ \(20\d\d-\d\d-\d\d\)", entry)] == []
    newest = entries[0].partition(" ")[0]
    assert newest == __version__
    assert client.get("/", headers={"Accept": "application/json"}).json()["version"] == newest
    assert client.get("/health/").json()["version"] == newest


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint is not made for this system")
def test_the_dockerfile_keeps_the_rules_of_hadolint():
    done = subprocess.run([HADOLINT, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_is_slim_and_runs_without_root_and_without_build_tools():
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    assert [re.match(r"python:3\.\d+-slim", stage) is not None for stage in stages] == [True, True]
    last = stages[-1]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    assert last.index("USER") < last.index("ENTRYPOINT")
    assert re.search(r"^HEALTHCHECK ", last, re.MULTILINE)
    assert not re.search(r"\b(pip|apt|apt-get|gcc|make|git)\b", last)


def test_only_what_is_listed_goes_into_the_image():
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    listed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert {path for path in listed if not (ROOT / path).exists()} == set()
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} <= listed


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_service_starts_again_and_waits_until_what_it_needs_is_healthy(name):
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert {needed["condition"] for needed in service.get("depends_on", {}).values()} <= {"service_healthy"}
    assert all(SERVICES[needed].get("healthcheck") or needed == "web" for needed in service.get("depends_on", {}))
    if name in OURS:
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert "data:/data" in service["volumes"]
    else:
        assert re.search(r":\d", service["image"]), "an image of a known version"
    if name not in OURS | {"proxy"}:
        assert service["networks"] == ["inside"], "not to be reached from elsewhere"
        assert "ports" not in service


def test_web_needs_all_services_and_the_others_need_web():
    assert set(SERVICES["web"]["depends_on"]) == {"postgres", "redis", "rabbitmq"}
    assert [set(SERVICES[name]["depends_on"]) for name in ("replica", "worker", "beat", "live", "proxy")] == [{"web"}] * 5
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_more_web_servers_and_their_proxy_are_there_on_request():
    assert {name for name, service in SERVICES.items() if service.get("profiles")} == {"replica", "proxy"}
    proxy = SERVICES["proxy"]
    assert proxy["ports"] == ["${BIND:-127.0.0.1}:${PROXY_PORT:-8080}:8080"]
    assert SERVICES["replica"]["networks"]["inside"]["aliases"] == ["web"]
    assert " web:8000 " in (ROOT / proxy["volumes"][0].partition(":")[0]).read_text()


def test_volumes_have_names_and_no_secret_is_written_down():
    mounted = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    volumes = {name for name in mounted if not name.startswith("./")}
    assert volumes == set(COMPOSE["volumes"])
    values = [value for service in SERVICES.values() for value in service.get("environment", {}).items()]
    secret = [value for name, value in values if "PASS" in name or "AUTH" in name or re.search(r"://\w*:", value)]
    assert len(secret) == 3 * len(OURS) + 3
    assert all("${" in value for value in secret)
    mandatory = set(re.findall(r"\$\{(\w+):\?", json.dumps(COMPOSE)))
    assert mandatory == {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "RABBITMQ_PASSWORD"}


def test_make_up_makes_passwords_once_and_leaves_what_is_there(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text('#!/bin/sh\necho "docker $*"\n')
    docker.chmod(0o755)
    options = {"cwd": tmp_path, "env": {"PATH": f"{docker.parent}:{os.environ['PATH']}"}, "capture_output": True, "text": True}
    make = [shutil.which("make"), "up"]
    done = subprocess.run(make, check=True, **options)
    assert "docker compose up --build --detach --wait" in done.stdout
    made = (tmp_path / ".env").read_text()
    assert sorted(re.findall(r"^(\w+)=[0-9a-f]{48}$", made, re.MULTILINE)) == [
        "POSTGRES_PASSWORD",
        "RABBITMQ_PASSWORD",
        "REDIS_PASSWORD",
    ]
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    subprocess.run(make, check=True, **options)
    assert (tmp_path / ".env").read_text() == made
    (tmp_path / ".env").write_text("REDIS_PASSWORD=chosen")
    subprocess.run(make, check=True, **options)
    assert (tmp_path / ".env").read_text().startswith("REDIS_PASSWORD=chosen\n")
    assert (tmp_path / ".env").read_text().count("REDIS_PASSWORD") == 1


@pytest.fixture
def entrypoint(tmp_path):
    """Runs the entrypoint with a Python that only says what it is asked to do, and fails at `failing`."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$*"\ncase "$*" in "$FAILING") exit 3 ;; esac\n')
    python.chmod(0o755)

    def run(*arguments, failing="nothing", **env):
        env |= {"PATH": f"{tmp_path}:{os.defpath}", "FAILING": failing}
        return subprocess.run([ROOT / "tools" / "container" / "entrypoint", *arguments], env=env, capture_output=True, text=True)

    return run


def test_the_entrypoint_prepares_the_database_and_then_serves(entrypoint):
    assert entrypoint("web").stdout.splitlines() == ["manage.py prepare", "-m gunicorn --bind 0.0.0.0:8000 f1site.asgi"]
    assert "0.0.0.0:9000" in entrypoint(PORT="9000").stdout


def test_the_entrypoint_serves_nothing_when_the_database_cannot_be_prepared(entrypoint):
    done = entrypoint("web", failing="manage.py prepare")
    assert done.returncode == 3
    assert "gunicorn" not in done.stdout


def test_the_entrypoint_works_keeps_schedules_and_runs_commands(entrypoint):
    assert entrypoint("worker").stdout.startswith("-m celery -A f1site --quiet worker ")
    assert entrypoint("beat").stdout.startswith("-m celery -A f1site --quiet beat ")
    done = entrypoint("sync_openf1", "--season", "2024", failing="manage.py sync_openf1 --season 2024")
    assert done.stdout == "manage.py sync_openf1 --season 2024\n"
    assert done.returncode == 3


class Answers(BaseHTTPRequestHandler):
    """A site with one host name."""

    def do_GET(self):
        self.send_response(200 if (self.path, self.headers["Host"]) == ("/healthz/", "f1.example.org") else 400)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize(
    ("hosts", "status"), [("f1.example.org,localhost", 0), (".f1.example.org", 0), ("*", 1), ("other.example.org", 1)]
)
def test_a_container_is_healthy_while_its_site_answers_by_a_name_that_is_allowed(hosts, status):
    check = [sys.executable, ROOT / "tools" / "container" / "healthy.py"]
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        env = {"PORT": str(server.server_port), "ALLOWED_HOSTS": hosts}
        done = subprocess.run(check, env=env, capture_output=True, text=True)
        server.shutdown()
        thread.join()
    assert done.returncode == status, done.stderr
    gone = subprocess.run(check, env=env, capture_output=True, text=True)
    assert gone.returncode == 1
    assert "does not answer" in gone.stderr
