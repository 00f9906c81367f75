"""Samples of cars and positions: the same questions, answered from Parquet files."""

import io
import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from api.openf1 import samples
from mirror.feeds import registry
from mirror.models import Source
from races.models import Session
from telemetry.models import SampleFile
from telemetry.samples import files
from telemetry.samples.storage import tables

pytestmark = pytest.mark.django_db

AT = datetime.fromisoformat("2024-03-02T15:00:00+00:00")
CAR = {"rpm": 11_000, "speed": 300, "n_gear": 8, "throttle": 99, "brake": 0, "drs": 12}
TEN = range(10)


@pytest.fixture(autouse=True)
def telemetry(weekend, settings, tmp_path):
    """Ten samples, a quarter of a second apart, of three cars in the race, and of one in the qualifying the day before."""
    settings.MEDIA_ROOT = tmp_path
    for number in (16, 1, 77):
        rows = [CAR | {"date": moment(n).isoformat(), "speed": 300 + n + number, "drs": None if n == 0 else 12} for n in TEN]
        put("car_data", rows, session_key=9472, driver_number=number)
    put("car_data", [CAR | {"date": (AT - timedelta(days=1)).isoformat()}], session_key=9471, driver_number=1)
    put("location", [{"date": moment(n).isoformat(), "x": n, "y": -n, "z": 0} for n in TEN], session_key=9472, driver_number=1)


def moment(n):
    return AT + timedelta(seconds=n / 4)


def put(collection, rows, **scope):
    registry()[collection].storage.apply(rows, scope, source=Source.OPENF1, prune=False, write=True)


def cars(found):
    return [(datetime.fromisoformat(row["date"]), row["driver_number"]) for row in found]


def test_a_sample_is_written_as_openf1_writes_it(client):
    body = client.get("/v1/car_data?session_key=9472&driver_number=1&date<=2024-03-02T15:00:00.25").content
    assert body == (
        b'[{"meeting_key":1229,"session_key":9472,"driver_number":1,"date":"2024-03-02T15:00:00+00:00","rpm":11000,"speed":301,'
        b'"n_gear":8,"throttle":99,"brake":0,"drs":null},'
        b'{"meeting_key":1229,"session_key":9472,"driver_number":1,"date":"2024-03-02T15:00:00.250000+00:00","rpm":11000,"speed":302,'
        b'"n_gear":8,"throttle":99,"brake":0,"drs":12}]'
    )


@pytest.mark.parametrize("chunk", [10_000, 7, 1])
def test_samples_of_several_cars_are_in_order_of_time(get, monkeypatch, chunk):
    monkeypatch.setattr(samples, "CHUNK", chunk)
    found = get("car_data?session_key=9472")
    assert cars(found) == [(moment(n), number) for n in TEN for number in (1, 16, 77)]


def test_sessions_follow_each_other(get):
    assert [row["session_key"] for row in get("car_data?driver_number=1&limit=2")] == [9471, 9472]


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ("", 31),
        ("session_key=latest", 30),
        ("meeting_key=1229&driver_number=16&driver_number=77", 20),
        ("driver_number>=16", 20),
        ("speed>=310&speed<=311&driver_number=1", 1),
        ("driver_number=1&speed>=308.5&speed<inf", 2),
        ("driver_number=1&speed=302&speed=303", 2),
        ("drs=null", 3),
        ("drs>0&session_key=9472", 27),
        ("date>=2024-03-02T15:00:01&date<2024-03-02T15:00:02", 12),
        ("date=2024-03-01", 1),
        ("date=2024-03-02T15:00:01", 3),
        ("date<2024-03-02&date>=2024-03-02T15:00:02", 7),
        ("rpm<99999999999999999999&driver_number=1&session_key=9472", 10),
        ("speed>400", 0),
        ("driver_number=99", 0),
        ("date=null", 0),
    ],
)
def test_samples_that_match_are_found(get, question, count):
    assert len(get(f"car_data?empty=list&{question}")) == count


def test_other_files_are_not_even_opened(get, monkeypatch):
    read = []
    storage = registry()["car_data"].storage
    monkeypatch.setattr(
        storage, "read_columns", lambda name, *rest: read.append(name) or type(storage).read_columns(storage, name, *rest)
    )
    assert len(get("car_data?driver_number=1&date>=2024-03-02T14:00")) == 10
    assert len(read) == 1


