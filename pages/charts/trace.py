"""The race trace: how far each car was ahead of or behind a reference, lap by lap."""

from itertools import pairwise
from statistics import median

from pages.bands import bands_of
from pages.cars import cars_of
from pages.chart import Car, Chart, Choice, Line, Table
from pages.charts import View
from pages.rows import SessionRows
from pages.state import BadState, Laps, State, car_named, inside
from pages.stops import end_mark, stop_marks
from pages.timing import Ends, Stoppage, field_crossings, red_laps, started, stoppages, winner_of, without
from races.messages import normalise_message

REFERENCES = {"winner": "winner's mean pace", "leader": "the leader", "median": "the field's median"}
OFF_CHART = "Laps under a red flag can lie off the chart: the scale is made for the others."
FIRST_SHOWN = 10  # cars whose lines are drawn when nobody is named


def build(rows: SessionRows, state: State) -> Chart:
    """Seconds ahead of (+) or behind (-) the reference when each lap ended."""
    cars = cars_of(rows)
    ends = field_crossings(rows)
    reference, window = chosen_reference(state, rows), state.laps(rows.race_laps)
    if not ends:
        return Chart(
            view="trace", title="Race trace", summary="", table=Table.of([], []), empty="No laps are stored of this session."
        )
    stops = stoppages(rows, ends)
    clock = without(stops, ends)
    baseline = reference_times(reference, rows, cars, clock)
    laps = sorted(baseline)
    lines = [line_of(rows, car.number, clock.get(car.number, {}), baseline, laps) for car in cars if car.number in ends]
    limits = limits_of(rows, ends, lines, laps)
    return Chart(
        view="trace",
        title="Race trace",
        summary=f"Seconds ahead of (+) or behind (−) {described(reference, cars)} at the end of each lap. Steps down are stops."
        + stopped(stops),
        x=[float(lap) for lap in laps],
        x_label="Lap",
        y_label="Seconds to the reference",
        cars=cars,
        lines=lines,
        bands=bands_of(rows, ends),
        shown=state.cars(rows) or [line.car for line in lines[:FIRST_SHOWN]],
        choices=[choice(reference, cars)],
        notes=[
            "Lap times are exact; where one is missing, the start of the next lap takes its place.",
            *penalties(rows),
            *([OFF_CHART] if limits else []),
        ],
        table=table(cars, lines, laps, window),
        data=({"window": window} if window else {}) | ({"limits_of": limits} if limits else {}),
    )


def chosen_reference(state: State, rows: SessionRows) -> str:
    """`reference=leader`, or a driver."""
    reference = state.query.get("reference", "") or "winner"
    if reference not in REFERENCES:
        try:
            car_named(reference, rows)
        except BadState as error:
            offered = ", ".join([*REFERENCES, *(car.acronym for car in cars_of(rows))])
            raise BadState(f"reference={reference!r} is not offered; choose one of {offered}.") from error
    return reference


def limits_of(rows: SessionRows, ends: Ends, lines: list[Line], laps: list[int]) -> dict[int, list[float]]:
    """{car: [least, greatest] value of the laps that no red flag met}; empty without a red flag.

    On laps under a red flag cars drive slowly or stand at different times, which would squeeze the rest of the race.
    """
    red = {line.car: red_laps(rows, ends[line.car]) for line in lines}
    if not any(red.values()):
        return {}
    free = {
        line.car: [y for lap, y in zip(laps, line.y, strict=True) if y is not None and lap not in red[line.car]] for line in lines
    }
    return {car: [min(values), max(values)] for car, values in free.items() if values}


def stopped(stops: list[Stoppage]) -> str:
    """What to say of the minutes that are not on the clock."""
    if not stops:
        return ""
    *others, last = [str(round((stop.end - stop.start) / 60)) for stop in stops]
    minutes = f"{', '.join(others)} and {last}" if others else last
    taken = "minute is" if minutes == "1" else "minutes are"
    return f" The clock stands still while the race did, under the red flag: {minutes} {taken} taken out."


def reference_times(reference: str, rows: SessionRows, cars: list[Car], ends: Ends) -> dict[int, float]:
    """{lap: Unix time} that cars are compared with."""
    if reference == "leader":
        return {lap: min(found) for lap, found in by_lap(ends).items()}
    if reference == "median":
        return {lap: median(found) for lap, found in by_lap(ends).items()}
    if reference == "winner":
        first = winner_of(rows)
        winner = first if first in ends else next(car.number for car in cars if car.number in ends)
        return mean_pace(ends[winner], started(rows, ends), red_laps(rows, field_crossings(rows)[winner]))
    number = car_named(reference, rows)
    if number not in ends:
        offered = ", ".join([*REFERENCES, *(car.acronym for car in cars if car.number in ends)])
        raise BadState(f"reference={reference!r} has no laps; choose one of {offered}.")
    return ends[number]


def by_lap(ends: Ends) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for own in ends.values():
        for lap, end in own.items():
            found.setdefault(lap, []).append(end)
    return found


def mean_pace(own: dict[int, float], start: float | None, red: set[int]) -> dict[int, float]:
    """{lap: time} of a car that drives every lap in the winner's mean time, and ends with the winner.

    Laps under a red flag are no pace: there it keeps beside the winner.
    """
    first = min(own)
    known = {0: start, **own} if start is not None and start < own[first] else own
    spans = [(begin, end, known[end] - known[begin]) for begin, end in pairwise(sorted(known))]
    free = [(end - begin, seconds) for begin, end, seconds in spans if not red.intersection(range(begin + 1, end + 1))]
    mean = sum(seconds for _, seconds in free) / max(1, sum(count for count, _ in free))
    at = known[min(known)]
    times = {min(known): at}
    for begin, end, seconds in spans:
        each = seconds / (end - begin) if red.intersection(range(begin + 1, end + 1)) else mean
        for lap in range(begin + 1, end + 1):
            at += each
            times[lap] = at
    return {lap: time for lap, time in times.items() if lap}


def line_of(rows: SessionRows, car: int, own: dict[int, float], baseline: dict[int, float], laps: list[int]) -> Line:
    values = [round(baseline[lap] - own[lap], 3) if lap in own else None for lap in laps]
    return Line(car, values, marks=[*stop_marks(rows, car), *end_mark(rows, car)])


def described(reference: str, cars: list[Car]) -> str:
    name = next((car.name for car in cars if reference.upper() == car.acronym.upper()), reference)
    return {"winner": "the winner's mean pace"}.get(reference) or REFERENCES.get(reference, name)


def choice(reference: str, cars: list[Car]) -> Choice:
    options = [*REFERENCES.items(), *((car.acronym, car.name) for car in cars)]
    return Choice("reference", "Reference", reference, options)


def penalties(rows: SessionRows) -> list[str]:
    """What to say where the official order holds penalties that were not driven."""
    told = any("PENALTY" in normalise_message(message.message) for message in rows.messages)
    return ["Time penalties that were added after the flag are in the result, not in the lines."] if told else []


def table(cars: list[Car], lines: list[Line], laps: list[int], window: Laps | None) -> Table:
    names = {car.number: car for car in cars}
    columns = [("Lap", True), *((names[line.car].acronym, True) for line in lines)]
    return Table.of(columns, [[lap, *(line.y[at] for line in lines)] for at, lap in enumerate(laps) if inside(lap, window)])


VIEW = View(
    name="trace",
    title="Trace",
    about="Who was how far ahead, when, and where it was won?",
    build=build,
    parameters=("reference", "laps"),
)
