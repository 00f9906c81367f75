"""The lines of the live table: the cells of a car as texts, by kind of session. The page's script writes the same texts."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from pages.chart import Table
from pages.templatetags.f1 import lap_time


class Column(NamedTuple):
    """A column of the table; `wide` ones are left out on a phone."""

    key: str
    label: str
    wide: bool = False


class Cell(NamedTuple):
    """A cell: its column, its text and the colour's class."""

    column: Column
    text: str
    colour: str = ""


class Line(NamedTuple):
    """A car's line."""

    car: dict[str, Any]
    cells: list[Cell]
    minis: list[list[str]]


SECTORS = [Column(f"s{number}", f"S{number}", wide=True) for number in (1, 2, 3)]
COLUMNS = {
    "race": [
        Column("gap", "Gap"),
        Column("interval", "Interval"),
        Column("last", "Last lap"),
        Column("best", "Best lap", wide=True),
        *SECTORS,
        Column("tyre", "Tyres"),
        Column("stops", "Stops", wide=True),
        Column("lap", "Lap", wide=True),
    ],
    "qualifying": [
        Column("best", "Best lap"),
        Column("gap", "Gap"),
        Column("last", "Last lap", wide=True),
        *SECTORS,
        Column("tyre", "Tyres"),
        Column("lap", "Laps", wide=True),
    ],
}
COLUMNS["practice"] = COLUMNS["qualifying"]
RISKS = {"gone": "knocked out", "out": "below the cut", "risk": "at risk"}


def lines(board: dict[str, Any]) -> list[Line]:
    """The lines in the order of the session."""
    columns = COLUMNS[board["session"]["kind"]]
    cars = [board["cars"][str(number)] for number in board["order"]]
    return [Line(car, [cell(car, column) for column in columns], car.get("minis") or []) for car in cars]


def cell(car: dict[str, Any], column: Column) -> Cell:
    key = column.key
    if key in ("s1", "s2", "s3"):
        seconds, colour = car["sectors"][int(key[1]) - 1]
        return Cell(column, f"{seconds:.3f}" if seconds else "–", colour)
    if key in ("last", "best"):
        return Cell(column, lap_time(car.get(key)), car.get(f"{key}_colour", ""))
    if key in ("gap", "interval"):
        return Cell(column, gap_text(car.get(key), leads=car["place"] == 1))
    if key == "tyre":
        age = car.get("age")
        return Cell(column, f"{car.get('tyre') or '–'}{'' if age is None else f' {age}'}", car.get("compound") or "")
    value = car.get(key)
    return Cell(column, "–" if value is None else str(value))


def gap_text(gap: Any, *, leads: bool) -> str:
    """+1.234, or what the feed says of lapped cars: "+1 LAP"."""
    if isinstance(gap, str):
        return gap.lower()
    return f"+{gap:.3f}" if gap and not leads else "–"


def status(car: dict[str, Any]) -> str:
    """What else is to be known of a car: in the pits, out, at risk, or of a car in the pits that is at risk both."""
    if car.get("out"):
        return "out"
    pit = "pit" if car.get("pit") and car.get("risk") != "gone" else ""
    return ", ".join(filter(None, (RISKS.get(car.get("risk", "")), pit)))


FORECAST_COLUMNS = [
    Column("next", "This lap"),
    Column("band", "80 % band", wide=True),
    Column("then", "Then", wide=True),
    Column("last", "Last lap", wide=True),
    Column("was", "Forecast was", wide=True),
    Column("off", "Off by"),
    Column("rejoin", "If it stops now"),
]


def forecast_lines(board: dict[str, Any]) -> list[Line]:
    """The cells of FORECAST_COLUMNS in the order of the race, of the cars that something is forecast of."""
    shown = (board.get("forecast") or {}).get("cars", {})
    cars = [board["cars"][str(number)] for number in board["order"] if str(number) in shown]
    texts = [forecast_texts(car, shown[str(car["number"])]) for car in cars]
    return [Line(car, [*map(Cell, FORECAST_COLUMNS, own)], []) for car, own in zip(cars, texts, strict=True)]


def forecast_texts(car: dict[str, Any], found: dict[str, Any]) -> list[str]:
    first, *later = found.get("next", []) or [None]
    was, place = found.get("was"), found.get("rejoin")
    first = found.get("under_way") or first
    return [
        f"{lap_time(first['seconds'])}{after_text(first)}" if first else "–",
        f"{lap_time(first['low'])} to {lap_time(first['high'])}" if first else "–",
        ", ".join(lap_time(lap["seconds"]) for lap in later) or "–",
        lap_time(car.get("last")),
        lap_time(was["seconds"]) if was else "–",
        f"{car['last'] - was['seconds']:+.3f}" if was and car.get("last") else "–",
        places_text(place) if place else "–",
    ]


def after_text(forecast: dict[str, Any]) -> str:
    return f" after S{forecast['sectors']}" if forecast.get("sectors") else ""


