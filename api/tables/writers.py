"""Rows written as JSON, CSV, NDJSON and Parquet, chunk by chunk: memory does not grow with the number of rows.

A chunk is a list of rows, each a tuple with a value for every column; see `converters` for what the values may be. Whole columns
are converted at once and written by C code. `api.tables.arrow` writes Arrow tables.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import msgspec

from api.tables.columns import Columns, arrow_schema
from api.tables.converters import Converter, stored_to_arrow, stored_to_json, stored_to_openf1_csv
from api.tables.parquet import write_batches

SOME = 200  # rows that C code writes in one go; other threads wait meanwhile, two milliseconds
encoder = msgspec.json.Encoder()

Chunk = list[tuple]
Chunks = Iterable[Chunk]


class Format(NamedTuple):
    content_type: str
    write: Callable[[Columns, Chunks], Iterator[bytes]]
    download: bool  # a file to be saved rather than shown


def convert_chunk(columns: Columns, chunk: Chunk, convert: Converter) -> list[Iterable]:
    """A chunk transposed into columns, each converted."""
    return [convert(column, values) for column, values in zip(columns, zip(*chunk, strict=True), strict=True)]


@lru_cache(maxsize=512)
def row_type(names: tuple[str, ...]) -> type[msgspec.Struct]:
    return msgspec.defstruct("Row", list(names), gc=False)


def json_objects(columns: Columns, chunk: Chunk, convert: Converter) -> list[msgspec.Struct]:
    row = row_type(tuple(column.name for column in columns))
    return list(map(row, *convert_chunk(columns, chunk, convert)))


def write_json(columns: Columns, chunks: Chunks) -> Iterator[bytes]:
    start = b"["
    for chunk in chunks:
        yield start + encoder.encode(json_objects(columns, chunk, stored_to_json))[1:-1]
        start = b","
    yield b"]" if start == b"," else b"[]"


def write_ndjson(columns: Columns, chunks: Chunks, convert: Converter = stored_to_json) -> Iterator[bytes]:
    for chunk in chunks:
        yield encoder.encode_lines(json_objects(columns, chunk, convert))


def write_csv(columns: Columns, chunks: Chunks, convert: Converter = stored_to_openf1_csv) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.name for column in columns])
    for chunk in chunks:
        rows = zip(*convert_chunk(columns, chunk, convert), strict=True)
        while some := list(islice(rows, SOME)):
            writer.writerows(some)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    if header := text.getvalue():
        yield header.encode()


def write_parquet(columns: Columns, chunks: Chunks, convert: Converter = stored_to_arrow) -> Iterator[bytes]:
    import pyarrow as pa

    schema = arrow_schema(columns)
    batches = (pa.record_batch(convert_chunk(columns, chunk, convert), schema=schema) for chunk in chunks)
    return write_batches(schema, batches)


FORMATS = {
    "json": Format("application/json", write_json, download=False),
    "csv": Format("text/csv; charset=utf-8", write_csv, download=True),
    "ndjson": Format("application/x-ndjson", write_ndjson, download=False),
    "parquet": Format("application/vnd.apache.parquet", write_parquet, download=True),
}
