"""The panel "what if he had stopped otherwise?" of the strategy page: the finish with other stops, and the best window."""

import re
from typing import Any

from jobs.wording import plural
from pages.chart import Car, Table
from pages.drawing import Scale
from pages.rows import SessionRows
from pages.state import BadState, State
from pages.stops import visits
from pages.strategy_answers import strategy_answer

STOP = re.compile(r"(\d{1,3})-(SOFT|MEDIUM|HARD)", re.IGNORECASE)
NONE = "none"
LAPS_BEFORE = 6  # the window begins this many laps before the first stop that was made or is asked about
WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT, TOP = 480.0, 240.0, 34.0, 34.0, 8.0, 10.0  # px


def what_if(rows: SessionRows, state: State, car: Car | None) -> dict[str, Any]:
    """What the panel shows: the stops of its form, and the answer once some are named; `reason` where there is none."""
    panel: dict[str, Any] = {
        "stops": state.query.get("stops", ""),
        "kept": state.others("driver", "stops"),
        "reason": "",
    }
    stops = chosen_stops(state, rows.race_laps)
    if stops is None or car is None:
        return panel
    made = [visit.lap_number for visit, _ in visits(rows).get(car.number, []) if visit.is_stop]
    lap = max(min([*stops, *made], default=rows.race_laps) - LAPS_BEFORE, 1)
    answer = strategy_answer(
        "what-if", rows, driver_number=car.number, lap=lap, stop_lap=[*stops], tyre_compound=[*stops.values()]
    )
    if isinstance(answer, str):
        return panel | {"reason": answer}
    columns = [("First stop after lap", True), ("Mean place", True), ("10 to 90 % of races", True)]
    return panel | {
        "headline": headline(answer, car),
        "window": Table.of(
            columns,
            [[each["stop_lap"], f"{each['expected']:.1f} ± {1.96 * each['error']:.1f}", span(each)] for each in answer["window"]],
        ),
        "best": best(answer["best_window"]),
        "drawing": draw(answer) if len(answer["window"]) > 1 else None,
        "measured": measured(answer["exam"]),
        "notes": [*answer["assumptions"], *answer["warnings"]],
        "answer": answer,
    }


def chosen_stops(state: State, race_laps: int) -> dict[int, str] | None:
    """`stops=15-HARD,38-SOFT` as {lap: compound}, empty for `stops=none`; None where none are named."""
    value = state.query.get("stops", "")
    if not value:
        return None
    if value.lower() == NONE:
        return {}
    stops: dict[int, str] = {}
    for name in value.split(","):
        found = STOP.fullmatch(name.strip())
        if found is None or not 1 < int(found[1]) < race_laps or int(found[1]) in stops:
            raise BadState(
                f"stops={value!r}: {name.strip()!r} is no stop; write lap and compound of each, e.g. stops=15-HARD,38-SOFT, "
                "or none."
            )
        stops[int(found[1])] = found[2].upper()
    return dict(sorted(stops.items()))


def headline(answer: dict[str, Any], car: Car) -> str:
    driven, changed = answer["as_driven"], answer["changed"]
    return (
        f"From the end of lap {answer['lap']} on: the best guess for {car.name} with {listed(answer['stops'])} is place "
        f"{changed['likely']} (80 %: {span(changed)}); with {listed(answer['stops_made'])}, as driven, place "
        f"{driven['likely']} ({span(driven)})."
    )


def listed(stops: list[dict[str, Any]]) -> str:
    """The stops in words."""
    named = [f"lap {stop['stop_lap']} ({(stop['tyre_compound'] or 'unknown tyres').lower()})" for stop in stops]
    return f"stops after {' and '.join(named)}" if named else "no stop"


def span(finish: dict[str, Any]) -> str:
    low, high = finish["low"], finish["high"]
    return f"{low} – {high}" if low < high else f"{low}"


def best(window: dict[str, int] | None) -> str:
    if window is None:
        return ""
    first, last = window["first_lap"], window["last_lap"]
    laps = f"after lap {first}" if first == last else f"after the laps {first} to {last}"
    return f"Best window for the first stop: {laps}; inside it the mean places cannot be told apart."


def measured(exam: dict[str, Any] | None) -> str:
    """What could be checked: how well forecasts with the stops that were made have held."""
    if exam is None:
        return ""
    found = exam["everywhere"]
    return (
        f"What could be checked: forecasts with the stops that were made were {found['error']:.2f} places off in "
        f'{plural(found["races"], "race")} that the model had not learnt from ("the order stays": '
        f"{found['order_stays_error']:.2f}), and their ranges of 80 % held {100 * found['covered']:.0f} % of the finishes."
    )


def draw(answer: dict[str, Any]) -> dict[str, Any]:
    """Where the curve of the mean place, its band and the best window are drawn; place 1 is on top."""
    window, best_laps = answer["window"], answer["best_window"]
    first, last = window[0]["stop_lap"], window[-1]["stop_lap"]
    most = max(2, *(each["high"] for each in window))
    x, y = Scale(first, last, LEFT, WIDTH - RIGHT), Scale(1, most, TOP, HEIGHT - BOTTOM - TOP)
    step = max(1, round(most / 5))
    low = [f"{x(each['stop_lap'])},{y(each['low'])}" for each in window]
    high = [f"{x(each['stop_lap'])},{y(each['high'])}" for each in window]
    asked = min((stop["stop_lap"] for stop in answer["stops"]), default=0)
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "bottom": HEIGHT - BOTTOM,
        "places": [{"text": place, "y": y(place)} for place in range(1, most + 1, step)],
        "laps": [{"text": lap, "x": x(lap)} for lap in range(first, last + 1) if lap % 5 == 0],
        "band": " ".join([*low, *reversed(high)]),
        "line": " ".join(f"{x(each['stop_lap'])},{y(each['expected'])}" for each in window),
        "best": {"x": x(best_laps["first_lap"]), "width": max(x(best_laps["last_lap"]) - x(best_laps["first_lap"]), 3)},
        "asked": x(asked) if first <= asked <= last else None,
    }
