"""`manage.py start`: from a fresh copy to a running site."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
import requests
from django.conf import settings
from django.core.management import CommandError, call_command

from f1site.management.commands.prepare import admin_login, lacks_demo
from mirror.models import Source, SyncRun
from races.models import Race

PRIVATE = (".*", "__pycache__", "node_modules", "*.sqlite3*", "*.csv", "media")  # what a clone does not have


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of the project without its hidden files and databases, in a folder whose name needs care."""
    folder = tmp_path_factory.mktemp("start") / "f1 stats #1"
    shutil.copytree(settings.BASE_DIR, folder, ignore=shutil.ignore_patterns(*PRIVATE))
    return folder


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Site:
    """`manage.py start` in a process group of its own, as a terminal would run it, in an environment that says nothing."""

    def __init__(self, folder, port):
        self.url, self.log, self.folder = f"http://127.0.0.1:{port}", folder.parent / "output.txt", folder
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "start", "--port", str(port)],
                cwd=folder,
                start_new_session=True,
                env={"PATH": os.defpath, "HOME": "/nonexistent"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    @property
    def output(self):
        return self.log.read_text()

    def status(self, path):
        return requests.get(self.url + path, timeout=20).status_code

    def wait(self, patience):
        """Seconds until the site answers."""
        began = time.monotonic()
        while time.monotonic() < began + patience and self.process.poll() is None:
            with suppress(requests.ConnectionError):
                self.status("/admin/login/")
                return time.monotonic() - began
            time.sleep(0.1)
        pytest.fail(f"not up after {patience} s:\n{self.output}")

    def workers(self):
        """The workers that are alive, or ended without a word."""
        with closing(sqlite3.connect(self.folder / "db.sqlite3")) as database:
            return database.execute("SELECT name FROM openf1_lease WHERE name LIKE 'worker %'").fetchall()

    def has_worker(self, patience):
        until = time.monotonic() + patience
        while not self.workers() and time.monotonic() < until:
            time.sleep(0.2)
        return bool(self.workers())

    def family(self):
        """The site's processes but the first: its children, and theirs."""
        parents = {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                state, parent = status.read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    parents[int(status.parent.name)] = int(parent)
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in found - {self.process.pid}}

    def interrupt(self):
        """The exit status after Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(timeout=20)


@pytest.mark.once
def test_a_fresh_copy_becomes_a_running_site_and_starts_again_at_once(clone, port):
    kept = clone / ".admin_password"
    with Site(clone, port) as site:
        first = site.wait(300)
        assert site.status("/admin/login/") == 200
        assert site.status("/static/admin/css/base.css") == 200
        assert site.has_worker(20)
        assert site.interrupt() == 0
        assert not site.workers()
        password = kept.read_text().strip()
        assert f"admin, password {password}" in site.output
        for line in ("/api/docs/", "/admin/", "sync_openf1 --season 2024"):
            assert line in site.output
        assert not re.search("Traceback|Warning|Error", site.output)
    with Site(clone, port) as site:
        assert site.wait(60) < max(20, first / 3)  # of a slow machine
        assert site.interrupt() == 0
        assert password not in site.output
        assert "password in .admin_password" in site.output
        assert "demo" not in site.output
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.once
@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell children that their parent has ended")
def test_no_part_of_the_site_outlives_it_when_it_is_killed(clone, port):
    with Site(clone, port) as site:
        site.wait(300)
        assert site.has_worker(20)
        family = site.family()
        assert {name for name in ("gunicorn", "worker", "beat") if any(name in command for command in family.values())} == {
            "gunicorn",
            "worker",
            "beat",
        }
        site.process.kill()
        site.process.wait()
        try:
            until = time.monotonic() + 45
            while left := running(family):
                assert time.monotonic() < until, [family[pid] for pid in left]
                time.sleep(0.2)
        finally:
            for pid in running(family):
                os.kill(pid, signal.SIGKILL)


def running(family):
    """Which processes have not ended, by their commands."""
    left = []
    for pid, command in family.items():
        with suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_text() == command:  # empty of one that has ended
                left.append(pid)
    return left


def test_a_taken_port_is_said_before_anything_is_done():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"Port {port} cannot be used .* make run PORT={port + 1}"):
            call_command("start", port=port)
    with pytest.raises(CommandError, match="70000 is no port"):
        call_command("start", port=70_000)


@pytest.mark.django_db
def test_the_password_is_shown_once_and_stays_the_owners_business(tmp_path, django_user_model):
    kept = tmp_path / "password"
    login = admin_login(kept)
    password = kept.read_text().strip()
    assert password in login
    admin = django_user_model.objects.get()
    assert admin.is_superuser
    assert admin.check_password(password)
    assert password not in admin_login(kept)
    assert "password in password" in admin_login(kept)
    admin.set_password("chosen by the owner")
    admin.save()
    assert "the password you chose" in admin_login(kept)
    assert kept.read_text().strip() == password


@pytest.mark.django_db
def test_a_new_database_gets_a_new_password_although_an_old_file_is_there(tmp_path, django_user_model):
    kept = tmp_path / "password"
    kept.write_text("old")
    kept.chmod(0o644)
    admin_login(kept)
    assert django_user_model.objects.get().check_password(kept.read_text().strip())
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.django_db
def test_the_demo_is_loaded_while_there_are_no_races_and_after_a_loading_that_was_cut_short():
    assert lacks_demo()
    Race.objects.create(pk=1, race_name="Monaco Grand Prix", year=2023)
    assert not lacks_demo()
    run = SyncRun.objects.create(scope={}, source=Source.DEMO, state=SyncRun.State.INTERRUPTED)
    assert lacks_demo()
    run.state = SyncRun.State.DONE
    run.save()
    assert not lacks_demo()
