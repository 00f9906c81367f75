"""Run the Postman collection against a site with the demo season: `make newman`. Any answer but a 2xx is a failure.

OpenF1 is the simulator here, so that syncs have somebody to ask. The site has what a collection cannot make by itself: a trained
model that answers predictions, and at least one row of everything that is only read.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RACES = 3


@contextmanager
def upstream(env: dict[str, str]):
    """The demo season as OpenF1 would serve it; its address."""
    sys.path.insert(0, str(ROOT))
    os.environ |= env | {"DJANGO_SETTINGS_MODULE": "f1site.settings"}
    import django

    django.setup()
    from mirror.simulator import Season
    from mirror.simulator.transport import Simulator

    simulator, turn = Simulator(Season(races=RACES)), threading.Lock()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            with turn:
                status, rows = simulator.answer("GET", self.path)
            body = json.dumps(rows, default=str).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def fill() -> str:
    """Everything that the collection asks for; the token of somebody who may do all."""
    from django.core.management import call_command
    from rest_framework.authtoken.models import Token

    from api.tests.factories import make
    from f1site.urls import router
    from ml.models import Run

    with open(os.devnull, "w") as silent:
        call_command("migrate", verbosity=0)
        call_command("load_demo", races=RACES, stdout=silent)
        call_command("train_model", "linear", stdout=silent)
        call_command("promote_model", str(Run.objects.get().pk), stdout=silent)
        call_command("createsuperuser", interactive=False, username="newman", email="newman@example.org", verbosity=0)
    for _, viewset, _ in router.registry:
        if not viewset.queryset.exists():
            make(viewset.queryset.model)
    return Token.objects.create(user_id=1).key


@contextmanager
def serving(env: dict[str, str]):
    """The site; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    site = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "gunicorn", "f1site.wsgi", "--bind", f"127.0.0.1:{port}"]
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


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        env = {"DATA_ROOT": folder, "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3", "MEDIA_ROOT": f"{folder}/media"}
        env |= {"OPENF1_REQUESTS_PER_SECOND": "0", "OPENF1_REQUESTS_PER_MINUTE": "0", "THROTTLE_WRITES": "", "THROTTLE_SYNCS": ""}
        env |= {"CELERY_BROKER_URL": f"filesystem://{folder}/broker", "DJANGO_SUPERUSER_PASSWORD": "not asked for"}
        with upstream(env) as address:
            env = os.environ | env | {"OPENF1_BASE_URL": address}
            token = fill()
            with serving(env) as site:
                docs = ROOT / "docs"
                return subprocess.run(
                    [
                        HERE / "node_modules/.bin/newman",
                        "run",
                        docs / "postman_collection.json",
                        "--environment",
                        docs / "postman_environment.json",
                        "--env-var",
                        f"base_url={site}",
                        "--env-var",
                        f"token={token}",
                        "--reporters",
                        "cli",
                        "--reporter-cli-no-success-assertions",
                        "--reporter-cli-no-banner",
                        *sys.argv[1:],
                    ]
                ).returncode


if __name__ == "__main__":
    sys.exit(main())
