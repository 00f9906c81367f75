"""Rows as bytes: JSON, CSV, NDJSON and Parquet, written chunk by chunk, so that memory does not grow with the answer.

Rows are tuples as `rows` reads them: moments as text, booleans as 1 and 0, JSON values as their text. Each format finishes whole
columns and hands them to a writer in C; pyarrow is imported where it is used, so that the web process starts without it.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from f1site.api.openf1.catalogue import Column

if TYPE_CHECKING:
    import pyarrow as pa

TRUTH = {1: True, 0: False, None: None}
encoder = msgspec.json.Encoder()

Columns = Sequence[Column]
Chunks = Iterable[list[tuple]]


class Format(NamedTuple):
    content_type: str
    write: Callable[[Columns, Chunks], Iterator[bytes]]
    download: bool  # a file to be saved rather than shown


def finished(columns: Columns, chunk: list[tuple], finish: Callable[[Column, Iterable], Iterable]) -> list[Iterable]:
    """A chunk turned into columns, each the way a format wants it."""
    return [finish(column, values) for column, values in zip(columns, zip(*chunk, strict=True), strict=True)]


# JSON


@lru_cache(maxsize=512)
def row_type(names: tuple[str, ...]) -> type[msgspec.Struct]:
    return msgspec.defstruct("Row", list(names), gc=False)


def objects(columns: Columns, chunk: list[tuple]) -> list:
    row = row_type(tuple(column.name for column in columns))
    return list(map(row, *finished(columns, chunk, json_values)))


def json_values(column: Column, values: Iterable) -> Iterable:
    if column.type is bool:
        return map(TRUTH.get, values)
    if column.mixed:  # spliced in as it is stored
        return [None if value is None else msgspec.Raw(value) for value in values]
    return values


def write_json(columns: Columns, chunks: Chunks) -> Iterator[bytes]:
    start = b"["
    for chunk in chunks:
        yield start + encoder.encode(objects(columns, chunk))[1:-1]
        start = b","
    yield b"]" if start == b"," else b"[]"


def write_ndjson(columns: Columns, chunks: Chunks) -> Iterator[bytes]:
    for chunk in chunks:
        yield encoder.encode_lines(objects(columns, chunk))


# CSV


def csv_values(column: Column, values: Iterable) -> Iterable:
    """As OpenF1 has them: Python's words, a space in moments."""
    if column.type is bool:
        return map(TRUTH.get, values)
    if column.moment:
        return [value and value.replace("T", " ") for value in values]
    if column.mixed:
        return [None if value is None else msgspec.json.decode(value) for value in values]
    return values


def write_csv(columns: Columns, chunks: Chunks) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.name for column in columns])
    for chunk in chunks:
        writer.writerows(zip(*finished(columns, chunk, csv_values), strict=True))
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    if rest := text.getvalue():
        yield rest.encode()


# Parquet


def arrow_type(column: Column) -> "pa.DataType":
    """JSON values, which may be numbers, texts and lists in one column, stay text."""
    import pyarrow as pa

    if column.moment:
        return pa.timestamp("us", tz="UTC")
    if column.type is int:
        return pa.int32() if column.low >= -(2**31) and column.high < 2**31 else pa.int64()
    return {bool: pa.bool_(), float: pa.float64()}.get(column.type, pa.string())


def arrow_schema(columns: Columns) -> "pa.Schema":
    import pyarrow as pa

    return pa.schema([(column.name, arrow_type(column)) for column in columns])


def arrow_values(column: Column, values: Iterable) -> "pa.Array":
    import pyarrow as pa

    if column.moment:
        return pa.array(values, pa.string()).cast(arrow_type(column))
    return pa.array(map(TRUTH.get, values) if column.type is bool else values, arrow_type(column))


def write_parquet(columns: Columns, chunks: Chunks) -> Iterator[bytes]:
    import pyarrow as pa

    schema = arrow_schema(columns)
    batches = (pa.record_batch(finished(columns, chunk, arrow_values), schema=schema) for chunk in chunks)
    return write_batches(schema, batches)


def write_batches(schema: "pa.Schema", batches: Iterable[Any]) -> Iterator[bytes]:
    """A Parquet file of record batches, a row group each, in pieces as it grows."""
    import pyarrow.parquet as pq

    with Growing() as file:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
                yield file.take()
        yield file.take()


class Growing(io.RawIOBase):
    """A file that is being written, and handed on in parts: only what was not taken yet is held."""

    def __init__(self):
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self._parts.append(bytes(data))
        self._size += len(data)
        return len(data)

    def tell(self) -> int:
        return self._size

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


FORMATS = {
    "json": Format("application/json", write_json, download=False),
    "csv": Format("text/csv; charset=utf-8", write_csv, download=True),
    "ndjson": Format("application/x-ndjson", write_ndjson, download=False),
    "parquet": Format("application/vnd.apache.parquet", write_parquet, download=True),
}
