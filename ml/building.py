"""Datasets: laps, and what was known of each before it began, in one Parquet file with a fingerprint of its content."""

import hashlib
import io
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from mirror.models import SyncRun
from ml import cleaning, datasets, features
from ml.models import Dataset
from ml.models.experiments import VALID_NAME

if TYPE_CHECKING:
    import pandas as pd

PREFIX = "feature_"  # of the columns that were known before the lap began


class Data(NamedTuple):
    """What models are trained on; `laps` as `datasets.load` gives them, `table` their features."""

    laps: "pd.DataFrame"
    table: "pd.DataFrame"
    sha256: str
    stored: Dataset | None = None


def gather(*, seasons: Collection[int] = (), races: Collection[int] = (), session_names: Collection[str] = ()) -> Data:
    """The laps of these sessions (of all races by default) from the database. ValueError where there are none."""
    laps = datasets.load(datasets.sessions(seasons=seasons, races=races, names=session_names or ["Race"]))
    if laps.empty:
        raise ValueError("No laps of such sessions are stored; sync_openf1 or load_demo brings some.")
    table = features.build(laps)
    return Data(laps, table, fingerprint(joined(laps, table)))


def build(*, name: str, replace: bool = False, **query: Collection[Any]) -> Dataset:
    """Store the laps of a query (as for `gather`) under a name.

    ValidationError for a bad name, ValueError where there are no laps, or where the name is taken by other content and is not to
    be replaced. Runs keep the fingerprint of what they learnt from, also when that is replaced.
    """
    VALID_NAME(name)
    data = gather(**query)
    before = Dataset.objects.filter(name=name).first()
    if before and before.sha256 == data.sha256 and default_storage.exists(before.file):
        return before
    if before and not replace:
        raise ValueError(f"There is a dataset {name!r} with other content; choose another name, or replace it.")
    buffer = io.BytesIO()
    joined(data.laps, data.table).to_parquet(buffer, index=False)
    with transaction.atomic():
        if before:
            before.delete()
            transaction.on_commit(lambda: default_storage.delete(before.file))
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


def read(name: str) -> Data:
    """A stored dataset. ValueError where there is none of that name, or where its file is not what was stored."""
    import pandas as pd

    row = Dataset.objects.filter(name=name).first()
    if row is None:
        names = ", ".join(Dataset.objects.values_list("name", flat=True)) or "none; build_dataset makes one"
        raise ValueError(f"There is no dataset {name!r}; there are: {names}.")
    try:
        with default_storage.open(row.file) as file:
            both = pd.read_parquet(io.BytesIO(file.read()))
    except (OSError, ValueError) as error:
        raise ValueError(f"The file {row.file} of the dataset {name!r} cannot be read: {error}") from error
    if fingerprint(both) != row.sha256:
        raise ValueError(f"The file {row.file} of the dataset {name!r} has been altered: its fingerprint is another one.")
    columns = [column for column in both if column.startswith(PREFIX)]
    table = both[columns].rename(columns=lambda column: column.removeprefix(PREFIX))
    return Data(both.drop(columns=columns), table, row.sha256, row)


def joined(laps: "pd.DataFrame", table: "pd.DataFrame") -> "pd.DataFrame":
    """One table of both; what both have is there twice, for a feature has a name of its own."""
    import pandas as pd

    return pd.concat([laps, table.add_prefix(PREFIX)], axis=1)


def fingerprint(table: "pd.DataFrame") -> str:
    """SHA-256 of the names and values of the columns, whichever library wrote the file and however it packed it."""
    import pandas as pd

    digest = hashlib.sha256()
    for name in table:
        column = table[name]
        if not pd.api.types.is_numeric_dtype(column):  # texts, times: by what they say, whatever they are held in
            column = column.astype("object").where(column.notna(), "").map(str)
        digest.update(f"{name}\n".encode())
        digest.update(pd.util.hash_pandas_object(column, index=False).to_numpy().tobytes())
    return digest.hexdigest()
