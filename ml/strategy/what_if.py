"""What another strategy would have brought: a car's finish with other stops, beside that with the stops it made."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobs.wording import plural
from ml.strategy import forecast, simulation, stints
from ml.strategy.asking import (
    NOT_VALIDATED,
    CannotAnswer,
    begin_forecast,
    beside_order_stays,
    check_over,
    describe,
    find_row,
    load,
    warnings_of,
)
from ml.strategy.simulation import Plan
from ml.strategy.timeline import COMPOUNDS, Timeline

if TYPE_CHECKING:
    import numpy as np

WINDOW_LAPS = 20
WINDOW_RACES = 300


def answer_what_if(
    *,
    session_id: int,
    driver_number: int,
    lap: int,
    stop_lap: Sequence[int] = (),
    tyre_compound: Sequence[str] = (),
) -> dict[str, Any]:
    """A car's finish if, from the end of `lap` on, it stops at the end of these laps for these tyres, and not otherwise; beside
    that with the stops it made. Without any stop it drives to the end on the tyres that it has.

    The other cars stop as they did. CannotAnswer, and the errors of `load`.
    """
    strategy, race = load(session_id)
    check_over(race)
    known = begin_forecast(race, lap)
    running = forecast.running_at(known, lap, strategy.race)
    row = find_row(race, driver_number)
    if row not in running.rows:
        raise CannotAnswer("driver_number", f"Car {driver_number} is not running at the end of lap {lap}.")
    stops = check_stops(race, lap, stop_lap, tyre_compound)
    place = int((running.rows == row).argmax())
    actual = forecast.actual_plan(race, running)

    def chances(plan: Plan, races: int = simulation.RACES) -> "np.ndarray":
        return forecast.forecast(known, lap, strategy.race, plan=plan, races=races)[1][place]

    window = []
    for laps in shifted(stops, after=lap, race_laps=race.race_laps):
        plan = with_stops(actual, place, dict(zip(laps, stops.values(), strict=True)))
        window.append({"stop_lap": laps[0]} | describe_mean(chances(plan, WINDOW_RACES)))
    measured, doubts = beside_order_stays(strategy, race, lap, actual_stops=True)
    return {
        "session_id": session_id,
        "driver_number": driver_number,
        "lap": lap,
        "stops": [{"stop_lap": number, "tyre_compound": COMPOUNDS[compound]} for number, compound in stops.items()],
        "stops_made": made_stops(race, row, lap),
        "as_driven": describe(chances(actual), driver_number, given_stops=True),
        "changed": describe(chances(with_stops(actual, place, stops)), driver_number, given_stops=True),
        "window": window,
        "best_window": best_window(window),
        "exam": measured,
        "assumptions": [
            "All other cars stop as they did, and nobody reacts.",
            "Both distributions are simulated: what happened is one draw of the first.",
            "The rule that two dry compounds have to be driven is not enforced.",
            NOT_VALIDATED,
        ],
        "warnings": [*warnings_of(race, strategy), *doubts],
    }


def describe_mean(chances: "np.ndarray") -> dict[str, Any]:
    """The mean place with its standard error by WINDOW_RACES simulated races, and the quantiles of 10 and 90 %."""
    import numpy as np

    places, cumulated = np.arange(1, len(chances) + 1), np.cumsum(chances)
    mean = float(places @ chances)
    spread = float(np.sqrt(np.square(places - mean) @ chances))
    low, high = (int(np.searchsorted(cumulated, share)) + 1 for share in (0.1, 0.9))
    return {"expected": round(mean, 2), "error": round(spread / WINDOW_RACES**0.5, 3), "low": low, "high": high}


def check_stops(race: Timeline, lap: int, stop_lap: Sequence[int], tyre_compound: Sequence[str]) -> dict[int, int]:
    """{lap: place of the compound in the tables} of the changed stops, in the order of their laps. CannotAnswer."""
    dry = COMPOUNDS[: stints.WET]
    if len(stop_lap) != len(tyre_compound):
        raise CannotAnswer(
            "tyre_compound",
            f"{plural(len(stop_lap), 'lap')} and {plural(len(tyre_compound), 'compound')}: name the tyres of each stop, "
            "in the order of the laps.",
        )
    if outside := [number for number in stop_lap if not lap < number < race.race_laps]:
        raise CannotAnswer("stop_lap", f"stop_lap {outside[0]}: choose a lap from {lap + 1} to {race.race_laps - 1}.")
    if len(set(stop_lap)) < len(stop_lap):
        raise CannotAnswer("stop_lap", "A car stops once at the end of a lap: name each lap once.")
    if wet := [name for name in tyre_compound if name not in dry]:
        raise CannotAnswer("tyre_compound", f"{wet[0]}: the simulation knows dry tyres only: {', '.join(dry)}.")
    return {number: COMPOUNDS.index(name) for number, name in sorted(zip(stop_lap, tyre_compound, strict=True))}


def shifted(stops: Mapping[int, int], *, after: int, race_laps: int) -> Iterator[list[int]]:
    """The laps of the stops with each lap that the first of them could be on, up to the second one; none without stops."""
    _, *later = [*stops] or [0]
    last = min(after + WINDOW_LAPS, (later[0] if later else race_laps) - 1)
    for number in range(after + 1, last + 1) if stops else ():
        yield [number, *later]


def with_stops(plan: Plan, place: int, laps: Mapping[int, int]) -> Plan:
    """The plan with these stops of one car, {lap: place of the compound}, and no others."""
    stops, compounds = plan.stops.copy(), plan.compound.copy()
    stops[place] = False
    for lap, compound in laps.items():
        stops[place, lap] = True
        compounds[place, lap] = compound
    return plan._replace(stops=stops, compound=compounds)


def made_stops(race: Timeline, row: int, lap: int) -> list[dict[str, Any]]:
    """The stops that a car made after a lap; the compound is None where it is not known."""
    import numpy as np

    return [
        {"stop_lap": number, "tyre_compound": COMPOUNDS[taken] if (taken := next_compound(race, row, number)) >= 0 else None}
        for number in np.flatnonzero(race.stop[row]).tolist()
        if number > lap
    ]


def next_compound(race: Timeline, row: int, lap: int) -> int:
    return int(race.compound[row, min(lap + 1, race.compound.shape[1] - 1)])


def best_window(window: Sequence[Mapping[str, Any]]) -> dict[str, int] | None:
    """First and last lap around the best one whose mean places cannot be told from its at 95 %; None without a window."""
    if not window:
        return None
    first = last = best = min(range(len(window)), key=lambda place: window[place]["expected"])

    def is_near(place: int) -> bool:
        error = (window[place]["error"] ** 2 + window[best]["error"] ** 2) ** 0.5
        return bool(window[place]["expected"] - window[best]["expected"] <= 1.96 * error)

    while first > 0 and is_near(first - 1):
        first -= 1
    while last + 1 < len(window) and is_near(last + 1):
        last += 1
    return {"first_lap": window[first]["stop_lap"], "last_lap": window[last]["stop_lap"]}
