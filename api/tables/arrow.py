"""Arrow tables written as JSON, CSV, NDJSON and Parquet without a Python object per value, and compared with values."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from api.tables.columns import Columns, arrow_schema
from api.tables.parquet import write_batches

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 5_000  # rows that are written at once
SPAN = 50_000  # rows whose columns become text at once: a car in a session has fewer
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
    for table in slices(tables, SPAN):
        for rows in join_rows(json_pieces(table, style, end="},"), table.num_rows):
            yield b"".join((start, rows[:-1]))
            start = b","
    yield b"]" if start == b"," else b"[]"


def write_ndjson(columns: Columns, tables: Tables, style: DatetimeStyle = OPENF1_JSON) -> Iterator[bytes]:
    for table in slices(tables, SPAN):
        yield from map(bytes, join_rows(json_pieces(table, style, end="}\n"), table.num_rows))


def write_csv(columns: Columns, tables: Tables, style: DatetimeStyle = OPENF1_CSV) -> Iterator[bytes]:
    yield ",".join(column.name for column in columns).encode() + b"\r\n"
    for table in slices(tables, SPAN):
        pieces: list[Any] = []
        for place, name in enumerate(table.column_names, 1):
            pieces += column_pieces(table[name], style, before="", after="\r\n" if place == table.num_columns else ",", null="")
        yield from map(bytes, join_rows(pieces, table.num_rows))


def write_parquet(columns: Columns, tables: Tables) -> Iterator[bytes]:
    schema = arrow_schema(columns)
    return write_batches(schema, (batch for table in tables for batch in table.cast(schema).combine_chunks().to_batches()))


WRITERS: dict[str, Write] = {"json": write_json, "ndjson": write_ndjson, "csv": write_csv, "parquet": write_parquet}


def to_tuples(table: "pa.Table") -> Iterator[tuple]:
    """The rows as tuples, datetimes as OpenF1's text."""
    from pyarrow import types

    columns = [write_datetimes(c, OPENF1_JSON) if types.is_timestamp(c.type) else c for c in table.columns]
    return zip(*(column.to_pylist() for column in columns), strict=True)


def slices(tables: Tables, rows: int = CHUNK) -> Iterator["pa.Table"]:
    """The same rows in tables of at most `rows`, each column in one piece."""
    for table in tables:
        for start in range(0, table.num_rows, rows):
            yield table.slice(start, rows).combine_chunks()


def json_pieces(table: "pa.Table", style: DatetimeStyle, *, end: str) -> list[Any]:
    """What the JSON objects of these rows consist of; `end` closes each."""
    from pyarrow import types

    pieces: list[Any] = []
    for place, name in enumerate(table.column_names, 1):
        quote = '"' if types.is_timestamp(table.schema.field(name).type) else ""
        before, after = f'{"," if pieces else "{"}"{name}":{quote}', quote + end * (place == table.num_columns)
        pieces += column_pieces(table[name], style, before=before, after=after, null="null")
    return pieces


def column_pieces(values: "pa.ChunkedArray", style: DatetimeStyle, *, before: str, after: str, null: str) -> list[Any]:
    """A column as text, and what stands before and after each value of it.

    Most columns have few different values (gears, the same car): each is written once, with what surrounds it.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(values.type):
        return [write_datetimes(values, style, before=before, after=after)]
    coded = values.combine_chunks().dictionary_encode(null_encoding="encode")
    if len(coded.dictionary) > len(values) // 4:
        return [before, pc.fill_null(values.cast(pa.string()), null), after]
    texts = pc.binary_join_element_wise(before, pc.fill_null(coded.dictionary.cast(pa.string()), null), after, "")
    return [texts[0] if len(texts) == 1 else texts.take(coded.indices)]


def write_datetimes(values: "pa.ChunkedArray", style: DatetimeStyle, *, before: str = "", after: str = "") -> "pa.Array":
    """Datetimes, none null, with six digits of a second or none: as a matrix of bytes, in which all but whole seconds fit."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    digits = values.cast(pa.timestamp("us")).cast(pa.string()).combine_chunks()
    start, width = len(before), len("2024-03-02 15:00:00.123000")
    row = before.encode() + b" " * width + (style.offset + after).encode()
    text = np.tile(np.frombuffer(row, np.uint8), (len(digits), 1))
    text[:, start : start + width] = np.frombuffer(digits.buffers()[2], np.uint8, text.shape[0] * width).reshape(-1, width)
    text[:, start + len("2024-03-02")] = ord(style.separator)
    lengths = np.full(len(text), len(row), np.int32)
    whole = np.equal(pc.subsecond(values), 0)
    if whole.any():
        lengths[whole] -= len(".000000")
        kept = np.ones(text.shape, bool)
        kept[whole, start + width - len(".000000") : start + width] = False
        text = text[kept]
    ends = np.concatenate([np.zeros(1, np.int32), np.cumsum(lengths, dtype=np.int32)])
    return pa.StringArray.from_buffers(len(digits), pa.py_buffer(ends), pa.py_buffer(text))


def join_rows(pieces: list[Any], rows: int) -> Iterator[memoryview]:
    """The pieces of each row one after the other, and of `CHUNK` rows: the memory behind Arrow's column of texts."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    constant = (str, pa.StringScalar)
    if all(isinstance(piece, constant) for piece in pieces):
        pieces = [pa.repeat(pieces[0], rows), *pieces[1:]]
    for start in range(0, rows, CHUNK):
        part = [piece if isinstance(piece, constant) else piece.slice(start, CHUNK) for piece in pieces]
        joined = pc.binary_join_element_wise(*part, "")
        if isinstance(joined, pa.ChunkedArray):
            joined = joined.combine_chunks()
        _, offsets, data = joined.buffers()
        ends = np.frombuffer(offsets, np.int32)
        yield memoryview(data)[ends[joined.offset] : ends[joined.offset + len(joined)]]
