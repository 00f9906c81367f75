"""Laps compared by distance: what the pages and programs show of two to four laps of any sessions of one circuit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from api.queries import Instances, parameter
from races.models import Session
from telemetry.calibrating import Frame, frame_of, frame_tables
from telemetry.lap_samples import CHANNELS, Files, NoSamples, files_by_key, read_lap
from telemetry.models import Lap, SampleFile
from telemetry.samples.sources import way_to

if TYPE_CHECKING:
    import numpy as np

    from telemetry.delta.comparison import CornerPass, Delta, Gain
    from telemetry.delta.timing import TimedLap

MOST_LAPS = 4
STEP = 10.0  # m between two places of a comparison
MINI_SECTORS = 25
STEPPED = ("n_gear", "drs", "brake")  # channels that jump: their last sample holds until the next


class LapKey(NamedTuple):
    """A lap of any session."""

    session_id: int
    driver_number: int
    lap_number: int


class CannotCompare(Exception):
    """Laps cannot be compared; str(error) says why, and what would help."""


@dataclass(frozen=True)
class ComparedLap:
    """One lap of a comparison, over its distances."""

    lap: Lap
    frame: Frame
    timed: "TimedLap"
    samples: dict[str, "np.ndarray"]  # the channels as sampled, with `time` on the official clock
    times: "np.ndarray"  # s since its start
    channels: dict[str, "np.ndarray"]  # at the distances; NaN for no data
    has_positions: bool


@dataclass(frozen=True)
class LapComparison:
    """Laps compared by distance; the first is the reference."""

    distances: "np.ndarray"  # m from the start line: every 10 m, the sector lines and the finish
    length: float
    lines: list[float | None]  # m of start, sector 1, sector 2 and finish
    laps: list[ComparedLap]
    deltas: "list[Delta]"  # of each lap but the first
    mini_sectors: "list[list[Gain]]"  # of each lap but the first, 25 of equal length
    corners: list["ComparedCorner"] = field(default_factory=list)

    @property
    def frame(self) -> Frame:
        """That of the reference's session."""
        return self.laps[0].frame


@dataclass(frozen=True)
class ComparedCorner:
    """A corner, how each lap goes through it, and what each but the first loses on the first in it."""

    label: str
    distance: float
    zone: tuple[float, float]
    passes: "list[CornerPass | None]"
    gains: "list[Gain]"

    @property
    def fastest(self) -> int | None:
        """The number of the lap that is faster than each other one beyond doubt; None where the bands overlap."""
        total = [0.0, *(gain.seconds for gain in self.gains)]
        half = [0.0, *(gain.half_95 for gain in self.gains)]
        best = min(range(len(total)), key=total.__getitem__)
        rivals = [at for at in range(len(total)) if at != best]
        apart = all(total[at] - total[best] > (half[at] ** 2 + half[best] ** 2) ** 0.5 for at in rivals)
        return best if rivals and apart else None


def compare_laps(keys: Sequence[LapKey], *, step: float = STEP) -> LapComparison:
    """Compare laps of sessions at one circuit; CannotCompare says why that is not possible."""
    import numpy as np

    if not 1 <= len(keys) <= MOST_LAPS:
        raise CannotCompare(f"{len(keys)} laps were named; one to {MOST_LAPS} can be compared.")
    read = read_rows(keys)
    frames = {session_id: frame_at(session_id, read) for session_id in dict.fromkeys(key.session_id for key in keys)}
    reference = frames[keys[0].session_id]
    if len({circuit_of(frame) for frame in frames.values()}) > 1:
        raise CannotCompare("These laps were driven on different circuits, so there is no distance to compare them by.")
    lines = reference.lines
    length = float(lines[3])
    if not np.isfinite(length):
        [source] = [session.source for session in read["sessions"] if session.pk == keys[0].session_id]
        way = way_to(keys[0].session_id, "car_data", "location", source=source)
        raise CannotCompare(f"There are no samples of speed or position of this session; {way}.")
    known = lines[np.isfinite(lines)]
    distances = np.union1d(np.arange(step * np.ceil(known[0] / step), length, step), known)
    stored = {LapKey(row.session_id, row.driver_number, row.lap_number): row for row in read["laps"]}
    files = files_by_key(read["files"])
    laps = [compare_lap(find_lap(key, stored), files, frames[key.session_id], lines=lines, distances=distances) for key in keys]
    factors = {level: reference.factors(level, distances) for level in (80, 95)}
    return LapComparison(
        distances=distances,
        length=length,
        lines=[float(place) if np.isfinite(place) else None for place in lines],
        laps=laps,
        deltas=[delta_to(laps[0], lap, distances, factors) for lap in laps[1:]],
        mini_sectors=[gains_between(laps[0], lap, np.linspace(0, length, MINI_SECTORS + 1)) for lap in laps[1:]],
        corners=corners_of(reference, laps, length),
    )


