"""What tyres lose with age: a line per compound with its interval, once with the fuel's effect assumed, once with nothing."""

from functools import partial
from typing import Any

from ml.analysis.sessions import FUEL_EFFECT
from ml.colours import compound_letter
from pages.analyses import answer_to, basis, empty_chart
from pages.cars import cars_of
from pages.chart import Chart, Choice, Table
from pages.charts import View
from pages.drawing import NARROW, WIDTH, Scale
from pages.rows import SessionRows
from pages.state import State

EFFECTS = {"0.03": "0.03 s per kg", "0.02": "0.02 s per kg", "0.04": "0.04 s per kg"}
ASSUMED, FREE = "assumed", "free"
TOP, HEIGHT, FOOT, GAP = 46.0, 320.0, 44.0, 56.0  # px: headings, a panel, its axis, between panels
MARGIN, NARROW_MARGIN = 44.0, 64.0  # px, for the ticks
LABEL = 26.0  # px for the letters at the ends of the lines

Answer = dict[str, Any]


def build(rows: SessionRows, state: State) -> Chart:
    """Seconds to a new tyre of the same compound by age, as slopes with 95 % intervals, for both ways of telling."""
    effect = state.choice("fuel", EFFECTS, f"{FUEL_EFFECT:g}")
    answer = answer_to("degradation", rows, fuel_effect=float(effect))
    if isinstance(answer, str):
        return empty_chart("degradation", "Tyre degradation", answer)
    ages = oldest(rows)
    compounds = [*assumed(answer, ages), *unassumed(answer, ages)]
    return Chart(
        view="degradation",
        title="Tyre degradation",
        summary=summary(answer),
        x_label="Age of the tyres, laps",
        y_label="Seconds to a new tyre",
        cars=cars_of(rows),
        choices=[Choice("fuel", "Fuel costs", effect, [*EFFECTS.items()])],
        notes=[*notes(answer), *basis(answer, raw=rows.raw)],
        table=table(compounds, answer),
        data={"compounds": compounds, "has_free": answer["free"] is not None, "effect": effect},
    )


def oldest(rows: SessionRows) -> dict[str, int]:
    """{compound: the greatest age of a clean lap on it}: lines end where nobody has driven."""
    ages: dict[str, int] = {}
    for lap in rows.laps:
        if lap.tyre_compound and lap.tyre_age is not None and not lap.excluded:
            ages[lap.tyre_compound] = max(ages.get(lap.tyre_compound, 0), lap.tyre_age)
    return ages


def assumed(answer: Answer, ages: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "way": ASSUMED,
            "compound": row["compound"],
            "slope": row["slope"],
            "interval": row["interval"],
            "laps": row["laps"],
            "stints": row["stints"],
            "age": ages.get(row["compound"], 0),
        }
        for row in answer["rows"]
    ]


def unassumed(answer: Answer, ages: dict[str, int]) -> list[dict[str, Any]]:
    slopes = answer["free"]["slopes"] if answer["free"] else {}
    return [
        {
            "way": FREE,
            "compound": name,
            "slope": told["value"],
            "interval": told["interval"],
            "laps": None,
            "stints": None,
            "age": ages.get(name, 0),
        }
        for name, told in slopes.items()
    ]


def summary(answer: Answer) -> str:
    parts = [f"{row['compound'].lower()} {row['slope']:+.3f} s".replace("-", "−") for row in answer["rows"]]
    return f"With every lap of age a tyre loses: {', '.join(parts)}. Coloured areas hold the truth in 95 of 100 such races."


def notes(answer: Answer) -> list[str]:
    """What the slopes mean beside each other, and what the second way says of fuel and track."""
    said = [pair["said"].capitalize() for pair in answer["pairs"]]
    free = answer["free"]
    if free is None:
        return [
            *said,
            "The stints of this race do not tell tyres from fuel and track: there is only the answer with the fuel assumed.",
        ]
    both = free["fuel_and_track"]
    low, high = both["interval"]
    told = (
        f"With nothing assumed, lighter fuel and a better track together make a lap {both['value']:.1f} s faster over the race "
        f"({low:.1f} to {high:.1f})"
    )
    kilogram = free["fuel_effect"]
    fuel = f"; that is {kilogram['interval'][0]:.3f} to {kilogram['interval'][1]:.3f} s per kg of fuel." if kilogram else "."
    return [*said, told + fuel, *offsets(free)]


