"""Answers written from Arrow's columns are the same, character by character, as values written one by one."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from api.tables import arrow
from api.tables.columns import Column

BEGIN = datetime(2024, 3, 2, 14, 59, 59, tzinfo=UTC)
MOMENTS = {
    "fractions": [BEGIN + timedelta(microseconds=240_001 * place) for place in range(1, 41)],
    "some whole seconds": [BEGIN + timedelta(milliseconds=250 * place) for place in range(40)],
    "whole seconds": [BEGIN + timedelta(seconds=place) for place in range(40)],
    "one moment": [BEGIN] * 40,
}
NUMBERS = {
    "all different": [*range(-20, 20)],
    "few": [place % 3 for place in range(40)],
    "some null": [None if place % 5 == 0 else place % 2 for place in range(40)],
    "all null": [None] * 40,
    "one": [9472] * 40,
}


@pytest.fixture(params=[(5_000, 50_000), (7, 20), (7, 50_000)], ids=["one part", "many parts", "parts of a span"])
def parts(request, monkeypatch):
    monkeypatch.setattr(arrow, "CHUNK", request.param[0])
    monkeypatch.setattr(arrow, "SPAN", request.param[1])


def write(name: str, table: pa.Table, style: arrow.DatetimeStyle) -> bytes:
    columns = [Column(name=each, path=each, type=int) for each in table.column_names]
    return b"".join(arrow.WRITERS[name](columns, [table, table.slice(0, 0)], style))


def spell(moment: datetime, style: arrow.DatetimeStyle) -> str:
    return moment.replace(tzinfo=None).isoformat(style.separator) + style.offset


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("style", [arrow.OPENF1_JSON, arrow.OPENF1_CSV, arrow.REST])
@pytest.mark.parametrize("moments", MOMENTS.values(), ids=MOMENTS)
def test_moments_and_numbers(moments, style):
    unit = "us" if moments[0].microsecond % 1000 else "ms"
    table = pa.table({"date": pa.array(moments, pa.timestamp(unit, "UTC")), **NUMBERS})
    table = table.set_column(1, "all different", table["all different"].cast(pa.int16()))
    expected = [
        {"date": spell(moment, style), **dict(zip(NUMBERS, row, strict=True))}
        for moment, row in zip(moments, zip(*NUMBERS.values(), strict=True), strict=True)
    ]
    assert write("json", table, style).decode() == json.dumps(expected, separators=(",", ":"))
    assert write("ndjson", table, style).decode() == "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in expected)
    rows = csv.DictReader(io.StringIO(write("csv", table, style).decode(), newline=""))
    assert [*rows] == [{name: "" if value is None else str(value) for name, value in row.items()} for row in expected]


@pytest.mark.usefixtures("parts")
def test_columns_that_all_have_one_value():
    table = pa.table({"session_key": [9472] * 40, "driver_number": [1] * 40})
    assert json.loads(write("json", table, arrow.REST)) == [{"session_key": 9472, "driver_number": 1}] * 40


def test_no_rows():
    table = pa.table({"date": pa.array([], pa.timestamp("us", "UTC")), "speed": pa.array([], pa.int16())})
    assert write("json", table, arrow.REST) == b"[]"
