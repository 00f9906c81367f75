"""The same for samples, which are in Parquet files, one per session and car: chosen, put in order and written as Arrow columns.

Half a million rows never become Python objects. A query without a car number goes through a session minute by minute, so that
the answer is in order of time, as OpenF1's is, and no more than the files themselves is held in memory.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import reduce
from itertools import groupby, pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q

from api.openf1.catalogue import CAR, Collection, Column
from api.openf1.predicates import Alternatives, any_of, by_column
from api.openf1.query import Query
from api.openf1.render import arrow_schema, arrow_type, write_batches
from mirror.storage import FileStorage

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

CHUNK = 5_000  # rows, about
DATE = "date"


class File(NamedTuple):
    """One car in one session."""

    race_id: int
    session_id: int
    driver_number: int
    name: str


def of_file(column: Column) -> bool:
    """Whether a field is the same for all rows of a file."""
    return column.path in CAR or column.name == "meeting_key"


def read(query: Query) -> Iterator["pa.Table"]:
    """The rows that answer a query, table by table, with a column for each of `query.fields`."""
    import pyarrow as pa

    alternatives = by_column(query.predicates)
    where = {column: found for column, found in alternatives.items() if not of_file(column)}
    tables = (
        table
        for _, cars in groupby(files(query.collection, alternatives), key=attrgetter("session_id"))
        for table in session(query, list(cars), where)
    )
    try:
        yield from part(ordered(query, tables), query)
    finally:
        pa.default_memory_pool().release_unused()  # what Arrow keeps, it keeps per thread, and every thread answers at times


def files(collection: Collection, alternatives: dict[Column, Alternatives]) -> list[File]:
    """The files that can have rows of interest, in OpenF1's order."""
    condition = Q()
    for column, found in alternatives.items():
        if of_file(column):
            condition &= any_of(column, found)
        elif column.name == DATE:
            condition &= spans(found)
    paths = ("session__race_id", "session_id", "driver_number", "name")
    return [File(*row) for row in storage(collection).files().filter(condition).order_by(*paths[:3]).values_list(*paths)]


def storage(collection: Collection) -> FileStorage:
    """The storage of a collection of samples."""
    assert isinstance(collection.feed.storage, FileStorage)
    return collection.feed.storage


def spans(found: Alternatives) -> Q:
    """Files whose span touches what the date may be."""
    reaches = {">": "last_date__gte", ">=": "last_date__gte", "<": "first_date__lte", "<=": "first_date__lte"}
    one_of = [Q(first_date__lte=value, last_date__gte=value) for value in found.values if value is not None]
    one_of += [Q(*((reaches[op], value) for op, value in bounds)) for bounds in found.ranges]
    return Q(*one_of, _connector=Q.OR) if one_of else Q(pk__in=[])


def matching(table: "pa.Table", where: dict[Column, Alternatives]) -> "pa.Table":
    """The rows in which every field is what it may be."""
    import pyarrow.compute as pc

    compare = {">": pc.greater, ">=": pc.greater_equal, "<": pc.less, "<=": pc.less_equal}
    for column, found in where.items():
        values = table[column.path]
        one_of = [pc.is_null(values) if value is None else pc.equal(values, plain(value)) for value in found.values]
        one_of += [reduce(pc.and_, (compare[op](values, plain(value)) for op, value in bounds)) for bounds in found.ranges]
        table = table.filter(reduce(pc.or_kleene, one_of))
    return table


def plain(value: Any) -> Any:
    """A value that Arrow compares with any column: numbers as floats, so that none is too large."""
    return value if isinstance(value, datetime) else float(value)


def session(query: Query, cars: list[File], where: dict[Column, Alternatives]) -> Iterator["pa.Table"]:
    """The rows of one session in order of time; where several cars share a moment, by number."""
    import pyarrow as pa

    of_cars = [table for car in cars if (table := of_car(query, car, where)) is not None and table.num_rows]
    tables: Iterable[pa.Table] = of_cars
    if len(of_cars) > 1:
        order = [(DATE, "ascending"), ("driver_number", "ascending")]
        tables = (pa.concat_tables(span).sort_by(order) for span in by_time(of_cars))
    for table in tables:
        with_race = repeat(table, query.collection.columns["meeting_key"], cars[0].race_id)
        yield repeat(with_race, query.collection.columns["session_key"], cars[0].session_id)


def of_car(query: Query, car: File, where: dict[Column, Alternatives]) -> "pa.Table | None":
    """A file's rows that match, by OpenF1's names, with the car's number; None where the file is gone."""
    columns = query.collection.columns
    used = dict.fromkeys([*query.fields, *where, *(column for column, _ in query.order_by), columns[DATE]])
    names = {column.path: column.name for column in used if not of_file(column)}
    try:
        table = matching(storage(query.collection).read(car.name, [*names]), where)
    except FileNotFoundError:
        log.error("The file of samples %s is missing.", car.name)  # noqa: TRY400 - the name says it all
        return None
    return repeat(table.rename_columns([*names.values()]), columns["driver_number"], car.driver_number)


def repeat(table: "pa.Table", column: Column, value: int) -> "pa.Table":
    """The table with a column that has one value in all rows."""
    import pyarrow as pa

    return table.append_column(column.name, pa.repeat(pa.scalar(value, arrow_type(column)), table.num_rows))


