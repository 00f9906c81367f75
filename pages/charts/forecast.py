"""The forecast: what the models said from each lap on, as if it were then, and what came."""

from typing import Any

from ml.colours import compound_letter
from pages.cars import cars_of
from pages.chart import Car, Chart, Choice, Line, Table
from pages.charts import View
from pages.finishing_order import finishing_order
from pages.forecasts import champions_version, errors_table, forecasts_of
from pages.rows import LapRow, SessionRows
from pages.state import BadState, State

COLUMNS = [
    ("From lap", True),
    ("Laps ahead", True),
    ("Compared", True),
    ("Error (s)", True),
    ("Holding the last lap (s)", True),
    ("In the 80 % band", True),
    ("In the band before", True),
    ("Forecasts before", True),
]


def build(rows: SessionRows, state: State) -> Chart:
    """A driver's laps, and for each lap of the race the forecast from there to the end of the stint."""
    forecasts = forecasts_of(rows)
    if isinstance(forecasts, str):
        refuse_nonsense(rows, state)
        panel = finishing_order(rows, state, cars_of(rows)) if rows.laps else None
        data = {"finishing_order": panel} if panel else {}
        return Chart(view="forecast", title="Forecast", summary="", table=Table.of([], []), empty=forecasts, data=data)
    cars = [car for car in cars_of(rows) if str(car.number) in forecasts["cars"]]
    car = driver(state, cars)
    columns = forecasts["cars"][str(car.number)]
    laps = {lap.lap_number: lap for lap in rows.laps_of[car.number]}
    scores = score(columns, clean_times(laps))
    first = starting_lap(state, [row[0] for row in scores])
    x = [float(number) for number in range(1, max(laps) + 1)]
    return Chart(
        view="forecast",
        title="Forecast",
        summary=f"Laps of {car.name} as dots, and what the models forecast from lap {first} to the end of the stint, from what "
        "was known when that lap began; the band should hold four of five clean laps.",
        x=x,
        x_label="Lap",
        y_label="Lap time",
        cars=[car],
        lines=[Line(car.number, [time(laps.get(int(at))) for at in x], letters=[letter(laps.get(int(at))) for at in x])],
        choices=[Choice("driver", "Driver", car.acronym, [(each.acronym, each.name) for each in cars])],
        notes=notes(forecasts),
        table=Table.of(COLUMNS, scores),
        data={
            "from": first,
            "starts": [row[0] for row in scores],
            "forecasts": columns,
            "errors": errors_table(forecasts["causes"], cars),
            "finishing_order": finishing_order(rows, state, cars_of(rows)),
        },
    )


def refuse_nonsense(rows: SessionRows, state: State) -> None:
    """Check the parameters where there is no forecast to read them for."""
    if state.query.get("driver"):
        driver(state, cars_of(rows))
    starting_lap(state, [*range(1, rows.race_laps + 1)])
    state.lap(1, max(rows.race_laps - 1, 1))


def driver(state: State, cars: list[Car]) -> Car:
    """`driver=VER`; the best placed one where nobody is named."""
    name = state.choice("driver", [car.acronym for car in cars], cars[0].acronym)
    return next(car for car in cars if car.acronym == name)


def starting_lap(state: State, starts: list[int]) -> int:
    """`from=20`; by default the seventh lap that there is a forecast from, where the first stint has settled."""
    value = state.query.get("from", "")
    if not value:
        return starts[min(len(starts), 7) - 1] if starts else 0
    if not value.isascii() or not value.isdecimal() or int(value) not in starts:
        offered = f"there are from {starts[0]} to {starts[-1]}" if starts else "no laps are stored"
        raise BadState(f"from={value!r}: there is no forecast from that lap; {offered}.")
    return int(value)


def time(lap: LapRow | None) -> float | None:
    return lap.lap_duration if lap else None


def letter(lap: LapRow | None) -> str:
    """The compound's letter, in lower case where the lap is no clean one."""
    if lap is None:
        return ""
    name = compound_letter(lap.tyre_compound)
    return name.lower() if lap.excluded else name


def clean_times(laps: dict[int, LapRow]) -> dict[int, float]:
    return {number: lap.lap_duration for number, lap in laps.items() if lap.lap_duration and not lap.excluded}


