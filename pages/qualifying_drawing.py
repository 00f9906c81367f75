"""Where the laps of a qualifying are drawn: one panel per phase, as wide as its time, with one scale of gaps."""

from typing import Any

from pages.chart import Chart
from pages.drawing import WIDTH, Scale

TOP, HEIGHT, FOOT, GAP = 30.0, 430.0, 40.0, 34.0  # px: headings, panels, axis, between two panels
LEFT, RIGHT = 44.0, 42.0  # px: margins with room for ticks, and for an acronym
LEAST = 1.5  # s, of the scale of gaps
BEYOND = 1.6  # times the last cut: laps that were further off are not drawn
LETTERS = (27.0, 12.0)  # px: width and height of an acronym
SPOTS = ((7, 4, "start"), (-7, 4, "end"), (0, -8, "middle"), (0, 17, "middle"))  # where a dot's acronym may stand


def drawing(chart: Chart) -> dict[str, Any]:
    """Panels with their dots, acronyms and cuts."""
    data = chart.data
    gap = "gap" if data["gap"] == "then" else "phase_gap"
    colours = {car.number: car for car in chart.cars}
    up = Scale(0, deepest(data, gap), TOP + 12, TOP + HEIGHT)
    total = sum(phase["last"] for phase in data["phases"])
    unit = (WIDTH - LEFT - RIGHT - GAP * (len(data["phases"]) - 1)) / total
    left, panels, beyond = LEFT, [], 0
    for number, phase in enumerate(data["phases"]):
        across = Scale(0, phase["last"], left, left + phase["last"] * unit)
        mine = [each for each in data["attempts"] if each.phase == number]
        drawn = [each for each in mine if getattr(each, gap) <= up.high]
        beyond += len(mine) - len(drawn)
        dots = [
            {"car": colours[each.car], "attempt": each, "x": across(each.minute), "y": up(getattr(each, gap)), "label": None}
            for each in drawn
        ]
        label(dots)
        panels.append(
            {
                "name": phase["name"],
                "left": left,
                "width": round(across.end - left, 1),
                "right": across.end,
                "flag": across(phase["minutes"]),
                "ticks": [*across.ticks(max(2, int(phase["last"] // 4)))],
                "red_flags": [(across(start), round(across(end) - across(start), 1)) for start, end in phase["red_flags"]],
                "dots": dots,
                "cut": steps([cut for cut in data["cuts"] if cut.phase == number], gap, across, up),
            }
        )
        left = across.end + GAP
    ticks = [(f"+{value:g}" if value else "0", place) for value, place in up.ticks(6)]
    return {
        "panels": panels,
        "beyond": beyond,
        "width": WIDTH,
        "height": TOP + HEIGHT + FOOT,
        "top": TOP,
        "panel_height": HEIGHT,
        "bottom": TOP + HEIGHT,
        "left": LEFT,
        "ticks": ticks,
    }


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


def label(dots: list[dict[str, Any]]) -> None:
    """Acronyms beside each car's best lap of the phase, where one of the spots around the dot is free."""
    taken = [(dot["x"] - 4, dot["y"] - 4, dot["x"] + 4, dot["y"] + 4) for dot in dots]
    width, height = LETTERS
    for dot in sorted((dot for dot in dots if dot["attempt"].is_best), key=lambda dot: dot["y"]):
        for dx, dy, anchor in SPOTS:
            x, y = dot["x"] + dx, dot["y"] + dy
            start = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
            box = (start, y - height + 2, start + width, y + 1)
            if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
                taken.append(box)
                dot["label"] = {"x": round(x, 1), "y": round(y, 1), "anchor": anchor}
                break