def test_parts_and_fields_and_order(get):
    assert cars(get("car_data?session_key=9472&offset=4&limit=3")) == [(moment(1), 16), (moment(1), 77), (moment(2), 1)]
    assert get("car_data?order_by=-speed,date&limit=2&fields=speed,driver_number") == [
        {"speed": 386, "driver_number": 77},
        {"speed": 385, "driver_number": 77},
    ]
    assert [row["drs"] for row in get("car_data?driver_number=1&session_key=9472&order_by=drs&limit=2")] == [None, 12]


def test_formats(client):
    import pyarrow.parquet as pq

    question = "/v1/location?session_key=9472&limit=2"
    assert client.get(f"{question}&csv=true").content.decode().split("\r\n") == [
        "date,driver_number,meeting_key,session_key,x,y,z",
        "2024-03-02 15:00:00+00:00,1,1229,9472,0,0,0",
        "2024-03-02 15:00:00.250000+00:00,1,1229,9472,1,-1,0",
        "",
    ]
    sheet = b"".join(client.get(f"{question}&csv=true&fields=date,y&excel=Europe/Berlin")).decode()
    assert sheet == "\ufeffdate,y\r\n2024-03-02 16:00:00.000,0\r\n2024-03-02 16:00:00.250,-1\r\n"
    rows = client.get(question).json()
    assert [json.loads(line) for line in client.get(f"{question}&format=ndjson").content.splitlines()] == rows
    table = pq.read_table(io.BytesIO(client.get(f"{question}&format=parquet").content))
    assert table.column_names == [*rows[0]]
    assert table["date"].to_pylist() == [moment(0), moment(1)]


def damage(fault, car=16, session=9472):
    """Harm the car's file as `fault` says; returns its name."""
    name = registry()["car_data"].storage.files().get(session_id=session, driver_number=car).name
    tables.clear()  # what is decoded already is served whatever becomes of the file
    path = Path(default_storage.path(name))
    content = path.read_bytes()
    path.unlink()
    DAMAGE[fault](path, content)
    os.utime(path, (1, 1)) if path.exists() else None
    return name


