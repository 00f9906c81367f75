"""How the feeds of samples store their rows: a Parquet file per session and car, described by a `SampleFile`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

from drivers.models import Entry
from mirror.changes import Changes
from mirror.storage import FileStorage
from telemetry.models import SampleFile
from telemetry.samples import files, ingest

if TYPE_CHECKING:
    import pyarrow as pa


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
        # Files are so small that threads cost more than they save.
        return files.read_table(name, sha256, columns, use_threads=False)

    def verify(self, name: str, sha256: str) -> None:
        files.read_verified(name, sha256)

    def discard(self, *, source: str) -> None:
        ingest.delete_files(self.files().filter(source=source))
