"""Rows written as JSON, CSV, NDJSON and Parquet, chunk by chunk: memory does not grow with the number of rows.

A chunk is a list of rows, each a tuple with a value for every column; see `converters` for what the values may be. Whole columns
are converted at once and written by C code. `api.tables.arrow` writes Arrow tables.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import msgspec

from api.tables.columns import Columns, arrow_schema
from api.tables.converters import Converter, stored_to_arrow, stored_to_json, stored_to_openf1_csv
from api.tables.parquet import write_batches

QUOTED = re.compile(r'[,"\r\n]')  # what a cell of CSV is quoted for
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
    """What csv.writer writes, in half of its time."""
    header = csv_lines([[quote(column.name)] for column in columns])
    for chunk in chunks:
        yield header + csv_lines([to_cells(values) for values in convert_chunk(columns, chunk, convert)])
        header = b""
    if header:
        yield header


def csv_lines(cells: list[list[str]]) -> bytes:
    """The lines of a table, of which there are the cells of each column."""
    lines = [",".join(row) or '""' for row in zip(*cells, strict=True)]  # a lone empty cell would be no line
    return "\r\n".join([*lines, ""]).encode()


def to_cells(values: Iterable) -> list[str]:
    """The values of a column as cells."""
    cells = ["" if value is None else str(value) for value in values]
    return [*map(quote, cells)] if QUOTED.search("".join(cells)) else cells


def quote(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if QUOTED.search(cell) else cell


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
