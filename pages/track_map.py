"""Where the lap lies on the map: its pieces with their colours, the start, the direction, sector lines and corners, as SVG."""

from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import Any, NamedTuple

from pages.chart import Car

LONGEST, MARGIN = 620.0, 46.0  # px: the longer side of the track, and what is around it
BESIDE, TICK = 21.0, 9.0  # px from the line: corner numbers; half of a sector line
SPEED_STEPS = (100, 140, 180, 220, 260, 300)  # km/h
NARROW = 0.75  # a track that is narrower than this share of its height is laid on its side


class Place(NamedTuple):
    """A point of the drawing."""

    x: float
    y: float


class Plan:
    """From the circuit's metres to pixels."""

    def __init__(self, data: dict[str, Any]):
        xs, ys = data["circuit"]["x"], data["circuit"]["y"]
        self.turned = (max(xs) - min(xs)) < NARROW * (max(ys) - min(ys))
        if self.turned:
            xs, ys = ys, [-x for x in xs]
        self.left, self.top = min(xs), max(ys)
        scale = LONGEST / max(max(xs) - min(xs), max(ys) - min(ys))
        self.width = round((max(xs) - min(xs)) * scale + 2 * MARGIN, 1)
        self.height = round((max(ys) - min(ys)) * scale + 2 * MARGIN, 1)
        self.distances = data["distance"]
        self.places = [
            Place(round((x - self.left) * scale + MARGIN, 1), round((self.top - y) * scale + MARGIN, 1))
            for x, y in zip(xs, ys, strict=True)
        ]
        self.texts = [f"{place.x:g} {place.y:g}" for place in self.places]
        self.clockwise = data["circuit"]["clockwise"]

    def index(self, distance: float) -> int:
        """The number of the place nearest to a distance."""
        after = min(bisect_left(self.distances, distance), len(self.distances) - 1)
        return after - (after > 0 and distance - self.distances[after - 1] < self.distances[after] - distance)

    def path(self, begin: float, end: float) -> str:
        """The line from one distance to another."""
        first, last = self.index(begin), self.index(end)
        return "M" + "L".join(self.texts[first : last + 1])

    def beside(self, distance: float, length: float) -> tuple[Place, Place]:
        """Points so far on the outer and on the inner side of the line."""
        at = self.index(distance)
        before, here, after = (self.places[max(at - 2, 0)], self.places[at], self.places[min(at + 2, len(self.places) - 1)])
        dx, dy = after.x - before.x, after.y - before.y
        norm = (dx * dx + dy * dy) ** 0.5 or 1.0
        aside = (dy / norm * length, -dx / norm * length) if self.clockwise else (-dy / norm * length, dx / norm * length)
        outer = Place(round(here.x + aside[0], 1), round(here.y + aside[1], 1))
        return outer, Place(round(here.x - aside[0], 1), round(here.y - aside[1], 1))


def layout_map(data: dict[str, Any], cars: list[Car], mode: str) -> dict[str, Any]:
    """The pieces of the lap in the colours of a mode, and all that is around them."""
    plan = Plan(data)
    places = [place for place in data["lines"][1:3] if place is not None]
    tip = plan.places[plan.index(0.024 * data["length"])]
    base = plan.beside(0.012 * data["length"], 8)
    return {
        "width": plan.width,
        "height": plan.height,
        "outline": plan.path(0, data["length"]),
        "pieces": pieces(data, cars, plan, mode),
        "legend": legend(data, cars, mode),
        "start": plan.beside(0, TICK + 3),
        "arrow": f"M{tip.x:g} {tip.y:g}L{base[0].x:g} {base[0].y:g}L{base[1].x:g} {base[1].y:g}Z",
        "sectors": [plan.beside(place, TICK) for place in places],
        "corners": [
            {"label": corner["label"], "place": plan.beside(corner["distance"], BESIDE)[0]} for corner in data["corners"]
        ],
        "places": [[place.x, place.y] for place in plan.places],
    }


