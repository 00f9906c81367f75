"""Files of samples, measured once for all checks that ask about them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from mirror.limits import limits_of
from mirror.storage import DamagedFile
from telemetry.models import CarSample, LocationSample
from telemetry.samples import files
from telemetry.samples.laps import to_arrays

if TYPE_CHECKING:
    import numpy as np

LONGEST_GAP = 5.0  # seconds: cars send about four samples a second
FASTEST = 120.0  # metres a second, 432 km/h: no car is faster
JUMP = 300.0  # metres beyond that: moments and positions of real samples are a little off, by up to 150 m
GEARS = range(9)  # neutral and eight gears
DRS_CODES = {0, 1, 2, 3, 8, 9, 10, 12, 14}  # those that upstream documents, if only as unknown
SAMPLES = {"car_data": CarSample, "location": LocationSample}


class FileRow(NamedTuple):
    pk: int
    collection: str
    driver_number: int
    name: str
    rows: int
    sha256: str = ""


class Measured(NamedTuple):
    """What there is to say of one car's samples; shares are from 0 to 1."""

    file: FileRow
    there: bool = True  # the file can be read
    damage: str = ""  # why not, if there is a file
    gaps: tuple[tuple[datetime, float], ...] = ()  # (moment before, seconds) of gaps over 5 s
    empty: dict[str, float] = {}  # share of samples without data, by channel
    odd: dict[str, list[int]] = {}  # codes that mean nothing, by channel
    repeated: int = 0  # samples of a moment that has another
    outside: dict[str, int] = {}  # samples outside the limits of their model, by channel
    first: datetime | None = None  # moments of the first and the last sample
    last: datetime | None = None
    jumps: tuple[int, float] = (0, 0.0)  # (number, longest in metres) of movements that no car can make


def measure(file: FileRow) -> Measured:
    try:
        table = files.read_table(file.name, file.sha256)
    except DamagedFile as error:
        return Measured(file, there=False, damage="" if isinstance(error.__cause__, FileNotFoundError) else error.fault)
    if not table.num_rows:
        return Measured(file)
    return measure_arrays(file, to_arrays(table))


def measure_arrays(file: FileRow, car: "dict[str, np.ndarray]") -> Measured:
    """The measures of samples as arrays: `date` as datetime64[us], all else as floats with NaN for no data."""
    import numpy as np

    seconds = np.diff(car["date"]) / np.timedelta64(1, "s")
    long = np.flatnonzero(seconds > LONGEST_GAP)
    shared: dict[str, Any] = {
        "gaps": tuple((moment(car["date"][i]), float(seconds[i])) for i in long),
        "repeated": int(np.count_nonzero(seconds == 0)),
        "outside": count_outside(file, car),
        "first": moment(car["date"][0]),
        "last": moment(car["date"][-1]),
    }
    if file.collection == "location":
        still = (car["x"] == 0) & (car["y"] == 0) & (car["z"] == 0)
        return Measured(file, **shared, empty={"position": float(still.mean())}, jumps=find_jumps(car, still))
    empty = {name: float(np.isnan(car[name]).mean()) for name in ("throttle", "brake")}
    odd = {"n_gear": outside(car["n_gear"], GEARS), "drs": outside(car["drs"], DRS_CODES)}
    return Measured(file, **shared, empty=empty, odd={name: codes for name, codes in odd.items() if codes})


def moment(date: "np.datetime64") -> datetime:
    naive: Any = date.item()
    return naive.replace(tzinfo=UTC)


def find_jumps(car: "dict[str, np.ndarray]", still: "np.ndarray") -> tuple[int, float]:
    """(number, longest in metres) of movements between two samples that no car can make; positions are in tenths of a metre."""
    import numpy as np

    there = ~(still | np.isnan(car["x"]) | np.isnan(car["y"]))
    metres = np.hypot(np.diff(car["x"][there]), np.diff(car["y"][there])) / 10
    seconds = np.diff(car["date"][there]) / np.timedelta64(1, "s")
    jumps = metres[metres > FASTEST * seconds + JUMP]
    return len(jumps), float(jumps.max()) if len(jumps) else 0.0


def count_outside(file: FileRow, car: "dict[str, np.ndarray]") -> dict[str, int]:
    """How many samples are outside the limits that their model declares, by channel."""
    import numpy as np

    limits = {field.name: limits_of(field) for field in SAMPLES[file.collection]._meta.concrete_fields if field.name != "date"}
    counts = {
        name: int(np.count_nonzero((car[name] < least) | (car[name] > most)))
        for name, (least, most) in limits.items()
        if name in car and least is not None
    }
    return {name: count for name, count in counts.items() if count}


def outside(values: "np.ndarray", usual: Any) -> list[int]:
    """The values that are not usual, each once."""
    import numpy as np

    return sorted({int(value) for value in np.unique(values[~np.isnan(values)])} - set(usual))
