"""Datasets: laps and their features in one Parquet file, with a fingerprint of its content."""

import hashlib
import io
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from mirror.models import SyncRun
from mirror.storage import StorageUnavailable
from ml import cleaning, datasets, features
from ml.models import Dataset
from ml.models.experiments import VALID_NAME

if TYPE_CHECKING:
    import pandas as pd
    from django.db.models import QuerySet

    from races.models import Session

PREFIX = "feature_"  # of the columns with features
SOME = 6  # sessions that are in memory at once
NO_LAPS = "No laps of such sessions are stored; run sync_openf1 or load_demo."


class Data(NamedTuple):
    """Training data: `laps` from `datasets.load`, and `table` with their features, row by row."""

    laps: "pd.DataFrame"
    table: "pd.DataFrame"
    sha256: str
    stored: Dataset | None = None


class Written(NamedTuple):
    """What the file of a dataset holds."""

    rows: int
    excluded: dict[str, int]  # laps that each reason left out
    sha256: str


def load_data(**query: Collection[Any]) -> Data:
    """Load the laps of sessions (see `choose`) from the database and compute their features; ValueError if none."""
    laps = datasets.load(choose(**query))
    if laps.empty:
        raise ValueError(NO_LAPS)
    table = features.build(laps)
    return Data(laps, table, fingerprint(join_features(laps, table).items()))


def choose(
    *, seasons: Collection[int] = (), races: Collection[int] = (), session_names: Collection[str] = ()
) -> "QuerySet[Session]":
    """The sessions of a query, by default all races."""
    return datasets.sessions(seasons=seasons, races=races, names=session_names or ["Race"])


def build_dataset(*, name: str, replace: bool = False, **query: Collection[Any]) -> Dataset:
    """Store the laps of a query (see `choose`) as a named dataset.

    Raises ValidationError for an invalid name, and ValueError if there are no laps, or if the name belongs to a dataset with
    other content and `replace` is false. Runs keep the fingerprint of their training data when a dataset is replaced.
    """
    VALID_NAME(name)
    with TemporaryDirectory() as folder:
        path = Path(folder, "dataset.parquet")
        written = write_sessions(path, choose(**query))
        existing = Dataset.objects.filter(name=name).first()
        if existing and existing.sha256 == written.sha256 and default_storage.exists(existing.file):
            return existing
        if existing and not replace:
            raise ValueError(f"There is a dataset {name!r} with other content; choose another name, or replace it.")
        with transaction.atomic(), path.open("rb") as file:
            if existing:
                existing.delete()
                transaction.on_commit(lambda: default_storage.delete(existing.file))
            return Dataset.objects.create(
                name=name,
                query={key: list(values) for key, values in query.items() if values},
                sync_run=SyncRun.objects.order_by("-pk").first(),
                rules_version=str(cleaning.VERSION),
                rules=cleaning.RULES,
                file=default_storage.save(f"ml/datasets/{name}.parquet", File(file)),
                **written._asdict(),
            )


def write_sessions(path: Path, chosen: "QuerySet[Session]") -> Written:
    """Write the laps of sessions and their features to a Parquet file, a few sessions at a time: memory does not grow with them.

    ValueError if there are no laps.
    """
    import pyarrow.parquet as pq

    rows, excluded, parts = 0, Counter[str](), list[Path]()
    for laps, table in load_some(chosen):
        rows += len(laps)
        excluded.update(datasets.excluded(laps))
        parts.append(path.with_suffix(f".{len(parts)}"))
        join_features(laps, table).to_parquet(parts[-1], index=False, compression=None)
    if not rows:
        raise ValueError(NO_LAPS)
    join_parts(path, parts)
    file = pq.ParquetFile(path)
    columns = ((name, file.read(columns=[name])[name].to_pandas()) for name in file.schema_arrow.names)
    return Written(rows, dict(excluded), fingerprint(columns))


def load_some(chosen: "QuerySet[Session]") -> "Iterator[tuple[pd.DataFrame, pd.DataFrame]]":
    """(laps, features) of `SOME` sessions after the other: the rows that `datasets.load` gives at once, in its order."""
    from races.models import Session

    memory = features.Memory()
    keys = [*chosen.order_by("date_start", "session_id").values_list("session_id", flat=True)]
    for first in range(0, len(keys), SOME):
        laps = datasets.load(Session.objects.filter(session_id__in=keys[first : first + SOME]))
        if not laps.empty:
            yield laps, features.build(laps, memory)


def join_parts(path: Path, parts: Sequence[Path]) -> None:
    """One Parquet file of several, whose columns have one type: what one part has no values of, another may have."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.unify_schemas([pq.read_schema(part).remove_metadata() for part in parts], promote_options="permissive")
    with pq.ParquetWriter(path, schema) as writer:
        for part in parts:
            writer.write_table(pq.read_table(part).select(schema.names).cast(schema))


def read_dataset(name: str) -> Data:
    """Read a stored dataset; raises ValueError if the name is unknown, or if its file is missing or altered."""
    import pandas as pd

    row = Dataset.objects.filter(name=name).first()
    if row is None:
        names = ", ".join(Dataset.objects.values_list("name", flat=True)) or "none; build_dataset makes one"
        raise ValueError(f"There is no dataset {name!r}; there are: {names}.")
    try:
        with default_storage.open(row.file) as file:
            combined = pd.read_parquet(io.BytesIO(file.read()))
    except StorageUnavailable:
        raise
    except (OSError, ValueError) as error:
        raise ValueError(f"The file {row.file} of the dataset {name!r} cannot be read: {error}") from error
    if fingerprint(combined.items()) != row.sha256:
        raise ValueError(f"The file {row.file} of the dataset {name!r} has been altered: its fingerprint is another one.")
    columns = [column for column in combined if column.startswith(PREFIX)]
    table = combined[columns].rename(columns=lambda column: column.removeprefix(PREFIX))
    return Data(combined.drop(columns=columns), table, row.sha256, row)


def join_features(laps: "pd.DataFrame", table: "pd.DataFrame") -> "pd.DataFrame":
    """One table of laps and features; the prefix keeps the names of features apart from those of laps."""
    import pandas as pd

    return pd.concat([laps, table.add_prefix(PREFIX)], axis=1)


def fingerprint(columns: "Iterable[tuple[Any, pd.Series]]") -> str:
    """SHA-256 of the columns' names and values, independent of the file format and of dtypes."""
    import pandas as pd

    digest = hashlib.sha256()
    for name, column in columns:
        is_number = pd.api.types.is_numeric_dtype(column)
        # Texts and times are hashed as text, whatever their dtype.
        hashed = column if is_number else column.astype("object").where(column.notna(), "").map(str)
        digest.update(f"{name}\n".encode())
        digest.update(pd.util.hash_pandas_object(hashed, index=False).to_numpy().tobytes())
    return digest.hexdigest()