def places_text(place: dict[str, Any]) -> str:
    """ "P8 (P7 to P10)": the place, and those that hold it with 80 %, if there are others."""
    others = "" if place["low"] == place["high"] else f" (P{place['low']} to P{place['high']})"
    return f"P{place['place']}{others}"


def stop_text(stop: dict[str, Any]) -> str:
    came = f"came out P{stop['came']}" if "came" in stop else "on its out-lap"
    return f"{stop['acronym']}, lap {stop['lap']}: forecast {places_text(stop)}, {came}"


def as_table(board: dict[str, Any]) -> Table:
    """The lines as CSV has them."""
    columns = [
        ("Place", True),
        ("Driver", False),
        *((c.label, True) for c in COLUMNS[board["session"]["kind"]]),
        ("Status", False),
    ]
    return Table.of(
        columns,
        [[line.car["place"], line.car["acronym"], *(c.text for c in line.cells), status(line.car)] for line in lines(board)],
    )


def clock_text(board: dict[str, Any]) -> str:
    """The clock of the session: laps to go in a race, else the time to the scheduled end."""
    clock = board["clock"]
    if clock.get("to_start"):
        return f"starts in {duration(clock['to_start'])}"
    if board["session"]["kind"] == "race" and clock.get("lap"):
        about = "about " if clock.get("about") else ""
        of = f" of {about}{clock['laps']}, {about}{clock['to_go']} to go" if clock.get("laps") else ""
        return f"lap {clock['lap']}{of}"
    if clock.get("remaining") is None:
        return ""
    if board["session"]["kind"] != "qualifying":
        return f"{duration(clock['remaining'])} left"
    # What is left of a phase nobody sends; after a red flag the last one ends late.
    return f"{duration(clock['remaining'])} to the scheduled end" if clock["remaining"] else "past the scheduled end"


def flag_text(track: dict[str, Any]) -> str:
    """The flag or safety car, and where yellow flags are."""
    return f"{track['text']}, sector {', '.join(map(str, track['sectors']))}" if track["sectors"] else track["text"]


def sky_text(sky: dict[str, Any] | None) -> str:
    """The weather in a few words."""
    if not sky:
        return ""
    air, track = (f"{sky[name]:.1f}" if name in sky else "–" for name in ("air", "track"))
    return f"{air} °C, track {track} °C{', rain' if sky.get('rain') else ''}"


def duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class MapCar(NamedTuple):
    """A car on the map, and its label, so far from it; empty where it would cover another car or the label of one ahead."""

    car: dict[str, Any]
    x: float
    y: float
    label: str
    label_x: float = 0
    label_y: float = 0


class Map(NamedTuple):
    """The track and the cars on it, in the units of the drawing: 1000 wide."""

    height: float
    outline: str
    cars: list[MapCar]


MAP_MARGIN = 60  # around the track, in which a label has room
LABEL = (92, 42)  # width and height of a label
LABEL_PLACES = ((0, -31), (62, 0), (-62, 0))  # its middle beside the car: above, to the right, to the left
DOT = (59, 34)  # so near the middle of a label may be to another car


def draw_map(board: dict[str, Any]) -> Map | None:
    """The map as SVG draws it; None while no car has been seen."""
    points = [*board.get("outline", []), *board["map"].values()]
    if not points:
        return None
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    bottom, top = min(y for _, y in points), max(y for _, y in points)
    scale = (1000 - 2 * MAP_MARGIN) / max(right - left, top - bottom, 1)

    def place(x: float, y: float) -> tuple[float, float]:
        return round(MAP_MARGIN + (x - left) * scale, 1), round(MAP_MARGIN + (top - y) * scale, 1)

    outline = " ".join(f"{x},{y}" for x, y in (place(*point) for point in board.get("outline", [])))
    seen = {str(number): board["map"][str(number)] for number in board["order"] if str(number) in board["map"]}
    return Map(
        round(2 * MAP_MARGIN + (top - bottom) * scale, 1),
        outline,
        label_cars([(board["cars"][number], *place(*point)) for number, point in seen.items()]),
    )


def label_cars(cars: list[tuple[dict[str, Any], float, float]]) -> list[MapCar]:
    """Cars in the order of the session: each label has the first place where it covers no car and no earlier label, or none."""
    placed: list[MapCar] = []
    labels: list[tuple[float, float]] = []
    for number, (car, x, y) in enumerate(cars):
        others = [(*each[1:],) for at, each in enumerate(cars) if at != number]
        for aside, down in LABEL_PLACES:
            middle = x + aside, y + down
            is_whole = not aside or LABEL[0] / 2 <= middle[0] <= 1000 - LABEL[0] / 2  # above a car the margin has room
            if is_whole and is_apart(middle, labels, LABEL) and is_apart(middle, others, DOT):
                labels.append(middle)
                placed.append(MapCar(car, x, y, car["acronym"], aside, down))
                break
        else:
            placed.append(MapCar(car, x, y, ""))
    return placed


def is_apart(point: tuple[float, float], others: Iterable[tuple[float, float]], by: tuple[float, float]) -> bool:
    return all(abs(point[0] - x) >= by[0] or abs(point[1] - y) >= by[1] for x, y in others)
