"""What timing the laps of a session needs, computed from its laps once and again after they, their samples or the circuit
changed.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

from api.queries import Instances, parameter
from mirror.models import PieceVersion
from mirror.storage import DamagedFile
from races.models import Circuit, Corner, Session
from telemetry.circuits import circuit_for, quick_laps, stored_line
from telemetry.lap_samples import Files, NoSamples, files_of, read_lap
from telemetry.models import DeltaCalibration, Lap, SampleFile

if TYPE_CHECKING:
    import numpy as np

    from telemetry.delta.centre_line import CentreLine
    from telemetry.delta.timing import LapSamples

LAPS = 240  # spread over the session: more make the figures no steadier than some per cent
PIECES = ("laps", "car_data", "location")
METRE_DECIMALS, SCALE_DECIMALS = 3, 6


@dataclass(frozen=True)
class Frame:
    """What the laps of one session are timed in."""

    circuit: Circuit | None
    line: "CentreLine | None"
    calibration: DeltaCalibration
    corners: list[Corner]

    @cached_property
    def lines(self) -> "np.ndarray":
        """Places of start, sector 1, sector 2 and finish in m along the centre line; NaN where unknown."""
        import numpy as np

        return np.array([np.nan if place is None else place for place in self.calibration.lines])

    def scale_of(self, car: int) -> float:
        scales = self.calibration.scales
        return float(scales.get(str(car), scales["0"]))

    def factors(self, level: int, distances: "np.ndarray") -> "np.ndarray":
        """What the filter's deviations are multiplied by at distances: those of the sector lines, linear between them."""
        import numpy as np

        first, second = self.calibration.factors[str(level)]
        begin, end = self.lines[1:3]
        known = np.isfinite(begin + end)
        return np.interp(distances, [begin, end], [first, second]) if known else np.full(len(distances), max(first, second))


def frame_tables(sessions: QuerySet[Session]) -> dict[str, QuerySet]:
    """What is stored of the frames of sessions."""
    numbers, circuits = (sessions.order_by().values(name) for name in ("pk", "circuit_key"))
    positions = SampleFile.objects.filter(collection="location", session__circuit_key__in=circuits).order_by()
    return {
        "positions": SampleFile.objects.filter(pk__in=positions.values("pk")[:1]),  # whether there are any
        "circuits": Circuit.objects.filter(pk__in=circuits),
        "corners": Corner.objects.filter(circuit__in=circuits),
        "calibrations": DeltaCalibration.objects.filter(session__in=numbers),
        "pieces": PieceVersion.objects.filter(session_id__in=numbers, collection__in=PIECES),
    }


@cache
def frame_query() -> Instances:
    return Instances(frame_tables(Session.objects.filter(pk=parameter("session"))))


def frame_of(session: Session, read: Mapping[str, list[Any]] | None = None) -> Frame:
    """The frame of a session, computed now where it is needed for the first time or something changed since.

    `read` has the rows of `frame_tables` where they have been read already.
    """
    read = frame_query().read_instances(session=session.pk) if read is None else read
    circuit = next((each for each in read["circuits"] if each.pk == session.circuit_key), None)
    corners = [corner for corner in read["corners"] if circuit and corner.circuit_id == circuit.pk]
    if circuit is None and read["positions"] and (circuit := circuit_for(session)):
        corners = [*circuit.corners.all()]
    line = stored_line(circuit) if circuit else None
    stored = next((each for each in read["calibrations"] if each.session_id == session.pk), None)
    inputs = inputs_of([piece for piece in read["pieces"] if piece.session_id == session.pk], circuit)
    if stored is None or stored.inputs != inputs:
        stored = calibrate(session, circuit, line, inputs=inputs)
    return Frame(circuit, line, stored, sorted(corners, key=lambda corner: corner.distance))


