"""Whole files over HTTP: their size, parts of them, and CSV for spreadsheets."""

from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from api import ranges
from api.tests.factories import make
from api.tests.remote import RemoteFile
from mirror.versions import touch
from races.models import Session
from telemetry.models import Lap

pytestmark = pytest.mark.django_db
PATHS = ["/v1/laps?format=parquet", "/api/v1/laps/?format=parquet"]


@pytest.fixture
def laps():
    session = make(Session)
    start = datetime(2024, 3, 2, 15, 3, 42, 341_000, tzinfo=UTC)
    Lap.objects.bulk_create(
        Lap(session=session, driver_number=16, lap_number=number, lap_duration=90 + number / 8, date_start=start)
        for number in range(1, 301)
    )
    touch("laps", session.pk)
    yield session
    ranges.files.clear()


def read(answer) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.mark.parametrize("path", PATHS)
def test_a_file_has_a_size_and_parts(client, laps, path):
    whole = read(client.get(path))
    head = client.head(path)
    assert (head.status_code, head["Content-Length"], head["Accept-Ranges"]) == (200, str(len(whole)), "bytes")
    part = client.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part["Content-Range"], read(part)) == (206, f"bytes 10-19/{len(whole)}", whole[10:20])
    assert read(client.get(path, headers={"Range": "bytes=-8"})) == whole[-8:]
    assert read(client.get(path, headers={"Range": "bytes=20-"})) == whole[20:]
    beyond = client.get(path, headers={"Range": f"bytes={len(whole)}-"})
    assert (beyond.status_code, beyond["Content-Range"]) == (416, f"bytes */{len(whole)}")
    for odd in ("bytes=1-2,5-6", "bytes=-", "lines=1-2"):
        answer = client.get(path, headers={"Range": odd})
        assert (answer.status_code, read(answer)) == (200, whole)


@pytest.mark.parametrize("path", PATHS)
def test_parts_are_of_one_file_until_a_row_changes(client, laps, path):
    before = client.head(path)
    Lap.objects.filter(lap_number__gt=100).delete()
    assert client.head(path)["Content-Length"] == before["Content-Length"]
    touch("laps", laps.pk)
    assert int(client.head(path)["Content-Length"]) < int(before["Content-Length"])


def test_a_large_part_is_streamed(client, laps, monkeypatch):
    monkeypatch.setattr(ranges, "AT_ONCE", 100)
    monkeypatch.setattr(ranges, "PIECE", 64)
    whole = read(client.get(PATHS[0]))
    part = client.get(PATHS[0], headers={"Range": "bytes=5-504"})
    assert part.streaming
    assert read(part) == whole[5:505]


class Remote(RemoteFile):
    def __init__(self, client, path):
        super().__init__(int(client.head(path)["Content-Length"]))
        self.client, self.path = client, path

    def fetch(self, start, stop):
        answer = self.client.get(self.path, headers={"Range": f"bytes={start}-{stop - 1}"})
        assert answer.status_code == 206
        return read(answer)


@pytest.mark.parametrize("path", PATHS)
def test_pyarrow_reads_columns_by_ranges(client, laps, path):
    file = pq.ParquetFile(Remote(client, path), pre_buffer=False)
    table = file.read(columns=["lap_number", "lap_duration"], use_threads=False)
    assert table.num_rows == 300
    assert table.to_pylist()[7] == {"lap_number": 8, "lap_duration": 91.0}


def test_what_has_no_rows_and_other_formats_answer_head(client, laps):
    assert client.head("/v1/laps?format=parquet&lap_number=999").status_code == 404
    head = client.head("/v1/laps?lap_number=1")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head["Content-Length"]) == len(client.get("/v1/laps?lap_number=1").content)
    assert client.put("/v1/laps").status_code == 405


def test_csv_for_spreadsheets_has_a_mark_and_local_dates(client, laps):
    url = "/api/v1/laps/?format=csv&lap_number=1&fields=lap_number,date_start"
    assert read(client.get(url)) == b"lap_number,date_start\r\n1,2024-03-02T15:03:42.341000Z\r\n"
    marked = "\ufefflap_number,date_start\r\n1,{}\r\n"
    assert read(client.get(f"{url}&excel=1")).decode() == marked.format("2024-03-02 15:03:42.341")
    assert read(client.get(f"{url}&excel=Asia/Bahrain")).decode() == marked.format("2024-03-02 18:03:42.341")
    assert "There is no time zone 'Nowhere'" in client.get(f"{url}&excel=Nowhere").json()["excel"][0]
    for path in (
        "laps/?format=parquet",
        "laps/?lap_number=1",
        "laps/?format=api",
        "car-data/?format=ndjson",
        "pit-visits/?format=json",
    ):
        wrong = client.get(f"/api/v1/{path}&excel=1")
        assert (wrong.status_code, wrong.json()) == (400, {"excel": ["Only with format=csv."]}), path
