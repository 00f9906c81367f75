"""What happened in a race, second by second: places, laps, tyres, stops, flags, messages and the weather. Pure functions of rows.

Seconds count from the start of the race.
"""

import datetime
from bisect import bisect_right
from collections.abc import Iterable, Iterator

import msgspec

from api.queries import Row
from ml.colours import compound_letter
from pages.bands import SHOWN
from pages.rows import LapRow, SessionRows
from pages.stops import end_mark, visits
from pages.timing import Ends

WEATHER = {"air": "air_temperature", "track": "track_temperature", "wind": "wind_speed", "rain": "rainfall"}


class PlaceRow(Row):
    """A car got to a place."""

    date: datetime.datetime
    driver_number: int
    position: int


class OvertakeRow(Row):
    """A car got past another."""

    date: datetime.datetime
    overtaking_driver_number: int
    overtaken_driver_number: int
    position: int | None


class Event(msgspec.Struct, frozen=True):
    """Something worth seeing again."""

    t: int
    lap: int  # of the leader
    kind: str  # overtake, stop, flag, message or out
    car: int | None
    text: str


class Tyres(msgspec.Struct, frozen=True):
    """The tyres of a car from a lap on."""

    lap: int
    letter: str
    age: int | None  # laps they had done


class Story(msgspec.Struct, frozen=True):
    """Everything but the places on the track."""

    laps: dict[int, list[float | None]]  # {car: seconds at the end of each lap, from the first on}
    places: dict[str, list[float]]  # columns t, car, place, in order of time
    tyres: dict[int, list[Tyres]]
    stops: dict[int, list[tuple[float, float]]]  # {car: (second it came into the lane, seconds in it)}
    events: list[Event]
    flags: list[tuple[str, float, float]]
    weather: dict[str, list[float | None]]  # columns t, air, track, wind, rain


def story_of(
    rows: SessionRows,
    ends: Ends,
    places: Iterable[PlaceRow],
    overtakes: Iterable[OvertakeRow],
    *,
    start: float,
    seconds: int,
    until: dict[int, int],
) -> Story:
    """The story of a race; `start` is its Unix time, `ends` when its cars ended their laps, `until` the second until which each
    car that started is shown."""
    laps: dict[int, list[float | None]] = {car: [] for car in until}
    for car, own in ends.items():
        laps[car] = [round(own[lap] - start, 2) if lap in own else None for lap in range(1, max(own) + 1)]
    leading = sorted(leader_laps(laps))
    out_at_once = {car: start + (until[car] or max(leading[0] - 1, 0)) for car in until if not ends.get(car)}
    out = [*out_events(rows, ends), *((at, "out", car, first_lap_text(rows, car)) for car, at in out_at_once.items())]
    happened = [*overtake_events(rows, overtakes), *stop_events(rows, ends), *message_events(rows), *out]
    return Story(
        laps=laps,
        places=columns_of_places(places, start) or crossing_places(ends, start),
        tyres={car: list(tyres_of(own)) for car, own in rows.laps_of.items()},
        stops={car: list(lane_visits(rows, car, start)) for car in rows.pits_of},
        events=[
            Event(int(at - start), min(bisect_right(leading, at - start) + 1, len(leading)), kind, car, text)
            for at, kind, car, text in sorted(happened, key=lambda each: each[0])
            if start <= at < start + seconds
        ],
        flags=flags_of(rows, start, seconds),
        weather=weather_of(rows, start, seconds),
    )


def leader_laps(laps: dict[int, list[float | None]]) -> list[float]:
    """The second at which each lap was first completed."""
    first: dict[int, float] = {}
    for own in laps.values():
        for number, end in enumerate(own, 1):
            if end is not None:
                first[number] = min(first.get(number, end), end)
    return [first[number] for number in sorted(first)]


def columns_of_places(places: Iterable[PlaceRow], start: float) -> dict[str, list[float]]:
    """Upstream's places as columns; those from before the start are the grid. Empty without any."""
    rows = [(max(0.0, round(row.date.timestamp() - start, 1)), row.driver_number, row.position) for row in places]
    return {name: [row[at] for row in rows] for at, name in enumerate(("t", "car", "place"))} if rows else {}


