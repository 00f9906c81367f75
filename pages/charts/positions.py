"""The lap chart: each car's place at the end of every lap, from the grid to the flag."""

from pages.bands import bands_of
from pages.cars import cars_of
from pages.chart import Chart, Line, Mark, Table
from pages.charts import View
from pages.rows import SessionRows
from pages.state import Laps, State, inside
from pages.stops import end_mark, stop_marks
from pages.timing import Ends, field_crossings, stoppages, without
from races.messages import normalise_message


def build(rows: SessionRows, state: State) -> Chart:
    """Places by lap; lap 0 is the grid."""
    cars = cars_of(rows)
    ends, window = field_crossings(rows), state.laps(rows.race_laps)
    if not ends:
        return Chart(
            view="positions", title="Positions", summary="", table=Table.of([], []), empty="No laps are stored of this session."
        )
    places = lap_places(ends)
    grid = {row.driver_number: row.position for row in rows.grid}
    laps = [0, *sorted(places)]
    lines = [
        Line(
            car.number,
            [grid.get(car.number) if lap == 0 else places[lap].get(car.number) for lap in laps],
            marks=[*stop_marks(rows, car.number), *retirement(rows, car.number)],
        )
        for car in cars
        if car.number in ends
    ]
    return Chart(
        view="positions",
        title="Positions",
        summary="The place of each car at the end of every lap; lap 0 is the grid, a ring a stop or drive-through, "
        "a cross the end of a race."
        + (
            " Squares: tyres changed under the red flag."
            if any(mark.kind == "change" for line in lines for mark in line.marks)
            else ""
        ),
        x=[float(lap) for lap in laps],
        x_label="Lap",
        y_label="Place",
        reverse=True,
        cars=cars,
        lines=lines,
        bands=bands_of(rows, ends),
        shown=state.cars(rows) or [line.car for line in lines],
        notes=notes(rows, grid),
        table=table(rows, lines, laps, window),
        data={"gaps": gaps(without(stoppages(rows, ends), ends), laps)} | ({"window": window} if window else {}),
    )


def lap_places(ends: Ends) -> dict[int, dict[int, int]]:
    """{lap: {car number: place}}: the order in which cars crossed the line at the end of that lap of theirs."""
    order: dict[int, list[tuple[float, int]]] = {}
    for car, own in ends.items():
        for lap, end in own.items():
            order.setdefault(lap, []).append((end, car))
    return {lap: {car: place for place, (_, car) in enumerate(sorted(found), 1)} for lap, found in order.items()}


def gaps(ends: Ends, laps: list[int]) -> dict[int, list[float | None]]:
    """{car number: seconds behind the leader at the end of each lap}"""
    first = {lap: min(own[lap] for own in ends.values() if lap in own) for lap in laps if lap}
    return {
        car: [round(own[lap] - first[lap], 3) if lap in own and lap in first else None for lap in laps]
        for car, own in ends.items()
    }


def retirement(rows: SessionRows, car: int) -> list[Mark]:
    """The end of a car's race, with what race control said of it last."""
    found = end_mark(rows, car)
    texts = [(message.driver_number, normalise_message(message.message)) for message in rows.messages]
    said = [text for number, text in texts if (number == car or f"CAR {car} " in text) and "STOPPED" in text]
    return [Mark(mark.x, mark.kind, f"{mark.text}: {said[-1].capitalize()}" if said else mark.text) for mark in found]


def notes(rows: SessionRows, grid: dict[int, int]) -> list[str]:
    missing = [] if grid else ["The grid is not stored: the lines begin at the end of lap 1."]
    return [*missing, "Places are by the moment at which each car ended the lap; the result can differ by penalties."]


def table(rows: SessionRows, lines: list[Line], laps: list[int], window: Laps | None) -> Table:
    names = {car.number: car.acronym for car in cars_of(rows)}
    columns = [("Lap", True), *((names[line.car], True) for line in lines)]
    return Table.of(
        columns,
        [["grid" if lap == 0 else lap, *(line.y[at] for line in lines)] for at, lap in enumerate(laps) if inside(lap, window)],
    )


VIEW = View(
    name="positions",
    title="Positions",
    about="Who gained and lost places, and when?",
    build=build,
    parameters=("laps",),
)
