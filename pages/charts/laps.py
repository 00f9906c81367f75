"""Lap history: every lap of every driver, over laps or over the age of the tyres."""

import datetime
from collections import Counter
from collections.abc import Callable
from statistics import median
from typing import Any

from ml.colours import compound_letter
from pages.analyses import empty_chart
from pages.bands import bands_of, bands_over_time
from pages.cars import cars_of
from pages.chart import Band, Car, Chart, Choice, Line, Table
from pages.charts import View
from pages.rows import FIRST, LapRow, SessionRows, grouped
from pages.state import BadState, Laps, State, car_named, inside
from pages.stops import stop_marks
from pages.timing import field_crossings

FUEL_EFFECT = 0.03  # s per kg: what engineers reckon with; published figures lie between 0.02 and 0.04
FUEL_LOAD = 110.0  # kg at the start, the most that the rules allow
MODES = {
    "time": "lap time",
    "best": "to the session's best lap",
    "field": "to the field's median of that lap",
    "fuel": f"lap time without {FUEL_EFFECT:g} s per kg of fuel",
}
IN_WORDS = {"over 107 %": "over 107 % of the best lap", "no time": "without a time", "wet tyres": "on wet tyres"}
ANYWHERE = ("time", "best")  # modes that say something where cars do not drive the same lap at the same time
AXES = {"lap": "lap", "age": "age of the tyres", "time": "session time"}
RACING = ("", "wet tyres", "over 107 %", "flagged")  # what `excluded` says of laps that were driven at racing speed
# Which laps are drawn. A race in the rain or one in which tyres are nursed has few clean laps, but tells a story all the same.
SHOWN_LAPS = {"racing": "laps at racing speed", "clean": "clean laps", "all": "all laps"}
FIRST_SHOWN = 4
LONGEST = 1.6  # times the median of the laps at racing speed: longer ones, as under a red flag, leave the chart


def build(rows: SessionRows, state: State) -> Chart:
    """Lap times in seconds, or their difference to a reference."""
    cars = cars_of(rows)
    axes = AXES if rows.is_race else dict(reversed(AXES.items()))
    mode, axis = state.query.get("mode", "") or "time", state.choice("x", axes, next(iter(axes)))
    offered = kinds_of_laps(rows)
    which = state.choice("which", offered, next(iter(offered)))
    value, place = measure(mode, rows, which), places(axis, rows)
    window = state.laps(rows.race_laps)
    if all(lap.lap_duration is None for lap in rows.laps):
        return empty_chart("laps", "Laps", "No lap times are stored of this session.")
    used = [lap for lap in rows.laps if lap.lap_duration is not None and is_shown(lap, which)]
    x = axis_of({found for lap in used if (found := place(lap)) is not None}, axis)
    of_car = grouped(used)
    lines = [
        line_of(rows, car.number, of_car.get(car.number, []), x, axis=axis, value=value, place=place)
        for car in cars
        if car.number in rows.laps_of
    ]
    options = choices(mode, axes, axis, which, cars, rows)
    return Chart(
        view="laps",
        title="Laps",
        summary=f"{upper_first(dict(options[0].options).get(mode, mode))} over the {AXES[axis]}; letters are tyre compounds.",
        x=x,
        x_label="Minute" if axis == "time" else AXES[axis].capitalize(),
        y_label="Seconds",
        cars=cars,
        lines=lines,
        bands=bands(rows, axis),
        shown=state.cars(rows) or [line.car for line in lines[:FIRST_SHOWN]],
        choices=options,
        notes=left_out(rows, which),
        table=table(cars, [lap for lap in used if inside(lap.lap_number, window)], value),
        data=drawing(rows, used, x, axis=axis, value=value, window=window) | {"delta": mode not in ("time", "fuel")},
    )


def kinds_of_laps(rows: SessionRows) -> dict[str, str]:
    """Which laps can be shown, the kind that is shown at first in front: in practice slow laps are no attempts."""
    return {name: text for name, text in SHOWN_LAPS.items() if rows.is_race or name != "racing"}


def is_shown(lap: LapRow, which: str) -> bool:
    return which == "all" or not lap.excluded or (which == "racing" and lap.excluded in RACING)


def axis_of(found: set[float], axis: str) -> list[float]:
    """The values of x: whole laps without a gap, so that no line leads over laps that are left out."""
    if axis == "time" or not found:
        return sorted(found)
    return [float(lap) for lap in range(int(min(found)), int(max(found)) + 1)]


def drawing(
    rows: SessionRows, used: list[LapRow], x: list[float], *, axis: str, value: "Measure", window: Laps | None
) -> dict[str, Any]:
    """What the drawing needs besides: the window, how far it reaches up and down, and which points belong to one run."""
    data: dict[str, Any] = {"window": window} if window and axis == "lap" else {}
    racing = [lap for lap in rows.laps if lap.lap_duration is not None and is_shown(lap, "racing")]
    if racing:
        room = (LONGEST - 1) * median(lap.lap_duration or 0.0 for lap in racing)
        middle = median([seconds for lap in racing if (seconds := value(lap)) is not None] or [0.0])
        data["limits"] = [round(middle - room, 3), round(middle + room, 3)]
    if axis == "time":
        data["joined"] = {car: runs(laps, x, places(axis, rows)) for car, laps in grouped(used).items()}
    return data


