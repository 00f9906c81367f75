"""Everything between a fresh clone and a running site: what `make run` calls once the requirements are installed."""

import os
import secrets
import socket
import sys
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from f1site.openf1.models import Source, SyncRun
from races.models import Race

HOST = "127.0.0.1"
ADMIN = "admin"


class Command(BaseCommand):
    help = (
        "Prepare the database (tables, an admin user, the demo season while there are no races) and serve the site on this "
        "machine. Safe to repeat: what is there already stays."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--port", type=int, default=os.environ.get("PORT") or 8000, help="port to serve on (default: $PORT, else 8000)"
        )

    def handle(self, *, port, **options):
        ensure_free(port)
        call_command("migrate", verbosity=0)
        login = admin_login(settings.BASE_DIR / ".admin_password")
        if lacks_demo():
            self.stdout.write("There are no races yet: loading the demo season ...")
            call_command("load_demo", stdout=self.stdout)
        self.stdout.write(greeting(f"http://{HOST}:{port}", login))
        self.stdout.flush()
        serve(port)


def ensure_free(port: int) -> None:
    """Complain about a port that is taken before anything else is done, in words."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that are closing do not count, as for gunicorn
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} cannot be used ({error.strerror}); is the site running already? "
                f"Another port: make run PORT={port + 1}"
            ) from error
        except OverflowError as error:
            raise CommandError(f"{port} is no port: {error}") from error


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


def greeting(site: str, login: str) -> str:
    return f"""
Serving F1 Stats; Ctrl-C stops it.

  site       {site}/
  API docs   {site}/api/docs/
  admin      {site}/admin/
  login      {login}
  real data  .venv/bin/python manage.py sync_openf1 --season 2024
"""


def serve(port: int) -> None:
    """Become gunicorn; gunicorn.conf.py says how it serves."""
    os.chdir(settings.BASE_DIR)
    command = [sys.executable, "-m", "gunicorn", "--bind", f"{HOST}:{port}", "f1site.wsgi"]
    os.execv(sys.executable, command)  # noqa: S606 - there is no shell
