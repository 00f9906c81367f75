"""Environment variables, checked as they are read: a wrong value ends every command and the start with its name.

Nothing of Django's but an exception is imported: the settings are being read.
"""

import builtins
import math
import os
import re
import secrets
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

TRUE, FALSE = ("true", "on", "ok", "y", "yes", "1"), ("false", "off", "n", "no", "0", "")
DATABASES = ("django.db.backends.sqlite3", "django.db.backends.postgresql")
RATE = re.compile(r"[1-9]\d{0,8}/(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)")
HOST = re.compile(r"(?P<name>\*|\.?[\w-]+(\.[\w-]+)*\.?|\[[0-9A-Fa-f:.]+\])(?P<port>:\d{1,5})?")
BROKERS = ("amqp", "amqps", "pyamqp", "redis", "rediss", "sentinel", "sqs", "filesystem", "memory")
NEW_SECRET_SECONDS = 2  # how long another process may take to write the key that it has created


class Environment(environ.Env):
    """Reads variables, and raises ImproperlyConfigured with variable, value and what is wanted."""

    def refuse(self, name: str, wanted: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(f"{name} is {self.ENVIRON.get(name, '')!r}; {wanted} is wanted.")

    def bool(self, name: str, default: Any = environ.Env.NOTSET) -> Any:
        """True or false; a misspelt word is refused, as environ would take it for false."""
        if name in self.ENVIRON and self.ENVIRON[name].strip().lower() not in TRUE + FALSE:
            raise self.refuse(name, "true or false")
        return super().bool(name, default=default)

    def number(self, name: str, *, default: float, least: float = 0, kind: type = int) -> Any:
        """A number of a kind, int or float, from `least` on."""
        try:
            value = self.get_value(name, cast=kind, default=default)
        except ValueError as error:
            raise self.refuse(name, "a whole number" if kind is int else "a number") from error
        if not math.isfinite(value) or value < least:
            raise self.refuse(name, f"{least:g} or more")
        return value

    def choice(self, name: str, choices: Collection[str], *, default: str) -> str:
        value = self.str(name, default=default)
        if value not in choices:
            *most, last = choices
            raise ImproperlyConfigured(f"{name} is {', '.join(most)} or {last}, not {value!r}.")
        return value

    def rate(self, name: str, *, default: str) -> str:
        """A rate such as 60/min, or nothing."""
        value = self.str(name, default=default)
        if value and not RATE.fullmatch(value):
            raise self.refuse(name, "a rate such as 60/min (per second, min, hour or day), or nothing for no limit,")
        return value

    def address(self, name: str, *, default: str, schemes: Collection[str] = ("http", "https")) -> str:
        """A URL with one of these schemes. The value is not told, as it may have a password."""
        if (value := self.str(name, default=default)) == default:
            return value
        try:
            parts = urlsplit(value)
            fits = parts.scheme in schemes and bool(parts.netloc or parts.path.strip("/")) and (parts.port or True)
        except ValueError:
            fits = False
        if not fits:
            raise ImproperlyConfigured(f"{name} is no URL that begins with {', '.join(f'{s}://' for s in schemes)}.")
        return value

    def hosts(self, name: str, *, default: list[str], with_port: builtins.bool = False) -> list[str]:
        """Names of hosts, for some settings with a port; at least one where there are some by default."""
        hosts = [host.strip() for host in self.list(name, default=default)]
        found = [HOST.fullmatch(host) for host in hosts]
        if not all(each and (with_port or not each["port"]) for each in found) or len(hosts) < bool(default):
            raise self.refuse(
                name, f"a list of host names{' (host or host:port)' if with_port else ''}, without http:// and paths,"
            )
        return hosts

    def database(self, name: str, *, default: str) -> dict[str, Any]:
        """The configuration of an SQLite or PostgreSQL database from a URL."""
        try:
            configuration = self.db(name, default=default)
        except Exception as error:  # of any kind; not shown, as it may have the password
            raise ImproperlyConfigured(DATABASE_WANTED.format(name)) from error
        if configuration.get("ENGINE") not in DATABASES:
            raise ImproperlyConfigured(DATABASE_WANTED.format(name))
        return configuration

    def caches(self, name: str, *, default: str) -> dict[str, Any]:
        """The configuration of a cache from a URL."""
        try:
            return self.cache(name, default=default)
        except Exception as error:
            raise ImproperlyConfigured(f"{name} is no URL of a cache, such as redis://127.0.0.1:6379/1.") from error

    def sizes(self, name: str, *, default: dict[str, float]) -> dict[str, float]:
        """Numbers by name, written `each=32,laps=8`."""
        try:
            pairs = [text.split("=") for text in self.list(name, default=[])]
            sizes = {key.strip(): float(size) for key, size in pairs}
        except ValueError as error:
            raise self.refuse(name, "a list such as each=32,car_data=64") from error
        if not all(math.isfinite(size) and size > 0 for size in sizes.values()):
            raise self.refuse(name, "a list of sizes above 0, such as each=32,car_data=64,")
        return default | sizes

    def counts(self, name: str, *, default: dict[str, int]) -> dict[str, int]:
        """Whole numbers from 1 on by name, of the names that there are by default."""
        counts = self.sizes(name, default={**default})
        if {*counts} != {*default} or any(count % 1 for count in counts.values()):
            raise self.refuse(name, f"a list such as {next(iter(default))}=4 with whole numbers, of {', '.join(default)},")
        return {key: int(count) for key, count in counts.items()}


DATABASE_WANTED = (
    "{} is no URL of an SQLite or PostgreSQL database, such as sqlite:////srv/f1/db.sqlite3 or "
    "postgres://user:password@host:5432/name; special characters of a password are written as %40."
)


def read_or_create_secret(path: Path) -> str:
    """The secret key in `path`, which is created on first use, so that sessions survive a restart.

    Of several processes that start at once, one creates it and the others wait until it is written.
    """
    if create_private(path):
        path.write_text(secrets.token_urlsafe(64))
    give_up_at = time.monotonic() + NEW_SECRET_SECONDS
    while not (key := path.read_text().strip()):
        if time.monotonic() > give_up_at:
            raise ImproperlyConfigured(f"{path} is empty: delete it, and a new key is created; everybody has to log in again.")
        time.sleep(0.05)
    return key


def create_private(path: Path) -> bool:
    """Create an empty file that only its owner may read; False if there is one already."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    except OSError as error:
        raise ImproperlyConfigured(f"{path} cannot be created ({error.strerror}); DATA_ROOT names the folder for it.") from error
    return True
