"""Run the site's Postman collection against a site with the demo season: `make newman`. Any answer but a 2xx is a failure.

Syncs ask the simulator in place of OpenF1. The site has what a collection cannot create: a trained model that answers
predictions, and at least one row of every read-only entity. With `--write FILE` the collection is only written to a file.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ENVIRONMENT = ROOT / "docs" / "postman_environment.json"
COLLECTION = "/api/postman.json"
RACES = 3


@contextmanager
def upstream() -> Iterator[str]:
    """Serve the demo season as OpenF1 would, and yield the address."""
    from mirror.simulator import Season
    from mirror.simulator.transport import Simulator

    simulator, lock = Simulator(Season(races=RACES)), threading.Lock()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with lock:
                status, rows = simulator.answer("GET", self.path)
            body = json.dumps(rows, default=str).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def promote_strategy() -> None:
    """Let a model of strategy answer that has learnt from the demo races."""
    from django.core.management import call_command

    from ml.strategy import storing
    from ml.strategy.timeline import load_timelines
    from races.models import Session

    races = load_timelines([*Session.objects.filter(session_name="Race").values_list("pk", flat=True)])
    run = storing.store(races[:-1], races[-1:], owner="newman", figures={}, split="demo races")
    with open(os.devnull, "w") as silent:
        call_command("promote_model", str(run.pk), stdout=silent)


def fill() -> str:
    """Create every row that the collection asks for, and return the token of a superuser."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from api.logins.models import Token
    from api.tests.factories import make
    from f1site.urls import router
    from ml.models import Run

    with open(os.devnull, "w") as silent:
        call_command("migrate", verbosity=0)
        call_command("load_demo", races=RACES, stdout=silent)
        call_command("train_model", "linear", stdout=silent)
        call_command("promote_model", str(Run.objects.get().pk), stdout=silent)
        promote_strategy()
        call_command("update_circuit_facts", stdout=silent)
        call_command("createsuperuser", interactive=False, username="newman", email="newman@example.org", verbosity=0)
    for _, viewset, _ in router.registry:
        if not viewset.queryset.exists():
            make(viewset.queryset.model)
    return Token.issue(User.objects.get(username="newman"))[1]


@contextmanager
def serving(env: dict[str, str]) -> Iterator[str]:
    """Serve the site, and yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    site = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "gunicorn", "f1site.asgi", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, cwd=ROOT, env=env | {"LOG_LEVEL": "WARNING"})
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{site}/healthz/", timeout=20).close()
                break
            except OSError:
                time.sleep(0.2)
        yield site
    finally:
        process.terminate()
        process.wait()


def set_up_django(env: dict[str, str]) -> None:
    sys.path.insert(0, str(ROOT))
    os.environ |= env | {"DJANGO_SETTINGS_MODULE": "f1site.settings"}
    import django

    django.setup()


def write(file: Path) -> None:
    """Write the collection that the site serves; this needs no database."""
    set_up_django({"LOG_LEVEL": "WARNING", "DATABASE_URL": "sqlite://:memory:"})
    from django.test import Client

    file.write_bytes(Client(headers={"Host": "localhost"}).get(COLLECTION).content + b"\n")
    print(file)


def run(folder: Path, arguments: list[str]) -> int:
    """Run the collection with newman against a site whose files are in `folder`, and return newman's exit status."""
    env = {"DATA_ROOT": f"{folder}", "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3", "MEDIA_ROOT": f"{folder}/media"}
    env |= {"OPENF1_REQUESTS_PER_SECOND": "0", "OPENF1_REQUESTS_PER_MINUTE": "0", "THROTTLE_WRITES": "", "THROTTLE_SYNCS": ""}
    env |= {"CELERY_BROKER_URL": f"filesystem://{folder}/broker", "DJANGO_SUPERUSER_PASSWORD": "unused"}
    set_up_django(env)
    with upstream() as address:
        token = fill()
        with serving(os.environ | env | {"OPENF1_BASE_URL": address}) as site:
            collection = folder / "collection.json"
            with urllib.request.urlopen(site + COLLECTION, timeout=60) as answer:
                collection.write_bytes(answer.read())
            command = [str(HERE / "node_modules/.bin/newman"), "run", str(collection), "--environment", str(ENVIRONMENT)]
            command += ["--env-var", f"base_url={site}", "--env-var", f"token={token}"]
            command += ["--env-var", "username=newman", "--env-var", f"password={env['DJANGO_SUPERUSER_PASSWORD']}"]
            command += ["--reporters", "cli", "--reporter-cli-no-success-assertions", "--reporter-cli-no-banner"]
            return subprocess.run([*command, *arguments], check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the collection to this file and do not run it")
    options, arguments = parser.parse_known_args()  # the others are newman's
    if options.write:
        write(options.write)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder), arguments)


if __name__ == "__main__":
    sys.exit(main())