def score(columns: dict[str, list[Any]], clean: dict[int, float]) -> list[list[Any]]:
    """The rows of the table: how each forecast did on the clean laps it was about, and those before it on laps that had ended."""
    by_start: dict[int, list[tuple[Any, ...]]] = {}
    names = ("start", "lap", "seconds", "low", "high", "hold")
    for start, *rest in zip(*(columns[name] for name in names), strict=True):
        by_start.setdefault(start, []).append(tuple(rest))
    hits = sorted(
        (max(start, lap), low <= clean[lap] <= high)
        for start, own in by_start.items()
        for lap, _, low, high, _ in own
        if lap in clean
    )
    rows = []
    for start in sorted(by_start):
        own = [each for each in by_start[start] if each[0] in clean]
        before = [hit for lap, hit in hits if lap < start]
        errors = [abs(clean[lap] - seconds) for lap, seconds, *_ in own]
        holding = [abs(clean[lap] - hold) for lap, *_, hold in own if hold is not None]
        inside = [low <= clean[lap] <= high for lap, _, low, high, _ in own]
        rows.append([start, len(by_start[start]), len(own), mean(errors), mean(holding), mean(inside), mean(before), len(before)])
    return rows


def mean(values: list[Any]) -> float | None:
    return round(sum(values) / len(values), 3) if values else None


def notes(forecasts: dict[str, Any]) -> list[str]:
    """Who forecasts, how well that went on races they had not seen, and where not to believe them."""
    said = [exam(champion) for champion in forecasts["champions"]]
    learnt = [champion["task"] for champion in forecasts["champions"] if champion["has_learnt_from_it"]]
    if learnt:
        said.insert(0, f"The models of {', '.join(learnt)} have learnt from this very race: elsewhere their errors are larger.")
    said.append(
        "Do not believe a forecast in rain or on a drying track, behind a safety car and just after it, or for a lap through the "
        "pits: models know clean laps only, and that a lap will be a clean one is hindsight. Hollow dots are laps that were none."
    )
    said.append(
        "Each lap's forecast depends on how far ahead it is, not on where the stint ends, which nobody knew; that the line ends "
        "there is hindsight. Forecasts before: of laps that had ended by then, by all forecasts made ahead of them."
    )
    return said


def exam(champion: dict[str, Any]) -> str:
    measured, worst = champion["measured"], champion["worst"]
    said = f"{champion['task']} by {champion['model']}"
    if {"mae", "baseline_mae", "skill"} <= measured.keys():
        said += (
            f": {measured['mae']:.3f} s off on races it had not seen, {better_or_worse(measured['skill'])} than the best naive "
            f"answer ({measured['baseline_mae']:.3f} s)"
        )
    if "coverage" in measured:
        said += f"; its bands held {100 * measured['coverage']:.0f} %"
    if worst:
        said += f"; worst at the {worst['race']} ({better_or_worse(worst['skill'])})"
    return f"{said}. The run is {champion['run']}."


def better_or_worse(skill: float) -> str:
    """A skill (1 - error / error of the naive answer) in words."""
    return f"{abs(100 * skill):.0f} % {'worse' if skill < 0 else 'better'}"


WIDTH, HEIGHT, LEFT, BOTTOM = 960, 420, 60, 34


def layout(chart: Chart) -> dict[str, Any]:
    """The chart as SVG for readers without JavaScript."""
    columns, first = chart.data["forecasts"], chart.data["from"]
    own = [at for at, start in enumerate(columns["start"]) if start == first]
    dots = [(x, y, text.isupper()) for x, y, text in zip(chart.x, chart.lines[0].y, chart.lines[0].letters, strict=True) if y]
    shown = [y for _, y, clean in dots if clean] + [columns[name][at] for name in ("low", "high") for at in own]
    low, high = min(shown) - 0.5, max(shown) + 0.5

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - 0.5) / (len(chart.x) or 1)
        return round(LEFT + across * (WIDTH - LEFT), 1), round((high - y) / (high - low) * (HEIGHT - BOTTOM), 1)

    def points(name: str, *, back: bool = False) -> list[str]:
        found = ["{},{}".format(*at(columns["lap"][place], columns[name][place])) for place in own]
        return found[::-1] if back else found

    step = max(1, round((high - low) / 5))
    ticks = [{"text": value, "y": at(1, value)[1]} for value in range(int(low) + 1, int(high) + 1, step)]
    laps = [{"text": value, "x": at(value, low)[0]} for value in range(5, len(chart.x) + 1, 5)]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "bottom": HEIGHT - BOTTOM,
        "ticks": ticks,
        "laps": laps,
        "band": " ".join([*points("low"), *points("high", back=True)]),
        "line": " ".join(points("seconds")),
        "dots": [(*at(x, y), clean) for x, y, clean in dots if low <= y <= high],
        "car": chart.cars[0],
    }


VIEW = View(
    name="forecast",
    title="Forecast",
    about="What did the models expect, and what came?",
    build=build,
    parameters=("driver", "from", "lap"),
    template="pages/views/forecast.html",
    layout=layout,
    version=champions_version,
)
