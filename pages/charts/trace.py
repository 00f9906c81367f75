"""The race trace: how far each car was ahead of or behind a reference, lap by lap."""

from statistics import median

from pages.bands import bands_of
from pages.cars import cars_of
from pages.chart import Car, Chart, Choice, Line, Table
from pages.charts import View
from pages.rows import SessionRows
from pages.state import BadState, State, car_named
from pages.stops import end_mark, stop_marks
from pages.timing import field_crossings

REFERENCES = {"winner": "winner's mean pace", "leader": "the leader", "median": "the field's median"}
FIRST_SHOWN = 10  # cars whose lines are drawn when nobody is named

Ends = dict[int, dict[int, float]]


def build(rows: SessionRows, state: State) -> Chart:
    """Seconds ahead of (+) or behind (-) the reference when each lap ended."""
    cars = cars_of(rows)
    ends = field_crossings(rows)
    reference = state.query.get("reference", "") or "winner"
    if not ends:
        return Chart(
            view="trace", title="Race trace", summary="", table=Table.of([], []), empty="No laps are stored of this session."
        )
    baseline = reference_times(reference, rows, cars, ends)
    window = state.laps(rows.race_laps)
    laps = [lap for lap in sorted(baseline) if window is None or window.first <= lap <= window.last]
    lines = [line_of(rows, car.number, ends.get(car.number, {}), baseline, laps) for car in cars if car.number in ends]
    return Chart(
        view="trace",
        title="Race trace",
        summary=f"Seconds ahead of (+) or behind (−) {described(reference, cars)} at the end of each lap. Steps down are stops.",
        x=[float(lap) for lap in laps],
        x_label="Lap",
        y_label="Seconds to the reference",
        cars=cars,
        lines=lines,
        bands=bands_of(rows, ends),
        shown=state.cars(rows) or [line.car for line in lines[:FIRST_SHOWN]],
        choices=[choice(reference, cars)],
        notes=["Lap times are exact; where one is missing, the start of the next lap takes its place.", *penalties(rows)],
        table=table(cars, lines, laps),
    )


def reference_times(reference: str, rows: SessionRows, cars: list[Car], ends: Ends) -> dict[int, float]:
    """{lap: Unix time} that cars are compared with."""
    if reference == "leader":
        return {lap: min(found) for lap, found in by_lap(ends).items()}
    if reference == "median":
        return {lap: median(found) for lap, found in by_lap(ends).items()}
    if reference == "winner":
        winner = next(car.number for car in cars if car.number in ends)
        return mean_pace(ends[winner], rows)
    try:
        return ends[car_named(reference, rows)]
    except (BadState, KeyError) as error:
        offered = ", ".join([*REFERENCES, *(car.acronym for car in cars if car.number in ends)])
        raise BadState(f"reference={reference!r} is not offered; choose one of {offered}.") from error


def by_lap(ends: Ends) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for own in ends.values():
        for lap, end in own.items():
            found.setdefault(lap, []).append(end)
    return found


def mean_pace(own: dict[int, float], rows: SessionRows) -> dict[int, float]:
    """A car that drives every lap of the winner's mean time and crosses the line with the winner at the end.

    The clock begins when the first car of the field began its first lap.
    """
    starts = [laps[0].date_start.timestamp() for laps in rows.laps_of.values() if laps[0].date_start and laps[0].lap_number == 1]
    last = max(own)
    start = min(starts) if starts else own[min(own)] - (own[last] - own[min(own)]) / max(1, last - min(own))
    return {lap: start + (own[last] - start) * lap / last for lap in range(1, last + 1)}


def line_of(rows: SessionRows, car: int, own: dict[int, float], baseline: dict[int, float], laps: list[int]) -> Line:
    values = [round(baseline[lap] - own[lap], 3) if lap in own else None for lap in laps]
    return Line(car, values, marks=[*stop_marks(rows, car), *end_mark(rows, car)])


def described(reference: str, cars: list[Car]) -> str:
    name = next((car.name for car in cars if reference.upper() == car.acronym.upper()), reference)
    return REFERENCES.get(reference, name)


def choice(reference: str, cars: list[Car]) -> Choice:
    options = [*REFERENCES.items(), *((car.acronym, car.name) for car in cars)]
    return Choice("reference", "Reference", reference, options)


def penalties(rows: SessionRows) -> list[str]:
    """What to say where the official order holds penalties that were not driven."""
    told = any("PENALTY" in (message.message or "") for message in rows.messages)
    return ["Time penalties that were added after the flag are in the result, not in the lines."] if told else []


def table(cars: list[Car], lines: list[Line], laps: list[int]) -> Table:
    names = {car.number: car for car in cars}
    columns = [("Lap", True), *((names[line.car].acronym, True) for line in lines)]
    return Table.of(columns, [[lap, *(line.y[at] for line in lines)] for at, lap in enumerate(laps)])


VIEW = View(
    name="trace",
    title="Trace",
    about="Who was how far ahead, when, and where it was won?",
    build=build,
    parameters=("reference", "laps"),
)
