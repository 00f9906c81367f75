"""Where the channels of compared laps are drawn: one strip per channel over the same distance, as SVG."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import add, sub
from typing import Any, NamedTuple

from pages.drawing import WIDTH, Scale

LEFT, RIGHT, HEAD, FOOT, GAP = 46.0, 10.0, 38.0, 34.0, 20.0  # px: margins, corner numbers, axis, a strip's title above it
DRS_OPEN = (10, 12, 14)


class Strip(NamedTuple):
    """A channel, its height in px, and its scale where that does not depend on the laps."""

    name: str
    title: str
    height: float
    low: float | None = None
    high: float | None = None
    ticks: int = 2
    stepped: bool = False


DELTA = Strip("delta", "Delta, s", 150, ticks=4)
SPEED = Strip("speed", "Speed, km/h", 190, ticks=4)
FULL = (
    SPEED,
    DELTA,
    Strip("throttle", "Throttle, %", 52, -4, 104),
    Strip("brake", "Brake", 30, 0, 100, ticks=0, stepped=True),
    Strip("gear", "Gear", 66, 0, 9, ticks=4, stepped=True),
    Strip("rpm", "Engine, rpm", 66),
    Strip("drs", "DRS open", 26, 0, 1, ticks=0, stepped=True),
)
SHORT = (SPEED._replace(height=120), DELTA._replace(height=110))


def layout_strips(data: dict[str, Any], strips: tuple[Strip, ...]) -> dict[str, Any]:
    """Strips with their lines, bands and ticks; the corners and sector lines on top of all."""
    labels = [lap["label"] for lap in data["laps"]]
    begin, end = data.get("zoom") or (0.0, data["length"])
    across = Scale(begin, end, LEFT, WIDTH - RIGHT)
    shown = slice(bisect_left(data["distance"], begin), bisect_right(data["distance"], end))
    xs = [str(x) for x in across.places(data["distance"][shown])]  # written once for all strips
    top, drawn = HEAD, []
    for strip in strips:
        if strip.name == "delta" and len(labels) < 2:
            continue
        drawn.append(draw(strip, data, labels, top=top, shown=shown, xs=xs))
        top += strip.height + GAP
    bottom = top - GAP
    names = zip(data["lines"], ("", "sector 1", "sector 2", ""), strict=True)
    return {
        "strips": drawn,
        "width": WIDTH,
        "height": bottom + FOOT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "top": HEAD,
        "bottom": bottom,
        "ticks": [*across.ticks(8)],
        "corners": [
            {"label": corner["label"], "x": across(corner["distance"]), "d": corner["distance"]}
            for corner in data["corners"]
            if begin <= corner["distance"] <= end
        ],
        "lines": [{"name": name, "x": across(d), "d": d} for d, name in names if d is not None and name and begin <= d <= end],
    }


def draw(strip: Strip, data: dict[str, Any], labels: list[str], *, top: float, shown: slice, xs: list[str]) -> dict[str, Any]:
    """One strip: a path per lap, and bands of the delta."""
    import numpy as np

    names = labels[1:] if strip.name == "delta" else labels
    columns = {
        label: opened(data[f"{strip.name}_{label}"]) if strip.name == "drs" else data[f"{strip.name}_{label}"] for label in names
    }
    low, high = limits(strip, data, columns)
    up = Scale(low, high, top + strip.height, top)
    laps: list[dict[str, Any]] = []
    for label in names:
        values = columns[label][shown]
        kept = turning(values)
        line = path([xs[at] for at in kept], up.places([values[at] for at in kept]), stepped=strip.stepped)
        laps.append({"number": labels.index(label), "path": line})
    for lap in laps if strip.name == "delta" else ():
        label = labels[lap["number"]]
        for name in ("delta_band_95", "delta_band"):
            values, halves = np.array(columns[label][shown]), np.array(data[f"{name}_{label}"][shown])
            upper, lower = up.places(values + halves), up.places(values - halves)
            lap[name] = f"{path(xs, upper)}{path(xs[::-1], lower[::-1]).replace('M', 'L', 1)}Z"
    return {
        "name": strip.name,
        "title": strip.title,
        "top": top,
        "bottom": top + strip.height,
        "height": strip.height,
        "low": low,
        "high": high,
        "stepped": strip.stepped,
        "zero": up(0) if strip.name == "delta" else None,
        "ticks": [(f"{value:+g}" if strip.name == "delta" and value else f"{value:g}", y) for value, y in up.ticks(strip.ticks)]
        if strip.ticks
        else [],
        "laps": laps,
    }


def opened(values: list[int | None]) -> list[int | None]:
    """1 where DRS is open, by the codes of the samples."""
    return [None if value is None else int(value in DRS_OPEN) for value in values]


def limits(strip: Strip, data: dict[str, Any], columns: dict[str, list[Any]]) -> tuple[float, float]:
    """The least and greatest value of a strip; those of a delta hold its wide band."""
    if strip.low is not None and strip.high is not None:
        return strip.low, strip.high
    values = [value for column in columns.values() for value in column if value is not None] or [0.0, 1.0]
    if strip.name == "delta":
        bands = [(column, data[f"delta_band_95_{label}"]) for label, column in columns.items()]
        lowest, highest = (function(function(map(end, *band)) for band in bands) for function, end in ((min, sub), (max, add)))
        return min(lowest, -0.05), max(highest, 0.05)
    room = 0.12 * (max(values) - min(values))
    return float(min(values) - room / 3), float(max(values) + room)


def turning(values: Sequence[float | None]) -> list[int]:
    """The numbers of the values that a line needs: those between two equal ones are left out."""
    beside = zip((..., *values), values, (*values[1:], ...), strict=False)
    return [at for at, (before, value, after) in enumerate(beside) if not before == value == after]


def path(xs: Sequence[str], ys: Sequence[float | None], *, stepped: bool = False) -> str:
    """The data of an SVG path through points; it begins anew after missing values."""
    if xs and not stepped and None not in ys:
        return "M" + "L".join([f"{x} {y}" for x, y in zip(xs, ys, strict=True)])
    parts, pen = [], False
    for x, y in zip(xs, ys, strict=True):
        if y is None:
            pen = False
        elif not pen:
            parts.append(f"M{x} {y}")
            pen = True
        else:
            parts.append(f"H{x}V{y}" if stepped else f"L{x} {y}")
    return "".join(parts)
