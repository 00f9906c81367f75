"""Race pace: the spread of each driver's clean laps on an empty tank, and how far behind the fastest that is."""

from functools import partial
from typing import Any

from ml.analysis.sessions import FUEL_EFFECT
from ml.colours import compound_letter
from pages.analyses import answer_to, basis, empty_chart
from pages.cars import cars_of
from pages.chart import Car, Chart, Choice, Table
from pages.charts import View
from pages.drawing import NARROW, WIDTH, Scale
from pages.rows import SessionRows
from pages.state import State
from pages.templatetags.f1 import lap_time

GROUPS = {"driver": "driver", "team": "team", "mates": "team-mates side by side", "compound": "tyre compound"}
ROW, BOX, RIGHT, HEAD = 30.0, 16.0, 156.0, 26.0  # px: a row, its box, the figures to its right, their headings
ACRONYM, NAME, GAP = 54.0, 150.0, 62.0  # px for names of drivers, of teams, for the gap beside them
SPREAD = 7  # places above one another that dots are dealt out to, so that they do not hide each other
SHOWN_SHARE = 0.975  # of the laps lie on the chart; the slowest would squeeze the rest

Group = dict[str, Any]


def build(rows: SessionRows, state: State) -> Chart:
    """Per driver, team or compound: quartiles, the laps themselves and the gap of the medians with its band, in seconds."""
    by = state.choice("by", GROUPS, "driver")
    answer = answer_to("race-pace", rows)
    if isinstance(answer, str):
        return empty_chart("pace", "Race pace", answer)
    cars = cars_of(rows)
    mates = answer_to("team-mates", rows) if by == "mates" else {}
    wanted = {car.acronym for car in cars if car.number in state.cars(rows)}
    groups = chosen(grouped(by, answer, cars), wanted, by)
    pairs = {row["team"]: row for row in mates["rows"]} if isinstance(mates, dict) and mates else {}
    return Chart(
        view="pace",
        title="Race pace",
        summary=summary(groups, by),
        x_label="Seconds a lap, without the fuel's weight",
        cars=cars,
        choices=[Choice("by", "By", by, [*GROUPS.items()])],
        notes=[*notes(groups, by), *basis(answer, raw=rows.raw)],
        table=table(groups),
        data={"groups": groups, "by": by, "mates": [compared(pair) for pair in pairs.values()]},
    )


def grouped(by: str, answer: dict[str, Any], cars: list[Car]) -> list[Group]:
    """The rows of the answer as the chart groups them, the fastest first."""
    drivers = answer["rows"]
    of_name = {car.acronym: car for car in cars}
    if by == "compound":
        laps = [time for row in drivers for time in row["times"]]
        return [
            group(row, row["compound"], None, [lap for lap in laps if lap[2] == row["compound"]]) for row in answer["compounds"]
        ]
    of_team = {car.team: car for car in reversed(cars)}
    if by == "team":
        return [
            group(
                row,
                row["team"],
                of_team.get(row["team"]),
                [lap for one in drivers if one["team"] == row["team"] for lap in one["times"]],
            )
            for row in answer["teams"]
        ]
    if by == "mates":
        place = {row["team"]: at for at, row in enumerate(answer["teams"])}
        drivers = sorted(drivers, key=lambda row: (place.get(row["team"], len(place)), row["gap"]))
    return [group(row, row["name"], of_name.get(row["name"]), row["times"]) for row in drivers]


def group(row: dict[str, Any], name: str, car: Car | None, laps: list[Any]) -> Group:
    best = row["pace"] - row["gap"]
    return {
        "name": name,
        "car": car,
        "team": row.get("team", ""),
        "quartiles": [round(value, 3) for value in row["quartiles"]],
        "gap": round(row["gap"], 3),
        "percent": round(100 * row["gap"] / best, 2),
        "band": [round(value, 3) for value in row["band"]],
        "laps": laps,
    }


def chosen(groups: list[Group], wanted: set[str], by: str) -> list[Group]:
    """The groups of the drivers that were asked for; all of them where nobody was."""
    if not wanted or by == "compound":
        return groups
    teams = {each["car"].team for each in groups if each["car"] and each["car"].acronym in wanted}
    return [each for each in groups if each["name"] in wanted or (by == "team" and each["name"] in teams)]


def summary(groups: list[Group], by: str) -> str:
    if not groups:
        return "None of these drivers has enough clean laps."
    first = min(groups, key=lambda each: each["gap"])
    name = (
        first["car"].name
        if first["car"] and by in ("driver", "mates")
        else first["name"].capitalize()
        if by == "compound"
        else first["name"]
    )
    others = sorted(each["gap"] for each in groups)[1:2]
    lead = f", {others[0]:.2f} s a lap faster than the next" if others else ""
    return (
        f"{name} had the best pace: {lap_time(first['quartiles'][1])} in the middle of the clean laps{lead}. "
        "Box: the middle half of the laps; stroke: their median; dots: laps."
    )


