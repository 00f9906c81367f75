"""Which laps a view compares: `laps=VER-20,LEC-20`, those of other sessions as `2023.bahrain.race.VER-20`."""

import re
from functools import cache
from typing import Any, NamedTuple

import msgspec

from api.queries import Tables, columns, parameter
from drivers.models import Entry
from ml.colours import PAPERS, as_colour, legible
from pages.cars import cars_of
from pages.chart import Car
from pages.rows import SessionRows
from pages.state import BadState, State
from races.models import Session
from telemetry.lap_comparison import MOST_LAPS, LapKey
from telemetry.models import SampleFile

LAP = re.compile(r"(?:(?P<year>\d{4})\.(?P<race>[-\w]+)\.(?P<session>[-\w]+)\.)?(?P<driver>\w+)-(?P<number>\d{1,3})")
EXAMPLE = "laps=VER-20,LEC-20"


class ChosenLap(NamedTuple):
    """A lap as the address names it, and the car that drove it."""

    label: str
    key: LapKey
    car: Car


def chosen_laps(rows: SessionRows, state: State) -> list[ChosenLap]:
    """The laps that the state names, or the best of the two quickest cars; empty where no lap has a time."""
    value = state.query.get("laps", "")
    names = [name.strip() for name in value.split(",") if name.strip()]
    if not names:
        return distinguished(best_laps(rows))
    if len(names) > MOST_LAPS:
        raise BadState(f"laps={value!r} names {len(names)} laps; at most {MOST_LAPS} fit.")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadState(f"laps={value!r} names {twice} twice.")
    return distinguished([parse(name, rows) for name in names])


def distinguished(laps: list[ChosenLap]) -> list[ChosenLap]:
    """The same laps, dashed where an earlier one has the same colour."""
    seen: set[str] = set()
    found = []
    for lap in laps:
        found.append(lap._replace(car=msgspec.structs.replace(lap.car, dashed=lap.car.light in seen)))
        seen.add(lap.car.light)
    return found


@cache
def sampled_cars() -> Tables:
    files = SampleFile.objects.filter(session=parameter("session"), collection="car_data")
    return {"sampled": (columns(SampleFile, "driver_number"), files)}


def best_laps(rows: SessionRows) -> list[ChosenLap]:
    """The best laps of the two quickest cars, of those that there are samples of."""
    cars = {car.number: car for car in cars_of(rows)}
    timed = [lap for lap in rows.laps if rows.seconds_of(lap) and lap.date_start and not lap.is_pit_out_lap and not lap.deleted]
    sampled = {file.driver_number for file in rows.more(sampled_cars)["sampled"]}
    best: dict[int, Any] = {}
    for lap in sorted(timed, key=lambda lap: lap.lap_duration or 0.0):
        if not sampled or lap.driver_number in sampled:
            best.setdefault(lap.driver_number, lap)
    return [
        ChosenLap(f"{cars[number].acronym}-{lap.lap_number}", LapKey(rows.session.pk, number, lap.lap_number), cars[number])
        for number, lap in [*best.items()][:2]
    ]


def parse(name: str, rows: SessionRows) -> ChosenLap:
    """A lap by its name in the address."""
    match = LAP.fullmatch(name)
    if match is None:
        raise BadState(f"laps: {name!r} is no lap; write driver and lap number, e.g. {EXAMPLE}, or 2023.bahrain.race.VER-20.")
    number = int(match["number"])
    if match["year"] is None:
        car = next((car for car in cars_of(rows) if match["driver"].upper() in (car.acronym.upper(), str(car.number))), None)
        if car is None:
            known = ", ".join(car.acronym for car in cars_of(rows)) or "nobody"
            raise BadState(f"laps: {name!r}: no driver of this session is called {match['driver']}; there are {known}.")
        if all(lap.lap_number != number for lap in rows.laps_of.get(car.number, [])):
            raise BadState(f"laps: {name!r}: {car.name} has no lap {number} in this session.")
        return ChosenLap(f"{car.acronym}-{number}", LapKey(rows.session.pk, car.number, number), car)
    return elsewhere(name, match)


def elsewhere(name: str, match: re.Match[str]) -> ChosenLap:
    """A lap of another session."""
    place = {"race__year": match["year"], "race__slug": match["race"], "slug": match["session"]}
    session = Session.objects.filter(**place).first()
    if session is None:
        raise BadState(f"laps: {name!r}: there is no session {match['session']!r} of {match['race']!r} in {match['year']} here.")
    entries = Entry.objects.filter(session=session)
    for entry in entries:
        if match["driver"].upper() in ((entry.name_acronym or "").upper(), str(entry.driver_number)):
            colour = as_colour(entry.team_colour)
            car = Car(
                number=entry.driver_number,
                acronym=entry.name_acronym or str(entry.driver_number),
                name=entry.full_name or f"Car {entry.driver_number}",
                team=entry.team_name or "",
                light=legible(colour, PAPERS["light"]),
                dark=legible(colour, PAPERS["dark"]),
            )
            return ChosenLap(name, LapKey(session.pk, entry.driver_number, int(match["number"])), car)
    raise BadState(f"laps: {name!r}: no driver of that session is called {match['driver']}.")