def offsets(free: Answer) -> list[str]:
    """New tyres beside new ones of another compound."""
    found = []
    for name, told in free["offsets"].items():
        low, high = told["interval"]
        if low <= 0 <= high:
            found.append(
                f"New {name.lower()} and new {free['beside'].lower()} tyres cannot be told apart ({low:+.2f} to {high:+.2f} s)."
            )
        else:
            word = "slower" if told["value"] > 0 else "faster"
            ends = sorted((abs(low), abs(high)))
            found.append(
                f"A new {name.lower()} is {abs(told['value']):.2f} s {word} than a new {free['beside'].lower()} "
                f"({ends[0]:.2f} to {ends[1]:.2f})."
            )
    return found


def table(compounds: list[dict[str, Any]], answer: Answer) -> Table:
    columns = [
        ("Answer", False),
        ("Compound", False),
        ("Driver", False),
        ("s per lap", True),
        ("From", True),
        ("to", True),
        ("Stints", True),
        ("Laps", True),
    ]
    ways = {ASSUMED: "fuel assumed", FREE: "nothing assumed"}
    lines: list[list[Any]] = [
        [ways[each["way"]], each["compound"], "all", each["slope"], *each["interval"], each["stints"], each["laps"]]
        for each in compounds
    ]
    for row in answer["rows"]:
        lines += [
            [ways[ASSUMED], row["compound"], one["name"], one["slope"], *one["interval"], None, one["laps"]]
            for one in row["drivers"]
        ]
    return Table.of(columns, [[round(cell, 4) if isinstance(cell, float) else cell for cell in line] for line in lines])


def layout(chart: Chart, width: float = WIDTH) -> dict[str, Any]:
    """Two panels with the same scales; a compound's line and area in each.

    In a narrow drawing one stands below the other, and an empty one is left out.
    """
    beside = width == WIDTH
    margin = MARGIN if beside else NARROW_MARGIN
    compounds = chart.data["compounds"]
    ends = [edge * each["age"] for each in compounds for edge in each["interval"]]
    low, high = min([0.0, *ends]), max([0.5, *ends])
    up = Scale(low, high, TOP + HEIGHT, TOP)
    room = (width - 2 * margin - GAP) / 2 if beside else width - margin
    height = TOP + HEIGHT + FOOT
    panels: list[dict[str, Any]] = []
    for number, (way, heading) in enumerate(
        ((ASSUMED, f"Fuel assumed: {chart.data['effect']} s per kg"), (FREE, "Nothing assumed: fuel and track estimated"))
    ):
        left = margin + number * (room + GAP) if beside else margin
        across = Scale(0, max([1, *(each["age"] for each in compounds)]), left, left + room - LABEL)
        mine = [each for each in compounds if each["way"] == way]
        if not mine and panels and not beside:
            continue
        panels.append(
            {
                "heading": heading,
                "left": left,
                "right": left + room - LABEL,
                "down": 0 if beside else number * height,
                "ticks": [*across.ticks(6)],
                "areas": apart([area(each, across, up) for each in mine]),
                "empty": not mine,
            }
        )
    return {
        "panels": panels,
        "width": width,
        "height": height if beside else len(panels) * height,
        "top": TOP,
        "bottom": TOP + HEIGHT,
        "ticks": [(f"{value:+g}".replace("-", "−") if value else "0", place) for value, place in up.ticks(6)],
        "zero": up(0),
    }


def area(each: dict[str, Any], across: Scale, up: Scale) -> dict[str, Any]:
    start, end, age = across(0), across(each["age"]), each["age"]
    low, high = (up(edge * age) for edge in each["interval"])
    return each | {
        "path": f"M{start} {up(0)}L{end} {low}L{end} {high}Z",
        "x1": start,
        "y1": up(0),
        "x2": end,
        "y2": up(each["slope"] * age),
        "letter": compound_letter(each["compound"]),
        "label_y": up(each["slope"] * age),
    }


def apart(areas: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Letters that would touch are moved apart."""
    for one, other in zip(ordered := sorted(areas, key=lambda area: area["label_y"]), ordered[1:], strict=False):
        if abs(one["x2"] - other["x2"]) < LABEL and other["label_y"] - one["label_y"] < 16:
            other["label_y"] = one["label_y"] + 16
    return areas


VIEW = View(
    name="degradation",
    title="Tyres",
    about="What do the tyres lose with every lap, and how surely?",
    build=build,
    parameters=("fuel",),
    template="pages/views/degradation.html",
    layout=layout,
    narrow=partial(layout, width=NARROW),
)
