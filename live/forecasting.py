"""Forecasts beside what happens, computed once per lap of the leader for all viewers, in a thread of the live process; of
laps under way more often, as their sectors come.

They are a part of the board, so that a viewer's delay holds them back. Without a promoted model nothing scientific is loaded.
"""

import logging
from collections.abc import Callable, Collection
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from ml.models import Run

log = logging.getLogger(__name__)

SHOWN_STOPS = 8
SETTLING = timedelta(seconds=3)  # after which the time of the lap before and all rows of its end are stored
SECTORS_EVERY = timedelta(seconds=15)  # between two questions about the laps under way
MISSING = {
    "next_lap": "No model is promoted that forecasts laps (train_model, promote_model).",
    "strategy": "No model is promoted that says where a car rejoins (strategy_exam --store, promote_model).",
    "in_lap": "No model is promoted that forecasts laps from the sectors of them that are done (train_model, promote_model).",
}
UNKNOWN_LENGTH = (
    "Nothing is forecast yet: how many laps this race has is not known, as no earlier one at its circuit is stored, and no car "
    "has sent its way round it."
)
ABOUT = "How many laps this race has is reckoned from the length of the circuit, as no earlier one there is stored."
Board = dict[str, Any]
Answer = dict[str, Any]  # `laps`, `rejoin` and `under_way` by car, `notes`; what was not asked is not there


class Forecaster:
    """The forecasts of a session; `ask` is given the session, {car: lap}, the announced length, and tasks of MISSING."""

    def __init__(self, session_id: int, *, ask: Callable[..., Answer] | None = None, executor: Executor | None = None) -> None:
        self.session_id, self.ask = session_id, ask or ask_models
        self.executor = executor or ThreadPoolExecutor(1, thread_name_prefix="forecasts")
        self.asked: Future[Answer] | None = None
        self.lap = -1  # of the leader; 0 before the start, when only what there is no model for can be said
        self.due: datetime | None = None  # when forecasts of that lap are to be asked for; None when they have been
        self.notes: list[str] = []
        self.laps: dict[int, dict[int, dict[str, Any]]] = {}  # {car: {lap: its first forecast}}
        self.ahead: dict[int, list[dict[str, Any]]] = {}  # {car: the newest forecasts}
        self.rejoin: dict[int, dict[int, dict[str, Any]]] = {}  # {car: {lap at whose end it would come in: place}}
        self.under_way: dict[int, dict[str, Any]] = {}  # {car: the newest forecast of a lap by its sectors so far}
        self.sectors_due: datetime | None = None  # when laps under way are to be asked about; None before the first lap
        self.stops: list[dict[str, Any]] = []  # newest first
        self.stopped: dict[int, int] = {}  # {car: the lap at whose end it came in}, until it has ended the out-lap

    def see(self, board: Board, now: datetime) -> Board | None:
        """Ask when the leader has begun a lap, and return what is to be shown; None in sessions that are no races."""
        if board["session"]["kind"] != "race":
            return None
        lap = board["clock"].get("lap") or 0
        if lap > self.lap:
            self.lap, self.due = lap, now + SETTLING
        if self.asked is None and (tasks := self.due_tasks(now)):
            cars = {car["number"]: car["lap"] for car in board["cars"].values() if car["lap"] and not car["out"]}
            self.asked = self.executor.submit(self.ask, self.session_id, cars, board["clock"].get("laps"), tasks)
        self.take()
        self.note_stops(board)
        return {
            "notes": [*self.notes, *([ABOUT] if board["clock"].get("about") else [])],
            "cars": {number: shown for number, car in board["cars"].items() if (shown := self.shown(car))},
            "stops": [dict(stop) for stop in self.stops],  # what a frame has been made of must not change
        }

    def take_over(self, forecast: Board) -> None:
        """Go on from what viewers were shown last, by the process before this one."""
        self.stops = [dict(stop) for stop in forecast.get("stops", [])]
        self.stopped = {stop["car"]: stop["lap"] for stop in self.stops if "came" not in stop}
        for number, shown in forecast.get("cars", {}).items():
            car = int(number)
            self.ahead[car] = shown.get("next", [])
            first = [each for each in (shown.get("was"), *self.ahead[car][:1]) if each]
            self.laps[car] = {each["lap"]: each for each in first}
            self.rejoin[car] = {place["lap"]: place for place in [shown.get("rejoin")] if place}
            if "under_way" in shown:
                self.under_way[car] = shown["under_way"]

    def due_tasks(self, now: datetime) -> tuple[str, ...]:
        """What is to be asked now: all when the leader's lap has settled, and in between about the laps under way."""
        if self.due and now >= self.due:
            self.due, self.sectors_due = None, now + SECTORS_EVERY
            return (*MISSING,)
        if self.sectors_due and now >= self.sectors_due:
            self.sectors_due = now + SECTORS_EVERY
            return ("in_lap",)
        return ()

    def take(self) -> None:
        """Take over what has been computed."""
        if self.asked is None or not self.asked.done():
            return
        done, self.asked = self.asked, None
        try:
            answer = done.result()
        except Exception as error:
            log.exception("The race could not be forecast")
            self.notes = [f"The race could not be forecast: {error}"]
            return
        self.notes, self.ahead = answer.get("notes", self.notes), answer.get("laps", self.ahead)
        self.under_way |= answer.get("under_way", {})
        for car, laps in answer.get("laps", {}).items():
            self.laps.setdefault(car, {}).setdefault(laps[0]["lap"], laps[0])
        for car, place in answer.get("rejoin", {}).items():
            self.rejoin.setdefault(car, {})[place["lap"]] = place

    def shown(self, car: dict[str, Any]) -> dict[str, Any]:
        """Of a car: the forecasts from its lap on, that of the lap that it has ended, and where it rejoins if it stops now."""
        number, lap = car["number"], car["lap"] or 0
        if car["out"]:
            return {}
        found = {
            "next": [each for each in self.ahead.get(number, []) if each["lap"] >= lap],
            "was": self.laps.get(number, {}).get(car["timed_lap"]),
            "rejoin": self.rejoin_after(number, lap),
            "under_way": forecast if (forecast := self.under_way.get(number)) and forecast["lap"] == lap else None,
        }
        return {name: value for name, value in found.items() if value}

    def rejoin_after(self, number: int, lap: int) -> dict[str, Any] | None:
        """Where a car rejoins after a lap; as of the lap before until it is known for this one."""
        known = self.rejoin.get(number, {})
        return known.get(lap) or known.get(lap - 1)

    def note_stops(self, board: Board) -> None:
        """Put the forecast of a stop beside the place in which the car has ended its out-lap."""
        for car in board["cars"].values():
            number, lap = car["number"], car["lap"] or 0
            in_lap = lap - 1 if car["out_lap"] else lap
            if car["pit"] and number not in self.stopped and (forecast := self.rejoin_after(number, in_lap)):
                self.stopped[number] = in_lap
                self.stops.insert(0, {**forecast, "car": number, "acronym": car["acronym"], "lap": in_lap})
                del self.stops[SHOWN_STOPS:]
            if number in self.stopped and lap >= self.stopped[number] + 2:
                stop = self.stopped.pop(number)
                for each in self.stops:
                    if (each["car"], each["lap"]) == (number, stop):
                        each["came"] = car["place"]

    def close(self) -> None:
        """Ask no more; what is known stays shown."""
        self.due = None
        self.executor.shutdown(wait=False, cancel_futures=True)


