"""A chart of the answer to a question: bars of one column, or lines over a column of numbers or moments.

A column `team_colour` gives bars the colours of the teams; the first column of texts names the bars, or the lines. Lines named
after compounds have the colours of the tyres.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from ask.sql.running import Column
from ml import colours
from ml.colours import Shades, legible
from pages.drawing import NARROW, WIDTH, Scale

KINDS = ("auto", "bars", "lines", "none")
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
NUMBERS = (*INTEGERS, *(f"U{name}" for name in INTEGERS), "FLOAT", "DOUBLE", "DECIMAL")
MOMENTS = ("TIMESTAMP", "DATE")
MAX_BARS, MAX_LINES = 40, 12
MAX_COLUMNS = 6  # of which a chart is guessed: SELECT * begins with keys, and nobody can know what is of interest
COLOUR = "team_colour"
TYRES = {"SOFT": "#da291c", "MEDIUM": "#e8b500", "HARD": "#8a909c", "INTERMEDIATE": "#237f37", "WET": "#1769c4"}
PALETTE = ("#d3121d", "#1769c4", "#e8a400", "#16794a", "#8a3ffc", "#d4570a", "#0b8793", "#7d5a3c")
TOP = 14.0
HEIGHT, BOTTOM = 440.0, 392.0  # of lines


class Paper(NamedTuple):
    """Where a drawing has what; lengths in CSS pixels."""

    size: str  # the class that shows it on one kind of screen
    width: float
    row: float  # the height of a bar with its name
    left: float  # of bars
    right: float  # room for the values of bars
    stacked: bool  # whether the name of a bar is above it, or before it
    edge: float  # left of lines
    labels: float  # room for the names of lines
    letters: int  # of the name of a line
    apart: float  # from the name of a line to the next
    foot: float  # below the bars
    ticks: int


SCREEN = Paper(
    "for-screens", WIDTH, 24.0, 260.0, 90.0, stacked=False, edge=80.0, labels=150.0, letters=18, apart=15.0, foot=36.0, ticks=8
)
PHONE = Paper(
    "for-phones", NARROW, 46.0, 6.0, 100.0, stacked=True, edge=90.0, labels=110.0, letters=10, apart=20.0, foot=42.0, ticks=4
)
PAPERS = (SCREEN, PHONE)


class Bar(msgspec.Struct, frozen=True):
    label: str
    value: str
    x: float
    y: float
    width: float
    end: float  # where its value is written
    colour: Shades


class Line(msgspec.Struct, frozen=True):
    label: str
    path: str
    label_y: float
    end: tuple[float, float]  # its last point
    colour: Shades
    dashed: bool


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """What a template draws: bars or lines, and the axes."""

    paper: Paper
    kind: str
    summary: str
    x_label: str
    y_label: str
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: list[tuple[str, float]]
    y_ticks: list[tuple[str, float]] = []
    bars: list[Bar] = []
    lines: list[Line] = []
    note: str = ""  # what is left out


Rows = Sequence[Sequence[Any]]


def draw(columns: Sequence[Column], rows: Rows, kind: str = "auto", paper: Paper = SCREEN) -> Picture | None:
    """A chart of an answer; None where it has nothing that could be drawn."""
    numbers = [at for at, column in enumerate(columns) if is_number(column)]
    texts = [at for at, column in enumerate(columns) if column.type == "VARCHAR" and column.name != COLOUR]
    names = texts or [at for at in numbers if is_key(columns[at])]
    measures = [at for at in numbers if not is_key(columns[at])] or numbers
    across = next((at for at, column in enumerate(columns) if at in measures or column.type.startswith(MOMENTS)), None)
    values = [at for at in measures if at != across]
    if not rows or kind == "none" or not numbers or (kind == "auto" and len(columns) > MAX_COLUMNS):
        return None
    if kind == "auto":
        kind = "bars" if not values or (texts and texts[0] == 0 and len(rows) <= MAX_BARS) else "lines"
    if kind == "lines" and across is not None and values:
        return draw_lines(columns, rows, paper, across=across, value=values[0], name=names[0] if names else None)
    if names:
        return draw_bars(columns, rows, paper, label=names[0], value=measures[0])
    return draw_bars(columns, rows, paper, label=across if values else None, value=(values or numbers)[0])


def is_number(column: Column) -> bool:
    return column.type.startswith(NUMBERS) and "[" not in column.type


def is_key(column: Column) -> bool:
    """Whether the numbers of a column are names: of cars, or of rows elsewhere."""
    return column.name == "driver_number" or column.name.endswith(("_key", "_driver_number"))


def draw_bars(columns: Sequence[Column], rows: Rows, paper: Paper, *, label: int | None, value: int) -> Picture | None:
    drawn = [row for row in rows if row[value] is not None][:MAX_BARS]
    if not drawn:
        return None
    lengths = [float(row[value]) for row in drawn]
    scale = Scale(min(0.0, *lengths), max(0.0, *lengths), paper.left, paper.width - paper.right)
    colour = next((at for at, column in enumerate(columns) if column.name == COLOUR), None)
    zero = scale(0.0)
    bars = []
    for at, (row, length) in enumerate(zip(drawn, lengths, strict=True)):
        start, end = sorted((zero, scale(length)))
        name = f"{at + 1}" if label is None else format_value(row[label])
        shades = team_shades(row[colour]) if colour is not None else shade(PALETTE[0])
        bars.append(
            Bar(shortened(name), format_value(row[value]), start, TOP + at * paper.row, round(end - start, 1), end, shades)
        )
    bottom = TOP + len(bars) * paper.row
    name = columns[value].name
    return Picture(
        paper=paper,
        kind="bars",
        summary=f"{name}: {bars[0].label} {bars[0].value} … {bars[-1].label} {bars[-1].value}.",
        x_label=name,
        y_label="" if label is None else columns[label].name,
        height=bottom + paper.foot,
        left=paper.left,
        right=paper.width - paper.right,
        top=TOP,
        bottom=bottom,
        x_ticks=[(format_value(tick), x) for tick, x in scale.ticks(paper.ticks)],
        bars=bars,
        note=f"The first {MAX_BARS} of {len(rows):,} rows are drawn." if len(rows) > MAX_BARS else "",
    )


def draw_lines(
    columns: Sequence[Column], rows: Rows, paper: Paper, *, across: int, value: int, name: int | None
) -> Picture | None:
    series: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row[across] is not None and row[value] is not None:
            key = columns[value].name if name is None else format_value(row[name])
            series.setdefault(key, []).append((to_number(row[across]), float(row[value])))
    if not series:
        return None
    chosen = dict([*series.items()][:MAX_LINES])
    points = [point for line in chosen.values() for point in line]
    x, y = span(point[0] for point in points), span(point[1] for point in points)
    x_scale = Scale(*x, paper.edge, paper.width - paper.labels)
    y_scale = Scale(*y, BOTTOM - 10, TOP + 10)
    moments = columns[across].type.startswith(MOMENTS)
    lines = draw_series(chosen, x_scale, y_scale, paper)
    return Picture(
        paper=paper,
        kind="lines",
        summary=f"{columns[value].name} over {columns[across].name}, {len(chosen)} line{'s' * (len(chosen) > 1)}.",
        x_label=columns[across].name,
        y_label=columns[value].name,
        height=HEIGHT,
        left=paper.edge,
        right=paper.width - paper.labels,
        top=TOP,
        bottom=BOTTOM,
        x_ticks=[(format_moment(tick, x) if moments else format_value(tick), at) for tick, at in x_scale.ticks(paper.ticks)],
        y_ticks=[(format_value(tick), at) for tick, at in y_scale.ticks(6)],
        lines=lines,
        note=f"The first {MAX_LINES} of {len(series)} lines are drawn." if len(series) > MAX_LINES else "",
    )


def draw_series(series: dict[str, list[tuple[float, float]]], x_scale: Scale, y_scale: Scale, paper: Paper) -> list[Line]:
    """The lines, with their names at their ends, none over another."""
    ends = {name: max(points) for name, points in series.items()}
    free = TOP
    labels: dict[str, float] = {}
    for name in sorted(ends, key=lambda each: y_scale(ends[each][1])):
        labels[name] = max(free, y_scale(ends[name][1]))
        free = labels[name] + paper.apart
    return [
        Line(
            shortened(name, paper.letters),
            "M" + "L".join(f"{x_scale(x)} {y_scale(y)}" for x, y in sorted(points)),
            round(labels[name], 1),
            (x_scale(ends[name][0]), y_scale(ends[name][1])),
            shade(TYRES.get(name, PALETTE[at % len(PALETTE)])),
            at >= len(PALETTE),
        )
        for at, (name, points) in enumerate(series.items())
    ]


def span(values: Iterable[float]) -> tuple[float, float]:
    """The lowest and the highest of some values, never the same."""
    every = list(values)
    low, high = min(every), max(every)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def to_number(value: Any) -> float:
    """A number, or the seconds of a moment (ISO 8601)."""
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else float(value)


def format_moment(seconds: float, whole: tuple[float, float]) -> str:
    """A moment on an axis: the time within two days, else the day."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S" if whole[1] - whole[0] < 2 * 86_400 else "%Y-%m-%d")


def format_value(value: Any) -> str:
    """A value as a person reads it."""
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".").replace("-", "−")
    return "–" if value is None else str(value)


def shortened(text: str, longest: int = 34) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def shade(colour: str) -> Shades:
    return Shades(legible(colour, colours.PAPERS["light"]), legible(colour, colours.PAPERS["dark"]))


def team_shades(colour: Any) -> Shades:
    """The colour of a row (six hexadecimal digits), as it can be told from the paper."""
    text = f"#{colour}".lower()
    return shade(text if len(text) == 7 and set(text[1:]) <= set("0123456789abcdef") else "#7d8592")
