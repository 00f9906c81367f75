"""DATABASE_POOL: connections to PostgreSQL that threads share."""

import os
from urllib.parse import urlsplit

import pytest
from django.db import connection

from f1site.tests.test_configuration import manage


def test_a_pool_is_for_postgresql():
    show = "from django.conf import settings; d = settings.DATABASES['default']; print(d['CONN_MAX_AGE'], d.get('OPTIONS'))"

    def told(**environment):
        return manage("shell", "-v0", "-c", show, **environment).stdout

    postgresql = {"DATABASE_URL": "postgres://f1@127.0.0.1:1/f1?sslmode=prefer"}
    single = told(**postgresql, DATABASE_POOL="0")
    assert single.startswith("600 {")
    assert "'sslmode': 'prefer'" in single
    assert "pool" not in single
    pooled = told(**postgresql, DATABASE_POOL="3", CONN_MAX_AGE="60")
    assert pooled.startswith("0 {")
    assert "'pool': {'min_size': 1, 'max_size': 3, 'max_idle': 60," in pooled
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
