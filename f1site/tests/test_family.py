"""Processes of `manage.py start`, played by small ones: none outlives the first, also one that does not act on signals."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from django.conf import settings

from f1site import family

pytestmark = pytest.mark.once

# A process that ignores signals and starts another, as a worker does that hangs.
HANGS = """
import os, signal, subprocess, sys, time
for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""
FIRST = """
import sys, time
from pathlib import Path
from f1site import family
family.STOP_TIMEOUT = 1
started = family.Family(Path.cwd())
started.start("worker", ["hangs"])
if sys.argv[1] == "stop":
    time.sleep(2)
    started.stop()
time.sleep(600)
"""


@pytest.mark.parametrize("ending", ["kill", "terminate", "stop"])
def test_a_process_that_hangs_ends_with_what_it_started(tmp_path, ending, monkeypatch):
    (tmp_path / "hangs.py").write_text(HANGS)
    first = subprocess.Popen(
        [sys.executable, "-c", FIRST.replace("Path.cwd()", f"Path({str(settings.BASE_DIR)!r})"), ending],
        env=os.environ | {"PYTHONPATH": f"{settings.BASE_DIR}:{tmp_path}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    pids = [int(pid) for pid in first.stdout.readline().split()]
    try:
        assert all(map(is_alive, pids))
        if ending != "stop":
            getattr(first, ending)()
            first.wait()
        until = time.monotonic() + family.STOP_TIMEOUT + 10
        while any(map(is_alive, pids)):
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        first.kill()
        first.wait()
        first.stdout.close()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as status:
            return status.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_watchdog_without_processes_ends_at_once():
    started = family.Family(settings.BASE_DIR)
    began = time.monotonic()
    started.stop()
    assert time.monotonic() - began < 5
