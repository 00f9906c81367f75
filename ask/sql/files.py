"""The Parquet files that SQL reads: one per collection and season, written again when a version of its rows changes.

Only the collections that a question names are brought up to date. Samples are in Parquet files already, and read as they are.
"""

import hashlib
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Count, Max

from api.kept import alone
from api.openf1.catalogue import Collection, collection_of
from api.openf1.query import Predicate, Query
from api.openf1.sources import source_of
from api.tables.columns import Columns
from mirror.feeds import registry
from mirror.models import PieceVersion
from races.models import Session

FOLDER = "sql"  # below MEDIA_ROOT
FRESH_SECONDS = 10  # a season's file is not written again sooner: during a session its rows change all the time
SAME_MOMENT = 60  # seconds that an older file stays for a question that is being answered from it
EVERY_TABLE = re.compile(r"\bshow\b|\binformation_schema\b|\bduckdb_\w+|\bpg_\w+", re.IGNORECASE)  # what lists tables
SQL_TYPES = {int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN", datetime: "TIMESTAMPTZ"}  # all other types are text
SAMPLE_FILES = "/session_id=*/driver_number=*.parquet"


class Part(NamedTuple):
    """The rows of a collection in one season (0: all seasons), in the state that `stamp` names."""

    collection: Collection
    year: int
    sessions: tuple[int, ...]
    stamp: str

    @property
    def folder(self) -> Path:
        return Path(FOLDER) / self.collection.name

    @property
    def path(self) -> Path:
        return self.folder / f"{self.year}-{self.stamp}.parquet"


class Tables(NamedTuple):
    """What a question can read: SQL that defines its tables, the folders they are in, and the last change of their rows."""

    views: dict[str, str]
    folders: list[str]
    as_of: datetime | None


def collections() -> dict[str, Collection]:
    """The collections that SQL offers as tables: all, but for samples in a bucket, which are no files of this machine."""
    every = {name: collection_of(feed) for name, feed in registry().items()}
    return {name: each for name, each in every.items() if not each.sampled or samples_are_local()}


def samples_are_local() -> bool:
    try:
        default_storage.path("")
    except NotImplementedError:
        return False
    return True


def columns_of(collection: Collection) -> Columns:
    """The columns of a table; samples have no race, which their session tells."""
    columns = collection.columns.values()
    return [column for column in columns if not (collection.sampled and column.name == "meeting_key")]


def tables_for(sql: str) -> Tables:
    """The tables that a question may read, brought up to date."""
    words = set(re.findall(r"\w+", sql.lower()))
    named = [each for name, each in collections().items() if name in words or EVERY_TABLE.search(sql)]
    stamps, as_of = stamps_of(named)
    views = {each.name: definition(each, stamps[each.name]) for each in named}
    folders = [f"{each.name}/" if each.sampled else f"{FOLDER}/{each.name}/" for each in named]
    return Tables(views, folders, as_of)


def stamps_of(named: Iterable[Collection]) -> tuple[dict[str, dict[int, int]], datetime | None]:
    """({collection: {session: stamp of its rows}}, the last change)."""
    stamps: dict[str, dict[int, int]] = {each.name: {} for each in named}
    last: datetime | None = None
    for name, session, stamp, changed_at in PieceVersion.objects.filter(collection__in=stamps).values_list(
        "collection", "session_id", "stamp", "changed_at"
    ):
        stamps[name][session] = stamp
        last = max(last or changed_at, changed_at)
    return stamps, last


def definition(collection: Collection, stamps: dict[int, int]) -> str:
    """The SELECT that reads a collection's files."""
    if collection.sampled:
        stored = next(Path(settings.MEDIA_ROOT).glob(f"{collection.name}{SAMPLE_FILES}"), None) if stamps else None
        return sample_definition(collection) if stored else empty_definition(collection)
    paths = [quote(str(fresh_file(part))) for part in parts(collection, stamps)]
    return f"SELECT * FROM read_parquet([{', '.join(paths)}])" if paths else empty_definition(collection)  # noqa: S608 - no input


def parts(collection: Collection, stamps: dict[int, int]) -> Iterator[Part]:
    """The seasons of which a collection has rows."""
    if collection.feed.lists:  # rows that come along with those of a session touch no version
        rows = collection.model._default_manager.aggregate(count=Count("pk"), last=Max("changed_at"))
        if rows["count"]:
            yield Part(collection, 0, (), digest(collection, (rows, stamps)))
        return
    seasons: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
    for session, race, year in Session.objects.order_by("pk").values_list("pk", "race_id", "year"):
        if session in stamps:
            seasons[year][session] = race, stamps[session]
    for year, state in sorted(seasons.items()):
        yield Part(collection, year, tuple(state), digest(collection, state))


def digest(collection: Collection, state: object) -> str:
    """A short name for the state of some rows; another version of the site may write other columns."""
    return hashlib.blake2b(repr((settings.VERSION, [*collection.columns], state)).encode(), digest_size=8).hexdigest()


def fresh_file(part: Part) -> Path:
    """The file with a part's rows, relative to MEDIA_ROOT; written where there is none that is fresh enough."""
    root = Path(settings.MEDIA_ROOT)
    if not (root / part.path).exists():
        recent = newest(root, part)
        if recent and recent.stat().st_mtime > time.time() - FRESH_SECONDS:
            return recent.relative_to(root)
        with alone(str(part.path)):
            if not (root / part.path).exists():
                write(part, root / part.path)
    discard_older(root, part)
    return part.path


def newest(root: Path, part: Part) -> Path | None:
    """The last file that was written of the season."""
    written = (root / part.folder).glob(f"{part.year}-*.parquet")
    return max(written, key=lambda path: path.stat().st_mtime, default=None)


def write(part: Part, path: Path) -> None:
    """Write a part's rows, as /v1 answers them, under a name that readers see when the file is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = part.collection.columns
    predicates = tuple(Predicate(columns["session_key"], "=", session) for session in part.sessions)
    query = Query(collection=part.collection, predicates=predicates, fields=tuple(columns.values()), format="parquet")
    source = source_of(query)
    unfinished = path.with_suffix(".part")
    try:
        with unfinished.open("wb") as file:
            file.writelines(source.write_chunks(query, source.read_chunks(query)))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def discard_older(root: Path, part: Part) -> None:
    """Delete files of earlier states, once nobody can be reading them any more."""
    if (root / part.path).stat().st_mtime > time.time() - SAME_MOMENT:
        return
    for path in (root / part.folder).glob(f"{part.year}-*.parquet"):
        if path.name != part.path.name:
            path.unlink(missing_ok=True)


def sample_definition(collection: Collection) -> str:
    """The SELECT that reads files of samples, whose paths name their session (a folder) and car."""
    sources = {
        "session_key": "session_id AS session_key",
        "driver_number": r"regexp_extract(filename, 'driver_number=(\d+)', 1)::INTEGER AS driver_number",
    }
    shown = ", ".join(sources.get(column.name, column.name) for column in columns_of(collection))
    path = quote(f"{collection.name}{SAMPLE_FILES}")
    return f"SELECT {shown} FROM read_parquet({path}, hive_partitioning = true, filename = true)"  # noqa: S608 - no input


def empty_definition(collection: Collection) -> str:
    """The SELECT of a table without rows."""
    cells = [f"NULL::{SQL_TYPES.get(column.type, 'VARCHAR')} AS {column.name}" for column in columns_of(collection)]
    return f"SELECT {', '.join(cells)} WHERE false"


def quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
