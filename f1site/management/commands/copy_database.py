"""Move the site from SQLite to PostgreSQL, or back."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import environ
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from f1site import copying
from f1site.environment import create_private
from jobs.wording import plural

SOURCE, TARGET = "default", "copy_database"
SCHEMES = ("sqlite", "postgres", "postgresql")
# Tables that migrations fill; the copy replaces their rows.
MADE_BY_MIGRATIONS = {"contenttypes.ContentType", "auth.Permission"}
SCHEDULES = "django_celery_beat"


class Command(BaseCommand):
    help = (
        "Copy the database of DATABASE_URL to another, empty one: create and fill its tables, read them back and compare counts "
        "and checksums. All changes are one transaction. Files below MEDIA_ROOT are not in the database and are not copied. "
        "Exit status: 0 if both databases are equal, 1 if nothing was copied."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--to",
            required=True,
            metavar="URL",
            help="sqlite:////srv/f1/db.sqlite3, or postgres://user@host:5432/name; a password may be in it, or in PGPASSWORD, "
            "which other users of this machine do not see",
        )

    def handle(self, *, to: str, **options: Any) -> None:
        try:
            connect(to)
            check_source_migrated()
            check_target_empty()
            migrate(to)
            sums = copying.copy(source=SOURCE, target=TARGET, report=self.report)
        except (DatabaseError, copying.NotCopied) as error:
            raise CommandError(without_password(f"Nothing was copied: {error}".strip(), to)) from None
        finally:
            if TARGET in connections.settings:
                connections[TARGET].close()
                del connections[TARGET], connections.settings[TARGET]
        self.stdout.write(
            f"Equal: {plural(sum(one.rows for one in sums.values()), 'row')} of {plural(len(sums), 'table')}, "
            "by count and checksum."
        )
        self.stdout.write("Now set DATABASE_URL to the new database, and restart the site and its workers.")

    def report(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def connect(url: str) -> None:
    """Add the target to Django's connections; raises CommandError if the URL is no other database."""
    if urlsplit(url).scheme not in SCHEMES:
        raise CommandError(f"--to: the URL has to begin with one of {', '.join(f'{name}://' for name in SCHEMES)}.")
    try:
        configuration: dict[str, Any] = environ.Env.db_url_config(url)
    except Exception as error:  # not shown, as its message may contain the password
        raise CommandError("--to: this is no URL of a database; special characters of a password are written as %40.") from error
    source = connections.settings[SOURCE]
    if all(str(configuration.get(name, "")) == str(source.get(name, "")) for name in ("ENGINE", "NAME", "HOST", "PORT")):
        raise CommandError("--to: this is the database of DATABASE_URL itself.")
    file = Path(str(configuration["NAME"]))
    if configuration["ENGINE"].endswith("sqlite3") and file.parent.is_dir():
        create_private(file)  # as the settings do with that of DATABASE_URL
    connections.settings[TARGET] = connections.configure_settings({"default": configuration})["default"]


def check_source_migrated() -> None:
    executor = MigrationExecutor(connections[SOURCE])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("The database of DATABASE_URL lacks migrations; run first: manage.py migrate")


def check_target_empty() -> None:
    """Raise CommandError if the target holds rows other than those that migrations create."""
    tables = connections[TARGET].introspection.table_names()
    for model in copying.stored_models():
        if model._meta.label in MADE_BY_MIGRATIONS or model._meta.app_label == SCHEDULES:
            continue
        if model._meta.db_table in tables and model._base_manager.using(TARGET).exists():
            raise CommandError(f"--to: the target is not empty ({model._meta.db_table} has rows); give a new database.")


def migrate(url: str) -> None:
    """Create the target's tables in a process with the target as its default database, to which data migrations write."""
    connections[TARGET].close()
    process = subprocess.run(  # noqa: S603 - there is no shell
        [sys.executable, settings.BASE_DIR / "manage.py", "migrate", "-v0"],
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise copying.NotCopied(f"the tables cannot be created: {process.stderr.strip().rpartition(chr(10))[2]}")


def without_password(text: str, url: str) -> str:
    """The text with the password of a URL replaced by ***, also in its percent-encoded forms."""
    password = urlsplit(url).password or ""
    for spelling in sorted({password, unquote(password), quote(unquote(password), safe="")} - {""}, key=len, reverse=True):
        text = text.replace(spelling, "***")
    return text
