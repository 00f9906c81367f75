"""What another strategy would have brought: a car's finish with other stops, beside that with the stops it made."""

from typing import TYPE_CHECKING, Any

from ml.strategy import forecast, simulation, stints
from ml.strategy.asking import NOT_VALIDATED, CannotAnswer, begin_forecast, describe, find_row, get_race, warnings_of
from ml.strategy.simulation import Plan
from ml.strategy.storing import load_strategy
from ml.strategy.timeline import COMPOUNDS

if TYPE_CHECKING:
    import numpy as np

WINDOW_LAPS = 20
WINDOW_RACES = 300


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
