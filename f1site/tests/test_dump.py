"""The mirror as files, read back by other programs."""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import pandas as pd
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from mirror import editing
from mirror.feeds import registry
from mirror.models import Source, SyncPiece, SyncRun
from races.models import Race, Session
from telemetry.models import Interval, Lap

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mirror(settings, tmp_path, django_user_model):
    """A race in each of two seasons; one lap is corrected, and the newer race has samples."""
    settings.MEDIA_ROOT = tmp_path / "media"
    for year in (2023, 2024):
        at = datetime(year, 3, 2, 15, tzinfo=UTC)
        race = Race.objects.create(race_id=year, race_name="Grand Prix", year=year, date_start=at)
        session = Session.objects.create(session_id=year * 10, race=race, session_name="Race", year=year, date_start=at)
        for lap in (1, 2):
            row = {"session": session, "driver_number": 1, "lap_number": lap, "source": Source.OPENF1}
            Lap.objects.create(**row, date_start=at, lap_duration=90.5, segments_sector_1=[2048, None], is_pit_out_lap=lap == 1)
        for second, gap in enumerate((0, 1.25, "+1 LAP", None)):
            Interval.objects.create(session=session, driver_number=1, date=at.replace(second=second), gap_to_leader=gap)
    lap = Lap.objects.get(session=session, lap_number=2)
    lap.lap_duration = 89.0
    editing.edit(lap, user=django_user_model.objects.create_user("ada"))
    run = SyncRun.objects.create(scope={}, state=SyncRun.State.DONE)
    SyncPiece.objects.create(run=run, collection="laps", session_id=session.pk)
    sample = {"date": at.isoformat(), "rpm": 1, "speed": 300, "n_gear": 8, "throttle": 99, "brake": 0, "drs": None}
    scope = {"session_key": session.pk, "driver_number": 1}
    registry()["car_data"].storage.apply([sample], scope, source=Source.OPENF1, prune=False, write=True)


def dumped(tmp_path, *arguments):
    call_command("dump", *arguments, "--output", str(tmp_path / "out"), verbosity=0)
    return tmp_path / "out", json.loads((tmp_path / "out" / "manifest.json").read_text())


