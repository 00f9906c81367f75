"""Files of samples, measured once for all checks that ask about them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry.samples import files
from telemetry.samples.laps import to_arrays

if TYPE_CHECKING:
    import numpy as np

LONGEST_GAP = 5.0  # seconds: cars send about four samples a second
GEARS = range(9)  # neutral and eight gears
DRS_CODES = {0, 1, 2, 3, 8, 9, 10, 12, 14}  # those that upstream documents, if only as unknown


class FileRow(NamedTuple):
    pk: int
    collection: str
    driver_number: int
    name: str
    rows: int


class Measured(NamedTuple):
    """What there is to say of one car's samples; shares are from 0 to 1."""

    file: FileRow
    there: bool = True  # the file can be read
    gaps: tuple[tuple[datetime, float], ...] = ()  # (moment before, seconds) of gaps over 5 s
    empty: dict[str, float] = {}  # share of samples without data, by channel
    odd: dict[str, list[int]] = {}  # codes that mean nothing, by channel
    repeated: int = 0  # samples of a moment that has another


def measure(file: FileRow) -> Measured:
    try:
        table = files.read_table(file.name)
    except FileNotFoundError:
        return Measured(file, there=False)
    if not table.num_rows:
        return Measured(file)
    return measure_arrays(file, to_arrays(table))


def measure_arrays(file: FileRow, car: "dict[str, np.ndarray]") -> Measured:
    """The measures of samples as arrays: `date` as datetime64[us], all else as floats with NaN for no data."""
    import numpy as np

    seconds = np.diff(car["date"]) / np.timedelta64(1, "s")
    long = np.flatnonzero(seconds > LONGEST_GAP)
    gaps = tuple((car["date"][i].item().replace(tzinfo=UTC), float(seconds[i])) for i in long)
    repeated = int(np.count_nonzero(seconds == 0))
    if file.collection == "location":
        still = (car["x"] == 0) & (car["y"] == 0) & (car["z"] == 0)
        return Measured(file, gaps=gaps, repeated=repeated, empty={"position": float(still.mean())})
    empty = {name: float(np.isnan(car[name]).mean()) for name in ("throttle", "brake")}
    odd = {"n_gear": outside(car["n_gear"], GEARS), "drs": outside(car["drs"], DRS_CODES)}
    return Measured(file, gaps=gaps, repeated=repeated, empty=empty, odd={name: codes for name, codes in odd.items() if codes})


def outside(values: "np.ndarray", usual: Any) -> list[int]:
    """The values that are not usual, each once."""
    import numpy as np

    return sorted({int(value) for value in np.unique(values[~np.isnan(values)])} - set(usual))