DAMAGE = {
    "gone": lambda path, content: None,
    "empty": lambda path, content: path.write_bytes(b""),
    "cut": lambda path, content: path.write_bytes(content[:-20]),
    "halved": lambda path, content: path.write_bytes(content[: len(content) // 2]),
    "a flipped bit": lambda path, content: path.write_bytes(bytes([*content[:40], content[40] ^ 1, *content[41:]])),
    "a flipped bit in the footer": lambda path, content: path.write_bytes(bytes([*content[:-9], content[-9] ^ 1, *content[-8:]])),
    "longer": lambda path, content: path.write_bytes(content + b"\0"),
    "another car's": lambda path, content: path.write_bytes((path.parent / "driver_number=1.parquet").read_bytes()),
    "a folder": lambda path, content: path.mkdir(),
}


@pytest.mark.parametrize("fault", DAMAGE)
@pytest.mark.parametrize("format_", ["json", "csv", "ndjson", "parquet"])
def test_a_damaged_file_is_named_with_the_way_out_and_the_other_cars_are_served(client, fault, format_, get):
    name = damage(fault)
    for question in ("session_key=9472&driver_number=16", "session_key=9472", "order_by=-speed&limit=1", ""):
        answer = client.get(f"/v1/car_data?{question}&format={format_}" if format_ != "json" else f"/v1/car_data?{question}")
        assert answer.status_code == 503
        assert name in answer.json()["detail"]
        assert "manage.py sync_openf1 car_data --session 9472 fetches it again" in answer.json()["detail"]
    assert len(get("car_data?session_key=9472&driver_number=77")) == 10
    assert len(get("location?session_key=9472")) == 10


def test_no_stream_begins_that_would_meet_a_damaged_file(client, monkeypatch):
    monkeypatch.setattr(samples, "CHUNK", 1)
    assert client.get("/v1/car_data").streaming
    damage("cut", car=77)
    assert client.get("/v1/car_data").status_code == 503
    assert client.get("/v1/car_data?session_key=9472").status_code == 503
    assert client.get("/v1/car_data?session_key=9471").status_code == 200


def test_a_file_whose_row_is_not_yet_committed_is_waited_for(client, monkeypatch):
    """A sync renames the file first, and commits the row that describes it a moment later."""
    stored = registry()["car_data"].storage.files().get(driver_number=16)
    SampleFile.objects.filter(pk=stored.pk).update(sha256="0" * 64)

    def commit(seconds):
        SampleFile.objects.filter(pk=stored.pk).update(sha256=stored.sha256)

    monkeypatch.setattr("telemetry.samples.files.time.sleep", commit)
    assert client.get("/v1/car_data?session_key=9472&driver_number=16").status_code == 200


def test_new_samples_change_the_etag(client):
    question = "/v1/car_data?session_key=9472&driver_number=1"
    tag = client.get(question).headers["ETag"]
    assert client.get(question, headers={"If-None-Match": tag}).status_code == 304
    put("car_data", [CAR | {"date": moment(20).isoformat()}], session_key=9472, driver_number=1)
    answer = client.get(question, headers={"If-None-Match": tag})
    assert (answer.status_code, len(answer.json())) == (200, 11)


def test_no_answer_takes_more_than_three_queries(get, django_assert_max_num_queries):
    with django_assert_max_num_queries(3):
        assert get("car_data?session_key=latest&raw=true")


def test_a_session_without_a_sample_has_none(get):
    Session.objects.filter(session_id=9471).delete()
    assert get("car_data?session_key=9471").status_code == 404


@pytest.mark.parametrize(
    "order", ["speed", "-speed", "drs,-speed", "-drs", "-session_key,speed", "driver_number,-date", "-meeting_key"]
)
@pytest.mark.parametrize("most", [0, 3, 50_000])
def test_the_first_rows_of_an_order_are_the_same_as_of_all_rows_sorted(get, monkeypatch, order, most):
    put("car_data", [CAR | {"date": moment(n).isoformat(), "speed": None if n % 3 else 301} for n in TEN], **TIED)
    every = get(f"car_data?order_by={order}")
    monkeypatch.setattr(samples, "MAX_FIRST", most)
    for offset, limit in ((0, 1), (0, 3), (2, 1), (9, 5), (35, 20)):
        assert get(f"car_data?order_by={order}&offset={offset}&limit={limit}") == every[offset : offset + limit]


TIED = {"session_key": 9472, "driver_number": 4}


def test_too_many_samples_to_be_sorted_are_refused_with_the_way_out(client, get, monkeypatch):
    monkeypatch.setattr(samples, "MAX_SORTED", 20)
    answer = client.get("/v1/car_data?order_by=-speed")
    assert answer.status_code == 400
    assert "31 samples would have to be sorted, more than 20; name a session, or give limit" in answer.json()["detail"]
    assert len(get("car_data?order_by=-speed&limit=7")) == 7
    assert len(get("car_data?order_by=-speed&driver_number=1")) == 11
    assert len(get("car_data?driver_number>0")) == 31


def test_no_more_rows_are_kept_of_a_car_than_can_be_among_the_first(get, monkeypatch):
    sizes = []
    take = samples.sort_table
    monkeypatch.setattr(samples, "sort_table", lambda query, table: sizes.append(table.num_rows) or take(query, table))
    assert get("car_data?order_by=-speed&limit=1")[0]["speed"] == 386
    assert sizes == [4]  # one of each car and session


def test_a_number_of_any_length_is_compared_with_samples(get):
    for value in ("9" * 400, "9" * 5_000, "1e400"):
        assert len(get(f"car_data?session_key=9472&speed<{value}")) == 30
        assert get(f"car_data?session_key=9472&speed={value}&empty=list") == []
        assert get(f"car_data?session_key=9472&driver_number>={value}&empty=list") == []


def test_what_is_decoded_already_is_not_read_again_until_it_changes(get, monkeypatch):

    question = "car_data?session_key=9472&driver_number=1&raw=true"
    read = []
    monkeypatch.setattr(files, "read_content", lambda name, real=files.read_content: read.append(name) or real(name))
    assert len(get(question)) == len(get(question)) == 10
    assert len(read) == 1
    put("car_data", [CAR | {"date": moment(20).isoformat(), "speed": 199}], session_key=9472, driver_number=1)
    assert [row["speed"] for row in get(question)][-1] == 199
    assert len(get(question)) == 11
