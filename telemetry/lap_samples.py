"""The samples of stored laps, as `telemetry.delta` takes them."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from jobs.wording import plural
from mirror.limits import limits_of
from mirror.storage import DamagedFile
from telemetry.lap_rules import SECTOR_ROUNDING
from telemetry.models import Lap, SampleFile
from telemetry.samples import laps
from telemetry.samples.sources import way_to
from telemetry.samples.storage import read_through_memory

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from telemetry.delta.centre_line import CentreLine
    from telemetry.delta.timing import LapSamples

MARGIN = 2.0  # s of samples before and after a lap
MIN_SAMPLES = 20  # of a lap: fewer say nothing
CHANNELS = ("speed", "throttle", "brake", "n_gear", "rpm", "drs")

Files = dict[tuple[int, int, str], SampleFile]  # by session, car number and collection


class NoSamples(Exception):
    """A lap cannot be timed; str(error) says why, and what would help."""


def files_of(session_ids: Collection[int]) -> Files:
    """The sample files of sessions."""
    return files_by_key(SampleFile.objects.filter(session_id__in=session_ids).order_by())


def files_by_key(rows: Iterable[SampleFile]) -> Files:
    return {(row.session_id, row.driver_number, row.collection): row for row in rows}


def read_lap(lap: Lap, files_: Files, line: "CentreLine | None") -> tuple["LapSamples", dict[str, "np.ndarray"]]:
    """(samples for timing, the channels with their `time`, in s since the lap's start) of a lap; NoSamples says why there are
    none.

    The line is that of the circuit; without one, or without positions, the lap is timed by its speeds. DamagedFile where a file
    cannot be read.
    """
    import numpy as np

    from telemetry.delta.timing import LapSamples

    where = f"lap {lap.lap_number} of car {lap.driver_number} in session {lap.session_id}"
    if lap.date_start is None or lap.lap_duration is None:
        raise NoSamples(f"When {where} was driven is not known: it has no start or no time.")
    if lap.lap_duration > limits_of(Lap._meta.get_field("lap_duration"))[1]:  # type: ignore[arg-type]
        raise NoSamples(f"By its time {where} takes {lap.lap_duration:.3f} s, which no lap does: correct it first.")
    car_data = files_.get((lap.session_id, lap.driver_number, "car_data"))
    if car_data is None:
        raise NoSamples(f"There are no samples of {where}; {way_to(lap.session_id, 'car_data', 'location')}.")
    channels = between(read_through_memory(car_data.name, car_data.sha256), lap, CHANNELS)
    known = np.isfinite(channels["speed"])
    if known.sum() < MIN_SAMPLES:
        raise NoSamples(f"There {'is' if known.sum() == 1 else 'are'} only {plural(known.sum(), 'sample')} of {where}.")
    positions = along_track(lap, files_.get((lap.session_id, lap.driver_number, "location")), line)
    samples = LapSamples(
        car=lap.driver_number,
        times=channels["time"][known],
        speeds=channels["speed"][known] / 3.6,
        official=official_times(lap),
        position_times=positions[0],
        along=positions[1],
    )
    return samples, channels


def between(table: "pa.Table", lap: Lap, columns: Sequence[str]) -> dict[str, "np.ndarray"]:
    """The columns of a lap's samples as floats, with `time` in s since its start; of two samples with one stamp the first."""
    import numpy as np

    assert lap.date_start
    start = laps.numpy_datetime(lap.date_start)
    stamps = laps.naive_dates(table["date"])
    margin, length = np.timedelta64(int(1e6 * MARGIN), "us"), np.timedelta64(int(1e6 * (lap.lap_duration or 0)), "us")
    low, high = (int(at) for at in np.searchsorted(stamps, [start - margin, start + length + margin]))
    part = table.slice(low, high - low)
    times = (stamps[low:high] - start) / np.timedelta64(1, "s")
    fresh = np.diff(times, prepend=-np.inf) > 0
    found = {"time": times[fresh]}
    for name in columns:
        values = part[name].to_numpy(zero_copy_only=False).astype(float)[fresh]
        found[name] = np.where(values == laps.NO_DATA, np.nan, values) if name in ("throttle", "brake") else values
    return found


def along_track(lap: Lap, file: SampleFile | None, line: "CentreLine | None") -> tuple["np.ndarray", "np.ndarray"]:
    """(times, distances from the start line) of a lap's positions; empty where there are none, or too few from line to line."""
    import numpy as np

    from telemetry.delta.centre_line import LapPath

    nothing = np.empty(0), np.empty(0)
    if file is None or line is None:
        return nothing
    try:
        table = read_through_memory(file.name, file.sha256)
    except DamagedFile:
        return nothing
    found = between(table, lap, ("x", "y", "z"))
    points = np.stack([found[axis] for axis in "xyz"], axis=-1) / 10
    moved = np.isfinite(points).all(axis=1) & points.any(axis=1)
    times, points = found["time"][moved], points[moved]
    length = lap.lap_duration or 0.0
    if len(times) < length or times[0] > 1 or times[-1] < length - 1:
        return nothing
    along, _ = line.project(LapPath(times, points, 0.0, length))
    return times, along


def official_times(lap: Any) -> "np.ndarray":
    """Seconds since a lap's start at start, sector 1, sector 2 and finish, by its sector times; NaN where one is not known.

    Sectors that do not add up to the lap's time, or leave it, are not known: nobody can say which of them is wrong.
    """
    import numpy as np

    first, second, third, total = (
        np.nan if value is None else value
        for value in (lap.duration_sector_1, lap.duration_sector_2, lap.duration_sector_3, lap.lap_duration)
    )
    before_last = first + second if np.isfinite(first + second) else total - third
    official = np.array([0.0, first if np.isfinite(first) else before_last - second, before_last, total])
    rises = (np.diff(official[np.isfinite(official)]) > 0).all()
    if not rises or abs(first + second + third - total) > SECTOR_ROUNDING:
        official[1:3] = np.nan
    return official
