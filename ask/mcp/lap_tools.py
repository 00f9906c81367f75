"""Tools about single laps: what a car did along one, and where one lap gained on another."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from rest_framework.exceptions import NotFound

from api import admission
from ask.mcp.answers import session_answer, table
from ask.mcp.arguments import Driver, LapNumber, NotAnswered, RaceWords, SessionWords, Year, as_list, choose_session
from ask.mcp.turns import turn
from drivers.words import find_car
from pages.charts import telemetry
from pages.rows import load
from pages.state import BadState, State
from telemetry.models import Lap
from telemetry.samples.trace import lap_trace

POINTS = 500  # of a lap's telemetry
DELTA_STEP = 50  # m between the rows of a comparison
TRACE = ("time", "distance", "speed", "throttle", "brake", "n_gear", "rpm", "drs", "x", "y")
ComparedLaps = Annotated[
    Sequence[str],
    BeforeValidator(as_list),
    Field(
        max_length=4,
        description="Two to four laps, the first is the reference: 'VER-20', 'LEC-20'; elsewhere '2023.bahrain.race.VER-20'.",
    ),
]


def lap_telemetry(
    race: RaceWords, driver: Driver, year: Year = None, session: SessionWords = "race", lap: LapNumber = 0
) -> dict[str, Any]:
    """Speed, throttle, brake, gear, rpm, DRS and position along one lap, at most 500 points. lap=0: the driver's best lap."""
    chosen = choose_session(race, year, session)
    car = find_car(driver, session=chosen.pk)
    driven = Lap.objects.filter(session=chosen, driver_number=car)
    row = driven.filter(lap_number=lap).first() if lap else driven.exclude(lap_duration=None).order_by("lap_duration").first()
    if row is None:
        raise NotAnswered(f"There is no lap {lap or 'with a time'} of car {car} in this session.")
    try:
        samples = lap_trace(row)["samples"]
    except NotFound as error:
        raise NotAnswered(str(error.detail)) from error
    step = -(-len(samples) // POINTS) or 1
    points = [[sample.get(name) for name in TRACE] for sample in samples[::step]]
    return session_answer(
        chosen,
        lap={"car": car, "lap": row.lap_number, "seconds": row.lap_duration},
        samples=table(TRACE, points, most=POINTS),
        caveats=[
            "About four samples a second: moments between them are unknown. distance (m) is speed integrated and drifts by some "
            "ten metres in a lap, so it does not say where one car gained on another.",
        ]
        + ([f"Every {step}. sample is shown."] if step > 1 else []),
    )


def compare_laps(race: RaceWords, laps: ComparedLaps = (), year: Year = None, session: SessionWords = "race") -> dict[str, Any]:
    """Where on the track one lap gained on another: delta with its band, speeds, mini-sectors and corners. Without laps: the
    best laps of the two quickest drivers. Positive deltas: slower than the first lap."""
    rows = load(choose_session(race, year, session))
    query = {"laps": ",".join(laps)} if laps else {}
    try:
        with turn(admission.EXPENSIVE):
            chart = telemetry.build(rows, State(query, telemetry.VIEW.parameters))
    except BadState as error:
        raise NotAnswered(str(error)) from error
    if chart.empty:
        raise NotAnswered(chart.empty)
    data = chart.data
    labels = [lap["label"] for lap in data["laps"]]
    names = ["distance", *(f"speed_{label}" for label in labels)]
    names += [f"{name}_{label}" for label in labels[1:] for name in ("delta", "delta_band", "delta_band_95")]
    at = [number for number, metres in enumerate(data["distance"]) if metres % DELTA_STEP == 0]
    sectors = [[lap["label"], lap["lap_number"], lap["lap_duration"], *lap["sectors"]] for lap in data["laps"]]
    parts = [
        [each["number"], each["from"], each["to"], each["gain"], each["band_95"], each["won"]] for each in data["mini_sectors"]
    ]
    return session_answer(
        rows.session,
        summary=chart.summary,
        laps=table(("label", "lap", "seconds", "sector_1", "sector_2", "sector_3"), sectors),
        delta=table(names, [[data[name][number] for name in names] for number in at]),
        mini_sectors=table(("number", "from_m", "to_m", "seconds", "band_95", "certainly_faster"), parts),
        caveats=[
            "Say that a lap was faster in a part only where certainly_faster names it: elsewhere the band holds no difference.",
            *chart.notes,
        ],
    )


TOOLS = (lap_telemetry, compare_laps)
