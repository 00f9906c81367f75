"""Samples from upstream's answer to a file, and from the file to laps."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from mirror.errors import NotStored
from mirror.models import SyncPiece
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.storage import DamagedFile
from mirror.tests.upstream import Rows, client
from telemetry.models import Lap, SampleFile, Telemetry
from telemetry.samples import files, laps
from telemetry.samples.storage import tables

pytestmark = pytest.mark.django_db

START = datetime(2023, 3, 5, 15, 0, tzinfo=UTC)
KEY = {"meeting_key": 1, "session_key": 10, "driver_number": 4}


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    tables.clear()
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def at(seconds):
    return (START + timedelta(seconds=seconds)).isoformat()


def sample(seconds, **channels):
    return KEY | {"date": at(seconds), "rpm": 11000, "speed": 180, "n_gear": 5, "throttle": 100, "brake": 0, "drs": 0} | channels


class Upstream(Rows):
    """One session of two cars with two laps of ten seconds each, sampled twice a second."""

    def __init__(self):
        start = {"meeting_key": 1, "year": 2023, "date_start": at(0)}
        cars = [KEY | {"driver_number": number} for number in (4, 16)]
        super().__init__(
            meetings=[start | {"meeting_name": "Somewhere Grand Prix"}],
            sessions=[start | {"session_key": 10, "session_name": "Race"}],
            drivers=[car | {"full_name": f"Driver {car['driver_number']}"} for car in cars],
            laps=[car | {"lap_number": n, "date_start": at(10 * n - 10), "lap_duration": 10.0} for car in cars for n in (1, 2)],
            car_data=[sample(n / 2) | car for car in cars for n in range(-4, 48)],
            location=[car | {"date": at(n / 2 + 0.1), "x": 100 * n, "y": -n, "z": 7} for car in cars for n in range(-4, 48)],
        )

    def asked_for(self, collection):
        return [request.path_url for request in self.asked if request.path_url.startswith(f"/v1/{collection}")]


def table_of(collection, session, car):
    file = SampleFile.objects.get(collection=collection, session=session, driver_number=car)
    return files.read_table(file.name, file.sha256)


@pytest.fixture
def upstream():
    return Upstream()


def mirror(upstream, *collections, **options):
    collections = collections or ("drivers", "laps", "car_data", "location")
    report = sync(client=client(upstream), scope=Scope(sessions=(10,)), collections=collections, **options)
    assert not report.errors
    return report


def test_samples_are_asked_for_car_by_car_and_stored_as_one_file_each(upstream, media):
    report = mirror(upstream)
    assert upstream.asked_for("car_data") == [f"/v1/car_data?session_key=10&driver_number={number}" for number in (4, 16)]
    assert report.collections["car_data"]["created"] == 104
    assert {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()} == {
        f"{kind}/session_id=10/driver_number={number}.parquet" for kind in ("car_data", "location") for number in (4, 16)
    }
    file = SampleFile.objects.get(collection="car_data", driver_number=4)
    content = (media / file.name).read_bytes()
    assert (file.rows, file.size, file.sha256, file.driver_id) == (52, len(content), files.sha256(content), "driver_4")
    assert (file.first_date, file.last_date) == (START - timedelta(seconds=2), START + timedelta(seconds=23.5))


def test_what_went_in_comes_out_sorted_by_date_and_typed_small(upstream, media):
    upstream.rows["car_data"] = [sample(2, drs=None), sample(1, speed=301), sample(1, speed=302), sample(0, throttle=104)]
    mirror(upstream)
    path = media / "car_data/session_id=10/driver_number=4.parquet"
    table = table_of("car_data", 10, 4)
    assert [str(kind) for kind in table.schema.types] == ["timestamp[us, tz=UTC]", "int32", *["int16"] * 5]
    assert table["date"].to_pylist() == [START + timedelta(seconds=s) for s in (0, 1, 1, 2)]
    assert table["speed"].to_pylist() == [180, 301, 302, 180]  # two of one moment stay, in upstream's order
    assert table["drs"].to_pylist() == [0, 0, 0, None]
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"
    assert "DELTA_BINARY_PACKED" in column.encodings


def test_the_same_samples_again_write_nothing(upstream, media):
    mirror(upstream)
    before = {path: path.stat().st_mtime_ns for path in media.rglob("*.parquet")}
    for force in (False, True):
        report = mirror(upstream, force=force)
        assert report.collections["car_data"]["unchanged"] == 104
        assert report.collections["car_data"]["created"] == 0
    assert {path: path.stat().st_mtime_ns for path in media.rglob("*.parquet")} == before


def test_samples_that_vanish_upstream_stay_unless_pruned(upstream):
    mirror(upstream)
    upstream.rows["car_data"] = [sample(n / 2) for n in range(-4, 10)] + [sample(30)]
    counts = mirror(upstream).collections["car_data"]
    assert (counts["created"], counts["vanished"], counts["pruned"]) == (1, 90, 0)
    assert SampleFile.objects.get(collection="car_data", driver_number=4).rows == 53
    counts = mirror(upstream, prune=True).collections["car_data"]
    assert counts["pruned"] == 38  # of car 4; car 16 got no answer at all, and that prunes nothing
    assert SampleFile.objects.get(collection="car_data", driver_number=4).rows == 15


def test_a_repaired_sample_replaces_the_one_of_its_moment(upstream):
    mirror(upstream)
    upstream.rows["car_data"][10]["speed"] = 299
    counts = mirror(upstream).collections["car_data"]
    assert (counts["created"], counts["updated"], counts["unchanged"]) == (0, 1, 103)
    assert 299 in table_of("car_data", 10, 4)["speed"].to_pylist()


def test_a_lost_file_is_written_again(upstream):
    mirror(upstream)
    default_storage.delete(files.path("car_data", 10, 4))
    assert mirror(upstream).collections["car_data"]["created"] == 52
    assert default_storage.exists(files.path("car_data", 10, 4))


def test_samples_out_of_range_are_rejects_and_the_rest_goes_in(upstream):
    upstream.rows["car_data"] = [sample(0), sample(1, speed=10**6), sample(2, n_gear="five")]
    report = mirror(upstream)
    assert (report.collections["car_data"]["created"], report.collections["car_data"]["rejected"]) == (1, 2)


def test_an_interrupted_sync_goes_on_with_the_next_car(upstream):
    upstream.refuse = lambda c, f: KeyboardInterrupt() if c == "car_data" and f.get("driver_number") == "16" else None
    with pytest.raises(KeyboardInterrupt):
        mirror(upstream, "drivers", "car_data")
    again = Upstream()
    report = mirror(again, "drivers", "car_data")
    assert again.asked_for("car_data") == ["/v1/car_data?session_key=10&driver_number=16"]
    assert report.skipped == 2  # the entries and car 4
    assert set(SyncPiece.objects.filter(collection="car_data", ok=True).values_list("driver_number", flat=True)) == {4, 16}


def test_who_drove_is_found_out_first_where_it_is_not_known(upstream):
    mirror(upstream, "car_data")
    assert upstream.asked_for("drivers")
    assert SampleFile.objects.count() == 2


def test_a_write_that_fails_leaves_the_old_file_and_no_half_of_a_new_one(upstream, media, monkeypatch):
    mirror(upstream)
    path = media / files.path("car_data", 10, 4)
    before = path.read_bytes()

    def no_space(*names):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(NotStored, match=r"driver_number=4\.parquet cannot be written: No space left on device"):
        files.store(files.path("car_data", 10, 4), b"half")
    assert path.read_bytes() == before
    assert not list(media.rglob("*.part"))


def test_the_figures_of_a_lap_are_computed_as_the_samples_arrive(upstream):
    channels = [
        {"throttle": 0, "brake": 100, "n_gear": 3, "speed": 90},
        {"throttle": 104, "brake": 104, "n_gear": 3, "speed": 90},
        {"throttle": 50, "n_gear": 4, "drs": 8},
        {"throttle": 100, "n_gear": 5, "drs": 12, "speed": 300},
    ]
    upstream.rows["car_data"] = [sample(n, **channel) for n, channel in enumerate(channels)]
    mirror(upstream)
    line = Telemetry.objects.get(driver_number=4, lap_number=1)
    assert line.samples == 4
    assert line.avg_speed == (90 + 90 + 180 + 300) / 4
    assert line.max_speed == 300
    assert (line.median_gear, line.gear_changes) == (3.5, 2)
    assert line.throttle_usage == pytest.approx(2 / 3)  # 104 is no data
    assert line.full_throttle == pytest.approx(1 / 3)
    assert line.brake_usage == pytest.approx(1 / 3)
    assert line.drs_usage == pytest.approx(1 / 4)
    assert line.driver_id == "driver_4"


def test_figures_follow_when_a_lap_moves_and_go_with_it(upstream):
    mirror(upstream)
    assert set(Telemetry.objects.values_list("lap_number", "samples")) == {(1, 20), (2, 20)}
    upstream.rows["laps"] = [row | {"lap_duration": 5.0} for row in upstream.rows["laps"] if row["lap_number"] == 1]
    mirror(upstream, "laps", prune=True)
    assert set(Telemetry.objects.values_list("lap_number", "samples")) == {(1, 10)}


def test_windows_end_after_the_duration_or_at_the_next_start():
    t = [START + timedelta(seconds=s) for s in (0, 90, 180)]
    known = [(1, t[0], None), (2, t[1], 80.0), (3, t[2], None), (4, None, 90.0)]
    assert laps.windows(known) == [(1, t[0], t[1]), (2, t[1], t[1] + timedelta(seconds=80))]


def test_a_trace_has_the_distance_and_the_nearest_position(upstream):
    mirror(upstream)
    lap = Lap.objects.get(driver_number=4, lap_number=2)
    window = laps.windows([(2, lap.date_start, lap.lap_duration)])[0]
    trace = laps.trace(table_of("car_data", 10, 4), table_of("location", 10, 4), window)
    assert len(trace) == 20
    assert trace[0] == {
        "date": START + timedelta(seconds=10),
        "time": 0.0,
        "distance": 0.0,
        "speed": 180,
        "rpm": 11000,
        "n_gear": 5,
        "throttle": 100,
        "brake": 0,
        "drs": 0,
        "x": 2000,
        "y": -20,
        "z": 7,
    }
    assert trace[-1]["time"] == 9.5
    assert trace[-1]["distance"] == 475.0  # 180 km/h are 50 m/s


def test_a_trace_without_positions_says_so(upstream):
    mirror(upstream, "drivers", "laps", "car_data")
    window = laps.Window(1, START, START + timedelta(seconds=10))
    assert laps.trace(table_of("car_data", 10, 4), None, window)[0]["x"] is None


DAMAGE = {
    "gone": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "flipped": lambda path: path.write_bytes(bytes([path.read_bytes()[0], path.read_bytes()[1] ^ 1, *path.read_bytes()[2:]])),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("options", [{}, {"force": True}, {"prune": True}], ids=str)
def test_the_next_sync_fetches_a_damaged_file_anew(upstream, media, damage, options, caplog):
    mirror(upstream)
    name = files.path("car_data", 10, 4)
    before = (media / name).read_bytes()
    damage(media / name)
    if (media / name).exists():
        os.utime(media / name, (1, 1))  # not of a sync that is under way
    report = mirror(upstream, **options)
    assert name in caplog.text
    assert report.collections["car_data"]["created"] == 52
    assert (media / name).read_bytes() == before
    assert mirror(upstream).collections["car_data"]["created"] == 0


def test_an_answer_without_samples_leaves_a_damaged_file_to_be_found(upstream, media):
    mirror(upstream)
    name = files.path("car_data", 10, 4)
    (media / name).write_bytes(b"PAR1")
    upstream.rows["car_data"] = []
    mirror(upstream)
    with pytest.raises(DamagedFile, match=name):
        table_of("car_data", 10, 4)


def test_a_damaged_file_is_found_by_check_data_and_named_by_dump(upstream, media, capsys, tmp_path):
    mirror(upstream)
    name = files.path("location", 10, 16)
    (media / name).write_bytes(b"PAR1" + b"x" * 50 + b"PAR1")
    os.utime(media / name, (1, 1))
    call_command("check_data", session=[10])
    assert (
        f"The location of car 16, {name}, is damaged: its SHA-256 is not the stored one. [sample_file_damaged]"
        in capsys.readouterr().out
    )
    for target in (
        {"output": tmp_path / "dump"},
        {"output": tmp_path / "dump", "format": "csv"},
        {"sqlite": tmp_path / "all.sqlite3"},
    ):
        with pytest.raises(CommandError, match=rf"{name} is damaged.*sync_openf1 location --session 10 fetches it again"):
            call_command("dump", **target)
    assert not list(tmp_path.rglob("*.part"))
    assert not (tmp_path / "all.sqlite3").exists()
    assert not (tmp_path / "dump" / "manifest.json").exists()
