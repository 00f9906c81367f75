"""Export of laps to CSV."""

import csv
from collections import Counter
from typing import Protocol

from django.db.models.functions import Coalesce

from telemetry.models.clean_laps import FLAWS, LapQuerySet

COLUMNS = {  # column of the file: field of a lap with its stint
    "race_id": "session__race_id",
    "session_id": "session_id",
    "session_name": "session__session_name",
    "driver_id": "driver_id",
    "circuit_location": "circuit_location",
    "lap_number": "lap_number",
    "stint_number": "stint_number",
    "stint_lap_number": "stint_lap_number",
    "tyre_compound": "tyre_compound",
    "tyre_age_at_start": "tyre_age_at_start",
    "duration_sector_1": "duration_sector_1",
    "duration_sector_2": "duration_sector_2",
    "duration_sector_3": "duration_sector_3",
    "pit_in_time": "pit_in_time",
    "pit_out_time": "pit_out_time",
    "track_status": "track_status",
    "lap_duration": "lap_duration",
}


class Writable(Protocol):
    def write(self, text: str, /) -> object: ...


def write_laps(laps: LapQuerySet, out: Writable) -> tuple[int, Counter[str]]:
    """Write the clean laps among `laps`, oldest first; returns (rows written, {flaw: number of laps excluded for it}).

    Rows are streamed, so that memory does not grow with their number.
    """
    rows = (
        laps.with_flaw()
        .annotate(circuit_location=Coalesce("session__location", "session__race__location"))
        .order_by("session__date_start", "session_id", "driver_number", "lap_number")
        .values_list("flaw", *COLUMNS.values())
    )
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    written, excluded = 0, Counter(dict.fromkeys(FLAWS, 0))
    for flaw, *row in rows.iterator(chunk_size=500):
        if flaw:
            excluded[flaw] += 1
        else:
            writer.writerow(row)
            written += 1
    return written, excluded