@cache
def rows_query() -> Instances:
    """What a comparison of the most laps rests on, and some more laps and files."""
    numbers, cars, laps = ([parameter(f"{name}_{at}") for at in range(MOST_LAPS)] for name in LapKey._fields)
    sessions = Session.objects.filter(pk__in=numbers)
    own = {"session__in": sessions.order_by().values("pk"), "driver_number__in": cars}
    laps_and_files = {"laps": Lap.objects.filter(**own, lap_number__in=laps), "files": SampleFile.objects.filter(**own)}
    return Instances({"sessions": sessions, **laps_and_files, **frame_tables(sessions)})


def read_rows(keys: Sequence[LapKey]) -> dict[str, list[Any]]:
    """The rows that a comparison rests on; where laps are fewer than the most, the first one is asked for again."""
    asked = [*keys, *[keys[0]] * (MOST_LAPS - len(keys))]
    values = {f"{name}_{at}": value for at, key in enumerate(asked) for name, value in key._asdict().items()}
    return rows_query().read_instances(**values)


def frame_at(session_id: int, read: Mapping[str, list[Any]]) -> Frame:
    for session in read["sessions"]:
        if session.pk == session_id:
            return frame_of(session, read)
    raise CannotCompare(f"There is no session {session_id} here.")


def circuit_of(frame: Frame) -> object:
    """What tells circuits apart: without positions of any session each session stands for itself."""
    return frame.circuit.pk if frame.circuit else frame.calibration.session_id


def find_lap(key: LapKey, laps: dict[LapKey, Lap]) -> Lap:
    if key not in laps:
        raise CannotCompare(f"There is no lap {key.lap_number} of car {key.driver_number} in session {key.session_id}.")
    return laps[key]


def compare_lap(lap: Lap, files: Files, frame: Frame, *, lines: "np.ndarray", distances: "np.ndarray") -> ComparedLap:
    """One lap, with its session's lines laid on those of the reference."""
    import numpy as np

    from telemetry.delta.timing import SPEED_LAG, time_lap

    try:
        samples, channels = read_lap(lap, files, frame.line)
    except NoSamples as error:
        raise CannotCompare(str(error)) from error
    timed = time_lap(samples, lines_for(frame, lines), scale=frame.scale_of(lap.driver_number))
    times = timed.time_at(distances)
    channels = channels | {"time": channels["time"] - SPEED_LAG * samples.has_positions - timed.offset}
    sampled = {name: at_times(channels["time"], channels[name], times, stepped=name in STEPPED) for name in CHANNELS}
    assert np.isfinite(times).all()
    return ComparedLap(lap, frame, timed, channels, times, sampled, samples.has_positions)


def lines_for(frame: Frame, lines: "np.ndarray") -> "np.ndarray":
    """The lines at which a session's laps are pinned: its own where it knows them, so that positions and lines agree.

    Lines of two sessions at one circuit differ by a metre at most, by the clocks of their samples; the reference's stand for
    both.
    """
    import numpy as np

    return np.where(np.isfinite(frame.lines), lines, np.nan) if frame.circuit else frame.lines


def at_times(moments: "np.ndarray", values: "np.ndarray", times: "np.ndarray", *, stepped: bool) -> "np.ndarray":
    """A channel at other times; NaN where no sample has data."""
    import numpy as np

    known = np.isfinite(values)
    if not known.any():
        return np.full(len(times), np.nan)
    if not stepped:
        return np.interp(times, moments[known], values[known])
    at = np.clip(np.searchsorted(moments[known], times, side="right") - 1, 0, None)
    return values[known][at]


def delta_to(reference: ComparedLap, lap: ComparedLap, distances: "np.ndarray", factors: dict[int, Any]) -> "Delta":
    from telemetry.delta.comparison import delta

    return delta(reference.timed, lap.timed, distances, factors_80=factors[80], factors_95=factors[95])


def gains_between(reference: ComparedLap, lap: ComparedLap, ends: "np.ndarray") -> "list[Gain]":
    from telemetry.delta.comparison import gains

    return gains(reference.timed, lap.timed, ends, factors_95=reference.frame.factors(95, (ends[1:] + ends[:-1]) / 2))


def corners_of(frame: Frame, laps: list[ComparedLap], length: float) -> list[ComparedCorner]:
    """The circuit's corners; none where it is not known."""
    import numpy as np

    from telemetry.delta.comparison import corner_pass, corner_reaches, corner_zones

    if not frame.corners:
        return []
    apexes = np.array([corner.distance for corner in frame.corners])
    zones = corner_zones(apexes, length)
    ends = np.array(zones).ravel()
    gains = [gains_between(laps[0], lap, ends)[::2] for lap in laps[1:]]  # without those from the end of a zone to the next
    return [
        ComparedCorner(
            label=corner.label,
            distance=corner.distance,
            zone=zones[at],
            passes=[corner_pass(lap.timed, lap.samples, zones[at], reach) for lap in laps],
            gains=[own[at] for own in gains],
        )
        for at, (corner, reach) in enumerate(zip(frame.corners, corner_reaches(apexes, length), strict=True))
    ]
