"""The replay: the race on the track's map, with its leader board; a moment of it is a link."""

from typing import Any

from pages.cars import cars_of
from pages.chart import Car, Chart, Table
from pages.charts import View
from pages.replay.board import BoardLine, board_at
from pages.replay.film import LONGEST, Film, film_of
from pages.replay.tables import replay_tables
from pages.rows import SessionRows
from pages.state import BadState, State, car_named
from telemetry.samples.sources import way_to

BASIS = {
    "samples": "Places are the cars' location every second, from about four samples a second; they lie on the track's line, so "
    "which side of the road a car took cannot be seen.",
    "line": "No samples of location are stored of this race: cars go round the circuit's line at a constant speed within each "
    "sector; {way}.",
    "loop": "No samples of location are stored of this race, and no line of its circuit: cars go round a plain loop, at a "
    "constant speed within each lap; {way}.",
}
SPEEDS = ("1", "2", "5", "10", "20", "50")
LISTED = ("flag", "stop", "out")  # kinds of events that are listed without JavaScript
COLUMNS = [
    ("Place", True),
    ("Driver", False),
    ("Laps", True),
    ("Gap (s)", True),
    ("Laps down", True),
    ("Tyres", False),
    ("Tyre age", True),
    ("Stops", True),
    ("State", False),
    ("x (m)", True),
    ("y (m)", True),
]


def build(rows: SessionRows, state: State) -> Chart:
    """The race at a moment: the map with all cars, and the leader board."""
    film = film_of(rows)
    second = moment(state, film.header.seconds if film else LONGEST)
    speed, follow = state.choice("speed", SPEEDS, "10"), state.query.get("follow", "")
    followed = car_named(follow, rows, parameter="follow") if follow else None
    if film is None:
        return Chart(
            view="replay", title="Replay", summary="", table=Table.of([], []), empty="No laps are stored of this session."
        )
    header = film.header
    way = "" if header.basis == "samples" else way_to(header.session_id, "location", source=rows.session.source)
    places, board = film.places_at(second), board_at(header, second)
    return Chart(
        view="replay",
        title="Replay",
        summary=f"Every second of the race: where each car was, and in which order. The table is as of {clock(second)}.",
        cars=header.cars,
        notes=[
            BASIS[header.basis].format(way=way),
            "Gaps are those at the line, when a car last crossed it; the order is upstream's, or else that at the line.",
        ],
        table=table(cars_of(rows), board, places),
        lacks_samples=header.basis != "samples",
        data={
            "t": second,
            "seconds": header.seconds,
            "speed": int(speed),
            "follow": followed,
            "laps": rows.race_laps,
            "outline": header.outline,
            "places": places,
            "moments": moments(film),
        },
    )


def moment(state: State, seconds: int) -> int:
    """`t=3512`: seconds since the start of the race."""
    value = state.query.get("t", "") or "0"
    if not value.isascii() or not value.isdecimal() or int(value) >= seconds:
        raise BadState(f"t={value!r} is no second of this race; write one from 0 to {seconds - 1}.")
    return int(value)


def clock(second: int) -> str:
    return f"{second // 3600}:{second // 60 % 60:02d}:{second % 60:02d}"


def moments(film: Film) -> list[dict[str, Any]]:
    """What is worth seeing again, without overtakes and plain messages, of which there are hundreds."""
    return [
        {"t": event.t, "clock": clock(event.t), "lap": event.lap, "text": event.text}
        for event in film.header.story.events
        if event.kind in LISTED
    ]


def table(cars: list[Car], board: list[BoardLine], places: dict[int, tuple[int, int]]) -> Table:
    names = {car.number: car.acronym for car in cars}
    rows = [
        [
            place,
            names[line.car],
            line.laps,
            line.gap,
            line.laps_down,
            line.tyres.letter if line.tyres else None,
            age_at(line),
            line.stops,
            line.state,
            *places.get(line.car, (None, None)),
        ]
        for place, line in enumerate(board, 1)
    ]
    return Table.of(COLUMNS, rows)


def age_at(line: BoardLine) -> int | None:
    """Laps that a car's tyres have done."""
    tyres = line.tyres
    return None if tyres is None or tyres.age is None else tyres.age + max(0, line.laps + 1 - tyres.lap)


WIDTH, HEIGHT, MARGIN = 960, 560, 36


def layout(chart: Chart) -> dict[str, Any]:
    """The map as SVG at the chart's moment, its long side across, for readers without JavaScript."""
    outline, places = chart.data["outline"], chart.data["places"]
    if extent(outline, 1) > extent(outline, 0):
        outline = [(y, -x) for x, y in outline]
        places = {car: (y, -x) for car, (x, y) in places.items()}
    left, top = min(x for x, _ in outline), max(y for _, y in outline)
    across, down = extent(outline, 0), extent(outline, 1)
    scale = min((WIDTH - 2 * MARGIN) / (across or 1), (HEIGHT - 2 * MARGIN) / (down or 1))

    def at(x: float, y: float) -> tuple[float, float]:
        return round(MARGIN + (x - left) * scale, 1), round(MARGIN + (top - y) * scale, 1)

    dots = []
    for car in chart.cars:
        if car.number in places:
            x, y = at(*places[car.number])
            dots.append({"car": car, "x": x, "y": y})
    points = " ".join(f"{x},{y}" for x, y in (at(*corner) for corner in outline))
    start, speeds = at(*outline[0]), [int(speed) for speed in SPEEDS]
    return {"width": WIDTH, "height": HEIGHT, "points": points, "dots": dots, "start": start, "speeds": speeds}


def extent(points: list[tuple[float, float]], axis: int) -> float:
    return max(point[axis] for point in points) - min(point[axis] for point in points)


VIEW = View(
    name="replay",
    title="Replay",
    about="What did the race look like, second by second?",
    build=build,
    parameters=("t", "speed", "follow"),
    template="pages/views/replay.html",
    layout=layout,
    tables=replay_tables,
)
