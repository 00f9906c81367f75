"""What the views of telemetry and of the map show of compared laps: columns over the distance, as JSON and the page have them."""

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from django.db.models import Subquery

from api.memory import Memory
from api.queries import Statement, statement
from jobs.wording import plural
from mirror.models import PieceVersion
from mirror.storage import DamagedFile
from pages.chart import Table
from pages.lap_choice import ChosenLap
from pages.page_versions import stamps
from races.models import Circuit
from telemetry.lap_comparison import CannotCompare, ComparedCorner, LapComparison, compare_laps

if TYPE_CHECKING:
    import numpy as np

COLLECTIONS = ("laps", "car_data", "location")
CHANNELS = {"speed": ("speed", 1), "throttle": ("throttle", 0), "brake": ("brake", 0)}  # {column: (channel, digits)}
CHANNELS |= {"gear": ("n_gear", 0), "rpm": ("rpm", 0), "drs": ("drs", 0)}
UNITS = {"speed": "km/h", "throttle": "%", "brake": "%", "gear": "", "rpm": "", "drs": ""}
TABLE_STEP = 50  # m between the rows of the table on the page; its CSV has every 10 m
KEPT = 20  # comparisons in memory
kept = Memory[dict[str, Any]](largest=1, total=KEPT)


@cache
def version_statement() -> Statement:
    circuit = Circuit.objects.order_by("-computed_at")
    newest = (Subquery(circuit.values(name)[:1]) for name in ("computed_at", "corners_edited"))
    return statement(PieceVersion.objects.order_by().values_list(stamps(collection__in=COLLECTIONS), *newest)[:1])


def version(session_id: int) -> object:
    """Changes with laps and samples of all sessions, for a lap of any can be named, and with the circuits."""
    return next(iter(version_statement().run()), None)


def compared(chosen: list[ChosenLap], asked_at: object) -> dict[str, Any] | str:
    """The columns of these laps, or in words why there are none; kept for the version that `asked_at` names."""
    key = repr((chosen, asked_at))
    found = kept.get(key)
    if found is None:
        try:
            found = columns_of(compare_laps([lap.key for lap in chosen]), chosen)
        except (CannotCompare, DamagedFile) as error:
            return str(error)
        kept.put(key, found, 1)
    return found


def columns_of(comparison: LapComparison, chosen: list[ChosenLap]) -> dict[str, Any]:
    """Keys: laps, distance, a column per channel and lap (`speed_VER-20`), delta and its bands, lines, corners, mini-sectors,
    circuit.

    Of a third and fourth lap the delta is `delta_HAM-20` (so is that of the second, besides its plain name).
    """
    columns: dict[str, Any] = {
        "laps": [lap_row(lap, each) for lap, each in zip(comparison.laps, chosen, strict=True)],
        "distance": rounded(comparison.distances, 1),
    }
    for lap, each in zip(comparison.laps, chosen, strict=True):
        columns[f"time_{each.label}"] = rounded(lap.times, 3)
        columns |= {
            f"{name}_{each.label}": rounded(lap.channels[channel], digits) for name, (channel, digits) in CHANNELS.items()
        }
    for at, (delta, each) in enumerate(zip(comparison.deltas, chosen[1:], strict=True)):
        named = {"delta": delta.seconds, "delta_band": delta.half_80, "delta_band_95": delta.half_95}
        for name, values in named.items():
            columns[f"{name}_{each.label}"] = rounded(values, 3)
            if at == 0:
                columns[name] = columns[f"{name}_{each.label}"]
    columns["lines"] = comparison.lines
    columns["length"] = comparison.length
    columns["corners"] = [corner_row(corner, chosen) for corner in comparison.corners]
    columns["mini_sectors"] = mini_sectors(comparison, chosen)
    columns["circuit"] = circuit_of(comparison)
    columns["quality"] = quality_of(comparison)
    return columns


def rounded(values: "np.ndarray", digits: int) -> list[Any]:
    """As JSON has them: None for no data, integers where no digits are wanted."""
    whole = digits == 0
    return [None if value != value else int(value) if whole else value for value in values.round(digits).tolist()]  # noqa: PLR0124


def lap_row(lap: Any, chosen: ChosenLap) -> dict[str, Any]:
    row = lap.lap
    return {
        "label": chosen.label,
        "session_id": row.session_id,
        "driver_number": row.driver_number,
        "lap_number": row.lap_number,
        "lap_duration": row.lap_duration,
        "sectors": [row.duration_sector_1, row.duration_sector_2, row.duration_sector_3],
        "traps": {"i1": row.i1_speed, "i2": row.i2_speed, "st": row.st_speed},
        "with_positions": lap.has_positions,
        "car": msgspec.to_builtins(chosen.car),
    }


