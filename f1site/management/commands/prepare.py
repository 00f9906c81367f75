"""What a site needs before it can be served."""

import os
import secrets
from pathlib import Path

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
        "repeat: what is there already stays. The last line says how to log in."
    )

    def handle(self, **options):
        login = prepare(self.stdout)
        self.stdout.write(f"Login: {login}")


def prepare(stdout: OutputWrapper) -> str:
    """Make what is missing; how to log in, in words."""
    call_command("migrate", verbosity=0)
    login = admin_login(settings.DATA_ROOT / ".admin_password")
    if lacks_demo():
        stdout.write("There are no races yet: loading the demo season ...")
        call_command("load_demo", stdout=stdout)
    return login


def admin_login(kept_in: Path) -> str:
    """How to log in, in words; the first time this makes the admin user, with a random password kept in `kept_in`."""
    users = get_user_model()._default_manager
    if not users.exists():
        password = secrets.token_urlsafe(12)
        keep(password, kept_in)
        users.create_superuser(ADMIN, password=password)
        return f"{ADMIN}, password {password} (shown this once; kept in {kept_in.name})"
    admin = users.filter(username=ADMIN, is_superuser=True).first()
    if admin and kept_in.exists() and admin.check_password(kept_in.read_text().strip()):
        return f"{ADMIN}, password in {kept_in.name}"
    return "with the password you chose (forgotten: .venv/bin/python manage.py changepassword USER)"


def keep(secret: str, path: Path) -> None:
    """Write a file that only its owner may read, from its first moment on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")


def lacks_demo() -> bool:
    """Whether to load the demo season: there are no races, or the last loading of it was cut short."""
    last = SyncRun.objects.filter(source=Source.DEMO).first()
    return not Race.objects.exists() or (last is not None and last.state in (SyncRun.State.RUNNING, SyncRun.State.INTERRUPTED))
