"""Parquet files in Django's storage: written whole or not at all, described by a `SampleFile` row.

pyarrow is imported where it is used: the web process starts without it.
"""

import hashlib
import os
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, default_storage
from django.db import models

from api.tables.columns import arrow_type, make_column
from mirror.errors import NotStored
from mirror.mapping import getter

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class Merge:
    """The rows of a file merged with a response of upstream, and the counts of what changed."""

    table: "pa.Table"
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    vanished: int = 0
    keeps_vanished: bool = True  # vanished rows are still in the table

    @property
    def changed(self) -> bool:
        return bool(self.created or self.updated or (self.vanished and not self.keeps_vanished))


def path(collection: str, session_id: int, driver_number: int) -> str:
    """The path of a sample file in hive style, whose parts DuckDB, Spark and others read as columns."""
    return f"{collection}/session_id={session_id}/driver_number={driver_number}.parquet"


def make_table(fields: list[models.Field], rows: list) -> "pa.Table":
    """Validated rows as a table, one column per model field, sorted by date; rows that share a date keep upstream's order."""
    import pyarrow as pa

    columns = [make_column(field) for field in fields]
    values = zip(*map(getter(c.name for c in columns), rows), strict=True) if rows else ((),) * len(columns)
    types = (arrow_type(column, integer_bits=(16, 32)) for column in columns)
    arrays = {c.name: pa.array(cells, kind) for c, cells, kind in zip(columns, values, types, strict=True)}
    return pa.table(arrays).sort_by("date")


def merge(old: "pa.Table | None", new: "pa.Table", *, prune: bool) -> Merge:
    """Upstream's rows, with the stored rows of dates that upstream no longer sends unless `prune`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if old is None:
        return Merge(new, created=new.num_rows)
    if old.equals(new):
        return Merge(new, unchanged=new.num_rows)
    vanished = old.filter(pc.invert(pc.is_in(old["date"], new["date"])))
    stored, sent = set(zip(*old.to_pydict().values(), strict=True)), list(zip(*new.to_pydict().values(), strict=True))
    dates = {row[0] for row in stored}
    unchanged = sum(row in stored for row in sent)
    created = sum(row[0] not in dates for row in sent)
    merged = new if prune else pa.concat_tables([new, vanished]).sort_by("date")
    counts = {
        "created": created,
        "updated": len(sent) - unchanged - created,
        "unchanged": unchanged,
        "vanished": vanished.num_rows,
    }
    return Merge(merged, **counts, keeps_vanished=not prune)


def encode(table: "pa.Table") -> bytes:
    """A table as the bytes of a Parquet file: zstd over delta-encoded columns, about three bytes a sample."""
    import pyarrow.parquet as pq

    out = BytesIO()
    encoding = dict.fromkeys(table.column_names, "DELTA_BINARY_PACKED")
    pq.write_table(table, out, compression="zstd", compression_level=3, use_dictionary=False, column_encoding=encoding)
    return out.getvalue()


def store(name: str, content: bytes, storage: Storage = default_storage) -> None:
    """Store a file atomically: write it under a temporary name, then rename it.

    Object stores, which have no local path, write whole objects anyway. NotStored when there is no space or no permission.
    """
    temporary = f"{name}.{uuid4().hex}.part"
    try:
        storage.save(temporary, ContentFile(content))
        try:
            os.replace(storage.path(temporary), storage.path(name))
        except NotImplementedError:  # no local folder
            storage.delete(name)
            storage.save(name, ContentFile(content))
    except OSError as error:
        raise NotStored(f"{name} cannot be written: {error.strerror or error}; what was stored before is still there") from error
    finally:
        storage.delete(temporary)


def read_table(name: str, columns: list[str] | None = None, storage: Storage = default_storage, **options: Any) -> "pa.Table":
    """The rows of a stored file; FileNotFoundError when it is missing."""
    import pyarrow.parquet as pq

    with storage.open(name, "rb") as file:
        return pq.ParquetFile(file).read(columns=columns, **options)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