def inputs_of(pieces: Iterable[PieceVersion], circuit: Circuit | None) -> str:
    """A digest that changes with the laps and samples of a session and with its circuit."""
    texts = sorted(f"{piece.collection}={piece.stamp}" for piece in pieces)
    return hashlib.sha256(" ".join([*texts, circuit.samples if circuit else ""]).encode()).hexdigest()


def calibrate(session: Session, circuit: Circuit | None, line: "CentreLine | None", *, inputs: str) -> DeltaCalibration:
    """Compute and store the calibration of a session."""
    from telemetry.delta.validation import USUAL_FACTORS, factors, judge, leave_lines_out

    laps = sampled_laps(session.pk, line, most=LAPS)
    lines, scales = lines_and_scales(laps, circuit)
    complete = [lap for lap in laps if is_complete(lap, lines)]
    errors = leave_lines_out(complete, lines, scales)
    own = factors(errors)
    quality = judge(errors) if own else None
    if quality and not all(share == share for pair in quality.coverage.values() for share in pair):  # noqa: PLR0124 - NaN
        quality = None  # too few cars to judge the bands by others
    values = {
        "with_positions": any(lap.has_positions for lap in laps),
        "lines": [round(place, METRE_DECIMALS) if place == place else None for place in lines.tolist()],  # noqa: PLR0124 - NaN
        "scales": {str(car): round(scale, SCALE_DECIMALS) for car, scale in scales.items()},
        "factors": {str(level): [round(each, 3) for each in pair] for level, pair in (own or USUAL_FACTORS).items()},
        "quality": as_json(quality) if quality else None,
        "laps": len(complete),
        "inputs": inputs,
    }
    return DeltaCalibration.objects.update_or_create(session=session, defaults=values)[0]


def as_json(quality: Any) -> dict[str, Any]:
    return {
        "mae": [round(value, 1) for value in quality.mae],
        "coverage": {str(level): [round(share, 3) for share in shares] for level, shares in quality.coverage.items()},
        "half_width": {str(level): [round(each, 1) for each in widths] for level, widths in quality.half_width.items()},
    }


def sampled_laps(session_id: int, line: "CentreLine | None", *, most: int | None = None) -> list["LapSamples"]:
    """Laps at speed with samples in the order in which they began, at most so many, spread over the session."""
    files = files_of([session_id])
    cars = [car for _, car, collection in files if collection == "car_data"]
    quick = quick_laps(Lap.objects.filter(session_id=session_id, driver_number__in=cars))
    quick.sort(key=lambda lap: lap.date_start.timestamp() if lap.date_start else 0.0)
    chosen = quick if most is None or len(quick) <= most else [quick[int(at * len(quick) / most)] for at in range(most)]
    found = [samples for lap in chosen if (samples := try_to_read(lap, files, line)) is not None]
    with_positions = [samples for samples in found if samples.has_positions]
    return with_positions or found


def try_to_read(lap: Lap, files: Files, line: "CentreLine | None") -> "LapSamples | None":
    try:
        return read_lap(lap, files, line)[0]
    except (NoSamples, DamagedFile):
        return None


def lines_and_scales(laps: Sequence["LapSamples"], circuit: Circuit | None) -> tuple["np.ndarray", dict[int, float]]:
    """(places of the four lines in m, {car: scale}); without positions the sector lines of the circuit where they are known."""
    import numpy as np

    from telemetry.delta.session import find_lines, find_lines_by_speed, find_scales

    if circuit and any(lap.has_positions for lap in laps):
        lines = find_lines(laps, length=circuit.length)
    elif circuit:
        lines = np.array([0.0, circuit.sector_1 or np.nan, circuit.sector_2 or np.nan, circuit.length])
    else:
        lines = find_lines_by_speed(laps, length=None)
    return lines, find_scales(laps, lines)


def is_complete(lap: "LapSamples", lines: "np.ndarray") -> bool:
    """Whether a lap and the session have all four lines."""
    import numpy as np

    return bool(np.isfinite(lap.official).all() and np.isfinite(lines).all())