def crossing_places(ends: Ends, start: float) -> dict[str, list[float]]:
    """The order in which cars ended each lap, in the same columns."""
    count: dict[int, int] = {}
    rows = []
    for at, lap, car in sorted((at, lap, car) for car, own in ends.items() for lap, at in own.items()):
        count[lap] = count.get(lap, 0) + 1
        rows.append((round(at - start, 1), car, count[lap]))
    return {name: [row[at] for row in rows] for at, name in enumerate(("t", "car", "place"))}


def tyres_of(laps: list[LapRow]) -> Iterator[Tyres]:
    """A car's sets of tyres, each from the lap it was fitted for."""
    stint: int | None = None
    for lap in laps:
        if lap.stint_number is not None and lap.stint_number != stint:
            stint = lap.stint_number
            yield Tyres(lap.lap_number, compound_letter(lap.tyre_compound), lap.tyre_age)


def lane_visits(rows: SessionRows, car: int, start: float) -> Iterator[tuple[float, float]]:
    for pit in rows.pits_of[car]:
        if pit.date is not None and pit.seconds is not None:
            yield round(pit.date.timestamp() - start, 1), pit.seconds


Happened = tuple[float, str, int | None, str]  # Unix time, kind, car, text


def name_of(rows: SessionRows, car: int) -> str:
    entry = rows.entry_of.get(car)
    return (entry and entry.name_acronym) or str(car)


def overtake_events(rows: SessionRows, overtakes: Iterable[OvertakeRow]) -> Iterator[Happened]:
    for row in overtakes:
        one, other = name_of(rows, row.overtaking_driver_number), name_of(rows, row.overtaken_driver_number)
        place = f" for place {row.position}" if row.position else ""
        yield row.date.timestamp(), "overtake", row.overtaking_driver_number, f"{one} passes {other}{place}"


def stop_events(rows: SessionRows, ends: Ends) -> Iterator[Happened]:
    for car, own in visits(rows).items():
        for visit, _ in own:
            at = visit.pit.date.timestamp() if visit.pit and visit.pit.date else ends.get(car, {}).get(visit.lap_number)
            if visit.is_stop and at is not None:
                seconds = f", {visit.pit.seconds:.1f} s in the lane" if visit.pit and visit.pit.seconds else ""
                yield at, "stop", car, f"{name_of(rows, car)} stops{seconds}"


def message_events(rows: SessionRows) -> Iterator[Happened]:
    """Messages of race control; blue flags, of which there are hundreds, are left out."""
    for message in rows.messages:
        if message.date is not None and message.message and message.flag != "BLUE":
            is_flag = message.category == "SafetyCar" or bool(message.flag and message.scope == "Track")
            yield message.date.timestamp(), "flag" if is_flag else "message", message.driver_number, message.message


def out_events(rows: SessionRows, ends: Ends) -> Iterator[Happened]:
    for car, own in ends.items():
        for mark in end_mark(rows, car):
            yield max(own.values()), "out", car, f"{name_of(rows, car)} {mark.text}"


def first_lap_text(rows: SessionRows, car: int) -> str:
    return f"{name_of(rows, car)} did not end the first lap"


def flags_of(rows: SessionRows, start: float, seconds: int) -> list[tuple[str, float, float]]:
    """(kind, first second, last second) of each time in which the whole track was not free."""
    found = []
    for row in rows.neutralisations:
        begin = row.date_start.timestamp() - start
        end = row.date_end.timestamp() - start if row.date_end else float(seconds)
        if row.state in SHOWN and begin < seconds and end > 0:
            found.append((row.state, round(max(begin, 0.0), 1), round(min(end, seconds), 1)))
    return found


def weather_of(rows: SessionRows, start: float, seconds: int) -> dict[str, list[float | None]]:
    """The weather station's rows of the race; the last one before it counts from the start."""
    times = [row.date.timestamp() - start for row in rows.weather]
    first = max(bisect_right(times, 0.0) - 1, 0)
    kept = [(at, row) for at, row in zip(times, rows.weather, strict=True) if at < seconds][first:]
    columns: dict[str, list[float | None]] = {"t": [round(max(at, 0.0), 1) for at, _ in kept]}
    for name, field in WEATHER.items():
        columns[name] = [getattr(row, field) for _, row in kept]
    return columns
