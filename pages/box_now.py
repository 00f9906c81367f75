"""The panel "box now: where would he come out?" of the strategy page, and what an undercut or overcut would bring."""

from typing import Any

from jobs.wording import plural
from pages.chart import Car
from pages.rows import SessionRows
from pages.state import State
from pages.strategy_answers import NOT_PROMOTED, is_promoted, strategy_answer
from pages.templatetags.f1 import percent

PARAMETERS = ("driver", "lap", "tyre_compound", "safety_car")
TYRES = {"": "any tyres", "SOFT": "soft", "MEDIUM": "medium", "HARD": "hard"}
FIRST_LAP = 2


def box_now(rows: SessionRows, state: State, cars: list[Car]) -> dict[str, Any]:
    """What the panel shows: its form, and the answer once a lap is chosen; `reason` where there is none."""
    running = [car for car in cars if car.number in rows.laps_of]
    names = {car.acronym: car for car in running}
    first = running[0].acronym if running else ""
    offered = [car.acronym for car in running] or [first, *(car.acronym for car in cars)]
    driver = state.choice("driver", offered, first)
    tyre = state.choice("tyre_compound", TYRES, "")
    safety_car = state.flag("safety_car")
    lap = state.lap(FIRST_LAP, rows.race_laps - 1)
    panel: dict[str, Any] = {
        "driver": driver,
        "drivers": [(car.acronym, car.name) for car in running],
        "lap": lap,
        "last_lap": rows.race_laps - 1,
        "tyre_compound": tyre,
        "tyres": [*TYRES.items()],
        "safety_car": safety_car,
        "kept": state.others(*PARAMETERS),
        "reason": NOT_PROMOTED if not is_promoted(rows) else "" if running else "No laps are stored of this session.",
    }
    if panel["reason"] or lap is None:
        return panel
    car = names[driver]
    question: dict[str, Any] = {"driver_number": car.number, "lap": lap}
    answer = strategy_answer("rejoin", rows, **question, safety_car=safety_car, **({"tyre_compound": tyre} if tyre else {}))
    if isinstance(answer, str):
        return panel | {"reason": answer}
    acronyms = {car.number: car.acronym for car in cars}
    attack = strategy_answer("undercut", rows, **question)
    warnings = attack["warnings"] if isinstance(attack, dict) else []
    return panel | {
        "headline": headline(answer, car),
        "places": bars(answer),
        "facts": facts(answer, acronyms),
        "attacks": attacks(attack, acronyms),
        "measured": measured(answer["exam"]),
        "notes": [*dict.fromkeys([*answer["warnings"], *answer["assumptions"], *warnings])],
        "answer": answer,
        "attack": attack if isinstance(attack, dict) else None,
    }


def headline(answer: dict[str, Any], car: Car) -> str:
    first, *rest = answer["set_80"]
    together = bool(rest) and rest[-1] - first == len(rest)
    places = f"{ordinal(first)} to {ordinal(rest[-1])}" if together else " or ".join(map(ordinal, answer["set_80"]))
    return (
        f"{car.name} comes in at the end of lap {answer['lap']}: the best guess for the end of the out-lap is "
        f"{ordinal(answer['likely'])} place; with a probability of at least 80 % it is {places}."
    )


def bars(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The places with their probabilities in per cent, and the length of each bar beside the longest."""
    most = max(each["probability"] for each in answer["places"])
    return [
        {
            "place": each["place"],
            "percent": round(100 * each["probability"], 1),
            "width": round(100 * each["probability"] / most),
            "likely": each["place"] == answer["likely"],
        }
        for each in answer["places"]
    ]


def facts(answer: dict[str, Any], acronyms: dict[int, str]) -> list[str]:
    """What the projection says besides the places."""
    ahead, behind = answer["ahead"], answer["behind"]
    said = [
        f"{acronyms.get(ahead['driver_number'])} {ahead['gap']:.1f} s ahead" if ahead else "nobody ahead",
        f"{acronyms.get(behind['driver_number'])} {behind['gap']:.1f} s behind" if behind else "nobody behind",
        answer["air"],
        f"a stop costs {answer['pit_loss']:.1f} s on a free track ({answer['n']} finished stops of this race say so)",
        f"asked at the {answer['asked_at']}",
    ]
    return [*said, *([] if answer["track"] == "free" else [f"track: {answer['track']}"])]


def measured(exam: dict[str, Any]) -> str:
    """How often such answers were right in the exam."""
    said = [
        f"{percent(part['exact'])} exact and {percent(part['within_one'])} within one place {where} "
        f"({plural(part['stops'], 'stop')})"
        for where, part in (("of all stops", exam["all_stops"]), ("on a free track", exam["free_track"]))
        if part
    ]
    return f"The best guess was right on races that the model had not learnt from: {', '.join(said)}." if said else ""


def attacks(answer: dict[str, Any] | str, acronyms: dict[int, str]) -> list[str]:
    """Sentences about the undercut and the overcut on the car ahead; none where there is nobody to attack."""
    if isinstance(answer, str) or answer["rival"] is None:
        return []
    rival = f"{acronyms.get(answer['rival']['driver_number'])}, {answer['rival']['gap']:.1f} s ahead"
    titles = {"undercut": f"Stopping before {rival}", "overcut": f"Staying out while {rival}, stops"}
    return [
        f"{title}: gains the place with {percent(odds['probability'])}; of past attempts {percent(odds['base_rate'])} did."
        for kind, title in titles.items()
        if (odds := answer[kind])
    ]


def ordinal(number: int) -> str:
    """1 -> 1st, 12 -> 12th, 22 -> 22nd"""
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