def pieces(data: dict[str, Any], cars: list[Car], plan: Plan, mode: str) -> list[dict[str, Any]]:
    """Stretches of one colour: their path, the class or the car that colours them, and what they are in words."""
    if mode == "gain":
        return [won(each, data, cars, plan) for each in data["mini_sectors"]]
    label = data["laps"][0]["label"]
    kinds = [kind_at(data, label, at, mode) for at in range(len(data["distance"]))]
    edges = [0, *(at for at in range(1, len(kinds)) if kinds[at] != kinds[at - 1]), len(kinds) - 1]
    return [
        {
            "path": plan.path(data["distance"][begin], data["distance"][end]),
            "kind": kinds[begin][0],
            "title": f"{data['distance'][begin]:.0f} to {data['distance'][end]:.0f} m: {kinds[begin][1]}",
        }
        for begin, end in pairwise(edges)
        if end > begin
    ]


def kind_at(data: dict[str, Any], label: str, at: int, mode: str) -> tuple[str, str]:
    """(class, words) of a place."""
    if mode == "speed":
        speed = data[f"speed_{label}"][at] or 0
        step = bisect_right(SPEED_STEPS, speed)
        return f"speed-{step}", speed_range(step)
    if mode == "gear":
        gear = data[f"gear_{label}"][at] or 0
        return f"gear-{gear}", f"gear {gear}"
    brake, throttle = data[f"brake_{label}"][at], data[f"throttle_{label}"][at]
    if brake:
        return "pedal-brake", "braking"
    if throttle is None:
        return "pedal-none", "no data"
    return ("pedal-full", "full throttle") if throttle >= 99 else ("pedal-part", "part throttle")


def speed_range(step: int) -> str:
    if step == 0:
        return f"below {SPEED_STEPS[0]} km/h"
    return (
        f"{SPEED_STEPS[step - 1]} km/h and more"
        if step == len(SPEED_STEPS)
        else f"{SPEED_STEPS[step - 1]} to {SPEED_STEPS[step]} km/h"
    )


def won(each: dict[str, Any], data: dict[str, Any], cars: list[Car], plan: Plan) -> dict[str, Any]:
    """A mini-sector in the colour of the lap that won it, with the acronym beside it; grey where that cannot be told."""
    labels = [lap["label"] for lap in data["laps"]]
    car = cars[labels.index(each["won"])] if each["won"] else None
    middle = (each["from"] + each["to"]) / 2
    gain = f"{labels[1]} {each['gain']:+.3f} ± {each['band_95']:.3f} s"
    return {
        "path": plan.path(each["from"], each["to"]),
        "kind": "won" if car else "open",
        "car": car,
        "text": car.acronym if car else "",
        "text_place": plan.beside(middle, 27)[1],
        "title": f"Mini-sector {each['number']}, {each['from']:.0f} to {each['to']:.0f} m: {gain}; "
        + (f"{each['won']} is faster" if car else "who is faster cannot be told"),
    }


def legend(data: dict[str, Any], cars: list[Car], mode: str) -> list[dict[str, Any]]:
    """What each colour means."""
    if mode == "gain":
        won_by = [{"car": car, "text": f"{lap['label']} faster"} for car, lap in zip(cars[:2], data["laps"], strict=False)]
        return [*won_by, {"kind": "open", "text": "cannot be told at 95 %"}]
    if mode == "speed":
        return [{"kind": f"speed-{step}", "text": speed_range(step)} for step in range(len(SPEED_STEPS) + 1)]
    if mode == "gear":
        gears = sorted({gear for gear in data[f"gear_{data['laps'][0]['label']}"] if gear is not None})
        return [{"kind": f"gear-{gear}", "text": f"gear {gear}"} for gear in gears]
    texts = {"full": "full throttle", "part": "part throttle", "brake": "braking"}
    return [{"kind": f"pedal-{name}", "text": text} for name, text in texts.items()]
