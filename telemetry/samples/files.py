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

from mirror.errors import NotStored
from mirror.mapping import getter

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class Merge:
    """A file's rows after an answer from upstream came in, and how many were what."""

    table: "pa.Table"
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    vanished: int = 0
    kept: bool = True  # the vanished ones are still in the table

    @property
    def changed(self) -> bool:
        return bool(self.created or self.updated or (self.vanished and not self.kept))


def path(collection: str, session_id: int, driver_number: int) -> str:
    """Where the samples of one car in one session are: a hive-style path that DuckDB, Spark and friends read as columns."""
    return f"{collection}/session_id={session_id}/driver_number={driver_number}.parquet"


def arrow_type(column: models.Field) -> "pa.DataType":
    """Moments in microseconds, integers as small as the model field says."""
    import pyarrow as pa

    if isinstance(column, models.DateTimeField):
        return pa.timestamp("us", tz="UTC")
    return pa.int16() if isinstance(column, models.SmallIntegerField) else pa.int32()


def table(columns: list[models.Field], rows: list) -> "pa.Table":
    """Validated rows as a table, one column per model field, sorted by date; rows that share a date keep upstream's order."""
    import pyarrow as pa

    values = zip(*map(getter(c.name for c in columns), rows), strict=True) if rows else ((),) * len(columns)
    arrays = {c.name: pa.array(cells, arrow_type(c)) for c, cells in zip(columns, values, strict=True)}
    return pa.table(arrays).sort_by("date")


def merge(old: "pa.Table | None", new: "pa.Table", *, prune: bool) -> Merge:
    """What the file should hold: upstream's rows, and the stored ones of moments it no longer sends unless `prune`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if old is None:
        return Merge(new, created=new.num_rows)
    if old.equals(new):
        return Merge(new, unchanged=new.num_rows)
    gone = old.filter(pc.invert(pc.is_in(old["date"], new["date"])))
    known, sent = set(zip(*old.to_pydict().values(), strict=True)), list(zip(*new.to_pydict().values(), strict=True))
    dates = {row[0] for row in known}
    same = sum(row in known for row in sent)
    created = sum(row[0] not in dates for row in sent)
    whole = new if prune else pa.concat_tables([new, gone]).sort_by("date")
    counts = {"created": created, "updated": len(sent) - same - created, "unchanged": same, "vanished": gone.num_rows}
    return Merge(whole, **counts, kept=not prune)


def encode(rows: "pa.Table") -> bytes:
    """The bytes of the Parquet file: zstd over delta-encoded columns, about three bytes a sample."""
    import pyarrow.parquet as pq

    out = BytesIO()
    encoding = dict.fromkeys(rows.column_names, "DELTA_BINARY_PACKED")
    pq.write_table(rows, out, compression="zstd", compression_level=3, use_dictionary=False, column_encoding=encoding)
    return out.getvalue()


def put(name: str, content: bytes, storage: Storage = default_storage) -> None:
    """Store a file so that nobody ever sees half of it: a temporary name, then a rename.

    Object stores, which have no local path, put whole objects anyway. NotStored when there is no room, or no permission.
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


def read(name: str, columns: list[str] | None = None, storage: Storage = default_storage, **options: Any) -> "pa.Table":
    """The rows of a stored file; FileNotFoundError when it is missing."""
    import pyarrow.parquet as pq

    with storage.open(name, "rb") as file:
        return pq.ParquetFile(file).read(columns=columns, **options)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