def corner_row(corner: ComparedCorner, chosen: list[ChosenLap]) -> dict[str, Any]:
    return {
        "label": corner.label,
        "distance": corner.distance,
        "from": corner.zone[0],
        "to": corner.zone[1],
        "fastest": None if corner.fastest is None else chosen[corner.fastest].label,
        "laps": [
            {
                "label": lap.label,
                "minimum": bounded(each and each.minimum, 0),
                "apex": each and round(each.minimum_at, 0),
                "entry": bounded(each and each.entry, 0),
                "exit": bounded(each and each.exit, 0),
                "brake_to_throttle": bounded(each and each.brake_to_throttle, 2),
                "gain": None if at == 0 else (round(corner.gains[at - 1].seconds, 3), round(corner.gains[at - 1].half_95, 3)),
            }
            for at, (lap, each) in enumerate(zip(chosen, corner.passes, strict=True))
        ],
    }


def bounded(figure: Any, digits: int) -> tuple[float, float] | None:
    return None if figure is None else (round(figure.value, digits), round(max(figure.error, 10**-digits), digits))


def mini_sectors(comparison: LapComparison, chosen: list[ChosenLap]) -> list[dict[str, Any]]:
    """Of the second lap against the first: where it gains or loses, and who was faster where the band leaves out 0."""
    found = []
    for number, gain in enumerate(comparison.mini_sectors[0] if comparison.mini_sectors else [], 1):
        winner = chosen[1 if gain.seconds < 0 else 0].label if gain.is_certain else None
        figures = {"gain": round(gain.seconds, 3), "band_95": round(gain.half_95, 3), "won": winner}
        found.append({"number": number, "from": round(gain.begin, 1), "to": round(gain.end, 1), **figures})
    return found


def circuit_of(comparison: LapComparison) -> dict[str, Any] | None:
    """The places of the distances, and what the map says of the circuit."""
    frame = comparison.frame
    if frame.line is None or frame.circuit is None:
        return None
    places = frame.line.at(comparison.distances)
    about = {"circuit_id": frame.circuit.pk, "name": frame.circuit.circuit_name, "clockwise": frame.circuit.clockwise}
    about["corners_edited"] = frame.circuit.corners_edited
    return about | {"x": rounded(places[:, 0], 1), "y": rounded(places[:, 1], 1)}


def quality_of(comparison: LapComparison) -> dict[str, Any]:
    """How far off deltas of these laps are, as the reference's session shows."""
    calibration = comparison.frame.calibration
    with_positions = all(lap.has_positions for lap in comparison.laps)
    return {"with_positions": with_positions, "laps": calibration.laps, "left_out": calibration.quality}


def table_of(data: dict[str, Any], *, step: int) -> Table:
    """The columns as rows, every `step` metres."""
    labels = [lap["label"] for lap in data["laps"]]
    columns = [("Distance, m", data["distance"])]
    for label in labels:
        columns.append((f"{label} time, s", data[f"time_{label}"]))
        columns += [(f"{label} {name}{', ' * bool(unit)}{unit}", data[f"{name}_{label}"]) for name, unit in UNITS.items()]
    for label in labels[1:]:
        columns.append((f"{label} delta, s", data[f"delta_{label}"]))
        columns.append((f"{label} 80 %, ± s", data[f"delta_band_{label}"]))
        columns.append((f"{label} 95 %, ± s", data[f"delta_band_95_{label}"]))
    lines = {place for place in data["lines"] if place is not None}
    chosen = [at for at, distance in enumerate(data["distance"]) if distance % step == 0 or distance in lines]
    return Table.of([(name, True) for name, _ in columns], [[values[at] for _, values in columns] for at in chosen])


def notes(data: dict[str, Any]) -> list[str]:
    """What the delta rests on, in words."""
    quality = data["quality"]
    found = [
        "Delta: seconds behind the first lap, official at start, sector lines and finish; shaded is where 80 and 95 of 100 lie."
    ]
    if not quality["with_positions"]:
        found.append("A lap has no positions: the delta is from speed alone, pinned at the lines; its band is wider than usual.")
    left = quality["left_out"]
    if left:
        error, (first, second) = sum(left["mae"]) / 2, (100 * share for share in left["coverage"]["80"])
        found.append(
            f"Tried on {plural(quality['laps'], 'lap')} of the session, each without one of its sector lines: deltas there were "
            f"off by {error:.0f} ms in the mean, {first:.0f} and {second:.0f} % of them within the 80 % band."
        )
    else:
        found.append("This session has too few laps to measure its own band; it is that of a usual race.")
    found.append(
        "Positions are matched to a map: they tell the distance along the track, not the line a car took through a corner."
    )
    if data["corners"] and not data["circuit"]["corners_edited"]:
        found.append(
            "Corners are numbered by the bends of the track's line: official numbers can differ; the admin can set them."
        )
    return found
