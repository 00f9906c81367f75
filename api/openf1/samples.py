"""Samples, which are in Parquet files, one per session and car: selected, sorted and written as Arrow tables.

Half a million rows never become Python objects. A query without a car number goes through a session span by span, so that the
answer is in order of time, as OpenF1's is, and memory holds no more than the files themselves.
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import groupby, pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Q

from api.openf1.catalogue import CAR, Collection
from api.openf1.predicates import Alternatives, any_of, by_column
from api.openf1.query import BadQuery, Query
from api.tables import arrow, spreadsheet
from api.tables.columns import Column, arrow_type
from api.tables.converters import stored_to_spreadsheet
from mirror.storage import FileStorage

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 20_000  # rows, about
MAX_SORTED = 2_000_000  # rows that are sorted together, some 200 MB: a race weekend has as many
MAX_FIRST = 50_000  # rows of a part (`offset` and `limit`) that is found without sorting all
DATE = "date"


class File(NamedTuple):
    """One car in one session."""

    race_id: int
    session_id: int
    driver_number: int
    name: str
    sha256: str
    rows: int


def is_constant(column: Column) -> bool:
    """Whether a field has the same value in all rows of a file."""
    return column.path in CAR or column.name == "meeting_key"


def read_chunks(query: Query) -> Iterator["pa.Table"]:
    """The rows that answer a query, table by table, with a column for each of `query.fields`."""
    import pyarrow as pa

    alternatives = by_column(query.predicates)
    row_conditions = {column: allowed for column, allowed in alternatives.items() if not is_constant(column)}
    files = find_files(query.collection, alternatives)
    rows = sum(file.rows for file in files)
    if query.order_by and first_rows(query) is None and rows > MAX_SORTED:
        raise BadQuery(
            f"order_by: up to {rows:,} samples would have to be sorted, more than {MAX_SORTED:,}; name a session, or give limit "
            f"(and offset) of {MAX_FIRST:,} rows at most"
        )
    tables = (
        table
        for _, cars in groupby(files, key=attrgetter("session_id"))
        for table in read_session(query, list(cars), row_conditions)
    )
    try:
        yield from select_part(sort_tables(query, tables), query)
    finally:
        pa.default_memory_pool().release_unused()  # Arrow keeps freed memory per thread, and every thread answers sometimes


def find_files(collection: Collection, alternatives: dict[Column, Alternatives]) -> list[File]:
    """The files that can have matching rows, in OpenF1's order."""
    condition = Q()
    for column, allowed in alternatives.items():
        if is_constant(column):
            condition &= any_of(column, allowed)
        elif column.name == DATE:
            condition &= overlaps(allowed)
    paths = ("session__race_id", "session_id", "driver_number", "name", "sha256", "rows")
    return [File(*row) for row in storage(collection).files().filter(condition).order_by(*paths[:3]).values_list(*paths)]


def verify_files(query: Query) -> None:
    """DamagedFile if a file with matching rows is not what was stored: once an answer is being sent, it cannot tell any more.

    The files of a single session have been read before its first rows are known.
    """
    cars = find_files(query.collection, by_column(query.predicates))
    if len({car.session_id for car in cars}) > 1:
        for car in cars:
            storage(query.collection).verify(car.name, car.sha256)


def storage(collection: Collection) -> FileStorage:
    """The storage of a collection of samples."""
    assert isinstance(collection.feed.storage, FileStorage)
    return collection.feed.storage


def overlaps(allowed: Alternatives) -> Q:
    """The condition that the dates of a file overlap the allowed ones."""
    reaches = {">": "last_date__gte", ">=": "last_date__gte", "<": "first_date__lte", "<=": "first_date__lte"}
    one_of = [Q(first_date__lte=value, last_date__gte=value) for value in allowed.values if value is not None]
    one_of += [Q(*((reaches[op], value) for op, value in bounds)) for bounds in allowed.ranges]
    return Q(*one_of, _connector=Q.OR) if one_of else Q(pk__in=[])


def filter_rows(table: "pa.Table", row_conditions: dict[Column, Alternatives]) -> "pa.Table":
    """The rows in which every field has an allowed value."""
    import pyarrow.compute as pc

    for column, allowed in row_conditions.items():
        values = table[column.path]
        one_of = [pc.is_null(values) if value is None else arrow.compare(values, "=", value) for value in allowed.values]
        one_of += [reduce(pc.and_, (arrow.compare(values, op, value) for op, value in bounds)) for bounds in allowed.ranges]
        table = table.filter(reduce(pc.or_kleene, one_of))
    return table


