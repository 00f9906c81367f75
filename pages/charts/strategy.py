"""Strategy: one bar per driver, a stint's tyres from lap to lap, and what each stop cost in the lane."""

from functools import partial
from itertools import groupby
from typing import Any

from ml.colours import COMPOUNDS, compound_letter
from pages.bands import bands_of
from pages.box_now import PARAMETERS, box_now
from pages.cars import cars_of
from pages.chart import Band, Car, Chart, Choice, Table
from pages.charts import View
from pages.drawing import NARROW, WIDTH, Scale
from pages.forecasts import champions_version
from pages.rows import SessionRows, StintRow
from pages.state import State
from pages.stops import stop_marks, visits
from pages.strategy_answers import is_promoted
from pages.timing import field_crossings
from pages.what_if import what_if
from telemetry.lap_rules import stint_of_lap

ORDERS = {"finish": "finishing order", "grid": "grid"}
ROW, BAR, LEFT, RIGHT = 28.0, 20.0, 62.0, 12.0  # px: a driver's row, its bar, the names, the margin
HEAD, STRIPE, LETTER_WIDTH = 18.0, 3.5, 8.0  # px: the names of the stripes, a stripe, a letter of a name
STRIPES = {"safety car": "yellow", "virtual safety car": "pale yellow", "red flag": "red", "rain": "blue"}  # and their colours
BAND_NAMES = {"safety car": "SC", "virtual safety car": "VSC"}
LETTER_ROOM, NUMBER_ROOM = 18.0, 46.0  # px a bar needs to show its letter, and its number of laps as well


def build(rows: SessionRows, state: State) -> Chart:
    """Stints by car: first and last lap, compound, age of the tyres, seconds in the lane at the stop that follows."""
    order = state.choice("order", ORDERS, "finish")
    wanted = state.cars(rows)
    cars = [car for car in cars_of(rows) if rows.stints_of.get(car.number) and (not wanted or car.number in wanted)]
    shown = panels(rows, state)
    if not cars:
        return Chart(
            view="strategy", title="Strategy", summary="", table=Table.of([], []), empty="No stints are stored of this session."
        )
    if order == "grid":
        grid = {row.driver_number: row.position for row in rows.grid}
        cars.sort(key=lambda car: (car.number not in grid, grid.get(car.number, 0)))
    bars = {car.number: segments(rows, car.number) for car in cars}
    bands = bands_of(rows, field_crossings(rows))
    return Chart(
        view="strategy",
        title="Strategy",
        summary="The tyres of each stint, lap by lap. Hatched: the set was used before. Beside a stop: seconds in the pit lane."
        + (" A red stroke: changed under the red flag." if any(bar["red"] for own in bars.values() for bar in own) else "")
        + (
            " Stripes below the bars: " + ", ".join(dict.fromkeys(f"{band.kind} ({STRIPES[band.kind]})" for band in bands)) + "."
            if bands
            else ""
        ),
        x_label="Lap",
        cars=cars,
        choices=[Choice("order", "Order", order, [*ORDERS.items()])],
        bands=bands,
        notes=notes(rows, bars),
        table=table(cars, bars),
        data={
            "bars": bars,
            "laps": rows.race_laps,
            "without_lap": sorted(without_lap(rows)),
            **shown,
        },
    )


def panels(rows: SessionRows, state: State) -> dict[str, Any]:
    """The panels below the chart: where a car would come out, and what other stops would have brought."""
    every = cars_of(rows)
    box = box_now(rows, state, every)
    car = next((car for car in every if car.acronym == box["driver"]), None)
    return {"box_now": box, "what_if": what_if(rows, state, car if is_promoted(rows) else None)}


