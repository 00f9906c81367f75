"""The panel "finishing order from here" of the forecast page: the simulated order beside "the order stays", and what came."""

from typing import Any

from jobs.wording import plural
from pages.chart import Car, Table
from pages.rows import SessionRows
from pages.state import State
from pages.strategy_answers import NOT_PROMOTED, is_promoted, strategy_answer
from pages.templatetags.f1 import percent

COLUMNS = [
    ("Driver", False),
    ("Order then", True),
    ("Forecast", True),
    ("80 % range", True),
    ("Wins", True),
    ("Podium", True),
    ("Finished", True),
]


def finishing_order(rows: SessionRows, state: State, cars: list[Car]) -> dict[str, Any]:
    """What the panel shows: its form, and a table with a row per car that is running; `reason` where there is none."""
    last = rows.race_laps - 1
    lap = state.lap(1, last) or max(rows.race_laps // 2, 1)
    panel: dict[str, Any] = {
        "lap": lap,
        "last_lap": last,
        "kept": state.others("lap"),
        "reason": "" if is_promoted(rows) else NOT_PROMOTED,
    }
    if panel["reason"]:
        return panel
    answer = strategy_answer("forecast", rows, lap=lap)
    if isinstance(answer, str):
        return panel | {"reason": answer}
    return panel | {
        "table": Table.of(COLUMNS, [row(each, cars) for each in answer["cars"]]),
        "measured": measured(answer["exam"]),
        "notes": [*answer["warnings"], *answer["assumptions"]],
        "answer": answer,
    }


def row(finish: dict[str, Any], cars: list[Car]) -> list[Any]:
    car = next((car for car in cars if car.number == finish["driver_number"]), None)
    low, high = finish["low"], finish["high"]
    return [
        car.acronym if car else str(finish["driver_number"]),
        finish["order_stays"],
        finish["likely"],
        f"{low} – {high}" if low < high else f"{low}",
        chance(finish["win"]),
        chance(finish["podium"]),
        car.place if car else None,
    ]


def chance(share: float) -> str:
    return "< 1 %" if 0 < share < 0.01 else percent(share)


def measured(exam: dict[str, Any] | None) -> str:
    """How far off such forecasts were in the exam, beside "the order stays"."""
    if exam is None:
        return ""
    everywhere, here = exam["everywhere"], exam["here"]
    return (
        f"In the exam, from about {percent(exam['share'])} of a race on, forecasts were {everywhere['error']:.2f} places off; "
        f'"the order stays" was {everywhere["order_stays_error"]:.2f} off ({plural(everywhere["races"], "race")} that the model '
        "had not learnt from)" + (f"; at this circuit {here['error']:.2f} and {here['order_stays_error']:.2f}." if here else ".")
    )
