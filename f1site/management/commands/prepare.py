"""Prepare the database of a site before it is served."""

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import DEFAULT_DB_ALIAS, connection, connections

from mirror.models import Source, SyncRun
from races.models import Race

ADMIN = "admin"
MAX_WAIT = 600  # seconds for another process that prepares the same database
LOCK_KEY = 0x46315354  # of PostgreSQL's advisory lock: any number that nothing else in the database uses


class Command(BaseCommand):
    help = (
        "Prepare the database: tables, an admin user while there are no users, the demo season while there are no races. Safe to "
        "repeat: existing rows stay. The last line says how to log in."
    )

    def handle(self, **options: Any) -> None:
        with one_at_a_time(self.stdout):
            login = prepare(self.stdout)
        self.stdout.write(f"Login: {login}")


@contextmanager
def one_at_a_time(stdout: OutputWrapper) -> Iterator[None]:
    """Wait until no other process prepares the same database, and keep the others from it during the `with`.

    The lock is of the database server, or on a file beside an SQLite database: leases need tables, which are not there yet.
    """
    with ExitStack() as stack:
        lock = locker(stack)
        give_up_at = time.monotonic() + MAX_WAIT
        waits = False
        while not lock():
            if not waits:
                stdout.write("Another process prepares this database; waiting for it ...")
                stdout.flush()
            waits = True
            if time.monotonic() > give_up_at:
                raise CommandError(
                    f"Another process has been preparing this database for {MAX_WAIT // 60} minutes; end it and start again."
                )
            time.sleep(0.2)
        yield


def locker(stack: ExitStack) -> Callable[[], bool]:
    """A function that tries to take the lock, which is released when the stack is closed."""
    if connection.vendor == "postgresql":
        holder = connections.create_connection(DEFAULT_DB_ALIAS)  # one of its own, as commands close the usual one
        stack.callback(holder.close)
        cursor = stack.enter_context(holder.cursor())

        def lock_server() -> bool:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY])
            return bool(cursor.fetchone()[0])

        return lock_server
    name = str(settings.DATABASES[DEFAULT_DB_ALIAS]["NAME"])
    if name.startswith((":memory:", "file:")):  # nobody else can see it
        return lambda: True
    file = os.open(f"{name}-prepare.lock", os.O_RDWR | os.O_CREAT, 0o600)
    stack.callback(os.close, file)

    def lock_file() -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    return lock_file


def prepare(stdout: OutputWrapper) -> str:
    """Create missing tables, the admin user and the demo season, and return a sentence that says how to log in."""
    call_command("migrate", verbosity=0)
    login = admin_login(settings.DATA_ROOT / ".admin_password")
    if lacks_demo():
        stdout.write("There are no races yet: loading the demo season ...")
        call_command("load_demo", stdout=stdout)
    return login


def admin_login(password_file: Path) -> str:
    """Return a sentence that says how to log in; while there are no users, create one and write its password to a file."""
    users = get_user_model()._default_manager
    if not users.exists():
        password = secrets.token_urlsafe(12)
        write_secret(password, password_file)
        users.create_superuser(ADMIN, password=password)
        return f"{ADMIN}, password {password} (shown only now; kept in {password_file.name})"
    admin = users.filter(username=ADMIN, is_superuser=True).first()
    if admin and password_file.exists() and admin.check_password(password_file.read_text().strip()):
        return f"{ADMIN}, password in {password_file.name}"
    return "with the password you chose (forgotten: .venv/bin/python manage.py changepassword USER)"


def write_secret(secret: str, path: Path) -> None:
    """Write a file that only its owner may read, also while it is being written."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")


def lacks_demo() -> bool:
    """Whether to load the demo season: there are no races, or the last load of it was interrupted."""
    last = SyncRun.objects.filter(source=Source.DEMO).first()
    return not Race.objects.exists() or (last is not None and last.state in (SyncRun.State.RUNNING, SyncRun.State.INTERRUPTED))
