"""The cars of a session as charts show them: in finishing order, in their teams' colours, the second of a team dashed."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from django.db.models import F

from drivers.models import Entry, SessionResult
from ml.colours import palette
from telemetry.models import Lap


class EntryFacts(NamedTuple):
    """What an entry says of a car's looks; the colour is six hexadecimal digits."""

    number: int
    acronym: str | None
    team: str | None
    team_colour: str | None


class Look(NamedTuple):
    """A car as it is drawn on light and on dark paper."""

    number: int
    acronym: str
    team: str
    light: str
    dark: str
    dashed: bool


def in_finishing_order(placed: Collection[int], laps: Mapping[int, int], entered: Iterable[int]) -> list[int]:
    """Car numbers: those with a result in its order, then those that drove furthest (`laps` by car), then the rest by number."""
    far = sorted((car for car in laps if car not in placed), key=lambda car: (-laps[car], car))
    known = {*placed, *far}
    return [*placed, *far, *(car for car in entered if car not in known)]


def look_of(entries: Iterable[EntryFacts]) -> list[Look]:
    """The looks of cars in the order in which they are drawn: earlier teams keep their colour where two are too alike."""
    listed = [*entries]
    shades = palette(tuple((entry.team or "", entry.team_colour) for entry in listed))
    seen: set[str] = set()
    looks = []
    for number, acronym, team, _ in listed:
        own = shades[team or ""]
        looks.append(Look(number, acronym or str(number), team or "", own.light, own.dark, bool(team) and team in seen))
        seen.add(team or "")
    return looks


def stored_looks(session_id: int) -> list[Look]:
    """The looks of a stored session's cars, in finishing order."""
    fields = ("driver_number", "name_acronym", "team_name", "team_colour")
    rows = Entry.objects.filter(session_id=session_id).order_by("driver_number").values_list(*fields)
    entries = {row[0]: EntryFacts(*row) for row in rows}
    results = SessionResult.objects.filter(session_id=session_id)
    placed = results.order_by(F("position").asc(nulls_last=True), F("number_of_laps").desc(nulls_last=True), "driver_number")
    laps: dict[int, int] = {}
    for car in Lap.objects.filter(session_id=session_id).values_list("driver_number", flat=True):
        laps[car] = laps.get(car, 0) + 1
    order = in_finishing_order([*placed.values_list("driver_number", flat=True)], laps, entries)
    return look_of(entries.get(car, EntryFacts(car, None, None, None)) for car in order)
