"""`manage.py copy_database`: from one kind of database to another, and back."""

import os
import re
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest
from django.conf import settings

from f1site import copying
from jobs.tests.processes import SQLiteFile, new_database

pytestmark = pytest.mark.django_db

NUMBERS = [0, -0.0, 1.0, 1e22, 1e-7, 2**70, 0.1, {"b": True, "a": None, "ü": "\u2028 🏁 \\ \t '"}]


def manage(database, *arguments):
    command = [sys.executable, settings.BASE_DIR / "manage.py", *arguments]
    environment = os.environ | {"DATABASE_URL": database.url}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def python(database, program):
    done = manage(database, "shell", "-v0", "-c", program)
    assert done.returncode == 0, done.stderr
    return done.stdout


def copied(source, target):
    """What the command says of each table, once it has said that all is equal."""
    done = manage(source, "copy_database", "--to", target.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nEqual: " in done.stdout
    return dict(re.findall(r"^(\w+): (.* rows, checksum \w+)$", done.stdout, re.MULTILINE))


def refused(source, url):
    """Why nothing is copied."""
    done = manage(source, "copy_database", "--to", url)
    assert (done.returncode, done.stdout.count("Equal")) == (1, 0)
    return done.stderr


def fill():
    """Rows of all sorts; to be called in the process whose database is filled."""
    from django.contrib.auth.models import User

    from api.tests.factories import make
    from jobs.models import Job
    from mirror.models import SyncRun
    from ml import recording
    from telemetry.models import Lap

    for number in (3, 1, 2):
        make(Lap, number, lap_number=number)
    Lap.objects.filter(lap_number=1).update(lap_duration=None, segments_sector_1=None, track_status="\\N\t\n")
    SyncRun.objects.create(scope={"numbers": NUMBERS}, error="50 % of it:\r\n\\. {}")
    user = User.objects.create_superuser("ada", password="a secret")
    Job.objects.create(kind="sync", owner=user, parameters={"seasons": [2024]})
    experiment = recording.experiment(name="pace", owner="ada")
    experiment.baseline = recording.start_run(experiment=experiment, model="ridge", split="by_race", dataset_sha256="a" * 64)
    experiment.save()  # each refers to the other
    deep: list = []
    for _ in range(900):  # as earlier versions stored it
        deep = [deep]
    Job.objects.create(kind="train", parameters={"settings": deep}, result=deep)


@pytest.fixture(scope="module")
def source(tmp_path_factory, migrated):
    """A database with rows, of the kind that is tested."""
    database = new_database(tmp_path_factory.mktemp("source"), migrated)
    try:
        python(database, "from f1site.tests.test_copy_database import fill; fill()")
        yield database
    finally:
        database.drop()


@pytest.fixture
def target(tmp_path):
    return SQLiteFile(tmp_path)


def test_a_database_is_not_copied_onto_itself(source):
    assert "the database of DATABASE_URL itself" in refused(source, source.url)


def test_a_database_is_equal_after_a_journey_there_and_back(source, target, migrated, tmp_path):
    there = copied(source, target)
    assert stat.S_IMODE(target.path.stat().st_mode) == 0o600
    assert set(there) == {model._meta.db_table for model in copying.stored_models()}
    assert there["telemetry_lap"].startswith("3 rows")
    laps = target.rows("SELECT lap_number, lap_duration IS NULL FROM telemetry_lap ORDER BY lap_id")
    assert laps == [(3, 0), (1, 1), (2, 0)]
    before = target.path.read_bytes()
    assert "the target is not empty (auth_user has rows)" in refused(source, target.url)
    assert target.path.read_bytes() == before
    back = new_database(tmp_path / "back", migrated)
    try:
        assert copied(target, back) == there
        program = "from telemetry.models import Lap; last = Lap.objects.latest('pk'); old = last.pk;"
        program += "last.pk = None; last.lap_number = 77; last.save(); print(last.pk - old)"
        assert python(back, program) == "1\n"  # keys go on where they ended
    finally:
        back.drop()


@pytest.fixture
def tables(tmp_path, migrated):
    """A file of SQLite with all tables."""
    database = SQLiteFile(tmp_path, migrated)
    assert manage(database, "migrate", "-v0").returncode == 0  # much to do only where another kind of database is tested
    return database


def test_what_differs_from_what_was_sent_is_told_and_not_kept(source, tables):
    with closing(sqlite3.connect(tables.path)) as database:
        database.execute("CREATE TRIGGER t AFTER INSERT ON races_race BEGIN UPDATE races_race SET race_name = 'x'; END")
    assert re.search(r"Nothing was copied: .* not what was sent: races_race: sent 3 rows", refused(source, tables.url))
    assert tables.rows("SELECT count(*) FROM races_race") == tables.rows("SELECT count(*) FROM auth_user") == [(0,)]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://ada:s3%40ret@127.0.0.1/f1", "has to begin with one of sqlite://, postgres://"),
        ("postgres://ada:s3%40ret@127.0.0.1:port/f1", "no URL of a database"),
        ("postgres://ada:s3%40ret@127.0.0.1:1/f1", "Nothing was copied: .*127.0.0.1"),
        ("postgres://s3%40ret:s3%40ret@127.0.0.1:1/s3@ret", "Nothing was copied: "),
        ("sqlite:////nonexistent/folder/db.sqlite3", "Nothing was copied: unable to open"),
    ],
)
def test_a_target_that_cannot_be_is_said_without_its_password(source, url, said):
    told = refused(source, url)
    assert re.search(said, told)
    assert not re.search("s3(@|%40)ret|Traceback", told)


def test_nul_in_json_that_sqlite_stored_does_not_stop_a_copy_to_postgresql(tables, migrated, tmp_path):
    python(tables, r"from jobs.models import Job; Job.objects.create(kind='x', parameters={'a\0': ['b\0']})")
    other = new_database(tmp_path / "other", migrated)  # PostgreSQL where the tests run on it
    try:
        copied(tables, other)
        nul = "\ufffd" if "postgres" in other.url else "\0"
        assert (
            python(other, "from jobs.models import Job; print(ascii(Job.objects.get(kind='x').parameters))")
            == ascii({f"a{nul}": [f"b{nul}"]}) + "\n"
        )
    finally:
        other.drop()
