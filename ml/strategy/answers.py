"""Questions about the strategy of a stored race, and their answers as plain values."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mirror import versions
from ml.strategy import forecast, pitloss, rejoin, simulation, stints
from ml.strategy.rejoin import Question
from ml.strategy.simulation import Plan
from ml.strategy.storing import Strategy, load_strategy
from ml.strategy.timeline import COMPOUNDS, Timeline, Window, load_timelines
from races.models import RACES, Session

if TYPE_CHECKING:
    import numpy as np

CLEAN_AIR = 2.0  # seconds behind the car ahead
LEAST_SHOWN = 0.005  # probability of a place that is listed
WINDOW_LAPS = 20
WINDOW_RACES = 300
NOT_VALIDATED = (
    "What another strategy would have brought cannot be validated: nobody has driven that race. What could be checked is how "
    "well the forecasts hold; see docs/strategy.md."
)


class CannotAnswer(ValueError):
    """A parameter has a value that cannot be answered; `field` is the one that has to change."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@lru_cache(maxsize=8)
def race_of(session_id: int, version: versions.Version) -> Timeline:
    """A stored race; a change of its rows gives it another version, and so another entry of the cache."""
    session = Session.objects.filter(pk=session_id).first()
    if session is None:
        raise CannotAnswer("session_id", f"There is no session {session_id}.")
    if session.session_name not in RACES:
        raise CannotAnswer(
            "session_id", f"Session {session_id} is a {session.session_name}: only races and sprints have a strategy."
        )
    races = load_timelines([session_id])
    if not races:
        raise CannotAnswer(
            "session_id", f"No laps of session {session_id} are stored; sync_openf1 laps --session {session_id} brings some."
        )
    return races[0]


def get_race(session_id: int) -> Timeline:
    return race_of(session_id, versions.of_session(session_id))


def find_row(race: Timeline, driver_number: int) -> int:
    if driver_number not in race.row:
        raise CannotAnswer("driver_number", f"Car {driver_number} has no laps in this session.")
    return race.row[driver_number]


def warnings_of(race: Timeline, strategy: Strategy) -> list[str]:
    if race.session_id in strategy.sessions:
        return ["The model has learnt from this very race: its errors here are smaller than they would be elsewhere."]
    return []


def answer_rejoin(
    *, session_id: int, driver_number: int, lap: int, tyre_compound: str = "", safety_car: bool = False
) -> dict[str, Any]:
    """Where a car rejoins that comes in at the end of a lap. CannotAnswer, and the errors of `load_strategy`."""
    import numpy as np

    strategy, race = load_strategy(), get_race(session_id)
    row = find_row(race, driver_number)
    if lap < 2 or lap >= race.crossing.shape[1] + 1 or np.isnan(race.crossing[row, lap - 1]):
        last = int(race.last_lap[row])
        raise CannotAnswer(
            "lap", f"lap {lap}: car {driver_number} can be asked about from lap 2 to {last + 1}, the next one it drives."
        )
    if lap >= race.race_laps:
        raise CannotAnswer("lap", f"lap {lap}: the race has {race.race_laps} laps, so nobody rejoins after it.")
    measured = bool(np.isfinite(race.exit[row, lap])) if lap < race.exit.shape[1] else False
    question = Question(row, lap, entry_moment(race, row, lap, strategy), measured)
    known = race.as_of(question.asked_at)
    if safety_car:
        known = with_safety_car(known, question.asked_at)
    projection = rejoin.project(known, question, strategy.rejoin)
    places = rejoin.place_probabilities(projection, strategy.rejoin.errors, cars=len(race.cars))
    return {
        "session_id": session_id,
        "driver_number": driver_number,
        "lap": lap,
        "places": listed(places),
        "likely": rejoin.median_place(places),
        "expected": round(float(places @ np.arange(1, len(places) + 1)), 2),
        "set_80": rejoin.smallest_set(places),
        **neighbours(known, projection),
        "asked_at": "pit entry, as measured" if measured else "pit entry, estimated",
        "track": projection.state or "free",
        "pit_loss": round(projection.loss.total, 2),
        "penalty": round(projection.penalty, 1),
        "n": projection.loss.n,
        "assumptions": assumptions(projection, tyre_compound),
        "warnings": warnings_of(race, strategy),
    }