def runs(laps: list[LapRow], x: list[float], place: "Place") -> list[tuple[int, int]]:
    """From where to where in `x` laps follow one another without a stop or a gap."""
    index = {at: number for number, at in enumerate(x)}
    found: list[tuple[int, int]] = []
    previous: LapRow | None = None
    for lap in laps:
        at = index.get(place(lap) or -1.0)
        if at is None:
            continue
        follows = previous is not None and lap.lap_number == previous.lap_number + 1 and not lap.is_pit_out_lap
        if found and follows:
            found[-1] = (found[-1][0], at)
        else:
            found.append((at, at))
        previous = lap
    return [span for span in found if span[1] > span[0]]


def bands(rows: SessionRows, axis: str) -> list[Band]:
    if axis == "lap":
        return bands_of(rows, field_crossings(rows))
    return bands_over_time(rows, begin(rows)) if axis == "time" else []


def begin(rows: SessionRows) -> datetime.datetime:
    """When the clock of a session began."""
    moments = [lap.date_start for lap in rows.laps if lap.date_start]
    return rows.session.date_start or min(moments, default=FIRST)


Place = Callable[[LapRow], float | None]


def places(axis: str, rows: SessionRows) -> Place:
    """The function from a lap to its place on an axis: its number, the age of its tyres, or the minute in which it began."""
    if axis == "lap":
        return lambda lap: lap.lap_number
    if axis == "age":
        return lambda lap: lap.tyre_age
    start = begin(rows)
    return lambda lap: round((lap.date_start - start).total_seconds() / 60, 3) if lap.date_start else None


Measure = Callable[[LapRow], float | None]


def measure(mode: str, rows: SessionRows, which: str) -> Measure:
    """The function from a lap to the value that is drawn; None where it has none."""
    if mode == "time":
        return lambda lap: lap.lap_duration
    if mode == "best":
        best = min(rows.possible_times.values(), default=0.0)
        return lambda lap: less(lap.lap_duration, best)
    if not rows.is_race:
        raise BadState(f"mode={mode!r} is not offered of this session; choose one of {', '.join(ANYWHERE)}.")
    if mode == "fuel":
        last = rows.race_laps
        return lambda lap: less(lap.lap_duration, FUEL_EFFECT * FUEL_LOAD * (last - lap.lap_number + 1) / last)
    if mode == "field":
        by_lap: dict[int, list[float]] = {}
        for lap in rows.laps:
            if lap.lap_duration is not None and is_shown(lap, "racing"):
                by_lap.setdefault(lap.lap_number, []).append(lap.lap_duration)
        middle = {number: median(times) for number, times in by_lap.items()}
        return lambda lap: less(lap.lap_duration, middle.get(lap.lap_number))
    try:
        other = car_named(mode, rows)
    except BadState as error:
        raise BadState(f"mode={mode!r} is not offered; choose one of {', '.join(MODES)} or a driver.") from error
    times = {lap.lap_number: lap.lap_duration for lap in rows.laps_of.get(other, []) if is_shown(lap, which)}
    return lambda lap: less(lap.lap_duration, times.get(lap.lap_number))


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def less(value: float | None, other: float | None) -> float | None:
    """The difference of two values of which either may be missing."""
    return None if value is None or other is None else value - other


def line_of(rows: SessionRows, car: int, laps: list[LapRow], x: list[float], *, axis: str, value: Measure, place: Place) -> Line:
    """A car's values; over the age of the tyres the mean of its stints at that age."""
    at_place: dict[float, list[tuple[float, LapRow]]] = {}
    for lap in laps:
        if (at := place(lap)) is not None and (seconds := value(lap)) is not None:
            at_place.setdefault(at, []).append((seconds, lap))
    values = [round(sum(s for s, _ in at_place[at]) / len(at_place[at]), 3) if at in at_place else None for at in x]
    letters = [letter(at_place[at][0][1]) if at in at_place and axis != "age" else "" for at in x]
    return Line(car, values, marks=stop_marks(rows, car) if axis == "lap" else [], letters=letters)


def letter(lap: LapRow) -> str:
    found = compound_letter(lap.tyre_compound)
    return found.lower() if lap.excluded else found


def choices(mode: str, axes: dict[str, str], axis: str, which: str, cars: list[Car], rows: SessionRows) -> list[Choice]:
    modes = [(name, text) for name, text in MODES.items() if rows.is_race or name in ANYWHERE]
    others = [(car.acronym, f"to {car.name}") for car in cars if rows.is_race and car.number in rows.laps_of]
    return [
        Choice("mode", "Show", mode, [*modes, *others]),
        Choice("x", "Over", axis, [*axes.items()]),
        Choice("which", "Laps", which, [*kinds_of_laps(rows).items()]),
    ]


def left_out(rows: SessionRows, which: str) -> list[str]:
    """How many laps are drawn, and why others are not."""
    shown = sum(is_shown(lap, which) for lap in rows.laps)
    reasons = Counter(lap.excluded for lap in rows.laps if not is_shown(lap, which))
    words = ", ".join(f"{count} {IN_WORDS.get(reason, reason)}" for reason, count in reasons.most_common())
    said = [f"{shown:,} of {len(rows.laps):,} laps are shown; left out: {words or 'none'}."]
    unclean = Counter(lap.excluded for lap in rows.laps if lap.excluded and is_shown(lap, which))
    if unclean:
        words = ", ".join(f"{count} {IN_WORDS.get(reason, reason)}" for reason, count in unclean.most_common())
        said.append(f"Small letters and hollow dots are laps that measures of pace leave out: {words}.")
    return said


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
