"""Questions to one Parquet file, answered by DuckDB: filters are pushed down to the file, and only asked-for rows are read."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.files.storage import default_storage

from telemetry.samples import files

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

OPERATORS = {"exact": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_shared: dict[str, Any] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Where:
    """One condition: a column of the file, a lookup of OPERATORS, `in` or `isnull`, and the value."""

    column: str
    lookup: str
    value: Any

    def sql(self) -> tuple[str, list]:
        """(condition, its parameters); the column is one of the model's, never a caller's text."""
        if self.lookup == "isnull":
            return f"{self.column} IS {'' if self.value else 'NOT '}NULL", []
        if self.lookup == "in":
            return f"{self.column} IN ({', '.join('?' * len(self.value))})", list(self.value)
        return f"{self.column} {OPERATORS[self.lookup]} ?", [self.value]


def cursor() -> "duckdb.DuckDBPyConnection":
    """A cursor of the one database in memory that this process has; threads need their own."""
    import duckdb

    with _lock:
        if "connection" not in _shared:
            _shared["connection"] = duckdb.connect(config={"threads": 1, "memory_limit": "512MB"})
            _shared["connection"].execute("SET TimeZone = 'UTC'")
    return _shared["connection"].cursor()


def select(
    name: str, columns: list[str], where: list[Where], *, after: int = -1, limit: int | None = None
) -> "pa.RecordBatchReader":
    """The matching rows of a stored file in its order, with their `row`: its number in the file, from 0.

    `after` leaves out rows up to that number. FileNotFoundError when the file is missing.
    """
    parts = [condition.sql() for condition in where]
    conditions = " AND ".join(["file_row_number > ?", *(sql for sql, _ in parts)])
    values = [after, *(value for _, values in parts for value in values)]
    sql = f"SELECT {', '.join(columns)}, file_row_number AS row FROM {{}} WHERE {conditions} ORDER BY file_row_number"  # noqa: S608
    if limit is not None:
        sql += f" LIMIT {int(limit)}"
    database = cursor()
    try:
        source, more = "read_parquet(?, file_row_number=true)", [default_storage.path(name)]
        if not default_storage.exists(name):
            raise FileNotFoundError(name)
    except NotImplementedError:  # the file is not in a local folder
        import pyarrow as pa

        table = files.read(name)
        database.register("samples", table.append_column("file_row_number", pa.array(range(table.num_rows))))
        source, more = "samples", []
    return database.sql(sql.format(source), params=[*more, *values]).to_arrow_reader(10_000)


def rows(reader: "pa.RecordBatchReader") -> Iterator[dict[str, Any]]:
    for batch in reader:
        yield from batch.to_pylist()
