"""Prepare the database of a site before it is served."""

import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, OutputWrapper

from mirror.models import Source, SyncRun
from races.models import Race

ADMIN = "admin"


class Command(BaseCommand):
    help = (
        "Prepare the database: tables, an admin user while there are no users, the demo season while there are no races. Safe to "
        "repeat: existing rows stay. The last line says how to log in."
    )

    def handle(self, **options: Any) -> None:
        login = prepare(self.stdout)
        self.stdout.write(f"Login: {login}")


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