def entry_moment(race: Timeline, row: int, lap: int, strategy: Strategy) -> float:
    """When the car comes into the pit lane at the end of a lap, as measured or as expected when the lap begins."""
    import numpy as np

    if lap < race.entry.shape[1] and np.isfinite(race.exit[row, lap]):
        return float(race.entry[row, lap])
    begun = float(race.crossing[row, lap - 1])
    known = race.as_of(begun)
    state = known.state_at(begun)[0]
    loss = pitloss.estimate_loss(pitloss.measure_stops(known), strategy.rejoin.past, race.circuit)
    return begun + float(rejoin.expected_paces(known, state, loss, begun)[row]) - loss.before_line


def with_safety_car(known: Timeline, moment: float) -> Timeline:
    from dataclasses import replace

    return replace(known, windows=(*known.windows, Window(pitloss.STATES[2], moment - 1, float("inf"))))


def listed(places: "np.ndarray") -> list[dict[str, Any]]:
    """The places with their probabilities, which sum to 1; the unlikely ones are left out and shared among the others."""
    import numpy as np

    shown = np.where(places >= LEAST_SHOWN, places, 0)
    shares = np.round(shown / shown.sum(), 4)
    shares[shares.argmax()] += 1 - shares.sum()
    return [{"place": place + 1, "probability": round(float(share), 4)} for place, share in enumerate(shares) if share > 0]


def neighbours(known: Timeline, projection: rejoin.Projection) -> dict[str, Any]:
    """The cars ahead and behind after the out-lap if nobody else stops, with gaps in seconds."""
    gaps = sorted((projection.own - rival.seconds, known.cars[rival.row]) for rival in projection.rivals)
    ahead = next(({"driver_number": car, "gap": round(gap, 1)} for gap, car in gaps if gap > 0), None)
    behind = next(({"driver_number": car, "gap": round(-gap, 1)} for gap, car in reversed(gaps) if gap <= 0), None)
    clean = ahead is None or ahead["gap"] > CLEAN_AIR
    return {"ahead": ahead, "behind": behind, "air": "clean air" if clean else "traffic"}


def assumptions(projection: rejoin.Projection, tyre_compound: str) -> list[str]:
    result = [
        "The place is the order in which the cars end the out-lap.",
        "Others that come into the pit lane are seen when they do so.",
        "The announced length of the race is the number of laps that were driven.",
    ]
    if projection.penalty:
        result.append(f"A penalty is served at this stop, which makes it {projection.penalty:.1f} s longer.")
    if tyre_compound:
        result.append(f"{tyre_compound}: the compound makes no measurable difference to the place at the end of the out-lap.")
    return result


def begin_forecast(race: Timeline, lap: int) -> Timeline:
    """The race as of the moment when its leader ended a lap."""
    import numpy as np

    if not 1 <= lap < race.race_laps or lap >= race.crossing.shape[1] or not np.isfinite(race.crossing[:, lap]).any():
        driven = int(race.last_lap.max())
        raise CannotAnswer(
            "lap", f"lap {lap}: a forecast begins at the end of a lap from 1 to {min(driven, race.race_laps - 1)}."
        )
    return race.as_of(float(np.nanmin(race.crossing[:, lap])))