def segments(rows: SessionRows, car: int) -> list[dict[str, Any]]:
    """A car's stints, each from its first to its last lap; those after the car's last lap are left out: nobody drove them."""
    own = rows.laps_of.get(car, [])
    last = min(max((lap.lap_number for lap in own), default=rows.race_laps), rows.race_laps)
    out_laps = {lap.lap_number for lap in own if lap.is_pit_out_lap}
    lanes = {visit.lap_number: visit.pit.seconds for visit, _ in visits(rows).get(car, []) if visit.is_stop and visit.pit}
    corrected = {
        c.key.get("stint_number") for c in rows.corrections if c.collection == "stints" and c.key.get("driver_number") == car
    }
    stints = rows.stints_of.get(car, [])
    driven = groupby(range(1, last + 1), lambda lap: stint_of_lap(lap, stints, out_laps))
    found: list[dict[str, Any]] = []
    for stint, laps in driven:
        if stint is not None:
            numbers = [*laps]
            bar = segment(stint, numbers[0], numbers[-1], lanes.get(numbers[-1]))
            found.append(bar | {"corrected": stint.stint_number in corrected})
    changes = {mark.x for mark in stop_marks(rows, car) if mark.kind == "change"}
    for bar in found:
        bar["red"] = bar["last"] in changes and bar is not found[-1]
    return found


def segment(stint: StintRow, first: int, last: int, lane: float | None) -> dict[str, Any]:
    return {
        "first": first,
        "last": last,
        "compound": stint.tyre_compound,
        "age": stint.tyre_age_at_start,
        "lane": None if lane is None else round(lane, 1),
    }


def notes(rows: SessionRows, bars: dict[int, list[dict[str, Any]]]) -> list[str]:
    silent = sum(not own and car not in without_lap(rows) for car, own in bars.items())
    unplaced = [f"Of {silent} cars upstream does not say which laps their stints cover."] if silent else []
    lanes = any(bar["lane"] for each in bars.values() for bar in each)
    unknown = [] if lanes or not rows.is_race else ["Times in the pit lane are not stored; upstream has them from Spain 2023 on."]
    return [*unplaced, *unknown]


def without_lap(rows: SessionRows) -> set[int]:
    """The cars whose race ended on its first lap, or did not begin."""
    return {row.driver_number for row in rows.results if (row.dnf or row.dns) and not row.number_of_laps}


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


def layout(chart: Chart, width: float = WIDTH) -> dict[str, Any]:
    """Where the bars are drawn."""
    scale = Scale(0, chart.data["laps"], LEFT, width - RIGHT)
    drawn = []
    for place, car in enumerate(chart.cars):
        top = HEAD + place * ROW
        drawn.append(
            {
                "car": car,
                "text_y": top + ROW / 2 + 4,
                "bars": [box(bar, scale, top) for bar in chart.data["bars"][car.number]],
                "stripes": stripes(chart.bands, car.number, scale, top),
                "without_lap": car.number in chart.data["without_lap"],
            }
        )
    height = HEAD + len(chart.cars) * ROW
    return {
        "rows": drawn,
        "width": width,
        "height": height + 40,
        "top": HEAD,
        "bottom": height,
        "ticks": [*scale.ticks(10 if width == WIDTH else 6)],
        "left": LEFT,
        "names": band_names(chart, scale),
    }


def stripes(bands: list[Band], car: int, scale: Scale, top: float) -> list[dict[str, Any]]:
    """Where the track was not free while a car was on its laps."""
    y = top + (ROW + BAR) / 2 + 0.5
    return [
        {
            "kind": band.kind,
            "x": scale(span[0]),
            "width": round(max(scale(span[1]) - scale(span[0]), 2), 1),
            "y": y,
            "height": STRIPE,
        }
        for band in bands
        if (span := band.cars.get(car))
    ]


def band_names(chart: Chart, scale: Scale) -> list[tuple[str, float]]:
    """(name, x) above the stripes of the first car; names that would touch the one before are left out."""
    found: list[tuple[str, float]] = []
    free = 0.0
    for begin, kind in sorted((spans[0], band.kind) for band in chart.bands if (spans := first_span(band, chart.cars))):
        name = BAND_NAMES.get(kind, kind)
        x = min(scale(begin), scale.end - LETTER_WIDTH * len(name))
        if x >= free:
            found.append((name, x))
            free = x + LETTER_WIDTH * len(name) + 6
    return found


def first_span(band: Band, cars: list[Car]) -> tuple[float, float] | None:
    return next((band.cars[car.number] for car in cars if car.number in band.cars), None)


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
    parameters=("order", *PARAMETERS, "stops"),
    template="pages/views/strategy.html",
    layout=layout,
    narrow=partial(layout, width=NARROW),
    version=champions_version,
)
