"""Strategy: one bar per driver, a stint's tyres from lap to lap, and what each stop cost in the lane."""

from typing import Any

from pages.cars import cars_of
from pages.chart import Car, Chart, Choice, Table
from pages.charts import View
from pages.colours import COMPOUNDS, compound_letter
from pages.drawing import WIDTH, Scale
from pages.rows import SessionRows, StintRow
from pages.state import State
from pages.stops import GARAGE, stop_marks

ORDERS = {"finish": "finishing order", "grid": "grid"}
ROW, BAR, LEFT, RIGHT = 26.0, 20.0, 62.0, 12.0  # px: a driver's row, its bar, the names, the margin
LETTER_ROOM, NUMBER_ROOM = 18.0, 46.0  # px a bar needs to show its letter, and its number of laps as well


def build(rows: SessionRows, state: State) -> Chart:
    """Stints by car: first and last lap, compound, age of the tyres, seconds in the lane at the stop that follows."""
    order = state.choice("order", ORDERS, "finish")
    wanted = state.cars(rows)
    cars = [car for car in cars_of(rows) if rows.stints_of.get(car.number) and (not wanted or car.number in wanted)]
    if not cars:
        return Chart(
            view="strategy", title="Strategy", summary="", table=Table.of([], []), empty="No stints are stored of this session."
        )
    if order == "grid":
        grid = {row.driver_number: row.position for row in rows.grid}
        cars.sort(key=lambda car: (car.number not in grid, grid.get(car.number, 0)))
    bars = {car.number: segments(rows, car.number) for car in cars}
    return Chart(
        view="strategy",
        title="Strategy",
        summary="The tyres of each stint, lap by lap. Hatched: the set was used before. Beside a stop: seconds in the pit lane."
        + (" A red stroke: changed under the red flag." if any(bar["red"] for own in bars.values() for bar in own) else ""),
        x_label="Lap",
        cars=cars,
        choices=[Choice("order", "Order", order, [*ORDERS.items()])],
        notes=notes(rows, bars),
        table=table(cars, bars),
        data={"bars": bars, "laps": rows.race_laps},
    )


def segments(rows: SessionRows, car: int) -> list[dict[str, Any]]:
    """A car's stints; a lap that two of them claim is the in-lap, which belongs to the earlier one.

    Stints after the car's last lap are left out: nobody drove them.
    """
    laps = {lap.lap_number for lap in rows.laps_of.get(car, [])}
    last = max(laps, default=rows.race_laps)
    lanes = {pit.lap_number: pit.lane_time for pit in rows.pits_of.get(car, [])}
    corrected = {
        c.key.get("stint_number") for c in rows.corrections if c.collection == "stints" and c.key.get("driver_number") == car
    }
    found: list[dict[str, Any]] = []
    for stint in rows.stints_of.get(car, []):
        if stint.lap_start is None or stint.lap_end is None:
            continue
        first = max(stint.lap_start, found[-1]["last"] + 1) if found else stint.lap_start
        end = min(stint.lap_end, last)
        if first <= end:
            found.append(segment(stint, first, end, lanes.get(end)) | {"corrected": stint.stint_number in corrected})
    changes = {mark.x for mark in stop_marks(rows, car) if mark.kind == "change"}
    for bar in found:
        bar["red"] = bar["last"] in changes and bar is not found[-1]
    if found:
        found[-1]["lane"] = None  # the flag is no stop
    return found


def segment(stint: StintRow, first: int, last: int, lane: float | None) -> dict[str, Any]:
    return {
        "first": first,
        "last": last,
        "compound": stint.tyre_compound,
        "age": stint.tyre_age_at_start,
        "lane": None if lane is None or lane > GARAGE else round(lane, 1),
    }


def notes(rows: SessionRows, bars: dict[int, list[dict[str, Any]]]) -> list[str]:
    silent = sum(not each for each in bars.values())
    unplaced = [f"Of {silent} cars upstream does not say which laps their stints cover."] if silent else []
    lanes = any(bar["lane"] for each in bars.values() for bar in each)
    unknown = [] if lanes or not rows.is_race else ["Times in the pit lane are not stored; upstream has them from Spain 2023 on."]
    return [*unplaced, *unknown]


def table(cars: list[Car], bars: dict[int, list[dict[str, Any]]]) -> Table:
    columns = [
        ("Driver", False),
        ("Stint", True),
        ("First lap", True),
        ("Last lap", True),
        ("Tyre", False),
        ("Age at start", True),
        ("Pit lane after, s", True),
        ("Changed", False),
    ]
    rows = [
        [
            car.acronym,
            number,
            bar["first"],
            bar["last"],
            bar["compound"],
            bar["age"],
            bar["lane"],
            "under the red flag" if bar["red"] else "",
        ]
        for car in cars
        for number, bar in enumerate(bars[car.number], 1)
    ]
    return Table.of(columns, rows)


def layout(chart: Chart) -> dict[str, Any]:
    """Where the bars are drawn."""
    scale = Scale(0, chart.data["laps"], LEFT, WIDTH - RIGHT)
    drawn = []
    for place, car in enumerate(chart.cars):
        top = place * ROW
        drawn.append(
            {"car": car, "text_y": top + ROW / 2 + 4, "bars": [box(bar, scale, top) for bar in chart.data["bars"][car.number]]}
        )
    height = len(chart.cars) * ROW
    return {"rows": drawn, "width": WIDTH, "height": height + 24, "bottom": height, "ticks": [*scale.ticks(10)], "left": LEFT}


def box(bar: dict[str, Any], scale: Scale, top: float) -> dict[str, Any]:
    left, right = scale(bar["first"] - 1), scale(bar["last"])
    width = max(right - left - 2, 1)
    return bar | {
        "x": left,
        "y": top + (ROW - BAR) / 2,
        "width": width,
        "end": right - 8,
        "kind": bar["compound"] if bar["compound"] in COMPOUNDS else "UNKNOWN",
        "letter": compound_letter(bar["compound"]) if width >= LETTER_ROOM else "",
        "laps": bar["last"] - bar["first"] + 1 if width >= NUMBER_ROOM else "",
        "used": bool(bar["age"]),
        "lane_x": right - 2.7,
    }


VIEW = View(
    name="strategy",
    title="Strategy",
    about="Which tyres, for how long, and what did the stops cost?",
    build=build,
    parameters=("order",),
    template="pages/views/strategy.html",
    layout=layout,
)
