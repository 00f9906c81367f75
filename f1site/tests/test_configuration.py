"""The site in production: settings from the environment, refused where they are unsafe."""

import os
import secrets
import stat
import subprocess
import sys
from threading import Barrier, Thread

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from f1site.environment import BROKERS, Environment, read_or_create_secret

pytestmark = pytest.mark.once


def manage(*arguments, **environment):
    """A manage.py of its own, with these settings."""
    environ = (
        os.environ
        | {"DEBUG": "false", "DATABASE_URL": "sqlite://:memory:", "SECRET_KEY": secrets.token_urlsafe(64)}
        | environment
    )
    command = [sys.executable, settings.BASE_DIR / "manage.py", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)


def test_production_behind_tls_passes_djangos_checks():
    done = manage("check", "--deploy", "--fail-level", "WARNING", HTTPS="true", ALLOWED_HOSTS="f1.example.org")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.parametrize("key", ["secret", "a" * 60, "django-insecure-" + "abcdefgh" * 8])
def test_a_weak_key_is_refused_in_production(key):
    done = manage("check", SECRET_KEY=key)
    assert done.returncode != 0
    assert "SECRET_KEY is weak" in done.stderr
    assert key not in done.stderr.replace("SECRET_KEY", "")
    assert manage("check", SECRET_KEY=key, DEBUG="true").returncode == 0


def test_an_unknown_log_format_is_refused():
    assert "LOG_FORMAT is console or json, not 'xml'" in manage("check", LOG_FORMAT="xml").stderr


def test_other_sites_may_use_the_api_only_when_listed():
    code = """
from django.test import Client
for origin in ("https://app.example.org", "https://evil.example.org"):
    for path in ("/favicon.ico", "/v1/nosuch"):
        print(Client().get(path, headers={"Origin": origin, "Host": "localhost"}).headers.get("Access-Control-Allow-Origin"))
"""
    done = manage("shell", "-v0", "-c", code, CORS_ALLOWED_ORIGINS="https://app.example.org", LOG_LEVEL="CRITICAL")
    assert done.stdout.split() == ["https://app.example.org", "*", "None", "*"]


@pytest.mark.parametrize(
    ("variable", "value", "wanted"),
    [
        ("THROTTLE_READS", "lots", "a rate such as 60/min"),
        ("THROTTLE_WRITES", "60/fortnight", "a rate such as 60/min"),
        ("HTTPS", "ture", "true or false"),
        ("NUM_PROXIES", "-1", "0 or more"),
        ("SENTRY_DSN", "nonsense", "no URL"),
        ("SENTRY_DSN", "https://sentry.example.org/1", "no DSN"),
        ("STATEMENT_TIMEOUT", "soon", "a number"),
        ("ALLOWED_HOSTS", "https://f1.example.org", "a list of host names"),
        ("LONG_ANSWERS", "sql=4", "whole numbers, of expensive, streamed, sync, SQL"),
        ("PROXY_SSL_HEADER", "X-Forwarded-Proto: https", "the name of a header"),
    ],
)
def test_a_wrong_value_fails_the_check_in_one_line(variable, value, wanted):
    done = manage("check", **{variable: value})
    assert done.returncode == 1
    assert done.stderr.startswith(variable)
    assert wanted in done.stderr
    assert done.stderr.count("\n") == 1


