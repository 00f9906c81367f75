"""The formats: what pandas, a spreadsheet or a stream reader gets."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from api.openf1 import rows
from api.tables.columns import Column
from api.tables.converters import stored_to_openf1_csv
from mirror.feeds import registry

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[4_000, 2], ids=["at once", "streamed"])
def parts(request, monkeypatch):
    monkeypatch.setattr(rows, "CHUNK", request.param)


def test_csv_is_as_openf1_writes_it(weekend, client, parts):
    response = client.get("/v1/laps?csv=true&driver_number=1&lap_number<=2")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == "attachment; filename=laps.csv"
    header, first, second, end = response.getvalue().decode().split("\r\n")
    assert header.split(",") == sorted(header.split(","))
    assert end == ""
    assert first == ",1,,,,,,True,91.0,1,1229,,,,9472,301"
    assert second == '2024-03-02 15:03:00.001000+00:00,1,,,,,,False,92.0,2,1229,"[2048, None, 2051]",,,9472,302'


def test_csv_for_spreadsheets_has_a_mark_and_local_dates(weekend, client, parts):
    url = "/v1/laps?csv=true&driver_number=1&lap_number<=2&fields=date_start,lap_number,segments_sector_1"
    marked = '\ufeffdate_start,lap_number,segments_sector_1\r\n,1,\r\n{},2,"[2048,null,2051]"\r\n'
    assert client.get(f"{url}&excel=1").getvalue().decode() == marked.format("2024-03-02 15:03:00.001")
    assert client.get(f"{url}&excel=Asia/Bahrain").getvalue().decode() == marked.format("2024-03-02 18:03:00.001")
    assert client.get(f"{url}&excel=0").getvalue() == client.get(url).getvalue()
    refusal = "excel=Nowhere: There is no time zone 'Nowhere'; 1 is UTC, others have names like Europe/Berlin."
    assert client.get(f"{url}&excel=Nowhere").json() == {"detail": refusal}
    assert client.get("/v1/laps?excel=1").json() == {"detail": "excel: only with csv=true or format=csv."}


def test_csv_with_fields_has_them_in_the_order_asked_for(weekend, client):
    body = client.get("/v1/intervals?format=csv&fields=gap_to_leader,date").getvalue().decode()
    assert [*csv.reader(io.StringIO(body))] == [
        ["gap_to_leader", "date"],
        ["0", "2024-03-02 15:00:00+00:00"],
        ["12.345", "2024-03-02 15:00:01+00:00"],
        ["+1 LAP", "2024-03-02 15:00:02+00:00"],
        ["", "2024-03-02 15:00:03+00:00"],
    ]


def test_ndjson_is_one_row_a_line(weekend, client, get, parts):
    response = client.get("/v1/laps?format=ndjson")
    assert response.headers["Content-Type"] == "application/x-ndjson"
    body = response.getvalue()
    assert [json.loads(line) for line in body.splitlines()] == get("laps")
    assert body.endswith(b"}\n")


def test_parquet_is_typed(weekend, client, parts):
    import pyarrow as pa
    import pyarrow.parquet as pq

    response = client.get("/v1/laps?format=parquet&driver_number=1", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Type"] == "application/vnd.apache.parquet"
    assert response.headers["Content-Disposition"] == "attachment; filename=laps.parquet"
    table = pq.read_table(io.BytesIO(response.getvalue()))
    types = dict(zip(table.schema.names, table.schema.types, strict=True))
    assert types["date_start"] == pa.timestamp("us", tz="UTC")
    assert (types["lap_number"], types["lap_duration"], types["is_pit_out_lap"]) == (pa.int32(), pa.float64(), pa.bool_())
    assert types["segments_sector_1"] == pa.string()
    first, second, _ = table.to_pylist()
    assert (first["date_start"], first["is_pit_out_lap"], first["segments_sector_1"]) == (None, True, None)
    assert second["date_start"] == datetime(2024, 3, 2, 15, 3, 0, 1_000, UTC)
    assert json.loads(second["segments_sector_1"]) == [2048, None, 2051]


@pytest.mark.parametrize("format_", ["json", "csv", "ndjson", "parquet"])
def test_every_collection_can_be_had_in_every_format_even_without_rows(client, db, format_):
    import pyarrow.parquet as pq

    for collection in registry():
        response = client.get(f"/v1/{collection}?empty=list&format={format_}")
        assert response.status_code == 200
        body = response.getvalue()
        if format_ == "parquet":
            assert pq.read_table(io.BytesIO(body)).num_rows == 0
        else:
            assert {"json": body == b"[]", "csv": body.count(b"\r\n") == 1, "ndjson": body == b""}[format_]


@pytest.mark.parametrize(
    "values",
    [
        [[2048, None, 2051], None, []],
        [0, 12.345, None, -1],
        [0, "+1 LAP", None],
        [[1e30, 5e-07], [0.1]],
        ["null", [None, True]],
        [[None], [[1, 2], [3]]],
        [{"a": None}],
        ["a\nb,c", 'say "e"'],
    ],
)
def test_csv_spells_values_as_python_does(values):
    column = Column("gap", "gap", Any)
    stored = [None if value is None else msgspec.json.encode(value).decode() for value in values]
    told = [str(cell) if cell is not None else "" for cell in stored_to_openf1_csv(column, stored)]
    assert told == ["" if value is None else str(value) for value in values]