def ask_models(session_id: int, cars: dict[int, int], race_laps: int | None, tasks: Collection[str] = MISSING) -> Answer:
    """The same as `forecasts_of`, in a thread that has a connection of its own to the database."""
    try:
        return forecasts_of(session_id, cars, race_laps, tasks)
    finally:
        connection.close()


def forecasts_of(session_id: int, cars: dict[int, int], race_laps: int | None, tasks: Collection[str] = MISSING) -> Answer:
    """The forecasts of the promoted models of these tasks; where all are asked also, in words, what there is none of."""
    promoted = {*Run.objects.filter(champion=True, task__in=tasks).values_list("task", flat=True)}
    without = [task for task in MISSING if task not in promoted]
    notes = [MISSING[task] for task in without if task != "in_lap" or "next_lap" in promoted]  # which of the two says all
    answer: Answer = {}
    if promoted and race_laps is None:
        notes.append(UNKNOWN_LENGTH)
    elif promoted and cars:
        from ml import running_race

        asked = {
            "next_lap": ("laps", running_race.next_laps),
            "strategy": ("rejoin", running_race.rejoin_places),
            "in_lap": ("under_way", running_race.laps_under_way),
        }
        for task in promoted:
            name, ask = asked[task]
            try:
                answer[name] = ask(session_id=session_id, laps=cars, race_laps=race_laps)
            except ValueError as error:  # no laps are stored yet, or the files of a model cannot be used
                notes.append(str(error))
    return {"laps": {}, "rejoin": {}, "under_way": {}, "notes": notes} | answer if {*tasks} == {*MISSING} else answer
