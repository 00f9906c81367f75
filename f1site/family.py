"""The processes of `manage.py start`: each in a group of its own, and none outlives the first, whatever ends that.

A watchdog, which is this module run as a program, learns by a pipe that the first process has ended. The signal that Linux can
send to children at the death of their parent is not enough: a process that is busy or hangs may not act on it, and the processes
that it started get none.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

STOP_TIMEOUT = 10  # seconds; a process that has not ended by then is killed


class Family:
    """Starts processes by name and stops them in order."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.running = folder, dict[str, subprocess.Popen]()
        command = [sys.executable, "-m", "f1site.family"]
        self.watchdog = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603

    def start(self, name: str, command: list[str]) -> None:
        """Start a Python module in its own process group: Ctrl-C reaches only this process, which stops the others in order."""
        assert self.watchdog.stdin
        pipe = self.watchdog.stdin.fileno()
        # Celery warns about workers that run as root because of formats that can carry code; this site accepts JSON only.
        environment = os.environ | {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
        self.running[name] = subprocess.Popen(  # noqa: S603 - there is no shell
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=environment,
            start_new_session=True,
            # The child announces itself, so that the watchdog knows it even if this process is killed at this moment.
            preexec_fn=lambda: os.write(pipe, f"{name} {os.getpid()}\n".encode()),  # noqa: PLW1509 - there are no threads
        )

    def has_ended(self, name: str) -> bool:
        return name not in self.running or self.running[name].poll() is not None

    def stop(self) -> None:
        """Stop all processes; kill those that have not ended after STOP_TIMEOUT, and what they started and did not stop."""
        for name, process in self.running.items():
            if process.poll() is None:
                process.send_signal(stop_signal(name))
        deadline = time.monotonic() + STOP_TIMEOUT
        for process in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            kill_groups([process.pid])
            process.wait()
        assert self.watchdog.stdin
        self.watchdog.stdin.close()
        self.watchdog.wait()


def stop_signal(name: str) -> signal.Signals:
    """The signal that stops a process; the worker leaves its job unfinished, to be resumed at the next start."""
    return signal.SIGQUIT if name == "worker" else signal.SIGTERM


def kill_groups(groups: Iterable[int]) -> None:
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def is_running(group: int) -> bool:
    """Whether there is a process of the group."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def watch(lines: IO[str]) -> None:
    """Read the `name pid` of each process that is started; at the end, stop and after a while kill those that still run."""
    groups: dict[str, int] = {}
    for line in lines:
        name, _, pid = line.partition(" ")
        groups[name] = int(pid)
    left = {name: group for name, group in groups.items() if is_running(group)}
    for name, group in left.items():
        with suppress(ProcessLookupError):
            os.kill(group, stop_signal(name))
    deadline = time.monotonic() + STOP_TIMEOUT
    while any(map(is_running, left.values())) and time.monotonic() < deadline:
        time.sleep(0.1)
    kill_groups(left.values())


if __name__ == "__main__":
    watch(sys.stdin)
