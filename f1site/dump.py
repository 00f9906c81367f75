"""Dump all data, or that of some seasons, to files for other programs: Parquet, CSV, or one SQLite database.

The rows are those of /v1: OpenF1's names, corrections applied. A manifest describes the files and their origin.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.utils import timezone

from api.openf1.catalogue import Collection, collection_of, find_collection
from api.openf1.predicates import condition
from api.openf1.query import NO_KEY, Predicate, Query
from api.openf1.sources import source_of
from api.tables import arrow
from api.tables.columns import Column, arrow_schema
from api.tables.converters import stored_to_portable_csv
from api.tables.sparing import spare_pandas
from api.tables.writers import write_csv
from f1site import __version__
from mirror.feeds import registry
from mirror.models import Correction, SyncRun

FORMATS = ("parquet", "csv")
MANIFEST = "manifest.json"
REFERENCED = {"session_key": "sessions", "meeting_key": "meetings"}  # {key: collection that lists it}
SQL_TYPES = {int: "INTEGER", float: "REAL", bool: "INTEGER"}  # all other types are stored as text


def dump(folder: Path, *, format_: str, seasons: Sequence[int] = ()) -> dict[str, Any]:
    """Write a file per collection and a manifest into `folder`; returns the manifest."""
    spare_pandas()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)  # of an earlier dump, whose files are replaced now
    sessions = sessions_of(seasons)
    manifest = describe_dump(seasons, sessions) | {"format": format_, "collections": {}}
    for query in queries(seasons, sessions):
        manifest["collections"][query.collection.name] = write_file(folder, query, format_) | describe_rows(query)
    with replacing(folder / MANIFEST) as part:
        part.write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def dump_sqlite(path: Path, *, seasons: Sequence[int] = ()) -> dict[str, Any]:
    """Write one SQLite database with a table per collection and the table `manifest`; returns the manifest."""
    sessions = sessions_of(seasons)
    manifest = describe_dump(seasons, sessions) | {"format": "sqlite", "collections": {}}
    with replacing(path) as part, closing(sqlite3.connect(part)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        for query in queries(seasons, sessions):
            count = fill_table(database, query)
            manifest["collections"][query.collection.name] = {"rows": count} | describe_rows(query)
        database.execute("CREATE TABLE manifest (content TEXT)")
        database.execute("INSERT INTO manifest VALUES (?)", [json.dumps(manifest)])
        database.commit()
    return manifest


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """The path of a new file that takes the place of `path` when it is complete, and is deleted when it is not."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)  # of a process that was killed
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def sessions_of(seasons: Sequence[int]) -> list[int] | None:
    """The keys of the sessions of some seasons; None if no season is given."""
    if not seasons:
        return None
    collection = find_collection("sessions")
    assert collection
    paths = {name: collection.columns[name].path for name in ("year", "session_key")}
    return list(
        collection.model._default_manager.filter(**{f"{paths['year']}__in": seasons}).values_list(paths["session_key"], flat=True)
    )


def queries(seasons: Sequence[int], sessions: list[int] | None) -> Iterator[Query]:
    """One query per collection, for all its rows in these seasons."""
    for feed in registry().values():
        collection = collection_of(feed)
        name, keys = ("year", list(seasons)) if feed.lists else ("session_key", sessions or [NO_KEY])
        predicates = [Predicate(collection.columns[name], "=", key) for key in keys] if seasons else []
        yield Query(collection=collection, predicates=tuple(predicates), fields=tuple(collection.columns.values()))


def describe_rows(query: Query) -> dict[str, Any]:
    """The types of a collection's fields, and the number of corrections in its rows."""
    schema = arrow_schema(query.fields)
    return {"schema": {field.name: str(field.type) for field in schema}, "corrections": count_corrections(query)}


