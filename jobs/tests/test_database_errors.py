"""Commands say what is wrong with the database, and what to do, instead of a traceback."""

import os
import secrets
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import IntegrityError, OperationalError, ProgrammingError

from jobs.database_errors import describe

pytestmark = pytest.mark.once

COMMANDS = (["check_data"], ["sync_openf1", "--season", "2024"], ["dump", "--output", "dump"], ["build_dataset", "--output", "x"])


def run(*arguments, url, folder):
    return subprocess.run(
        [sys.executable, settings.BASE_DIR / "manage.py", *arguments],
        cwd=folder,
        env=os.environ | {"DATABASE_URL": url, "SECRET_KEY": secrets.token_urlsafe(64)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_before_migrate_a_command_names_it(command, tmp_path):
    done = run(*command, url=f"sqlite:///{tmp_path}/new.sqlite3", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip().startswith("CommandError: the database is not of this version: run manage.py migrate")
    assert "Traceback" not in done.stderr


def test_a_database_that_is_away_is_named_and_its_traceback_can_be_had(tmp_path):
    url = "postgres://nobody@127.0.0.1:1/f1"
    done = run("check_data", url=url, folder=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert done.stderr.startswith("CommandError: the database cannot be reached or is busy; give the same command again")
    assert "Traceback" in run("check_data", "--traceback", url=url, folder=tmp_path).stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ProgrammingError('relation "telemetry_lap" does not exist\nLINE 1: SELECT 1'), "run manage.py migrate"),
        (ProgrammingError('column "pit_out_time" of relation "telemetry_lap" does not exist'), "run manage.py migrate"),
        (OperationalError("table telemetry_lap has no column named pit_out_time"), "run manage.py migrate"),
        (OperationalError("database is locked"), "is busy"),
        (ProgrammingError('syntax error at or near "SELEC"'), ""),
        (IntegrityError("UNIQUE constraint failed"), ""),
    ],
)
def test_only_what_a_person_can_mend_is_described(error, said):
    assert said in describe(error) if said else not describe(error)
