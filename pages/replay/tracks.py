"""Where each car was every second of a race: from samples of its location, else from its laps along the track.

Coordinates are metres from the feed's own origin. numpy and pyarrow are imported in functions.
"""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from mirror.storage import DamagedFile
from pages.replay.tables import replay_tables
from pages.rows import LapRow, ResultRow, SessionRows
from pages.timing import Ends
from telemetry.samples import files
from telemetry.samples.laps import naive_dates

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

log = logging.getLogger(__name__)
METRES = 0.1  # of a unit of the feed
RADII = (900.0, 450.0)  # of the loop that stands for a track of which nothing is known
LOOP_POINTS = 120
LINE_SAMPLES = 100  # of a lap that draws the track
MOVED = 5.0  # metres a second below which a car that has retired stands
STANDING = 20  # seconds for which it is shown then
Path = list[tuple[float, float]]  # corners of the track's line from the start line on; the last leads to the first again


class Line(NamedTuple):
    """The line of a circuit, and where its first two sectors end, as shares of a lap; without sectors where they are unknown."""

    path: Path
    sectors: tuple[float, ...] = ()
    version: str = ""  # changes with the line


class Tracks(NamedTuple):
    """The places of all cars: a row per car and a column per second."""

    cars: list[int]
    x: "np.ndarray"
    y: "np.ndarray"
    until: dict[int, int]  # the second after which a car is not shown any more
    outline: Path
    basis: str  # samples, line (laps along the known track) or loop (laps along a loop that stands for it)


def stored_line(rows: SessionRows) -> Line | None:
    """The centre line of the circuit of a session; None where none is stored."""
    for circuit in rows.more(replay_tables)["circuits"]:
        sectors = (circuit.sector_1, circuit.sector_2)
        shares = tuple(place / circuit.length for place in sectors if place)
        path = list(zip(circuit.centre_line["x"], circuit.centre_line["y"], strict=True))
        return Line(path, shares if len(shares) == len(sectors) else (), f"{circuit.samples} {circuit.length} {shares}")
    return None


def location_tables(rows: SessionRows) -> "dict[int, pa.Table]":
    """{car: its samples of location}; cars whose file is damaged are left out."""
    tables = {}
    for file in sorted(rows.more(replay_tables)["files"], key=lambda file: file.driver_number):
        try:
            tables[file.driver_number] = files.read_table(file.name, file.sha256, ["date", "x", "y"])
        except DamagedFile as error:
            log.warning("%s", error)
    return tables


def tracks_of(
    rows: SessionRows,
    ends: Ends,
    tables: "Mapping[int, pa.Table]",
    *,
    start: float,
    seconds: int,
    line: Line | None = None,
) -> Tracks:
    """The places of the cars that started; `start` is the Unix time of the first second, `line` the circuit's stored one.

    Of a car that retired on its first lap no lap tells anything: without samples it stands on the line at the start, and is gone.
    """
    import numpy as np

    cars = starters(rows, ends)
    sampled = {
        car: place
        for car in cars
        if car in tables and (place := resampled(tables[car], start=start, seconds=seconds)) is not None
    }
    outline = line or Line(driven_line(rows, ends, tables))
    path = outline.path or schematic_loop()
    places = {
        car: sampled[car]
        if car in sampled
        else along(path, progress(rows.laps_of.get(car, []), ends.get(car, {}), outline.sectors, start=start), seconds=seconds)
        for car in cars
    }
    x, y = (np.array([place[axis] for place in places.values()]).reshape(len(cars), seconds) for axis in (0, 1))
    until = {car: last_second(rows.result_of.get(car), ends.get(car, {}), place, start=start) for car, place in places.items()}
    return Tracks(cars, x, y, until, path, "samples" if sampled else "line" if outline.path else "loop")


def starters(rows: SessionRows, ends: Ends) -> list[int]:
    """The cars that ended a lap, and those that retired on their first, as they stood on the grid."""
    driven = [car for car in ends if ends[car]]
    retired = [row.driver_number for row in rows.results if row.dnf and not row.dns and not row.number_of_laps]
    cars = [*driven, *(car for car in retired if car not in driven)]
    grid = {row.driver_number: row.position for row in rows.grid}
    return sorted(cars, key=lambda car: (car not in grid, grid.get(car, 0)))


