"""The trace of a stored lap, from the files of its car."""

from typing import Any

from django.core.files.storage import default_storage
from rest_framework.exceptions import NotFound

from telemetry.models import Lap
from telemetry.samples import files, laps
from telemetry.samples.ingest import lap_windows


def lap_trace(lap: Lap) -> dict[str, Any]:
    """{lap_id, lap_number, driver_number, session_id, samples}; NotFound with the reason where there are no samples."""
    window = next((w for w in lap_windows(lap.session_id, lap.driver_number) if w.lap_number == lap.lap_number), None)
    if window is None:
        raise NotFound("When this lap was driven is not known: it has no start, or neither a time nor a lap after it.")
    names = {kind: files.path(kind, lap.session_id, lap.driver_number) for kind in ("car_data", "location")}
    tables = {kind: files.read_table(name) for kind, name in names.items() if default_storage.exists(name)}
    if "car_data" not in tables:
        raise NotFound(
            f"There are no samples of car {lap.driver_number} in session {lap.session_id}; bring them in with "
            f"`manage.py sync_openf1 car_data location --session {lap.session_id}`."
        )
    lap_fields = {name: getattr(lap, name) for name in ("lap_id", "session_id", "driver_number", "lap_number", "lap_duration")}
    return lap_fields | {"samples": laps.trace(tables["car_data"], tables.get("location"), window)}