def read_session(query: Query, cars: list[File], row_conditions: dict[Column, Alternatives]) -> Iterator["pa.Table"]:
    """The rows of one session in order of time; where several cars share a moment, by number."""
    import pyarrow as pa

    by_car = [table for car in cars if (table := read_car(query, car, row_conditions)).num_rows]
    tables: Iterable[pa.Table] = by_car
    if len(by_car) > 1:
        order = [(DATE, "ascending"), ("driver_number", "ascending")]
        tables = (pa.concat_tables(span).sort_by(order) for span in split_by_time(by_car))
    columns = query.collection.columns
    for table in tables:
        with_race = append_constant(table, columns["meeting_key"], cars[0].race_id)
        yield append_constant(with_race, columns["session_key"], cars[0].session_id)


def read_car(query: Query, car: File, row_conditions: dict[Column, Alternatives]) -> "pa.Table":
    """The matching rows of a file, by OpenF1's names, with the car's number; DamagedFile where it is not what was stored.

    Where only the first rows of an order are wanted, only those that can be among them.
    """
    import pyarrow.compute as pc

    columns = query.collection.columns
    used = dict.fromkeys([*query.fields, *row_conditions, *(column for column, _ in query.order_by), columns[DATE]])
    names = {column.path: column.name for column in used if not is_constant(column)}
    table = filter_rows(storage(query.collection).read_columns(car.name, car.sha256, [*names]), row_conditions)
    table = append_constant(table.rename_columns([*names.values()]), columns["driver_number"], car.driver_number)
    wanted = first_rows(query)
    if query.order_by and wanted is not None and wanted < table.num_rows:
        first = sort_indices(query, table)[:wanted]
        table = table.take(first.take(pc.sort_indices(first)))  # in the order of time, as before
    return table


def append_constant(table: "pa.Table", column: Column, value: int) -> "pa.Table":
    """The table with a column that has one value in all rows."""
    import pyarrow as pa

    return table.append_column(column.name, pa.repeat(pa.scalar(value, arrow_type(column)), table.num_rows))


def split_by_time(tables: list["pa.Table"]) -> Iterator[list["pa.Table"]]:
    """The rows of several cars, split into spans of time that hold about `CHUNK` rows."""
    import numpy as np

    dates = [table[DATE].cast("int64").to_numpy() for table in tables]
    rows = sum(map(len, dates))
    clock = max(dates, key=len)
    cuts = clock[:: max(1, CHUNK * len(clock) // rows)][1:]
    edges = [np.concatenate([[0], np.searchsorted(values, cuts), [len(values)]]) for values in dates]
    for span in zip(*(pairwise(edge.tolist()) for edge in edges), strict=True):
        parts = [table.slice(start, end - start) for table, (start, end) in zip(tables, span, strict=True) if end > start]
        if parts:
            yield parts


def first_rows(query: Query) -> int | None:
    """How many rows from the first on the answer needs; None for too many to be found without sorting all."""
    rows = None if query.limit is None else query.offset + query.limit
    return None if rows is None or rows > MAX_FIRST else rows


def sort_tables(query: Query, tables: Iterable["pa.Table"]) -> Iterator["pa.Table"]:
    """The rows sorted by `order_by` where it is given: all of them, or the first ones, of which no more are kept than needed."""
    if not query.order_by:
        yield from tables
        return
    import pyarrow as pa

    wanted = first_rows(query)
    read: list[pa.Table] = []
    for table in tables:
        read.append(table)
        if wanted is not None and sum(each.num_rows for each in read) > wanted + MAX_FIRST:
            read = [sort_table(query, pa.concat_tables(read)).slice(0, wanted)]
    if read:
        yield sort_table(query, pa.concat_tables(read))


def sort_table(query: Query, table: "pa.Table") -> "pa.Table":
    return table.take(sort_indices(query, table))


def sort_indices(query: Query, table: "pa.Table") -> "pa.Array":
    """The numbers of the rows in the order of `order_by`; rows that are equal in it stay in their order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    keys: dict[str, pa.ChunkedArray] = {}
    order = []
    for column, descending in query.order_by:
        if column.name in table.column_names:  # a file has one session and race
            direction = "descending" if descending else "ascending"
            keys |= {f"{column.name} is known": pc.is_valid(table[column.name]), column.name: table[column.name]}
            order += [(f"{column.name} is known", direction), (column.name, direction)]  # nulls are the smallest
    return pc.sort_indices(pa.table(keys), sort_keys=order) if keys else pa.array(range(table.num_rows))


def select_part(tables: Iterable["pa.Table"], query: Query) -> Iterator["pa.Table"]:
    """Apply `offset` and `limit`, and select the fields to show."""
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


def write_chunks(query: Query, tables: Iterable["pa.Table"]) -> Iterator[bytes]:
    if query.zone:
        chunks = (list(arrow.to_tuples(part)) for part in arrow.slices(tables))
        return spreadsheet.write_csv(query.fields, chunks, stored_to_spreadsheet, zone=query.zone)
    return arrow.WRITERS[query.format](query.fields, tables)
