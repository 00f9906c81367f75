"""Store upstream's samples of one car: its file, the row that describes the file, and the figures per lap."""

import logging
from collections import Counter
from typing import TYPE_CHECKING

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet

from drivers.models import Entry
from mirror import versions
from mirror.changes import Changes
from mirror.mapping import Mapping
from mirror.models import Source
from mirror.storage import DamagedFile
from telemetry.models import Lap, SampleFile, Telemetry
from telemetry.samples import files, laps

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)


def store(
    mapping: Mapping, rows: list[dict], *, session_id: int, driver_number: int, source: str, prune: bool, write: bool
) -> Changes:
    """Bring the file of one car in line with `rows`, upstream's answer for it; counts are of samples.

    Stored samples of dates that upstream no longer sends are kept unless `prune`. Nothing is written when nothing changed.
    """
    built, rejects = mapping.build(rows)
    key = {"collection": mapping.collection, "session_id": session_id, "driver_number": driver_number}
    known = SampleFile.objects.filter(**key).first()
    if not built and not known:
        return Changes(counts=Counter(rejected=len(rejects)), rejects=rejects)
    old = read_stored(known) if known else None
    if known and old is None and not built:  # an answer without samples does not mend a damaged file
        return Changes(counts=Counter(rejected=len(rejects)), rejects=rejects)
    merged = files.merge(old, files.make_table(mapping.columns, built), prune=prune and bool(built) and not rejects)
    counts = Counter(
        created=merged.created,
        updated=merged.updated,
        unchanged=merged.unchanged,
        vanished=merged.vanished,
        pruned=0 if merged.keeps_vanished else merged.vanished,
        rejected=len(rejects),
    )
    if write and (merged.changed or old is None):
        write_file(SampleFile(**key, source=source), merged.table)
        if mapping.collection == "car_data":
            summarise_laps(session_id, driver_number, merged.table, source=source)
    return Changes(counts=counts, rejects=rejects)


def append(mapping: Mapping, rows: list[dict], *, session_id: int, driver_number: int, source: str) -> Changes:
    """Add samples to the file of one car, as a live feed sends them; later samples of known moments take their place.

    The figures per lap are left to the caller.
    """
    built, rejects = mapping.build(rows)
    changes = Changes(counts=Counter(rejected=len(rejects)), rejects=rejects)
    if not built:
        return changes
    key = {"collection": mapping.collection, "session_id": session_id, "driver_number": driver_number}
    known = SampleFile.objects.filter(**key).first()
    merged = files.extend(read_stored(known) if known else None, files.make_table(mapping.columns, built))
    changes.counts.update(created=merged.created, updated=merged.updated, unchanged=merged.unchanged)
    if merged.changed:
        with transaction.atomic():
            write_file(known or SampleFile(**key, source=source), merged.table)
    return changes


def read_stored(file: SampleFile) -> "pa.Table | None":
    """The rows of a file; None where it is damaged or missing, which is logged."""
    try:
        return files.read_table(file.name, file.sha256)
    except DamagedFile as error:
        log.warning("%s", error)
        return None


def write_file(file: SampleFile, table: "pa.Table") -> None:
    """Write the table as the content of the file and store the row that describes it."""
    content = files.encode(table)
    file.name = files.path(file.collection, file.session_id, file.driver_number)
    file.driver_id = Entry.objects.numbers(file.session_id).get(file.driver_number)
    file.rows, file.size, file.sha256 = table.num_rows, len(content), files.sha256(content)
    dates = table["date"]
    if len(dates):
        file.first_date, file.last_date = dates[0].as_py(), dates[-1].as_py()
    files.store(file.name, content)
    versions.touch(file.collection, file.session_id)
    SampleFile.objects.bulk_create(
        [file],
        update_conflicts=True,
        unique_fields=["session", "driver_number", "collection"],
        update_fields=["name", "driver", "rows", "size", "sha256", "first_date", "last_date", "changed_at"],
    )


def lap_windows(session_id: int, driver_number: int) -> list[laps.Window]:
    rows = Lap.objects.filter(session_id=session_id, driver_number=driver_number)
    return laps.windows(list(rows.values_list("lap_number", "date_start", "lap_duration")))


def summarise_laps(session_id: int, driver_number: int, table: "pa.Table", *, source: str) -> None:
    """Compute and store the figures of every lap of a car; figures that a person entered stay."""
    figures = laps.figures_per_lap(table, lap_windows(session_id, driver_number))
    driver = Entry.objects.numbers(session_id).get(driver_number)
    car = {"session_id": session_id, "driver_number": driver_number}
    stored = Telemetry.objects.filter(**car)
    manual = set(stored.filter(source=Source.MANUAL).values_list("lap_number", flat=True))
    stored.exclude(source=Source.MANUAL).exclude(lap_number__in=figures).delete()
    rows = [Telemetry(**car, driver_id=driver, source=source, lap_number=n, **f) for n, f in figures.items() if n not in manual]
    Telemetry.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["session", "driver_number", "lap_number"],
        update_fields=[*(next(iter(figures.values()))), "changed_at"] if figures else ["changed_at"],
    )


def summarise_session(session_id: int, driver_number: int | None = None) -> None:
    """Compute the figures per lap anew after laps of a session, or of one of its cars, changed; of cars with stored samples."""
    car_files = SampleFile.objects.filter(session_id=session_id, collection="car_data")
    for file in car_files if driver_number is None else car_files.filter(driver_number=driver_number):
        if (table := read_stored(file)) is not None:
            summarise_laps(session_id, file.driver_number, table, source=file.source)


def count_samples(collection: str, session_id: int, driver_number: int) -> int:
    """The number of stored samples of a car; 0 when its file is damaged or missing."""
    file = SampleFile.objects.filter(collection=collection, session_id=session_id, driver_number=driver_number).first()
    try:
        return file.rows if file and files.read_verified(file.name, file.sha256) else 0
    except DamagedFile as error:
        log.warning("%s", error)
        return 0


def delete_files(rows: QuerySet[SampleFile]) -> int:
    """Delete files with the rows that describe them, and return their number."""
    names = list(rows.values_list("name", flat=True))
    pieces = set(rows.order_by().values_list("collection", "session_id"))
    rows.delete()
    for collection, session_id in pieces:
        versions.touch(collection, session_id)
    for name in names:
        default_storage.delete(name)
    return len(names)
