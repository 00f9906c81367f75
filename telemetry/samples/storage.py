"""How the feeds of samples store their rows: a Parquet file per session and car, described by a `SampleFile`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import QuerySet

from api.memory import Memory
from drivers.models import Entry
from mirror.changes import Changes
from mirror.storage import FileStorage
from telemetry.models import SampleFile
from telemetry.samples import files, ingest

if TYPE_CHECKING:
    import pyarrow as pa


# Decoded files by name and SHA-256: decoding takes longer than all else that is done to answer a small question.
TOTAL = settings.SAMPLES_MEMORY_MB * 2**20
tables = Memory["pa.Table"](largest=TOTAL // 4, total=TOTAL)


def read_through_memory(name: str, sha256: str) -> pa.Table:
    """The rows of a stored file, which stay in memory; DamagedFile as of `files.read_verified`."""
    table = tables.get(f"{name} {sha256}")
    if table is None:
        content = files.read_verified(name, sha256)
        table = files.decode(content)
        tables.put(f"{name} {files.sha256(content)}", table, table.nbytes)
    return table


class SampleStorage(FileStorage):
    """Keeps samples of cars in Parquet files."""

    def apply(
        self, rows: list[dict], scope: dict[str, Any], *, source: str, prune: bool, write: bool, stored: int | None = None
    ) -> Changes:
        car = {"session_id": scope["session_key"], "driver_number": scope["driver_number"]}
        return ingest.store(self.mapping, rows, **car, source=source, prune=prune, write=write)

    def counts(self, scopes: list[dict[str, Any]]) -> list[int]:
        return [ingest.count_samples(self.mapping.collection, scope["session_key"], scope["driver_number"]) for scope in scopes]

    def car_numbers(self, session_id: int) -> list[int]:
        return sorted(Entry.objects.numbers(session_id))

    def files(self) -> QuerySet[SampleFile]:
        return SampleFile.objects.filter(collection=self.mapping.collection)

    def read_columns(self, name: str, sha256: str, columns: list[str]) -> pa.Table:
        return read_through_memory(name, sha256).select(columns)

    def verify(self, name: str, sha256: str) -> None:
        files.read_verified(name, sha256)

    def discard(self, *, source: str) -> None:
        ingest.delete_files(self.files().filter(source=source))
