"""Samples cut into laps: the trace of one lap, and one line of figures per lap. Pure functions over Arrow tables."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

NO_DATA = 104  # what throttle and brake say when the car sends nothing
DRS_OPEN = (10, 12, 14)
FULL_THROTTLE = 99  # per cent; the pedal rarely reads 100 to the end of its travel
TRACE = ("speed", "rpm", "n_gear", "throttle", "brake", "drs")


class Window(NamedTuple):
    """When a lap was driven."""

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
    found = []
    for number, start, duration in laps:
        end = start + timedelta(seconds=duration) if start and duration else starts.get(number + 1)
        if start and end and end > start:
            found.append(Window(number, start, end))
    return found


def columns(table: "pa.Table") -> dict[str, "np.ndarray"]:
    """A table as numpy arrays: dates as datetime64[us], figures as floats; NaN is null, or a pedal that sends no data."""
    import numpy as np

    arrays = {"date": naive(table["date"])}
    for name in table.column_names:
        if name != "date":
            values = table[name].to_numpy().astype(float)
            arrays[name] = np.where(values == NO_DATA, np.nan, values) if name in ("throttle", "brake") else values
    return arrays


def naive(dates: "pa.ChunkedArray") -> "np.ndarray":
    import pyarrow as pa

    return dates.cast(pa.timestamp("us")).to_numpy()


def moment(value: datetime) -> "np.datetime64":
    import numpy as np

    return np.datetime64(value.astimezone(UTC).replace(tzinfo=None), "us")


def cut(dates: "np.ndarray", window: Window) -> slice:
    """The samples of a lap: from its start until just before its end."""
    import numpy as np

    first, last = np.searchsorted(dates, [moment(window.start), moment(window.end)])
    return slice(int(first), int(last))


def figures(car: dict[str, "np.ndarray"], lap: slice) -> dict[str, Any]:
    """One lap's line: means, shares (0 to 1) and counts over its samples; None where no sample has data."""
    import numpy as np

    def over(name: str, measure) -> float | None:
        values = car[name][lap]
        values = values[~np.isnan(values)]
        return float(measure(values)) if len(values) else None

    def share(test):
        return lambda values: test(values).mean()

    return {
        "avg_speed": over("speed", np.mean),
        "max_speed": over("speed", np.max),
        "mean_rpm": over("rpm", np.mean),
        "median_gear": over("n_gear", np.median),
        "gear_changes": over("n_gear", lambda gears: np.count_nonzero(np.diff(gears))),
        "throttle_usage": over("throttle", share(lambda v: v > 0)),
        "full_throttle": over("throttle", share(lambda v: v >= FULL_THROTTLE)),
        "brake_usage": over("brake", share(lambda v: v > 0)),
        "drs_usage": over("drs", share(lambda v: np.isin(v, DRS_OPEN))),
        "samples": lap.stop - lap.start,
    }


def per_lap(table: "pa.Table", laps: list[Window]) -> dict[int, dict[str, Any]]:
    """{lap_number: figures} of every lap that has samples."""
    car = columns(table)
    cuts = {window.lap_number: cut(car["date"], window) for window in laps}
    return {number: figures(car, lap) for number, lap in cuts.items() if lap.stop > lap.start}


def trace(car_data: "pa.Table", location: "pa.Table | None", window: Window) -> list[dict[str, Any]]:
    """The samples of one lap in order: `date`, `time` (s since the lap began), `distance` (m), the car's channels, and x, y, z.

    Distance is speed integrated over time by the trapezoidal rule, the car taken to hold its first speed until the first sample.
    The position is the one nearest in time.
    """
    import numpy as np

    car = columns(car_data)
    lap = cut(car["date"], window)
    dates = car["date"][lap]
    if not len(dates):
        return []
    seconds = (dates - moment(window.start)) / np.timedelta64(1, "s")
    metres_per_second = np.nan_to_num(car["speed"][lap]) / 3.6
    steps = np.diff(seconds) * (metres_per_second[1:] + metres_per_second[:-1]) / 2
    distance = np.concatenate([[0.0], np.cumsum(steps)]) + seconds[0] * metres_per_second[0]
    channels = {name: whole(car[name][lap]) for name in TRACE}
    channels |= nearest(location, dates)
    stamps = [date.replace(tzinfo=UTC) for date in dates.tolist()]
    rows = zip(stamps, seconds.round(3).tolist(), distance.round(1).tolist(), *channels.values(), strict=True)
    return [dict(zip(("date", "time", "distance", *channels), row, strict=True)) for row in rows]


def nearest(location: "pa.Table | None", dates: "np.ndarray") -> dict[str, list]:
    """x, y and z at the moments nearest to `dates`; None for all where no position was recorded."""
    import numpy as np

    if location is None or not location.num_rows:
        return {axis: [None] * len(dates) for axis in "xyz"}
    known = naive(location["date"])
    after = np.searchsorted(known, dates).clip(1, max(len(known) - 1, 1))
    before = after - 1
    after = after.clip(max=len(known) - 1)
    index = np.where(dates - known[before] <= known[after] - dates, before, after)
    return {axis: location[axis].to_numpy()[index].tolist() for axis in "xyz"}


def whole(values: "np.ndarray") -> list[int | None]:
    """Floats that are integers, NaN as None."""
    import numpy as np

    return [None if missing else int(value) for value, missing in zip(values, np.isnan(values), strict=True)]