READ = {
    "number": lambda env: env.number("X", default=1),
    "positive": lambda env: env.number("X", default=1, least=1),
    "float": lambda env: env.number("X", default=1, kind=float),
    "bool": lambda env: env.bool("X", default=False),
    "rate": lambda env: env.rate("X", default=""),
    "address": lambda env: env.address("X", default=""),
    "broker": lambda env: env.address("X", default="", schemes=BROKERS),
    "database": lambda env: env.database("X", default=""),
    "caches": lambda env: env.caches("X", default=""),
    "sizes": lambda env: env.sizes("X", default={"each": 32}),
    "hosts": lambda env: env.hosts("X", default=["localhost"]),
    "hosts and ports": lambda env: env.hosts("X", default=[], with_port=True),
    "counts": lambda env: env.counts("X", default={"expensive": 4, "SQL": 2}),
    "choice": lambda env: env.choice("X", ("INFO", "ERROR"), default="INFO"),
}
WRONG = {
    "number": ["", "x", "1.5", "-1", "1e3", "٣x", "1 000"],
    "positive": ["0"],
    "float": ["nan", "inf", "-1", "x"],
    "bool": ["ture", "tru", "2", "enabled"],
    "rate": ["lots", "60", "60/", "/min", "60/fortnight", "0/min", "-1/min", "1.5/min", "60/mins", "60 / min", "1e3/s"],
    "address": ["openf1.org", "ftp://x", "http://", "http://x:port", "http://[::1", "x"],
    "broker": ["rabbit", "http://x", "redis://", "amqp://u:p@h:port"],
    "database": ["mysql://a/b", "x", "postgres://u:s3@ret@h:port/x", "oracle://x"],
    "hosts": ["", "https://f1.example.org", "f1.example.org/", "f1.example.org:8000", "a b", "[::1", "*.example.org"],
    "hosts and ports": ["https://hooks.example.org/x", "hooks.example.org:https", "a/b"],
    "caches": ["foo://x", "x"],
    "sizes": ["x", "each=", "each=x", "each=0", "each=-1", "each=nan", "each=1=2"],
    "counts": ["expensive", "expensive=0", "expensive=1.5", "expnsive=4", "SQL=-1", "SQL=nan"],
    "choice": ["info", "LOUD"],
}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in WRONG.items() for value in values])
def test_wrong_values_of_every_kind_are_refused_with_the_name_of_the_variable(kind, value, monkeypatch):
    monkeypatch.setattr(Environment, "ENVIRON", {"X": value})
    with pytest.raises(ImproperlyConfigured, match=r"^X is "):
        READ[kind](Environment())


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("number", "12", 12),
        ("bool", "Yes", True),
        ("bool", "", False),
        ("rate", "60/min", "60/min"),
        ("rate", "1/day", "1/day"),
        ("address", "https://u:p@h:1/x", "https://u:p@h:1/x"),
        ("broker", "redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("broker", "filesystem:///srv/broker", "filesystem:///srv/broker"),
        ("hosts", "f1.example.org, .example.org,*,[::1]", ["f1.example.org", ".example.org", "*", "[::1]"]),
        ("hosts and ports", "hooks.example.org,10.0.0.7:8443", ["hooks.example.org", "10.0.0.7:8443"]),
        ("hosts and ports", "", []),
        ("counts", "SQL=3", {"expensive": 4, "SQL": 3}),
        ("sizes", "laps=8,car_data=64", {"each": 32, "laps": 8, "car_data": 64}),
    ],
)
def test_right_values_are_read(kind, value, read, monkeypatch):
    monkeypatch.setattr(Environment, "ENVIRON", {"X": value})
    assert READ[kind](Environment()) == read


def test_the_database_and_the_key_are_for_their_owner_only(tmp_path):
    environment = {"DATA_ROOT": str(tmp_path), "SECRET_KEY": "", "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}
    code = "from django.db import connection; connection.cursor().execute('CREATE TABLE t (i)'); print(connection.vendor)"
    assert manage("shell", "-v0", "-c", code, **environment).stdout == "sqlite\n"
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("*[!m]")} == {
        "db.sqlite3": 0o600,
        ".secret_key": 0o600,
    }


def test_an_empty_key_is_named_with_the_way_out(tmp_path):
    (tmp_path / ".secret_key").write_text("\n")
    done = manage("check", DATA_ROOT=str(tmp_path), SECRET_KEY="")
    assert done.returncode == 1
    assert f"{tmp_path}/.secret_key is empty: delete it" in done.stderr
    missing = manage("check", DATA_ROOT=str(tmp_path / "nowhere"), SECRET_KEY="")
    assert "cannot be created (No such file or directory); DATA_ROOT names the folder" in missing.stderr


def test_of_many_processes_that_start_at_once_all_read_the_same_key(tmp_path):
    path, keys, together = tmp_path / "key", [], Barrier(8)

    def start():
        together.wait()
        keys.append(read_or_create_secret(path))

    threads = [Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert len(keys[0]) > 50
