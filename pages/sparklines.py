"""Small pictures of a session's views, without axes: they lead to the views."""

from collections.abc import Callable
from statistics import median

import msgspec

from ml.colours import COMPOUNDS
from pages.chart import Chart, Line
from pages.charts import View
from pages.charts.registry import VIEWS
from pages.rows import SessionRows
from pages.state import State

WIDTH, HEIGHT = 240.0, 56.0  # px
CARS = 5  # cars that are drawn
SLOW = 1.1  # lap times above so many medians are left out: laps through the pits, behind the safety car


class Stroke(msgspec.Struct, frozen=True):
    """A line: points as SVG has them, in the colours of the car."""

    points: str
    light: str
    dark: str
    dashed: bool


class Block(msgspec.Struct, frozen=True):
    """A stint's bar."""

    x: float
    y: float
    width: float
    compound: str


class Teaser(msgspec.Struct, frozen=True):
    """A view with its picture, if it has one."""

    name: str
    title: str
    about: str
    strokes: list[Stroke] = []
    blocks: list[Block] = []


def teasers(rows: SessionRows) -> list[Teaser]:
    """The views of a session in the order in which pages link to them."""
    views = [view for view in VIEWS.values() if view.fits(rows.session.session_name)]
    return [teaser(rows, view) for view in views]


def teaser(rows: SessionRows, view: View) -> Teaser:
    draw = PICTURES.get(view.name)
    chart = view.build(rows, State({}, view.parameters)) if draw and rows.laps else None
    strokes, blocks = draw(chart) if draw and chart and not chart.empty else ([], [])
    return Teaser(view.name, view.title, view.about, strokes, blocks)


def lines(chart: Chart) -> tuple[list[Stroke], list[Block]]:
    """The first cars' lines; the values of all of them span the height."""
    chosen = [line for line in chart.lines if any(value is not None for value in line.y)][:CARS]
    values = [value for line in chosen for value in line.y if value is not None]
    if len(values) < 2 or len(chart.x) < 2:
        return [], []
    ceiling = SLOW * median(values) if chart.view == "laps" else max(values)
    bounds = min(values), max(value for value in values if value <= ceiling)
    return [stroke(chart, line, bounds) for line in chosen], []


def stroke(chart: Chart, line: Line, bounds: tuple[float, float]) -> Stroke:
    low, high = bounds
    car = next(each for each in chart.cars if each.number == line.car)
    across = (WIDTH - 4) / (chart.x[-1] - chart.x[0] or 1)
    up = (HEIGHT - 6) / (high - low or 1)
    points = [
        (2 + (x - chart.x[0]) * across, 3 + ((y - low) if chart.reverse else (high - y)) * up)
        for x, y in zip(chart.x, line.y, strict=True)
        if y is not None and low <= y <= high
    ]
    return Stroke(" ".join(f"{x:.1f},{y:.1f}" for x, y in points), car.light, car.dark, car.dashed)


def stints(chart: Chart) -> tuple[list[Stroke], list[Block]]:
    """The first cars' stints."""
    across = WIDTH / max(1, chart.data["laps"])
    row = HEIGHT / CARS
    blocks = [
        Block(
            round((bar["first"] - 1) * across, 1),
            round(at * row + 1.5, 1),
            round(max(1.0, (bar["last"] - bar["first"] + 1) * across - 1.5), 1),
            bar["compound"] if bar["compound"] in COMPOUNDS else "UNKNOWN",
        )
        for at, car in enumerate(chart.cars[:CARS])
        for bar in chart.data["bars"][car.number]
    ]
    return [], blocks


PICTURES: dict[str, Callable[[Chart], tuple[list[Stroke], list[Block]]]] = {
    "trace": lines,
    "laps": lines,
    "positions": lines,
    "strategy": stints,
}
