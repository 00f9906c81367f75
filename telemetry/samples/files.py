"""Parquet files in Django's storage: written whole or not at all, described by a `SampleFile` row.

pyarrow is imported where it is used: the web process starts without it.
"""

import hashlib
import os
import time
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from operator import attrgetter
from typing import TYPE_CHECKING
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, default_storage
from django.db import models
from django.utils import timezone
from msgspec import UNSET

from api.tables.columns import arrow_type, make_column
from mirror.errors import NotStored
from mirror.storage import DamagedFile, StorageUnavailable
from telemetry.models import SampleFile
from telemetry.samples.sources import command_for

if TYPE_CHECKING:
    import pyarrow as pa

RECENT_SECONDS = 5  # age of a file that may belong to a transaction under way
COMMIT_SECONDS = 1  # how long to wait for such a transaction


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
    # Column by column: to turn 35,000 rows around at once takes eight times as long.
    cells = {column.name: list(map(attrgetter(column.name), rows)) for column in columns}
    arrays = {column.name: make_array(cells[column.name], arrow_type(column, integer_bits=(16, 32))) for column in columns}
    return pa.table(arrays).sort_by("date")


def make_array(cells: list, kind: "pa.DataType") -> "pa.Array":
    """The cells of a column; a row that upstream sent without the field has null there."""
    import pyarrow as pa

    try:
        return pa.array(cells, kind)
    except pa.ArrowInvalid:
        return pa.array([None if cell is UNSET else cell for cell in cells], kind)


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


def extend(old: "pa.Table | None", new: "pa.Table") -> Merge:
    """The stored rows and newer ones; rows of moments that are stored already take the place of those."""
    import pyarrow as pa

    if old is None or not old.num_rows or not new.num_rows or new["date"][0].as_py() <= old["date"][-1].as_py():
        return merge(old, new, prune=False)
    return Merge(pa.concat_tables([old, new]), created=new.num_rows)


def encode(table: "pa.Table") -> bytes:
    """A table as the bytes of a Parquet file: zstd over delta-encoded columns, about three bytes a sample."""
    import pyarrow.parquet as pq

    out = BytesIO()
    encoding = dict.fromkeys(table.column_names, "DELTA_BINARY_PACKED")
    pq.write_table(table, out, compression="zstd", compression_level=3, use_dictionary=False, column_encoding=encoding)
    return out.getvalue()


def store(name: str, content: bytes, storage: Storage = default_storage) -> None:
    """Replace a file at once: readers find the old content or the new, and the old stays when the new cannot be written.

    NotStored when there is no space or no permission; StorageUnavailable while an object store cannot be reached.
    """
    try:
        try:
            path = storage.path(name)
        except NotImplementedError:  # an object store, which replaces whole objects; `save` would look for a free name
            storage._save(name, ContentFile(content))  # type: ignore[attr-defined]
        else:
            replace_local_file(name, path, content, storage)
    except StorageUnavailable:
        raise
    except OSError as error:
        raise NotStored(f"{name} cannot be written: {error.strerror or error}; what was stored before is still there") from error


def replace_local_file(name: str, path: str, content: bytes, storage: Storage) -> None:
    """Write a file under a temporary name, then rename it."""
    temporary = f"{name}.{uuid4().hex}.part"
    try:
        storage.save(temporary, ContentFile(content))
        os.replace(storage.path(temporary), path)
    finally:
        storage.delete(temporary)


def read_table(name: str, sha256: str, columns: list[str] | None = None) -> "pa.Table":
    """The rows of a stored file; DamagedFile unless it has the SHA-256 that was stored."""
    return decode(read_verified(name, sha256), columns)


def decode(content: bytes, columns: list[str] | None = None) -> "pa.Table":
    """The rows of a Parquet file. Files are so small that threads would cost more than they save."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.ParquetFile(pa.BufferReader(content)).read(columns=columns, use_threads=False)


def read_verified(name: str, expected: str) -> bytes:
    """The content of a stored file; DamagedFile unless it has the SHA-256 that was stored.

    A sync replaces the file shortly before the transaction that stores its new SHA-256 is committed. A file that was written
    just now is therefore compared with the newest stored SHA-256, for as long as such a transaction takes.
    """
    give_up_at = time.monotonic() + COMMIT_SECONDS
    while (content := read_content(name)) and sha256(content) != expected:
        newest = SampleFile.objects.filter(name=name).values_list("sha256", flat=True).first() or expected
        if newest == expected:
            if time.monotonic() > give_up_at or not is_being_stored(name):
                raise damaged(name, "is damaged: its SHA-256 is not the stored one")
            time.sleep(0.05)
        expected = newest
    return content


def read_content(name: str) -> bytes:
    """The content of a stored file, verified or not; DamagedFile when there is none, StorageUnavailable while nobody knows."""
    content = read_if_there(name)
    if content is None:
        raise damaged(name, "is missing")
    if not content:
        raise damaged(name, "is damaged: it is empty")
    return content


def read_if_there(name: str) -> bytes | None:
    """The same, and None where there is no such file: a `DamagedFile` costs a query, because it names the way out."""
    try:
        with default_storage.open(name, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except StorageUnavailable:
        raise
    except OSError as error:
        raise damaged(name, f"cannot be read ({error.strerror or error})") from error


def is_being_stored(name: str) -> bool:
    """Whether a file was written so recently that the transaction of its sync may not be committed yet."""
    return timezone.now() - default_storage.get_modified_time(name) < timedelta(seconds=RECENT_SECONDS)


def damaged(name: str, fault: str) -> DamagedFile:
    """The error of a file, whose name `path` has made."""
    collection, folder, _ = name.split("/")
    session_id = folder.removeprefix("session_id=")
    return DamagedFile(name, fault, remedy=f"{command_for(int(session_id), collection)} fetches it again")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
