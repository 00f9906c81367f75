"""`manage.py prepare` by several processes at once."""

import io
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import OutputWrapper

from f1site.management.commands import prepare
from jobs.tests.processes import new_database


def test_two_first_starts_at_once_both_succeed(tmp_path):
    database = new_database(tmp_path / "database")
    environment = os.environ | {"DATABASE_URL": database.url, "DATA_ROOT": str(tmp_path), "SECRET_KEY": ""}
    command = [sys.executable, "manage.py", "prepare"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    try:
        processes = [subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, **pipes) for _ in range(2)]
        outputs = [process.communicate(timeout=600) for process in processes]
        assert [process.returncode for process in processes] == [0, 0], outputs
        assert [error for _, error in outputs] == ["", ""]
        said = "".join(output for output, _ in outputs)
        assert said.count("Another process prepares this database") == said.count("loading the demo season") == 1
        assert database.rows("SELECT count(*) FROM auth_user") == [(1,)]
    finally:
        database.drop()


@pytest.mark.django_db(transaction=True)
def test_the_wait_for_another_process_has_an_end(monkeypatch, tmp_path, settings):
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        monkeypatch.setitem(settings.DATABASES["default"], "NAME", str(tmp_path / "db.sqlite3"))
    monkeypatch.setattr(prepare, "MAX_WAIT", 0.5)
    out = OutputWrapper(io.StringIO())
    with prepare.one_at_a_time(out), pytest.raises(CommandError, match="end it and start again"), prepare.one_at_a_time(out):
        pass
    with prepare.one_at_a_time(out):  # released
        pass