def test_every_collection_is_a_parquet_file_that_the_manifest_describes(tmp_path):
    folder, manifest = dumped(tmp_path)
    assert manifest["collections"].keys() == registry().keys()
    for told in manifest["collections"].values():
        content = (folder / told["file"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (told["bytes"], told["sha256"])
        frame = pd.read_parquet(folder / told["file"])
        assert (len(frame), list(frame.columns)) == (told["rows"], [*told["schema"]])
    laps = manifest["collections"]["laps"]
    assert (laps["rows"], laps["corrections"]) == (4, 1)
    assert laps["schema"]["date_start"] == "timestamp[us, tz=UTC]"
    assert manifest["sync_run"]["state"] == "done"
    assert not list(folder.glob("*.part"))


def test_parquet_is_typed_and_has_the_corrected_values(tmp_path):
    folder, _ = dumped(tmp_path)
    laps = pd.read_parquet(folder / "laps.parquet").query("session_key == 20240")
    start = pd.Timestamp("2024-03-02 15:00", tz="UTC")
    found = laps[["lap_duration", "is_pit_out_lap", "date_start"]].itertuples(index=False, name=None)
    assert list(found) == [(90.5, True, start), (89.0, False, start)]
    samples = pd.read_parquet(folder / "car_data.parquet")
    assert (samples.speed[0], samples.drs.isna()[0]) == (300, True)


@pytest.mark.parametrize("format_", ["parquet", "csv"])
def test_duckdb_reads_the_files_as_they_are(tmp_path, format_):
    folder, _ = dumped(tmp_path, "--format", format_)
    figures = "sum(lap_duration), epoch(max(date_start)), count(*) FILTER (is_pit_out_lap)"
    program = f"import duckdb; print(*duckdb.read_{format_}('{folder}/laps.{format_}').aggregate('{figures}').fetchall()[0])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["360.5", str(datetime(2024, 3, 2, 15, tzinfo=UTC).timestamp()), "2"]


def test_a_season_is_only_that_season(tmp_path):
    folder, manifest = dumped(tmp_path, "--season", "2023")
    counts = {name: told["rows"] for name, told in manifest["collections"].items()}
    assert (counts["meetings"], counts["sessions"], counts["laps"], counts["car_data"]) == (1, 1, 2, 0)
    assert manifest["collections"]["laps"]["corrections"] == 0
    assert manifest["sync_run"] is None
    assert pd.read_parquet(folder / "laps.parquet").meeting_key.unique().tolist() == [2023]
    _, nothing = dumped(tmp_path, "--season", "1950")
    assert {told["rows"] for told in nothing["collections"].values()} == {0}


def test_csv_has_lists_that_other_programs_read(tmp_path):
    folder, manifest = dumped(tmp_path, "--format", "csv")
    laps = pd.read_csv(folder / "laps.csv", parse_dates=["date_start"])
    assert [json.loads(value) for value in laps.segments_sector_1] == [[2048, None]] * 4
    assert laps.date_start[0] == pd.Timestamp("2023-03-02 15:00", tz="UTC")
    assert laps.is_pit_out_lap.tolist() == [True, False] * 2
    intervals = pd.read_csv(folder / "intervals.csv", dtype={"gap_to_leader": str})
    assert intervals.gap_to_leader[:3].tolist() == ["0", "1.25", "+1 LAP"]
    assert len(pd.read_csv(folder / "car_data.csv")) == manifest["collections"]["car_data"]["rows"] == 1


def test_everything_can_be_one_database(tmp_path):
    path = tmp_path / "f1.db"
    for _ in range(2):  # the second replaces the first
        call_command("dump", "--sqlite", str(path), verbosity=0)
    with closing(sqlite3.connect(path)) as database:
        laps = database.execute(
            "SELECT lap_duration, is_pit_out_lap, date_start, segments_sector_1 FROM laps WHERE session_key = 20240"
        )
        start = "2024-03-02T15:00:00+00:00"
        assert laps.fetchall() == [(90.5, 1, start, "[2048,null]"), (89.0, 0, start, "[2048,null]")]
        links = {(row[2], row[3]) for row in database.execute("PRAGMA foreign_key_list(laps)")}
        assert links == {("sessions", "session_key"), ("meetings", "meeting_key")}
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("SELECT date, drs FROM car_data").fetchall() == [(start, None)]
        plan = database.execute("EXPLAIN QUERY PLAN SELECT * FROM laps WHERE session_key = 1 AND driver_number = 1").fetchall()
        assert "laps_key" in plan[0][3]
        manifest = json.loads(database.execute("SELECT content FROM manifest").fetchone()[0])
    assert manifest["collections"]["laps"]["rows"] == 4
    assert not path.with_name("f1.db.part").exists()


def test_a_dump_goes_somewhere():
    with pytest.raises(CommandError, match="--output"):
        call_command("dump")


@pytest.mark.parametrize("what", ["--output", "--sqlite"])
def test_a_dump_that_cannot_be_written_says_so_and_leaves_no_part(tmp_path, what, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="The dump cannot be written"):
        call_command("dump", what, str(tmp_path / "file" / "below"))
    dumped(tmp_path)
    monkeypatch.setattr("f1site.dump.describe_rows", lambda query: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call_command("dump", what, str(tmp_path / "out" if what == "--output" else tmp_path / "one.sqlite3"))
    assert not list(tmp_path.rglob("*.part"))
    assert (tmp_path / "out" / "manifest.json").exists() == (what == "--sqlite")  # none that describes other files


def test_a_dump_that_is_told_to_stop_leaves_no_part(tmp_path):
    """As `kill` does it; in a process of its own, which waits in the middle of a file."""
    script = """
import django, runpy, sys, time
django.setup()
from f1site import dump
def slowly(folder, **options):
    with dump.replacing(folder / "laps.csv") as part:
        part.write_text("half")
        print("writing", flush=True)
        time.sleep(60)
dump.dump = slowly
sys.argv = ["manage.py", "dump", "--output", sys.argv[1]]
runpy.run_path("manage.py", run_name="__main__")
"""
    environment = os.environ | {"DATABASE_URL": "sqlite://:memory:", "DJANGO_SETTINGS_MODULE": "f1site.settings"}
    command = [sys.executable, "-c", script, str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, **pipes) as process:
        assert process.stdout.readline() == "writing\n"
        assert (tmp_path / "laps.csv.part").exists()
        process.terminate()
        assert process.wait(20) == 143
        assert "Traceback" not in process.stderr.read()
    assert not list(tmp_path.glob("laps*"))
