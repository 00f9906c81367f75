"""The site in production: settings from the environment, refused where they are unsafe."""

import os
import secrets
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection


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


def test_a_pool_is_for_postgresql():
    show = "from django.conf import settings; d = settings.DATABASES['default']; print(d['CONN_MAX_AGE'], d.get('OPTIONS'))"

    def told(**environment):
        return manage("shell", "-v0", "-c", show, **environment).stdout

    postgresql = {"DATABASE_URL": "postgres://f1@127.0.0.1:1/f1?sslmode=prefer"}
    assert told(**postgresql, DATABASE_POOL="0").split() == ["600", "{'sslmode':", "'prefer'}"]
    pooled = told(**postgresql, DATABASE_POOL="3", CONN_MAX_AGE="60")
    assert pooled.startswith("0 {'sslmode': 'prefer', 'pool': {'min_size': 1, 'max_size': 3, 'max_idle': 60,")
    assert "pool" not in told(DATABASE_POOL="3")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="a pool is for PostgreSQL")
def test_threads_share_a_pool():
    code = """
from threading import Barrier, Thread
from django.db import connection
pids, together = [], Barrier(8)
def ask():
    together.wait()
    for _ in range(5):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid(), pg_sleep(0.01)")
            pids.append(cursor.fetchone()[0])
        connection.close()
threads = [Thread(target=ask) for _ in range(8)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
print(len(pids), len(set(pids)))
"""
    server = urlsplit(os.environ["DATABASE_URL"])._replace(path="/postgres").geturl()
    done = manage("shell", "-v0", "-c", code, DATABASE_URL=server, DATABASE_POOL="3")
    asked, connections = map(int, done.stdout.split())
    assert (asked, done.stderr) == (40, "")
    assert 1 <= connections <= 3


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
