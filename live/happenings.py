"""What happens between two boards that somebody may want to be alerted of. A pure function."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from jobs.wording import plural

SOON = 900  # seconds before a session begins
SAFETY_CARS = {"sc": "Safety car", "vsc": "Virtual safety car"}
Board = dict[str, Any]


class Happening(NamedTuple):
    """Something that happened: its kind, the car, if it is about one, and a sentence."""

    kind: str
    car: int | None
    text: str


def happenings(before: Board, after: Board) -> Iterator[Happening]:
    """Everything that is in the second board and was not in the first, of the same session."""
    yield from of_the_session(before, after)
    for number, car in after["cars"].items():
        known = before["cars"].get(number)
        if known is None:
            continue
        if car["pit"] and not known["pit"]:
            yield Happening("pit", car["number"], f"{car['name']} pits on lap {car['lap']}")
        if car["out"] and not known["out"]:
            yield Happening("stops", car["number"], f"{car['name']} is out")
    lap, holder = after["best"].get("lap"), after["best"].get("car")
    if lap and before["best"].get("lap") and lap < before["best"]["lap"]:
        yield Happening("best_lap", holder, f"{after['cars'][str(holder)]['name']} sets the best lap: {lap:.3f} s")


def of_the_session(before: Board, after: Board) -> Iterator[Happening]:
    flag = after["track"]["flag"]
    if flag != before["track"]["flag"]:
        if flag in SAFETY_CARS:
            yield Happening("safety_car", None, f"{SAFETY_CARS[flag]} deployed")
        elif flag == "red":
            yield Happening("red_flag", None, "Red flag")
    if (after.get("weather") or {}).get("rain") and before.get("weather") and not before["weather"].get("rain"):
        yield Happening("rain", None, "It rains")
    if after["session"]["kind"] == "race" and before["order"] and after["order"] and before["order"][0] != after["order"][0]:
        leader = after["cars"][str(after["order"][0])]
        yield Happening("lead", leader["number"], f"{leader['name']} leads")
    left, known = after["clock"].get("to_start"), before["clock"].get("to_start")
    if left is not None and known is not None and 0 < left <= SOON < known:
        yield Happening(
            "begins", None, f"{after['session']['race']}, {after['session']['name']} begins in {plural(left // 60, 'minute')}"
        )