def count_corrections(query: Query) -> int:
    """The number of corrections of the rows that a query selects."""
    corrections = Correction.objects.filter(collection=query.collection.name)
    if not query.predicates:
        return corrections.count()
    if not query.collection.feed.lists:
        return corrections.filter(session_id__in=query.values_of("session_key") or ()).count()
    keys = set(query.collection.model._default_manager.filter(condition(query.predicates)).values_list("pk", flat=True))
    return sum(keys.issuperset(key.values()) for key in corrections.values_list("key", flat=True))


class CountingIterator:
    """Iterates over chunks of rows and counts the rows."""

    def __init__(self, chunks: Iterable) -> None:
        self._chunks, self.rows = chunks, 0

    def __iter__(self) -> Iterator[Any]:
        for chunk in self._chunks:
            self.rows += len(chunk)
            yield chunk


# Files


def write_file(folder: Path, query: Query, format_: str) -> dict[str, Any]:
    """Write one collection to a file, which gets its final name when it is complete; returns its entry of the manifest."""
    path = folder / f"{query.collection.name}.{format_}"
    chunks, digest, size = CountingIterator(source_of(query).read_chunks(query)), hashlib.sha256(), 0
    with replacing(path) as part, part.open("wb") as file:
        for piece in encode_rows(query, chunks, format_):
            file.write(piece)
            digest.update(piece)
            size += len(piece)
    return {"file": path.name, "rows": chunks.rows, "bytes": size, "sha256": digest.hexdigest()}


def encode_rows(query: Query, chunks: Iterable, format_: str) -> Iterator[bytes]:
    """The bytes of a file with these rows."""
    if format_ == "csv" and not query.collection.sampled:
        return write_csv(query.fields, chunks, stored_to_portable_csv)
    return source_of(query).write_chunks(replace(query, format=format_), chunks)


# One database


def fill_table(database: sqlite3.Connection, query: Query) -> int:
    """Create the table of a collection; returns its number of rows.

    Dates and lists are stored as text, booleans as 1 and 0; keys have an index and references.
    """
    collection = query.collection
    columns = ", ".join(
        f'"{column.name}" {SQL_TYPES.get(column.type, "TEXT")}{key_constraint(column, collection)}' for column in query.fields
    )
    database.execute(f'CREATE TABLE "{collection.name}" ({columns})')
    chunks = CountingIterator(source_of(query).read_chunks(query))
    insert = f'INSERT INTO "{collection.name}" VALUES ({", ".join("?" * len(query.fields))})'  # noqa: S608 - no input
    for chunk in chunks:
        database.executemany(insert, arrow.to_tuples(chunk) if collection.sampled else chunk)
    keys = [name for name in ("session_key", "driver_number", "lap_number") if name in collection.columns]
    if keys:
        names = ", ".join(f'"{name}"' for name in keys)
        database.execute(f'CREATE INDEX "{collection.name}_key" ON "{collection.name}" ({names})')
    return chunks.rows


def key_constraint(column: Column, collection: Collection) -> str:
    """The SQL constraint of a key column; empty for other columns."""
    listed_by = REFERENCED.get(column.name)
    if listed_by == collection.name:
        return " PRIMARY KEY"
    return f' REFERENCES "{listed_by}"' if listed_by else ""


def describe_dump(seasons: Sequence[int], sessions: list[int] | None) -> dict[str, Any]:
    """The part of the manifest about the whole dump: its seasons, its time and the last sync of its rows."""
    runs = SyncRun.objects.order_by("-run_id")
    run = runs.first() if sessions is None else runs.filter(pieces__session_id__in=sessions).first()
    return {
        "seasons": [*seasons] or "all",
        "written_at": timezone.now().isoformat(timespec="seconds"),
        "written_by": f"F1 Stats {__version__}",
        "sync_run": run
        and {
            "run_id": run.run_id,
            "source": run.source,
            "state": run.state,
            "started_at": run.started_at.isoformat(),
            "ended_at": run.ended_at and run.ended_at.isoformat(),
        },
    }
