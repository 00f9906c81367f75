"""Where the laps of a qualifying are drawn: one panel per phase, with one scale of gaps.

On screens they stand side by side, each as wide as its time; on phones one below the other.
"""

from typing import Any, NamedTuple

from pages.chart import Chart
from pages.drawing import NARROW, WIDTH, Scale

LEAST = 1.5  # s, of the scale of gaps
BEYOND = 1.6  # times the last cut: laps that were further off are not drawn


class Paper(NamedTuple):
    """The measures of a drawing, in px."""

    width: float
    height: float  # of a panel
    left: float  # margin with room for ticks
    right: float  # margin with room for an acronym
    letters: tuple[float, float]  # width and height of an acronym
    stacked: bool  # panels are one below the other
    top: float = 30.0  # a panel's heading
    foot: float = 60.0  # its axis
    gap: float = 34.0  # between two panels


SCREEN = Paper(WIDTH, 430.0, 44.0, 42.0, (27.0, 12.0), stacked=False)
PHONE = Paper(NARROW, 400.0, 62.0, 46.0, (41.0, 17.0), stacked=True, foot=76.0)


def drawing(chart: Chart, paper: Paper = SCREEN) -> dict[str, Any]:
    """Panels with their dots, acronyms and cuts."""
    data = chart.data
    gap = "gap" if data["gap"] == "then" else "phase_gap"
    colours = {car.number: car for car in chart.cars}
    deep = deepest(data, gap)
    panels, beyond = [], 0
    for number, (phase, (left, width, top)) in enumerate(zip(data["phases"], places(data["phases"], paper), strict=True)):
        up = Scale(0, deep, top + 12, top + paper.height)
        across = Scale(0, phase["last"], left, left + width)
        mine = [each for each in data["attempts"] if each.phase == number]
        drawn = [each for each in mine if getattr(each, gap) <= up.high]
        beyond += len(mine) - len(drawn)
        dots = [
            {"car": colours[each.car], "attempt": each, "x": across(each.minute), "y": up(getattr(each, gap)), "label": None}
            for each in drawn
        ]
        label(dots, paper.letters)
        panels.append(
            {
                "name": phase["name"],
                "left": left,
                "top": top,
                "bottom": top + paper.height,
                "width": round(across.end - left, 1),
                "right": across.end,
                "flag": across(phase["minutes"]),
                "ticks": [*across.ticks(max(2, int(phase["last"] // 4)))],
                "red_flags": [(across(start), round(across(end) - across(start), 1)) for start, end in phase["red_flags"]],
                "dots": dots,
                "cut": steps([cut for cut in data["cuts"] if cut.phase == number], gap, across, up),
                "gaps": [(f"+{value:g}" if value else "0", place) for value, place in up.ticks(6)],
                "has_scale": paper.stacked or number == 0,
            }
        )
    return {
        "panels": panels,
        "beyond": beyond,
        "width": paper.width,
        "height": max((panel["bottom"] for panel in panels), default=0.0) + paper.foot,
        "panel_height": paper.height,
        "left": paper.left,
    }


def places(phases: list[dict[str, Any]], paper: Paper) -> list[tuple[float, float, float]]:
    """(left, width, top) of each panel."""
    room = paper.width - paper.left - paper.right
    if paper.stacked:
        return [(paper.left, room, paper.top + at * (paper.height + paper.gap + paper.top)) for at in range(len(phases))]
    unit = (room - paper.gap * (len(phases) - 1)) / sum(phase["last"] for phase in phases)
    found, left = [], paper.left
    for phase in phases:
        found.append((left, phase["last"] * unit, paper.top))
        left = round(left + phase["last"] * unit, 1) + paper.gap
    return found


def deepest(data: dict[str, Any], gap: str) -> float:
    """The greatest gap on the chart."""
    last = {cut.phase: getattr(cut, gap) for cut in data["cuts"]}
    worst = max((getattr(each, gap) for each in data["attempts"]), default=LEAST)
    return float(min(worst, max([LEAST, *(BEYOND * cut for cut in last.values())])) or LEAST)


def steps(cuts: list[Any], gap: str, across: Scale, up: Scale) -> str:
    """The path of a cut: level until the next change."""
    points = [(across(cut.minute), up(min(getattr(cut, gap), up.high))) for cut in cuts]
    if not points:
        return ""
    path = f"M{points[0][0]} {points[0][1]}" + "".join(f"H{x}V{y}" for x, y in points[1:])
    return f"{path}H{across.end}"


def label(dots: list[dict[str, Any]], letters: tuple[float, float]) -> None:
    """Acronyms beside each car's best lap of the phase, where one of the spots around the dot is free."""
    taken = [(dot["x"] - 4, dot["y"] - 4, dot["x"] + 4, dot["y"] + 4) for dot in dots]
    width, height = letters
    spots = ((7, height / 3, "start"), (-7, height / 3, "end"), (0, -8, "middle"), (0, height + 5, "middle"))
    for dot in sorted((dot for dot in dots if dot["attempt"].is_best), key=lambda dot: dot["y"]):
        for dx, dy, anchor in spots:
            x, y = dot["x"] + dx, dot["y"] + dy
            start = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
            box = (start, y - height + 2, start + width, y + 1)
            if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
                taken.append(box)
                dot["label"] = {"x": round(x, 1), "y": round(y, 1), "anchor": anchor}
                break