def answer_forecast(*, session_id: int, lap: int, actual_stops: bool = False) -> dict[str, Any]:
    """The finishing order from the end of a lap on. CannotAnswer, and the errors of `load_strategy`."""
    strategy, race = load_strategy(), get_race(session_id)
    known = begin_forecast(race, lap)
    running = forecast.running_at(known, lap, strategy.race)
    plan = forecast.actual_plan(race, running) if actual_stops else None
    running, chances = forecast.forecast(known, lap, strategy.race, plan=plan)
    rows = sorted(
        (describe(chances[place], known.cars[row]) for place, row in enumerate(running.rows)), key=lambda car: car["expected"]
    )
    return {
        "session_id": session_id,
        "lap": lap,
        "race_laps": race.race_laps,
        "cars": rows,
        "races": simulation.RACES,
        "assumptions": [
            "Stops are those that were made, which only hindsight knows."
            if actual_stops
            else "Stops are drawn as in past races.",
            "Places are among the cars that are running; cars that retire come last.",
        ],
        "warnings": warnings_of(race, strategy),
    }


def describe(chances: "np.ndarray", car: int) -> dict[str, Any]:
    """A car's distribution of finishing places."""
    import numpy as np

    first, last = forecast.place_range(chances)
    return {
        "driver_number": car,
        "likely": rejoin.median_place(chances),
        "expected": round(float(chances @ np.arange(1, len(chances) + 1)), 2),
        "low": first,
        "high": last,
        "win": round(float(chances[0]), 4),
        "podium": round(float(chances[:3].sum()), 4),
        "places": listed(chances),
    }


def answer_what_if(*, session_id: int, driver_number: int, lap: int, stop_lap: int, tyre_compound: str) -> dict[str, Any]:
    """A car's finish if, from the end of `lap` on, it stops once, at the end of `stop_lap`; beside that with the stops it made.

    The other cars stop as they did. CannotAnswer, and the errors of `load_strategy`.
    """
    strategy, race = load_strategy(), get_race(session_id)
    known = begin_forecast(race, lap)
    running = forecast.running_at(known, lap, strategy.race)
    row = find_row(race, driver_number)
    if row not in running.rows:
        raise CannotAnswer("driver_number", f"Car {driver_number} is not running at the end of lap {lap}.")
    if not lap < stop_lap < race.race_laps:
        raise CannotAnswer("stop_lap", f"stop_lap {stop_lap}: choose a lap from {lap + 1} to {race.race_laps - 1}.")
    place = int((running.rows == row).argmax())
    actual = forecast.actual_plan(race, running)
    compound = stints.WET if tyre_compound not in COMPOUNDS[: stints.WET] else COMPOUNDS.index(tyre_compound)
    if compound == stints.WET:
        raise CannotAnswer(
            "tyre_compound", f"{tyre_compound}: the simulation knows dry tyres only: {', '.join(COMPOUNDS[: stints.WET])}."
        )

    def finish(plan: Plan, races: int = simulation.RACES) -> "np.ndarray":
        return forecast.forecast(known, lap, strategy.race, plan=plan, races=races)[1][place]

    window = []
    for other in range(lap + 1, min(lap + 1 + WINDOW_LAPS, race.race_laps)):
        found = describe(finish(one_stop(actual, place, other, compound), WINDOW_RACES), driver_number)
        window.append({"stop_lap": other} | {name: found[name] for name in ("expected", "low", "high")})
    return {
        "session_id": session_id,
        "driver_number": driver_number,
        "lap": lap,
        "as_driven": describe(finish(actual), driver_number),
        "changed": describe(finish(one_stop(actual, place, stop_lap, compound)), driver_number),
        "window": window,
        "assumptions": [
            "All other cars stop as they did, and nobody reacts.",
            "Both distributions are simulated: what happened is one draw of the first.",
            NOT_VALIDATED,
        ],
        "warnings": warnings_of(race, strategy),
    }


def one_stop(plan: Plan, place: int, lap: int, compound: int) -> Plan:
    """The plan with a single stop of one car."""
    stops, compounds = plan.stops.copy(), plan.compound.copy()
    stops[place] = False
    stops[place, lap] = True
    compounds[place, lap] = compound
    return plan._replace(stops=stops, compound=compounds)