def by_time(tables: list["pa.Table"]) -> Iterator[list["pa.Table"]]:
    """The rows of several cars cut into spans of time that hold about `CHUNK` rows."""
    import numpy as np

    dates = [table[DATE].cast("int64").to_numpy() for table in tables]
    rows = sum(map(len, dates))
    clock = max(dates, key=len)
    cuts = clock[:: max(1, CHUNK * len(clock) // rows)][1:]
    edges = [np.concatenate([[0], np.searchsorted(moments, cuts), [len(moments)]]) for moments in dates]
    for span in zip(*(pairwise(edge.tolist()) for edge in edges), strict=True):
        cut = [table.slice(start, end - start) for table, (start, end) in zip(tables, span, strict=True) if end > start]
        if cut:
            yield cut


def ordered(query: Query, tables: Iterable["pa.Table"]) -> Iterator["pa.Table"]:
    """The rows in the order that was asked for, if one was: all of them have to be read first."""
    if not query.order_by:
        yield from tables
        return
    import pyarrow as pa
    import pyarrow.compute as pc

    found = list(tables)
    if found:
        whole = pa.concat_tables(found)
        for column, descending in reversed(query.order_by):
            values = whole[column.name]
            keys = pa.table({"known": pc.is_valid(values), "value": values})  # nulls are the smallest
            direction = "descending" if descending else "ascending"
            whole = whole.take(pc.sort_indices(keys, sort_keys=[(name, direction) for name in keys.column_names]))
        yield whole


def part(tables: Iterable["pa.Table"], query: Query) -> Iterator["pa.Table"]:
    """`offset` and `limit`, and the fields that are shown."""
    skip, left = query.offset, query.limit
    names = [column.name for column in query.fields]
    for table in tables:
        rows = table.slice(skip, left)
        skip = max(0, skip - table.num_rows)
        if left is not None:
            left -= rows.num_rows
        if rows.num_rows:
            yield rows.select(names)
        if left == 0:
            return


def rows_of(table: "pa.Table") -> Iterator[tuple]:
    """The rows as tuples, moments as OpenF1's text, as the other source has them."""
    columns = [text(table[name], separator="T", null="") if name == DATE else table[name] for name in table.column_names]
    return zip(*(column.to_pylist() for column in columns), strict=True)


# Bytes


def write(query: Query, tables: Iterable["pa.Table"]) -> Iterator[bytes]:
    return {"json": write_json, "ndjson": write_ndjson, "csv": write_csv, "parquet": write_parquet}[query.format](query, tables)


def write_json(query: Query, tables: Iterable["pa.Table"]) -> Iterator[bytes]:
    start = b"["
    for table in slices(tables):
        yield start + lines(json_pieces(table), end=",")[:-1]
        start = b","
    yield b"]" if start == b"," else b"[]"


def write_ndjson(query: Query, tables: Iterable["pa.Table"]) -> Iterator[bytes]:
    for table in slices(tables):
        yield lines(json_pieces(table), end="\n")


def write_csv(query: Query, tables: Iterable["pa.Table"]) -> Iterator[bytes]:
    yield ",".join(column.name for column in query.fields).encode() + b"\r\n"
    for table in slices(tables):
        pieces: list[Any] = []
        for name in table.column_names:
            pieces += [text(table[name], separator=" ", null=""), ","]
        yield lines(pieces[:-1], end="\r\n")


def write_parquet(query: Query, tables: Iterable["pa.Table"]) -> Iterator[bytes]:
    schema = arrow_schema(query.fields)
    return write_batches(schema, (batch for table in tables for batch in table.cast(schema).combine_chunks().to_batches()))


def slices(tables: Iterable["pa.Table"]) -> Iterator["pa.Table"]:
    """The same rows in tables of no more than `CHUNK` rows, each in one piece."""
    for table in tables:
        for start in range(0, table.num_rows, CHUNK):
            yield table.slice(start, CHUNK).combine_chunks()


def json_pieces(table: "pa.Table") -> list[Any]:
    """What the JSON objects of these rows consist of: texts that are the same in all, and columns of texts."""
    from pyarrow import types

    pieces: list[Any] = []
    for name in table.column_names:
        quote = '"' if types.is_timestamp(table.schema.field(name).type) else ""
        pieces += [f'{"," if pieces else "{"}"{name}":{quote}', text(table[name], separator="T", null="null"), quote]
    return [*pieces, "}"]


def text(values: "pa.ChunkedArray", *, separator: str, null: str) -> "pa.ChunkedArray":
    """Numbers as they are; moments as OpenF1 has them: six digits of a second or none, always UTC."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_timestamp(values.type):
        return pc.fill_null(values.cast(pa.string()), null)
    moments = values.cast(pa.timestamp("us")).cast(pa.string())
    if separator != " ":
        moments = pc.replace_substring(moments, " ", separator)
    return pc.binary_join_element_wise(pc.replace_substring(moments, ".000000", ""), "+00:00", "")


def lines(pieces: list[Any], *, end: str) -> bytes:
    """The pieces of each row one after the other, all rows in one: the memory behind Arrow's column of texts is the answer."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.binary_join_element_wise(*pieces, end, "").combine_chunks()
    array = texts.chunk(0) if isinstance(texts, pa.ChunkedArray) else texts
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets, np.int32)
    return memoryview(data)[ends[array.offset] : ends[array.offset + len(array)]].tobytes()
