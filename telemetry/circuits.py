"""Circuits from the stored positions of cars: computed once, and again after positions of another session came in."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet

from mirror.models import Source
from mirror.storage import DamagedFile
from races.models import Circuit, Corner, Session
from telemetry.models import Lap, SampleFile
from telemetry.samples import files, laps

if TYPE_CHECKING:
    import numpy as np

    from telemetry.delta.centre_line import CentreLine, LapPath

LAPS_PER_SESSION = 60  # spread over all cars; more do not move the median
SLOWEST = 1.07  # of the session's fifth best lap: slower laps leave the line, to the pits or to let others by
MARGIN = 1.5  # s of positions before and after a lap
DECIMALS = 2  # of stored metres


def location_files(circuit_key: int) -> list[SampleFile]:
    """The files with positions of cars on a circuit, in a stable order."""
    rows = SampleFile.objects.filter(collection="location", session__circuit_key=circuit_key)
    return list(rows.order_by("session_id", "driver_number").select_related("session"))


def circuits_of(session_ids: Iterable[int | None] | None = None) -> list[int]:
    """The keys of the circuits that there are positions of: of these sessions, or of all."""
    rows = SampleFile.objects.filter(collection="location", session__circuit_key__isnull=False)
    if session_ids is not None:
        rows = rows.filter(session_id__in=list(session_ids))
    keys = rows.order_by("session__circuit_key").values_list("session__circuit_key", flat=True).distinct()
    return [key for key in keys if key is not None]


def circuit_for(session: Session) -> Circuit | None:
    """The circuit of a session, computed now where it is needed for the first time; None without positions of any session
    there.
    """
    if session.circuit_key is None:
        return None
    return Circuit.objects.filter(pk=session.circuit_key).first() or update_circuit(session.circuit_key)


def update_circuit(circuit_key: int, *, force: bool = False) -> Circuit | None:
    """Compute a circuit from all stored positions and store it; None where they hold no lap.

    Nothing is written where the stored row was computed from the same files, unless `force`. Corners that a person has edited
    stay.
    """
    from telemetry.delta.centre_line import build_centre_line

    rows = location_files(circuit_key)
    samples = hashlib.sha256("".join(row.sha256 for row in rows).encode()).hexdigest()
    stored = Circuit.objects.filter(pk=circuit_key).first()
    if stored and stored.samples == samples and not force:
        return stored
    driven: dict[int, list[tuple[Lap, LapPath]]] = {}
    for session_id in dict.fromkeys(row.session_id for row in rows):
        driven[session_id] = session_paths([row for row in rows if row.session_id == session_id])
    paths = [each for found in driven.values() for each in found]
    if not paths:
        return stored
    line = build_centre_line([path for _, path in paths])
    session = rows[-1].session
    values = {
        "circuit_name": session.circuit_name or f"circuit {circuit_key}",
        "length": round(line.length, DECIMALS),
        "clockwise": is_clockwise(line),
        **dict(zip(("sector_1", "sector_2"), sector_lines(line, paths), strict=True)),
        "centre_line": {axis: line.points[:, at].round(DECIMALS).tolist() for at, axis in enumerate("xyz")},
        "laps": len(paths),
        "sessions": sum(bool(found) for found in driven.values()),
        "samples": samples,
        "source": Source.DEMO if session.source == Source.DEMO else Source.OPENF1,
    }
    return store(circuit_key, values, line)


@transaction.atomic
def store(circuit_key: int, values: dict, line: "CentreLine") -> Circuit:
    from telemetry.delta.corners import find_corners

    circuit, _ = Circuit.objects.update_or_create(circuit_id=circuit_key, defaults=values)
    if not circuit.corners_edited:
        circuit.corners.all().delete()
        Corner.objects.bulk_create(
            Corner(circuit=circuit, number=corner.number, distance=round(corner.apex, 1)) for corner in find_corners(line)
        )
    return circuit


def stored_line(circuit: Circuit) -> "CentreLine":
    """The centre line of a stored circuit."""
    import numpy as np

    from telemetry.delta.centre_line import CentreLine

    return CentreLine(np.array([circuit.centre_line[axis] for axis in "xyz"]).T, circuit.length)


def is_clockwise(line: "CentreLine") -> bool:
    """Whether the line encloses a negative area, as y points upwards."""
    import numpy as np

    x, y = line.points[:, 0], line.points[:, 1]
    return bool(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) < 0)


def sector_lines(line: "CentreLine", paths: Sequence[tuple[Lap, "LapPath"]]) -> list[float | None]:
    """Where the first and the second sector end: the median place of the cars at the official times, None where there are
    none.
    """
    import numpy as np

    places: list[list[float]] = [[], []]
    for lap, path in paths:
        along, _ = line.project(path)
        for places_at, moment in zip(places, sector_times(lap, path.start), strict=True):
            if moment is not None:
                places_at.append(float(np.interp(moment, path.times, along)))
    return [round(float(np.median(each)), 1) if each else None for each in places]


def sector_times(lap: Lap, start: float) -> tuple[float | None, float | None]:
    first = start + lap.duration_sector_1 if lap.duration_sector_1 else None
    if first is not None and lap.duration_sector_2:
        return first, first + lap.duration_sector_2
    third = lap.duration_sector_3
    return first, start + lap.lap_duration - third if lap.lap_duration and third else None


def session_paths(rows: list[SampleFile]) -> list[tuple[Lap, "LapPath"]]:
    """Laps of a session at speed with their positions, spread over its cars; damaged files are left out."""
    quick = quick_laps(Lap.objects.filter(session_id=rows[0].session_id, driver_number__in=[row.driver_number for row in rows]))
    chosen = quick[:: max(1, len(quick) // LAPS_PER_SESSION)]
    found = []
    for row in rows:
        own = [lap for lap in chosen if lap.driver_number == row.driver_number]
        if not own:
            continue
        try:
            times, points = read_positions(row)
        except DamagedFile:
            continue
        found += [(lap, path) for lap in own if (path := lap_path(lap, times, points)) is not None]
    return found


def quick_laps(queryset: QuerySet[Lap]) -> list[Lap]:
    """Laps from line to line at about the session's best pace, in the order of cars and laps."""
    timed = list(queryset.filter(date_start__isnull=False, lap_duration__isnull=False).order_by("driver_number", "lap_number"))
    outs = {(lap.driver_number, lap.lap_number) for lap in timed if lap.is_pit_out_lap}
    best = sorted(lap.lap_duration or 0.0 for lap in timed)[:5]
    return [
        lap
        for lap in timed
        if lap.lap_number > 1
        and not {(lap.driver_number, lap.lap_number), (lap.driver_number, lap.lap_number + 1)} & outs
        and (lap.lap_duration or 0.0) <= SLOWEST * best[-1]
    ]


def read_positions(row: SampleFile) -> tuple["np.ndarray", "np.ndarray"]:
    """(times in s since 1970, rows of x, y, z in m) of a file, without the zeros of a car that has not moved."""
    import numpy as np

    table = files.read_table(row.name, row.sha256)
    points = np.stack([table[axis].to_numpy().astype(float) for axis in "xyz"], axis=-1) / 10
    times = laps.naive_dates(table["date"]).astype("int64") / 1e6
    moved = np.isfinite(points).all(axis=1) & points.any(axis=1)
    return times[moved], points[moved]


def lap_path(lap: Lap, times: "np.ndarray", points: "np.ndarray") -> "LapPath | None":
    """The positions of a lap; None where too few are left."""
    import numpy as np

    from telemetry.delta.centre_line import LapPath

    assert lap.date_start
    assert lap.lap_duration
    start = lap.date_start.timestamp()
    end = start + lap.lap_duration
    low, high = np.searchsorted(times, [start - MARGIN, end + MARGIN])
    covered = high - low > lap.lap_duration and times[low] <= start and times[high - 1] >= end
    return LapPath(times[low:high] - start, points[low:high], 0.0, lap.lap_duration) if covered else None