def resampled(table: "pa.Table", *, start: float, seconds: int) -> "np.ndarray | None":
    """x and y in metres at every second, interpolated between samples; None without two samples within that time."""
    import numpy as np

    x, y = (table[axis].to_numpy().astype(float) for axis in ("x", "y"))
    at = naive_dates(table["date"]).astype("int64") / 1e6 - start
    known = ~np.isnan(x) & ~np.isnan(y) & ((x != 0) | (y != 0)) & (at > -60) & (at < seconds + 60)
    if np.count_nonzero(known) < 2:
        return None
    grid = np.arange(seconds)
    return np.array([np.interp(grid, at[known], axis[known] * METRES) for axis in (x, y)])


def driven_line(rows: SessionRows, ends: Ends, tables: "Mapping[int, pa.Table]") -> Path:
    """The line of the fastest lap that samples cover, from the start line on; empty without one."""
    timed = [lap for lap in rows.laps if rows.seconds_of(lap) and lap.driver_number in tables and not lap.is_pit_out_lap]
    for lap in sorted(timed, key=lambda each: each.lap_duration or 0.0):
        end = ends.get(lap.driver_number, {}).get(lap.lap_number)
        if end is not None and lap.lap_duration:
            corners = samples_between(tables[lap.driver_number], end - lap.lap_duration, end)
            if len(corners) > LINE_SAMPLES:
                return corners
    return []


def samples_between(table: "pa.Table", begin: float, end: float) -> Path:
    import numpy as np

    at = naive_dates(table["date"]).astype("int64") / 1e6
    first, last = np.searchsorted(at, [begin, end])
    x, y = (table[axis].to_numpy()[first:last].astype(float) * METRES for axis in ("x", "y"))
    return [(float(px), float(py)) for px, py in zip(x, y, strict=True) if px or py]


def schematic_loop() -> Path:
    """An ellipse, which says nothing about the circuit but in which order the cars go round it."""
    from math import cos, pi, sin

    angles = [2 * pi * number / LOOP_POINTS for number in range(LOOP_POINTS)]
    return [(RADII[0] * sin(angle), -RADII[1] * cos(angle)) for angle in angles]


def progress(laps: list[LapRow], own: dict[int, float], sectors: tuple[float, ...], *, start: float) -> list[tuple[float, float]]:
    """(second, laps done) of a car where its times tell it: at the line, and at the ends of sectors; own: {lap: Unix time}."""
    if not own:
        return [(0.0, 0.0)]
    found: list[tuple[float, float]] = []
    for lap in laps:
        end = own.get(lap.lap_number)
        if end is None:
            continue
        before = own.get(lap.lap_number - 1)
        whole = lap.lap_duration if before is None else end - before
        begin = 0.0 if lap.lap_number == 1 else end - start - (whole or 1.0)
        if not found:
            found.append((begin, lap.lap_number - 1.0))
        first, second = lap.duration_sector_1, lap.duration_sector_2
        if sectors and first and second and whole and first + second < whole:
            done = zip((first, first + second), sectors, strict=True)
            found += [(end - start - whole + seconds, lap.lap_number - 1 + share) for seconds, share in done]
        found.append((end - start, float(lap.lap_number)))
    return found


def along(path: Path, done: list[tuple[float, float]], *, seconds: int) -> "np.ndarray":
    """x and y at every second of a car that goes along the path at constant speed between the times of `progress`."""
    import numpy as np

    corners = np.array([*path, path[0]])
    steps = np.hypot(*np.diff(corners, axis=0).T)
    share = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
    times, laps = np.array(done).T
    place = np.interp(np.arange(seconds), np.maximum.accumulate(times), laps) % 1.0
    return np.array([np.interp(place, share, corners[:, axis]) for axis in (0, 1)])


def last_second(result: ResultRow | None, own: dict[int, float], place: "np.ndarray", *, start: float) -> int:
    """The second until which a car is shown: the last one, or of a car that retired when it stood or its last lap ended."""
    import numpy as np

    if result is None or not (result.dnf or result.dsq or result.dns):
        return place.shape[1] - 1
    moving = np.flatnonzero(np.hypot(*np.diff(place, axis=1)) > MOVED)
    stood = int(moving[-1]) + STANDING if len(moving) else 0
    return min(max(int(max(own.values(), default=start) - start), stood), place.shape[1] - 1)
