"""Samples by lap: the trace of one lap, and a row of figures per lap. Pure functions over Arrow tables."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

NO_DATA = 104  # the value of throttle and brake when the car sends none
DRS_OPEN = (10, 12, 14)
FULL_THROTTLE = 99  # per cent; the pedal rarely reads 100 to the end of its travel
TRACE = ("speed", "rpm", "n_gear", "throttle", "brake", "drs")


class Window(NamedTuple):
    """The time from the start of a lap to its end."""

    lap_number: int
    start: datetime
    end: datetime


def windows(laps: list[tuple[int, datetime | None, float | None]]) -> list[Window]:
    """The windows of a car's laps, given as (lap_number, date_start, lap_duration).

    A lap ends after its duration, or where that is unknown at the start of the next; without either it has no window.
    """
    from datetime import timedelta

    laps = sorted(laps)
    starts = {number: start for number, start, _ in laps}
    lap_windows = []
    for number, start, duration in laps:
        end = start + timedelta(seconds=duration) if start and duration else starts.get(number + 1)
        if start and end and end > start:
            lap_windows.append(Window(number, start, end))
    return lap_windows


def to_arrays(table: "pa.Table") -> dict[str, "np.ndarray"]:
    """A table as numpy arrays: dates as datetime64[us], figures as floats; NaN is null, or a pedal that sends no data."""
    import numpy as np

    arrays = {"date": naive_dates(table["date"])}
    for name in table.column_names:
        if name != "date":
            values = to_array(table[name]).astype(float)
            arrays[name] = np.where(values == NO_DATA, np.nan, values) if name in ("throttle", "brake") else values
    return arrays


def naive_dates(dates: "pa.ChunkedArray") -> "np.ndarray":
    import pyarrow as pa

    return to_array(dates.cast(pa.timestamp("us")).cast("int64")).view("datetime64[us]")


def to_array(column: "pa.ChunkedArray") -> "np.ndarray":
    """A column of numbers; where no value is null by DLPack, because `to_numpy` imports pandas, which takes a second or two,
    unless that was spared."""
    import numpy as np

    array = column.combine_chunks()
    return array.to_numpy(zero_copy_only=False) if array.null_count else np.from_dlpack(array)


def numpy_datetime(value: datetime) -> "np.datetime64":
    import numpy as np

    return np.datetime64(value.astimezone(UTC).replace(tzinfo=None), "us")


def lap_slice(dates: "np.ndarray", window: Window) -> slice:
    """The slice of a lap's samples: from its start until just before its end."""
    import numpy as np

    first, last = np.searchsorted(dates, [numpy_datetime(window.start), numpy_datetime(window.end)])
    return slice(int(first), int(last))


def lap_figures(car: dict[str, "np.ndarray"], lap: slice) -> dict[str, Any]:
    """The figures of one lap: means, shares (0 to 1) and counts over its samples; None where no sample has data."""
    import numpy as np

    def measure(name: str, statistic: Callable[[np.ndarray], Any]) -> float | None:
        values = car[name][lap]
        values = values[~np.isnan(values)]
        return float(statistic(values)) if len(values) else None

    def share(test: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], Any]:
        return lambda values: test(values).mean()

    return {
        "avg_speed": measure("speed", np.mean),
        "max_speed": measure("speed", np.max),
        "mean_rpm": measure("rpm", np.mean),
        "median_gear": measure("n_gear", np.median),
        "gear_changes": measure("n_gear", lambda gears: np.count_nonzero(np.diff(gears))),
        "throttle_usage": measure("throttle", share(lambda v: v > 0)),
        "full_throttle": measure("throttle", share(lambda v: v >= FULL_THROTTLE)),
        "brake_usage": measure("brake", share(lambda v: v > 0)),
        "drs_usage": measure("drs", share(lambda v: np.isin(v, DRS_OPEN))),
        "samples": lap.stop - lap.start,
    }


def figures_per_lap(table: "pa.Table", laps: list[Window]) -> dict[int, dict[str, Any]]:
    """{lap_number: figures} of every lap that has samples."""
    car = to_arrays(table)
    slices = {window.lap_number: lap_slice(car["date"], window) for window in laps}
    return {number: lap_figures(car, lap) for number, lap in slices.items() if lap.stop > lap.start}


def trace(car_data: "pa.Table", location: "pa.Table | None", window: Window) -> list[dict[str, Any]]:
    """The samples of one lap in order: `date`, `time` (s since the lap began), `distance` (m), the car's channels, and x, y, z.

    Distance is speed integrated over time by the trapezoidal rule, the car taken to hold its first speed until the first sample.
    The position is the one nearest in time.
    """
    import numpy as np

    car = to_arrays(car_data)
    lap = lap_slice(car["date"], window)
    dates = car["date"][lap]
    if not len(dates):
        return []
    seconds = (dates - numpy_datetime(window.start)) / np.timedelta64(1, "s")
    metres_per_second = np.nan_to_num(car["speed"][lap]) / 3.6
    steps = np.diff(seconds) * (metres_per_second[1:] + metres_per_second[:-1]) / 2
    distance = np.concatenate([[0.0], np.cumsum(steps)]) + seconds[0] * metres_per_second[0]
    channels = {name: to_integers(car[name][lap]) for name in TRACE}
    channels |= nearest_positions(location, dates)
    stamps = [date.replace(tzinfo=UTC) for date in dates.tolist()]
    rows = zip(stamps, seconds.round(3).tolist(), distance.round(1).tolist(), *channels.values(), strict=True)
    return [dict(zip(("date", "time", "distance", *channels), row, strict=True)) for row in rows]


def nearest_positions(location: "pa.Table | None", dates: "np.ndarray") -> dict[str, list]:
    """x, y and z of the positions nearest in time to `dates`; None for all where no position was recorded."""
    import numpy as np

    if location is None or not location.num_rows:
        return {axis: [None] * len(dates) for axis in "xyz"}
    recorded = naive_dates(location["date"])
    after = np.searchsorted(recorded, dates).clip(1, max(len(recorded) - 1, 1))
    before = after - 1
    after = after.clip(max=len(recorded) - 1)
    index = np.where(dates - recorded[before] <= recorded[after] - dates, before, after)
    return {axis: location[axis].to_numpy()[index].tolist() for axis in "xyz"}


def to_integers(values: "np.ndarray") -> list[int | None]:
    """Floats with integer values as integers, NaN as None."""
    import numpy as np

    return [None if missing else int(value) for value, missing in zip(values, np.isnan(values), strict=True)]
