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

from api.openf1.catalogue import Column

if TYPE_CHECKING:
    import pyarrow as pa

TRUTH = {1: True, 0: False, None: None}
ROW_GROUP = 50_000  # rows of a Parquet file that are read together
encoder = msgspec.json.Encoder()

Columns = Sequence[Column]
Chunks = Iterable[list[tuple]]
Finish = Callable[[Column, Iterable], Iterable]  # the values of a column as a format wants them


class Format(NamedTuple):
    content_type: str
    write: Callable[[Columns, Chunks], Iterator[bytes]]
    download: bool  # a file to be saved rather than shown


def finished(columns: Columns, chunk: list[tuple], finish: Finish) -> list[Iterable]:
    """A chunk turned into columns, each the way a format wants it."""
    return [finish(column, values) for column, values in zip(columns, zip(*chunk, strict=True), strict=True)]


# JSON


@lru_cache(maxsize=512)
def row_type(names: tuple[str, ...]) -> type[msgspec.Struct]:
    return msgspec.defstruct("Row", list(names), gc=False)


def objects(columns: Columns, chunk: list[tuple], finish: Finish) -> list:
    row = row_type(tuple(column.name for column in columns))
    return list(map(row, *finished(columns, chunk, finish)))


def json_values(column: Column, values: Iterable) -> Iterable:
    if column.type is bool:
        return map(TRUTH.get, values)
    if column.mixed:  # spliced in as it is stored
        return [None if value is None else msgspec.Raw(value) for value in values]
    return values


def write_json(columns: Columns, chunks: Chunks) -> Iterator[bytes]:
    start = b"["
    for chunk in chunks:
        yield start + encoder.encode(objects(columns, chunk, json_values))[1:-1]
        start = b","
    yield b"]" if start == b"," else b"[]"


def write_ndjson(columns: Columns, chunks: Chunks, finish: Finish = json_values) -> Iterator[bytes]:
    for chunk in chunks:
        yield encoder.encode_lines(objects(columns, chunk, finish))


# CSV


def csv_values(column: Column, values: Iterable) -> Iterable:
    """As OpenF1 has them: Python's words, also in lists, and a space in moments."""
    if column.type is bool:
        return map(TRUTH.get, values)
    if column.moment:
        return [value and value.replace("T", " ") for value in values]
    if column.mixed:
        return [None if value is None else msgspec.json.decode(value) for value in values]
    return values


def portable_csv_values(column: Column, values: Iterable) -> Iterable:
    """The same, but lists are JSON, which other programs can read."""
    if column.mixed:
        return [msgspec.json.decode(value) if value and value[0] == '"' else value for value in values]
    return csv_values(column, values)


def write_csv(columns: Columns, chunks: Chunks, finish: Finish = csv_values) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.name for column in columns])
    for chunk in chunks:
        writer.writerows(zip(*finished(columns, chunk, finish), strict=True))
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


def write_parquet(columns: Columns, chunks: Chunks, finish: Finish = arrow_values) -> Iterator[bytes]:
    import pyarrow as pa

    schema = arrow_schema(columns)
    batches = (pa.record_batch(finished(columns, chunk, finish), schema=schema) for chunk in chunks)
    return write_batches(schema, batches)


def write_batches(schema: "pa.Schema", batches: Iterable[Any]) -> Iterator[bytes]:
    """A Parquet file of record batches, in pieces as it grows; each is a group of about `ROW_GROUP` rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with Growing() as file:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for group in grouped(batches, ROW_GROUP):
                writer.write_table(pa.Table.from_batches(group, schema))
                yield file.take()
        yield file.take()


def grouped(batches: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Batches put together until they have `size` rows."""
    group: list[Any] = []
    for batch in batches:
        group.append(batch)
        if sum(len(one) for one in group) >= size:
            yield group
            group = []
    if group:
        yield group


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
