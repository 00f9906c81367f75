"""Arrow tables written as JSON, CSV, NDJSON and Parquet without a Python object per value, and compared with values."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from api.tables.columns import Columns, arrow_schema
from api.tables.parquet import write_batches

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 5_000  # rows that are written at once
COMPARISONS = {"=": "equal", ">": "greater", ">=": "greater_equal", "<": "less", "<=": "less_equal"}

Tables = Iterable["pa.Table"]
Write = Callable[[Columns, Tables], Iterator[bytes]]


class DatetimeStyle(NamedTuple):
    """How a datetime is spelled: between date and time, and the offset after it."""

    separator: str
    offset: str


OPENF1_JSON = DatetimeStyle("T", "+00:00")
OPENF1_CSV = DatetimeStyle(" ", "+00:00")
REST = DatetimeStyle("T", "Z")


def compare(values: "pa.ChunkedArray", operator: str, value: Any) -> "pa.ChunkedArray":
    """A mask of the rows for which `values operator value` is true; null where the value is null.

    Numbers are compared as floats, so that none is too large for the column's type.
    """
    import pyarrow.compute as pc

    return getattr(pc, COMPARISONS[operator])(values, value if isinstance(value, datetime) else float(value))


def write_json(columns: Columns, tables: Tables, style: DatetimeStyle = OPENF1_JSON) -> Iterator[bytes]:
    start = b"["
    for table in slices(tables):
        yield start + concatenate(json_pieces(table, style), end=",")[:-1]
        start = b","
    yield b"]" if start == b"," else b"[]"


def write_ndjson(columns: Columns, tables: Tables, style: DatetimeStyle = OPENF1_JSON) -> Iterator[bytes]:
    for table in slices(tables):
        yield concatenate(json_pieces(table, style), end="\n")


def write_csv(columns: Columns, tables: Tables, style: DatetimeStyle = OPENF1_CSV) -> Iterator[bytes]:
    yield ",".join(column.name for column in columns).encode() + b"\r\n"
    for table in slices(tables):
        pieces: list[Any] = []
        for name in table.column_names:
            pieces += [to_text(table[name], style, null=""), ","]
        yield concatenate(pieces[:-1], end="\r\n")


def write_parquet(columns: Columns, tables: Tables) -> Iterator[bytes]:
    schema = arrow_schema(columns)
    return write_batches(schema, (batch for table in tables for batch in table.cast(schema).combine_chunks().to_batches()))


WRITERS: dict[str, Write] = {"json": write_json, "ndjson": write_ndjson, "csv": write_csv, "parquet": write_parquet}


def to_tuples(table: "pa.Table") -> Iterator[tuple]:
    """The rows as tuples, datetimes as OpenF1's text."""
    from pyarrow import types

    columns = [to_text(c, OPENF1_JSON, null="") if types.is_timestamp(c.type) else c for c in table.columns]
    return zip(*(column.to_pylist() for column in columns), strict=True)


def slices(tables: Tables) -> Iterator["pa.Table"]:
    """The same rows in tables of at most `CHUNK` rows, each column in one piece."""
    for table in tables:
        for start in range(0, table.num_rows, CHUNK):
            yield table.slice(start, CHUNK).combine_chunks()


def json_pieces(table: "pa.Table", style: DatetimeStyle) -> list[Any]:
    """What the JSON objects of these rows consist of: texts that are the same in all, and columns of texts."""
    from pyarrow import types

    pieces: list[Any] = []
    for name in table.column_names:
        quote = '"' if types.is_timestamp(table.schema.field(name).type) else ""
        pieces += [f'{"," if pieces else "{"}"{name}":{quote}', to_text(table[name], style, null="null"), quote]
    return [*pieces, "}"]


def to_text(values: "pa.ChunkedArray", style: DatetimeStyle, *, null: str) -> "pa.ChunkedArray":
    """Numbers and datetimes as text; a datetime has six digits of a second or none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_timestamp(values.type):
        return pc.fill_null(values.cast(pa.string()), null)
    texts = values.cast(pa.timestamp("us")).cast(pa.string())
    if style.separator != " ":
        texts = pc.replace_substring(texts, " ", style.separator)
    return pc.binary_join_element_wise(pc.replace_substring(texts, ".000000", ""), style.offset, "")


def concatenate(pieces: list[Any], *, end: str) -> bytes:
    """The pieces of each row one after the other, and all rows: the memory behind Arrow's column of texts is the answer."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.binary_join_element_wise(*pieces, end, "").combine_chunks()
    array = texts.chunk(0) if isinstance(texts, pa.ChunkedArray) else texts
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets, np.int32)
    return memoryview(data)[ends[array.offset] : ends[array.offset + len(array)]].tobytes()
