"""Lap history: every lap of every driver, over laps or over the age of the tyres."""

from collections import Counter
from collections.abc import Callable
from statistics import median

from pages.bands import bands_of
from pages.cars import cars_of
from pages.chart import Car, Chart, Choice, Line, Table
from pages.charts import View
from pages.colours import compound_letter
from pages.rows import LapRow, SessionRows
from pages.state import BadState, State, car_named
from pages.stops import stop_marks
from pages.timing import field_crossings

FUEL_EFFECT = 0.03  # s per kg: what engineers reckon with; published figures lie between 0.02 and 0.04
FUEL_LOAD = 110.0  # kg at the start, the most that the rules allow
MODES = {
    "time": "lap time",
    "field": "to the field's median of that lap",
    "fuel": f"lap time without {FUEL_EFFECT:g} s per kg of fuel",
}
AXES = {"lap": "lap", "age": "age of the tyres"}
SHOWN_LAPS = {"clean": "clean laps", "all": "all laps"}
FIRST_SHOWN = 4


def build(rows: SessionRows, state: State) -> Chart:
    """Lap times in seconds, or their difference to a reference."""
    cars = cars_of(rows)
    timed = [lap for lap in rows.laps if lap.lap_duration is not None]
    if not timed:
        return Chart(
            view="laps", title="Laps", summary="", table=Table.of([], []), empty="No lap times are stored of this session."
        )
    mode, axis = state.query.get("mode", "") or "time", state.choice("x", AXES, "lap")
    which = state.choice("which", SHOWN_LAPS, "clean")
    value = measure(mode, rows)
    window = state.laps(rows.race_laps)
    used = [
        lap
        for lap in timed
        if (which == "all" or not lap.excluded) and (window is None or window.first <= lap.lap_number <= window.last)
    ]
    x = sorted({found for lap in used if (found := place_of(lap, axis)) is not None})
    ends = field_crossings(rows) if axis == "lap" else {}
    lines = [line_of(rows, car.number, used, x, axis=axis, value=value) for car in cars if car.number in rows.laps_of]
    return Chart(
        view="laps",
        title="Laps",
        summary=f"{MODES.get(mode, f'Seconds to {mode}').capitalize()} over the {AXES[axis]}; letters are tyre compounds.",
        x=[float(at) for at in x],
        x_label=AXES[axis].capitalize(),
        y_label="Seconds",
        cars=cars,
        lines=lines,
        bands=bands_of(rows, ends) if ends else [],
        shown=state.cars(rows) or [line.car for line in lines[:FIRST_SHOWN]],
        choices=choices(mode, axis, which, cars),
        notes=left_out(rows, which),
        table=table(cars, used, value),
    )


Measure = Callable[[LapRow], float | None]


def measure(mode: str, rows: SessionRows) -> Measure:
    """The function from a lap to the value that is drawn; None where it has none."""
    if mode == "time":
        return lambda lap: lap.lap_duration
    if mode == "fuel":
        last = rows.race_laps
        return lambda lap: less(lap.lap_duration, FUEL_EFFECT * FUEL_LOAD * (last - lap.lap_number + 1) / last)
    if mode == "field":
        by_lap: dict[int, list[float]] = {}
        for lap in rows.laps:
            if lap.lap_duration is not None and not lap.excluded:
                by_lap.setdefault(lap.lap_number, []).append(lap.lap_duration)
        middle = {number: median(times) for number, times in by_lap.items()}
        return lambda lap: less(lap.lap_duration, middle.get(lap.lap_number))
    try:
        other = car_named(mode, rows)
    except BadState as error:
        raise BadState(f"mode={mode!r} is not offered; choose one of {', '.join(MODES)} or a driver.") from error
    times = {lap.lap_number: lap.lap_duration for lap in rows.laps_of.get(other, [])}
    return lambda lap: less(lap.lap_duration, times.get(lap.lap_number))


def less(value: float | None, other: float | None) -> float | None:
    """The difference of two values of which either may be missing."""
    return None if value is None or other is None else value - other


def place_of(lap: LapRow, axis: str) -> int | None:
    return lap.lap_number if axis == "lap" else lap.tyre_age


def line_of(rows: SessionRows, car: int, used: list[LapRow], x: list[int], *, axis: str, value: Measure) -> Line:
    """A car's values; over the age of the tyres the mean of its stints at that age."""
    places: dict[int, list[tuple[float, LapRow]]] = {}
    for lap in used:
        at = place_of(lap, axis)
        seconds = value(lap) if lap.driver_number == car and at is not None else None
        if at is not None and seconds is not None:
            places.setdefault(at, []).append((seconds, lap))
    values = [round(sum(s for s, _ in places[at]) / len(places[at]), 3) if at in places else None for at in x]
    letters = [letter(places[at][0][1]) if at in places and axis == "lap" else "" for at in x]
    return Line(car, values, marks=stop_marks(rows, car) if axis == "lap" else [], letters=letters)


def letter(lap: LapRow) -> str:
    found = compound_letter(lap.tyre_compound)
    return found.lower() if lap.excluded else found


def choices(mode: str, axis: str, which: str, cars: list[Car]) -> list[Choice]:
    return [
        Choice("mode", "Show", mode, [*MODES.items(), *((car.acronym, f"to {car.name}") for car in cars)]),
        Choice("x", "Over", axis, [*AXES.items()]),
        Choice("which", "Laps", which, [*SHOWN_LAPS.items()]),
    ]


def left_out(rows: SessionRows, which: str) -> list[str]:
    """How many laps are not drawn and why."""
    if which == "all":
        return ["Small letters are laps that are no measure of pace: in- and out-laps, flags, slow laps."]
    reasons = Counter(lap.excluded for lap in rows.laps if lap.excluded)
    words = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    clean = sum(not lap.excluded for lap in rows.laps)
    return [f"{clean:,} of {len(rows.laps):,} laps are clean; left out: {words or 'none'}."]


def table(cars: list[Car], used: list[LapRow], value: Measure) -> Table:
    names = {car.number: car.acronym for car in cars}
    columns = [
        ("Driver", False),
        ("Lap", True),
        ("Value, s", True),
        ("Lap time, s", True),
        ("Tyre", False),
        ("Tyre age", True),
        ("Left out", False),
    ]
    order = {car.number: at for at, car in enumerate(cars)}
    rows = [
        [
            names[lap.driver_number],
            lap.lap_number,
            rounded(value(lap)),
            lap.lap_duration,
            lap.tyre_compound,
            lap.tyre_age,
            lap.excluded,
        ]
        for lap in sorted(used, key=lambda lap: (order[lap.driver_number], lap.lap_number))
    ]
    return Table.of(columns, rows)


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


VIEW = View(
    name="laps",
    title="Laps",
    about="How did the lap times of these drivers evolve?",
    build=build,
    parameters=("mode", "x", "which", "laps"),
    sessions=None,
)
