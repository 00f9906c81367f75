"""Datasets: laps and their features in one Parquet file, with a fingerprint of its content."""

import hashlib
import io
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from mirror.models import SyncRun
from mirror.storage import StorageUnavailable
from ml import cleaning, datasets, features
from ml.models import Dataset
from ml.models.experiments import VALID_NAME

if TYPE_CHECKING:
    import pandas as pd

PREFIX = "feature_"  # of the columns with features


class Data(NamedTuple):
    """Training data: `laps` from `datasets.load`, and `table` with their features, row by row."""

    laps: "pd.DataFrame"
    table: "pd.DataFrame"
    sha256: str
    stored: Dataset | None = None


def load_data(*, seasons: Collection[int] = (), races: Collection[int] = (), session_names: Collection[str] = ()) -> Data:
    """Load the laps of sessions (by default of all races) from the database and compute their features; ValueError if none."""
    laps = datasets.load(datasets.sessions(seasons=seasons, races=races, names=session_names or ["Race"]))
    if laps.empty:
        raise ValueError("No laps of such sessions are stored; run sync_openf1 or load_demo.")
    table = features.build(laps)
    return Data(laps, table, fingerprint(join_features(laps, table)))


def build_dataset(*, name: str, replace: bool = False, **query: Collection[Any]) -> Dataset:
    """Store the laps of a query (see `load_data`) as a named dataset.

    Raises ValidationError for an invalid name, and ValueError if there are no laps, or if the name belongs to a dataset with
    other content and `replace` is false. Runs keep the fingerprint of their training data when a dataset is replaced.
    """
    VALID_NAME(name)
    data = load_data(**query)
    existing = Dataset.objects.filter(name=name).first()
    if existing and existing.sha256 == data.sha256 and default_storage.exists(existing.file):
        return existing
    if existing and not replace:
        raise ValueError(f"There is a dataset {name!r} with other content; choose another name, or replace it.")
    buffer = io.BytesIO()
    join_features(data.laps, data.table).to_parquet(buffer, index=False)
    with transaction.atomic():
        if existing:
            existing.delete()
            transaction.on_commit(lambda: default_storage.delete(existing.file))
        return Dataset.objects.create(
            name=name,
            query={key: list(values) for key, values in query.items() if values},
            rows=len(data.laps),
            sync_run=SyncRun.objects.order_by("-pk").first(),
            sha256=data.sha256,
            excluded=datasets.excluded(data.laps),
            rules_version=str(cleaning.VERSION),
            rules=cleaning.RULES,
            file=default_storage.save(f"ml/datasets/{name}.parquet", ContentFile(buffer.getvalue())),
        )


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
    if fingerprint(combined) != row.sha256:
        raise ValueError(f"The file {row.file} of the dataset {name!r} has been altered: its fingerprint is another one.")
    columns = [column for column in combined if column.startswith(PREFIX)]
    table = combined[columns].rename(columns=lambda column: column.removeprefix(PREFIX))
    return Data(combined.drop(columns=columns), table, row.sha256, row)


def join_features(laps: "pd.DataFrame", table: "pd.DataFrame") -> "pd.DataFrame":
    """One table of laps and features; the prefix keeps the names of features apart from those of laps."""
    import pandas as pd

    return pd.concat([laps, table.add_prefix(PREFIX)], axis=1)


def fingerprint(table: "pd.DataFrame") -> str:
    """SHA-256 of the columns' names and values, independent of the file format and of dtypes."""
    import pandas as pd

    digest = hashlib.sha256()
    for name in table:
        column = table[name]
        if not pd.api.types.is_numeric_dtype(column):  # texts and times are hashed as text, whatever their dtype
            column = column.astype("object").where(column.notna(), "").map(str)
        digest.update(f"{name}\n".encode())
        digest.update(pd.util.hash_pandas_object(column, index=False).to_numpy().tobytes())
    return digest.hexdigest()
