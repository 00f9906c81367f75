"""A circuit as GeoJSON and as a picture."""

from typing import Any

from races.models import Circuit

PICTURE = 1000.0  # px: the longer side of the drawing
MARGIN = 60.0  # px around it
LABEL = 34.0  # px from the line to a corner's number


def points_of(circuit: Circuit) -> list[tuple[float, float, float]]:
    """(x, y, z) in metres along the centre line, from the start line."""
    line = circuit.centre_line
    return list(zip(line["x"], line["y"], line["z"], strict=True))


def place_at(circuit: Circuit, distance: float) -> tuple[float, float, float]:
    """The point of the centre line nearest to a distance from the start line."""
    points = points_of(circuit)
    return points[round(distance / circuit.length * len(points)) % len(points)]


def marks_of(circuit: Circuit) -> list[tuple[str, str, float]]:
    """(kind, label, distance) of the start line, the sector lines and the corners."""
    sectors = [("sector", f"end of sector {at}", place) for at, place in ((1, circuit.sector_1), (2, circuit.sector_2)) if place]
    corners = [("corner", corner.label, corner.distance) for corner in circuit.corners.all()]
    return [("start", "start line", 0.0), *sectors, *corners]


def to_geojson(circuit: Circuit) -> dict[str, Any]:
    """The centre line as a closed LineString, and points for start line, sector lines and corners.

    Coordinates are metres from Formula 1's own origin of the circuit, not longitude and latitude, which nobody publishes.
    """
    points = points_of(circuit)
    direction = "clockwise" if circuit.clockwise else "anticlockwise"
    line = {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": [*points, points[0]]},
        "properties": {"kind": "centre line", "length": circuit.length, "direction": direction},
    }
    marks = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": place_at(circuit, distance)},
            "properties": {"kind": kind, "label": label, "distance": distance},
        }
        for kind, label, distance in marks_of(circuit)
    ]
    about = {"circuit_id": circuit.pk, "circuit_name": circuit.circuit_name, "units": "metres from a local origin"}
    return {"type": "FeatureCollection", **about, "features": [line, *marks]}


class Drawing:
    """From metres of a circuit to pixels of a picture whose longer side is given, y downwards."""

    def __init__(self, circuit: Circuit, *, longest: float = PICTURE, margin: float = MARGIN):
        xs, ys = circuit.centre_line["x"], circuit.centre_line["y"]
        self.circuit, self.left, self.top, self.margin = circuit, min(xs), max(ys), margin
        self.scale = longest / max(max(xs) - min(xs), max(ys) - min(ys))
        self.width = round((max(xs) - min(xs)) * self.scale + 2 * margin, 1)
        self.height = round((max(ys) - min(ys)) * self.scale + 2 * margin, 1)

    def place(self, x: float, y: float) -> tuple[float, float]:
        return round((x - self.left) * self.scale + self.margin, 1), round((self.top - y) * self.scale + self.margin, 1)

    def path(self) -> str:
        """The closed centre line as the data of an SVG path."""
        return "M" + "L".join("{} {}".format(*self.place(x, y)) for x, y, _ in points_of(self.circuit)) + "Z"

    def across(self, distance: float, length: float) -> tuple[tuple[float, float], tuple[float, float]]:
        """Points so many pixels to the left and to the right of the line at a distance, as seen by the driver."""
        step = self.circuit.length / len(self.circuit.centre_line["x"])
        before, here, after = (self.place(*place_at(self.circuit, distance + shift * step)[:2]) for shift in (-2, 0, 2))
        dx, dy = after[0] - before[0], after[1] - before[1]
        norm = (dx * dx + dy * dy) ** 0.5 or 1.0
        aside = dy / norm * length, -dx / norm * length
        return (
            (round(here[0] + aside[0], 1), round(here[1] + aside[1], 1)),
            (round(here[0] - aside[0], 1), round(here[1] - aside[1], 1)),
        )

    def outside(self, distance: float, length: float) -> tuple[float, float]:
        """The point beside the line, at a distance, that is on the outer side of the circuit."""
        left, right = self.across(distance, length)
        return left if self.circuit.clockwise else right


def to_svg(circuit: Circuit) -> str:
    """The circuit as a picture: line, start line with the direction, sector lines, corner numbers."""
    drawing = Drawing(circuit)
    parts = [f'<path d="{drawing.path()}" fill="none" stroke="#555d6b" stroke-width="7" stroke-linejoin="round"/>']
    for kind, label, distance in marks_of(circuit):
        if kind == "corner":
            x, y = drawing.outside(distance, LABEL)
            parts.append(f'<text x="{x}" y="{y}" dy="7" text-anchor="middle">{label}</text>')
            continue
        (x1, y1), (x2, y2) = drawing.across(distance, 18)
        colour = "#c8102e" if kind == "start" else "#1769c4"
        parts.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="6"><title>{label}</title></line>'
        )
    parts.append(arrow(drawing))
    name = circuit.circuit_name.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width} {drawing.height}" role="img" aria-label="{name}" '
        f'font-family="system-ui, sans-serif" font-size="22" fill="#7d8592">{"".join(parts)}</svg>'
    )


def arrow(drawing: Drawing) -> str:
    """An arrow in the direction of driving, just after the start line."""
    tip = drawing.place(*place_at(drawing.circuit, 0.024 * drawing.circuit.length)[:2])
    left, right = drawing.across(0.012 * drawing.circuit.length, 14)
    return '<path fill="#c8102e" d="M{} {}L{} {}L{} {}Z"/>'.format(*tip, *left, *right)
