"""Questions about the strategy of a stored race, and their answers as plain values."""

from collections.abc import Callable
from typing import Any

from jobs.wording import plural
from ml.strategy import forecast, pitloss, rejoin, simulation
from ml.strategy.asking import (
    ESTIMATED,
    MEASURED,
    NOT_VALIDATED,
    CannotAnswer,
    begin_forecast,
    beside_order_stays,
    check_over,
    check_stop_lap,
    describe,
    entry_moment,
    find_row,
    listed,
    load,
    warnings_of,
    was_measured,
)
from ml.strategy.rejoin import Question
from ml.strategy.storing import Strategy
from ml.strategy.timeline import Timeline, Window
from ml.strategy.undercut_answer import answer_undercut
from ml.strategy.what_if import answer_what_if

CLEAN_AIR = 2.0  # seconds behind the car ahead


def answer_rejoin(
    *, session_id: int, driver_number: int, lap: int, tyre_compound: str = "", safety_car: bool = False
) -> dict[str, Any]:
    """Where a car rejoins that comes in at the end of a lap. CannotAnswer, and the errors of `load`."""
    import numpy as np

    strategy, race = load(session_id)
    row = find_row(race, driver_number)
    check_stop_lap(race, row, lap)
    measured = was_measured(race, row, lap)
    question = Question(row, lap, entry_moment(race, row, lap, strategy), measured)
    known = race.as_of(question.asked_at)
    if safety_car:
        known = with_safety_car(known, question.asked_at)
    projection = with_compound(rejoin.project(known, question, strategy.rejoin), tyre_compound, strategy)
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
        "asked_at": MEASURED if measured else ESTIMATED,
        "track": projection.state or "free",
        "pit_loss": round(projection.loss.total, 2),
        "penalty": round(projection.penalty, 1),
        "n": projection.loss.n,
        "exam": rejoin_exam(strategy),
        "assumptions": [
            *assumptions(projection, tyre_compound, strategy),
            *([] if measured and not safety_car else [NOT_VALIDATED]),
        ],
        "warnings": warnings_of(race, strategy),
    }


def rejoin_exam(strategy: Strategy) -> dict[str, Any]:
    """How often the likely place was right in the exam, of all stops and of those on a free track; None where none were asked."""
    figures = strategy.figures
    return {
        name: {
            "stops": int(figures[f"{key}_stops"]),
            "exact": round(figures[f"{key}_exact"], 3),
            "within_one": round(figures[f"{key}_within_one"], 3),
        }
        if f"{key}_stops" in figures
        else None
        for name, key in (("all_stops", "all"), ("free_track", "green"))
    }


def with_safety_car(known: Timeline, moment: float) -> Timeline:
    from dataclasses import replace

    return replace(known, windows=(*known.windows, Window(pitloss.STATES[2], moment - 1, float("inf"))))


def neighbours(known: Timeline, projection: rejoin.Projection) -> dict[str, Any]:
    """The cars ahead and behind after the out-lap if nobody else stops, with gaps in seconds."""
    gaps = sorted((projection.own - rival.seconds, known.cars[rival.row]) for rival in projection.rivals)
    ahead = next(({"driver_number": car, "gap": round(gap, 1)} for gap, car in gaps if gap > 0), None)
    behind = next(({"driver_number": car, "gap": round(-gap, 1)} for gap, car in reversed(gaps) if gap <= 0), None)
    clean = ahead is None or ahead["gap"] > CLEAN_AIR
    return {"ahead": ahead, "behind": behind, "air": "clean air" if clean else "traffic"}


def with_compound(projection: rejoin.Projection, tyre_compound: str, strategy: Strategy) -> rejoin.Projection:
    """The projection with what a stop for these tyres costs; CannotAnswer for tyres of which too few stops say so."""
    if not tyre_compound:
        return projection
    costs = strategy.rejoin.compounds
    if tyre_compound not in costs:
        raise CannotAnswer(
            "tyre_compound",
            f"{tyre_compound}: the model has not seen enough stops for these tyres; choose one of {', '.join(costs) or 'none'}.",
        )
    share = strategy.rejoin.past.neutralised.get(projection.state, 1.0)
    return projection._replace(own=projection.own + share * costs[tyre_compound].seconds)


def assumptions(projection: rejoin.Projection, tyre_compound: str, strategy: Strategy) -> list[str]:
    result = [
        "The place is the order in which the cars end the out-lap.",
        "Others that come into the pit lane are seen when they do so.",
        "The announced length of the race is the number of laps that were driven; of one that is on, that of the last one there.",
    ]
    if projection.conditions == rejoin.WET_TRACK:
        result.append("Cars are on wet tyres: the places are as uncertain as they were for past stops on a wet or drying track.")
    if projection.penalty:
        result.append(f"A penalty is served at this stop, which makes it {projection.penalty:.1f} s longer.")
    if tyre_compound:
        cost = strategy.rejoin.compounds[tyre_compound]
        result.append(
            f"A stop for {tyre_compound} costs {cost.seconds:+.2f} s beside the other stops of a race "
            f"({plural(cost.n, 'stop')}, 95 % of the unshrunk difference {cost.low:+.2f} to {cost.high:+.2f})."
        )
    return result


def answer_forecast(*, session_id: int, lap: int, actual_stops: bool = False) -> dict[str, Any]:
    """The finishing order from the end of a lap on. CannotAnswer, and the errors of `load`."""
    strategy, race = load(session_id)
    if actual_stops:
        check_over(race)
    known = begin_forecast(race, lap)
    running = forecast.running_at(known, lap, strategy.race)
    plan = forecast.actual_plan(race, running) if actual_stops else None
    running, chances = forecast.forecast(known, lap, strategy.race, plan=plan)
    order = forecast.frozen_order(known, running.rows)
    rows = sorted(
        (
            describe(chances[place], known.cars[row], given_stops=actual_stops) | {"order_stays": int(order[place])}
            for place, row in enumerate(running.rows)
        ),
        key=lambda car: car["expected"],
    )
    measured, doubts = beside_order_stays(strategy, race, lap, actual_stops=actual_stops)
    return {
        "session_id": session_id,
        "lap": lap,
        "race_laps": race.race_laps,
        "cars": rows,
        "races": simulation.RACES,
        "exam": measured,
        "assumptions": [
            "Stops are those that were made, which only hindsight knows."
            if actual_stops
            else "Stops are drawn as in past races.",
            "Places are among the cars that are running; cars that retire come last.",
        ],
        "warnings": [*warnings_of(race, strategy), *doubts],
    }


QUESTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "rejoin": answer_rejoin,
    "forecast": answer_forecast,
    "what-if": answer_what_if,
    "undercut": answer_undercut,
}
