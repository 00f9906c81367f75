"""Run published OpenF1 clients, the MCP inspector, and clients generated from the schema, against a site: `make conformance`.

The rows, in a temporary database, are the demo season's and, where ../shared is beside the checkout, those of a recorded race
weekend. The published clients are in an environment of their own, so that what they need never meets what the site needs.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CLIENTS = HERE / ".venv" / "bin" / "python"
GENERATED, NODE = HERE / "generated", HERE / "node_modules" / ".bin"
REPLAY = ROOT.parent / "shared" / "openf1" / "replay.py"
RECORDED = {"race": "1229", "session": "9472"}
DEMO_SESSION = "990005"  # the demo season's race that has samples
USER, PASSWORD = "ada@example.org", "difference engine"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(command: list[object], url: str, env: dict[str, str]) -> Iterator[None]:
    """Run a server in the background for the length of a `with`, and wait until it answers."""
    process = subprocess.Popen([*map(str, command)], cwd=ROOT, env=env)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(url, timeout=60).close()
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def manage(*arguments: str, env: dict[str, str]) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)


def fill(env: dict[str, str]) -> list[str]:
    """Create a database with rows and a user, and return the sessions to ask for."""
    manage("migrate", env=env)
    manage("load_demo", env=env)
    manage("createsuperuser", "--noinput", env=env | {"DJANGO_SUPERUSER_PASSWORD": PASSWORD})
    if not REPLAY.exists():
        return [DEMO_SESSION]
    url = f"http://127.0.0.1:{(port := free_port())}"
    upstream = {"OPENF1_BASE_URL": f"{url}/v1", "OPENF1_REQUESTS_PER_SECOND": "0", "OPENF1_REQUESTS_PER_MINUTE": "0"}
    with serving([sys.executable, REPLAY, "--port", port], url, env):
        manage("sync_openf1", "--race", RECORDED["race"], env=env | upstream)
    return [DEMO_SESSION, RECORDED["session"]]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
            "MEDIA_ROOT": f"{folder}/media",
            "DJANGO_SUPERUSER_USERNAME": USER,
            "DJANGO_SUPERUSER_EMAIL": USER,
        }
        sessions = fill(env)
        url = f"http://127.0.0.1:{(port := free_port())}"
        environment = env | {"SITE": url, "SESSIONS": ",".join(sessions), "SITE_USER": USER, "SITE_PASSWORD": PASSWORD}
        environment |= {"SITE_PYTHON": sys.executable}
        gunicorn: list[object] = [
            sys.executable,
            "-m",
            "gunicorn",
            "f1site.asgi",
            "--bind",
            f"127.0.0.1:{port}",
            "--log-level",
            "warning",
        ]
        with serving(gunicorn, f"{url}/v1/meetings", env):
            failed = [command for command in clients(url) if run(command, environment)]
    return 1 if failed else 0


def clients(url: str) -> Iterator[list[object]]:
    """The commands that test the published clients and the generated ones; the latter are generated on the way."""
    pytest = ["-m", "pytest", "-c", HERE / "pytest.ini"]
    yield [CLIENTS, *pytest, *HERE.glob("test_*.py"), *sys.argv[1:]]
    yield [sys.executable, *pytest, "--rootdir", HERE, GENERATED, *sys.argv[1:]]
    yield [NODE / "openapi-typescript", f"{url}/api/schema/?format=json", "--output", GENERATED / "build" / "api.d.ts"]
    yield [NODE / "tsc", "--project", GENERATED]
    yield ["node", "--test", "--test-reporter=dot"]


def run(command: list[object], env: dict[str, str]) -> int:
    return subprocess.run([*map(str, command)], cwd=HERE, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
