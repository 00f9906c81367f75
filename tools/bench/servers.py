"""The processes of a load test, started for it alone: PostgreSQL, Redis, upstream and the site."""

import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from machines import Machine

ROOT = Path(__file__).resolve().parents[2]
REPLAY = ROOT.parent / "shared" / "openf1" / "replay.py"
PATIENCE = 90  # seconds
THIS_MACHINE = Machine()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(holds: Callable[[], object], what: str, patience: float = PATIENCE) -> float:
    """Wait until a condition holds, and return the seconds that took."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > patience:
            raise TimeoutError(f"{what}: not within {patience} seconds")
        time.sleep(0.05)
    return time.monotonic() - began


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=10):
            return True
    except HTTPError:
        return True
    except (URLError, OSError):
        return False


def listens(machine: Machine, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((machine.address, port)) == 0


def end(process: subprocess.Popen, number: int = signal.SIGTERM) -> None:
    """Stop a process and its children, unless it has ended."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Postgres:
    """A PostgreSQL cluster in a folder. It refuses to run as root; the user nobody runs it then."""

    def __init__(self, folder: Path, machine: Machine = THIS_MACHINE):
        self.folder, self.machine, self.port = folder / "postgres", machine, free_port()
        self.user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self.folder.mkdir()
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self.run("initdb", "-U", "postgres", "-A", "trust", "-N", "-D", f"{self.folder}/data")
        with (self.folder / "data" / "pg_hba.conf").open("a") as access:
            access.write("host all all samenet trust\n")
        self.url = f"postgres://postgres@{machine.address}:{self.port}"

    @staticmethod
    def programs() -> Path | None:
        """Return the folder of the newest release's programs."""
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
        if programs:
            return programs[-1].parent
        on_path = shutil.which("initdb")
        return Path(on_path).parent if on_path else None

    def run(self, program: str, *arguments: str) -> None:
        command = [str(Postgres.programs() / program), *arguments]  # type: ignore[operator]
        if self.user:
            rights = f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--clear-groups"
            command = ["setpriv", *rights, *command]
        command = self.machine.command(*command)
        subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses={self.machine.address} -c unix_socket_directories={self.folder}"
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log.txt", "-w", "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "fast", "-w", "stop")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(subprocess.CalledProcessError):
            self.stop()

    def database(self, name: str) -> str:
        """Create a database and return its URL."""
        self.run("createdb", "-h", self.machine.address, "-p", str(self.port), "-U", "postgres", name)
        return f"{self.url}/{name}"


class Server:
    """A server process that runs for the length of a `with`; `start` sets `process`."""

    process: subprocess.Popen

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        end(self.process)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


class Redis(Server):
    """A Redis without persistence."""

    def __init__(self, machine: Machine = THIS_MACHINE):
        self.machine, self.port = machine, free_port()
        self.url = f"redis://{machine.address}:{self.port}/0"

    def start(self) -> None:
        options = ("--bind", self.machine.address, "--protected-mode", "no", "--save", "", "--appendonly", "no")
        command = self.machine.command("redis-server", "--port", str(self.port), *options)
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True, cwd="/")
        until(lambda: listens(self.machine, self.port), "Redis")


@contextmanager
def upstream(limits: str = "") -> Iterator[tuple[str, int, int]]:
    """Yield (URL, season, session with samples) of the recorded OpenF1 beside the checkout, else of the demo season.

    The recorded one answers 429 to requests over its `limits`, which are given as requests/seconds.
    """
    if REPLAY.exists():
        port = free_port()
        command = [sys.executable, str(REPLAY), "--port", str(port), "--limits", limits]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            until(lambda: answers(f"http://127.0.0.1:{port}/"), "the replay")
            yield f"http://127.0.0.1:{port}/v1", 2024, 9472
        finally:
            end(process)
    else:
        sys.path.insert(0, str(ROOT))
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "f1site.settings")
        import django

        django.setup()
        from jobs.tests.processes import Upstream
        from mirror.simulator import YEAR, Season

        with Upstream() as served:
            yield served.url, YEAR, Season(races=1).sampled.key


def limit_files(size: int) -> Callable[[], None]:
    """Return a function for `preexec_fn` that limits the size of written files in bytes, to simulate a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


class Site:
    """A database and the processes that share it, on one machine."""

    def __init__(self, folder: Path, database: str, machine: Machine = THIS_MACHINE, **environment: str):
        self.folder, self.machine, self.port = folder, machine, free_port()
        self.media = folder / "media"
        self.url = f"http://{machine.address}:{self.port}"
        self.processes: list[subprocess.Popen] = []
        self.log = folder / "log.txt"
        folder.mkdir(exist_ok=True)
        ours = ("OPENF1_", "CELERY_", "THROTTLE_")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
            "DATABASE_URL": database,
            "MEDIA_ROOT": str(self.media),
            "LOG_LEVEL": "WARNING",
            "THROTTLE_WRITES": "",
            "OPENF1_REQUESTS_PER_SECOND": "0",
            "OPENF1_REQUESTS_PER_MINUTE": "0",
            "WORKER_CONCURRENCY": "1",
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
            **environment,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self.processes:
            end(process, signal.SIGKILL)

    def begin(self, *command: str, **options: Any) -> subprocess.Popen:
        with self.log.open("a") as log:
            process = subprocess.Popen(
                self.machine.command(sys.executable, *command),
                cwd=ROOT,
                env=self.environment,
                start_new_session=True,
                stdout=log,
                stderr=log,
                **options,
            )
        self.processes.append(process)
        return process

    def manage(self, *command: str, **options: Any) -> subprocess.CompletedProcess:
        """Run a command and return it with its output, whether it succeeds or not."""
        line = self.machine.command(sys.executable, "manage.py", *command)
        return subprocess.run(line, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, **options)

    def run_command(self, *command: str) -> str:
        """Run a command that has to succeed, and return its output."""
        ended = self.manage(*command)
        if ended.returncode:
            raise RuntimeError(f"manage.py {' '.join(command)}: {ended.stderr or ended.stdout}")
        return ended.stdout

    def serve(self) -> subprocess.Popen:
        process = self.begin("-m", "gunicorn", "--bind", f"{self.machine.address}:{self.port}", "f1site.asgi")
        until(lambda: process.poll() is not None or answers(f"{self.url}/healthz/"), "the site")
        if process.returncode is not None:
            raise RuntimeError(f"the site ended at once: {self.log.read_text()[-2000:]}")
        return process

    def memory(self) -> float:
        """The memory in MB of the server's processes."""
        pids = subprocess.run(["pgrep", "-f", f"127.0.0.1:{self.port} "], capture_output=True, text=True, check=False).stdout
        kilobytes = 0
        for pid in pids.split():
            with suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text()
                kilobytes += int(status.partition("VmRSS:")[2].split()[0])
        return kilobytes / 1024

    def worker(self) -> subprocess.Popen:
        options = ("--without-mingle", "--without-gossip", "-l", "WARNING")
        return self.begin("-m", "celery", "-A", "f1site", "-q", "worker", *options)

    def beat(self) -> subprocess.Popen:
        return self.begin("-m", "celery", "-A", "f1site", "-q", "beat", "-l", "WARNING", "--pidfile", "")

    def token(self) -> str:
        """Return the token of a new superuser."""
        program = (
            "from django.contrib.auth.models import User; from api.logins.models import Token;"
            "print(Token.issue(User.objects.create_superuser('editor'))[1])"
        )
        return self.run_command("shell", "-v0", "-c", program).strip()