def notes(groups: list[Group], by: str) -> list[str]:
    edge = right_edge(groups)
    slow = sum(lap[1] > edge for each in groups for lap in each["laps"])
    words = {
        "compound": ["Compounds were driven at different times and by different cars: this is no comparison of tyres alone."]
    }
    return [
        f"Beside the gap: where it would be if a kilogram of fuel cost 0.02 to 0.04 s a lap instead of {FUEL_EFFECT:g} s.",
        *words.get(by, []),
        *([f"{slow} of the slowest laps lie right of the chart."] if slow else []),
    ]


def compared(pair: dict[str, Any]) -> dict[str, Any]:
    """Two team-mates on like laps, in words."""
    delta, interval = pair["lap"]["delta"], pair["lap"]["interval"]
    faster, slower = (pair["first"], pair["second"]) if delta > 0 else (pair["second"], pair["first"])
    low, high = sorted(abs(end) if delta * end > 0 else -abs(end) for end in interval)
    apart = interval[0] > 0 or interval[1] < 0
    said = (
        f"{faster} was {abs(delta):.2f} s a lap faster than {slower} ({low:.2f} to {high:.2f})"
        if apart
        else f"{faster} and {slower} cannot be told apart ({interval[0]:+.2f} to {interval[1]:+.2f} s a lap)"
    )
    return {"team": pair["team"], "said": said, "pairs": pair["pairs"], "delta": delta, "interval": interval}


def table(groups: list[Group]) -> Table:
    columns = [
        ("Name", False),
        ("Team", False),
        ("Median, s", True),
        ("Gap, s", True),
        ("Gap, %", True),
        ("Gap from", True),
        ("to", True),
        ("Lower quartile", True),
        ("Upper quartile", True),
        ("Clean laps", True),
    ]
    lines = [
        [
            each["name"],
            each["team"],
            each["quartiles"][1],
            each["gap"],
            each["percent"],
            *each["band"],
            each["quartiles"][0],
            each["quartiles"][2],
            len(each["laps"]),
        ]
        for each in groups
    ]
    return Table.of(columns, lines)


def right_edge(groups: list[Group]) -> float:
    """The slowest time on the chart."""
    times = sorted(lap[1] for each in groups for lap in each["laps"])
    return max([times[int(SHOWN_SHARE * (len(times) - 1))], *(each["quartiles"][2] for each in groups)]) if times else 0.0


def layout(chart: Chart, width: float = WIDTH) -> dict[str, Any]:
    """Where boxes, dots and figures are drawn; a narrow drawing leaves out all figures but the gap."""
    margin = RIGHT if width == WIDTH else 12.0
    groups: list[Group] = chart.data["groups"]
    high = right_edge(groups)
    low = min((lap[1] for each in groups for lap in each["laps"]), default=0.0)
    room = (high - low) * 0.02 or 0.1
    names = NAME if chart.data["by"] in ("team", "compound") else ACRONYM
    left = names + GAP
    scale = Scale(low - room, high + room, left + 8, width - margin)
    drawn, top, team = [], HEAD, None
    for each in groups:
        if chart.data["by"] == "mates" and team not in (None, each["team"]):
            top += ROW / 3
        team = each["team"]
        drawn.append(box(each, scale, top, high))
        top += ROW
    return {
        "rows": drawn,
        "width": width,
        "height": top + 40,
        "top": HEAD - 8,
        "bottom": top,
        "left": left,
        "names": names,
        "right": width - margin,
        "ticks": [(lap_time(value).removesuffix("00"), place) for value, place in scale.ticks(8 if width == WIDTH else 4)],
        "figures": [left - 6, width - margin + 54, width - 4] if width == WIDTH else [left - 6],
    }


def box(each: Group, scale: Scale, top: float, high: float) -> dict[str, Any]:
    middle = top + ROW / 2
    low, median, upper = (scale(value) for value in each["quartiles"])
    paths: dict[str, str] = {}
    for number, seconds, compound in each["laps"]:
        if seconds <= high:
            up = (number * 3 % SPREAD - SPREAD // 2) * 2.6
            paths[compound] = paths.get(compound, "") + f"M{scale(seconds)} {round(middle + up, 1)}h0"
    best = each["quartiles"][1] - each["gap"]
    return each | {
        "y": middle - BOX / 2,
        "bottom": middle + BOX / 2,
        "text_y": middle + 4,
        "x": low,
        "width": max(round(upper - low, 1), 1),
        "median": median,
        "dots": [(compound, compound_letter(compound), path) for compound, path in sorted(paths.items())],
        "band_x": [scale(best + end) for end in each["band"]],
        "wide": each["band"][1] - each["band"][0] >= 0.005,
    }


VIEW = View(
    name="pace",
    title="Pace",
    about="Who was fast, without the fuel, and how surely?",
    build=build,
    parameters=("by",),
    template="pages/views/pace.html",
    layout=layout,
    narrow=partial(layout, width=NARROW),
)
