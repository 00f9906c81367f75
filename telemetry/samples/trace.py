"""The trace of a stored lap, from the files of its car."""

from typing import Any

from rest_framework.exceptions import NotFound

from telemetry.models import Lap, SampleFile
from telemetry.samples import files, laps
from telemetry.samples.ingest import lap_windows
from telemetry.samples.sources import way_to


def lap_trace(lap: Lap) -> dict[str, Any]:
    """{lap_id, lap_number, driver_number, session_id, samples}; NotFound with the reason where there are no samples.

    DamagedFile where a file of the car cannot be read.
    """
    window = next((w for w in lap_windows(lap.session_id, lap.driver_number) if w.lap_number == lap.lap_number), None)
    if window is None:
        raise NotFound("When this lap was driven is not known: it has no start, or neither a time nor a lap after it.")
    stored = SampleFile.objects.filter(session_id=lap.session_id, driver_number=lap.driver_number)
    tables = {file.collection: files.read_table(file.name, file.sha256) for file in stored}
    if "car_data" not in tables:
        raise NotFound(
            f"There are no samples of car {lap.driver_number} in session {lap.session_id}; "
            f"{way_to(lap.session_id, 'car_data', 'location')}."
        )
    lap_fields = {name: getattr(lap, name) for name in ("lap_id", "session_id", "driver_number", "lap_number", "lap_duration")}
    return lap_fields | {"samples": laps.trace(tables["car_data"], tables.get("location"), window)}
