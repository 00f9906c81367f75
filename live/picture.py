"""What is known of a session so far: the newest rows, as far as viewers see them. The feed and the database add to it alike."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec import UNSET

from mirror.feeds import registry
from mirror.storage import FileStorage
from races.circuits import points_of
from races.models import Circuit, Session
from races.neutralisations import Message, Window, WindowBuilder, parse_gmt_offset

OUTLINE_POINTS = 400  # of the line that is drawn as the track
STANDING = 30  # tenths of a metre between two samples of a car that hardly moves
# Metres that the sporting regulations ask for: a race ends with the lap that reaches them.
RACE_METRES = {"Race": 305_000, "Sprint": 100_000}
MONACO_METRES = 260_000  # of its race


def value(row: Any, name: str) -> Any:
    """A field of a row; None also where the row does not have it."""
    found = getattr(row, name, None)
    return None if found is UNSET else found


@dataclass
class Picture:
    """The rows of a session by what viewers ask of them; rows are structs of a feed or stored instances."""

    session: Session
    total_laps: int | None = None
    entries: dict[int, Any] = field(default_factory=dict)
    positions: dict[int, Any] = field(default_factory=dict)  # {car: its newest row}
    intervals: dict[int, Any] = field(default_factory=dict)
    laps: dict[int, dict[int, Any]] = field(default_factory=lambda: defaultdict(dict))  # {car: {number: lap}}
    stints: dict[int, dict[int, Any]] = field(default_factory=lambda: defaultdict(dict))
    pits: dict[int, dict[datetime, Any]] = field(default_factory=lambda: defaultdict(dict))
    results: dict[int, Any] = field(default_factory=dict)
    messages: dict[tuple, Any] = field(default_factory=dict)
    radio: dict[str, Any] = field(default_factory=dict)
    weather: Any = None
    places: dict[int, tuple[datetime, int, int]] = field(default_factory=dict)  # {car: (moment, x, y)}
    trail: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))  # of the cars that draw the track
    outline: list[tuple[int, int]] = field(default_factory=list)

    def add(self, collection: str, rows: Iterable[Any]) -> None:
        """Take rows over; of what has a moment the newest stays."""
        adders = {
            "drivers": self.add_entry,
            "position": lambda row: keep_newest(self.positions, row),
            "intervals": lambda row: keep_newest(self.intervals, row),
            "laps": lambda row: self.laps[row.driver_number].update({row.lap_number: row}),
            "stints": lambda row: self.stints[row.driver_number].update({row.stint_number: row}),
            "pit": self.add_pit,
            "session_result": lambda row: self.results.update({row.driver_number: row}),
            "race_control": self.add_message,
            "team_radio": lambda row: self.radio.update({row.recording_url: row}),
            "weather": self.add_weather,
        }
        if add := adders.get(collection):
            for row in rows:
                add(row)

    def add_entry(self, row: Any) -> None:
        self.entries[row.driver_number] = row

    def add_pit(self, row: Any) -> None:
        if moment := value(row, "date"):
            self.pits[row.driver_number][moment] = row

    def add_message(self, row: Any) -> None:
        if value(row, "date"):
            self.messages[row.date, value(row, "message"), value(row, "driver_number")] = row

    def add_weather(self, row: Any) -> None:
        if self.weather is None or row.date >= self.weather.date:
            self.weather = row

    def add_place(self, car: int, sample: Any) -> None:
        """Where a car is. The first cars that go round draw the track, until a lap is closed."""
        x, y = value(sample, "x"), value(sample, "y")
        if x is None or y is None or (x == 0 and y == 0):
            return
        known = self.places.get(car)
        if known and known[0] >= sample.date:
            return
        self.places[car] = (sample.date, x, y)
        if not self.outline and (known is None or distance(known[1:], (x, y)) > STANDING):
            self.trail[car].append((x, y))
            self.outline = closed_lap(self.trail[car])
            if self.outline:
                self.trail.clear()

    def windows(self) -> list[Window]:
        """The times in which the track was not free, as the messages so far say."""
        builder = WindowBuilder(parse_gmt_offset(self.session.gmt_offset) or parse_gmt_offset("00:00:00"))  # type: ignore[arg-type]
        for row in self.messages_in_order():
            builder.add_message(
                Message(row.date, value(row, "flag"), value(row, "scope"), value(row, "sector"), value(row, "message"))
            )
        return builder.windows

    def messages_in_order(self) -> list[Any]:
        """The messages of race control in order of time."""
        return sorted(self.messages.values(), key=lambda row: row.date)


def laps_by_distance(picture: Picture) -> int | None:
    """The laps that a race needs for its distance, by the length of the drawn track; None where there is none."""
    name, line = picture.session.session_name, picture.outline
    if name not in RACE_METRES or not line:
        return None
    metres = MONACO_METRES if name == "Race" and picture.session.circuit_name == "Monte Carlo" else RACE_METRES[name]
    lap = sum(distance(one, other) for one, other in zip(line, [*line[1:], line[0]], strict=True)) / 10
    return math.ceil(metres / lap)


def keep_newest(rows: dict[int, Any], row: Any) -> None:
    known = rows.get(row.driver_number)
    if known is None or row.date >= known.date:
        rows[row.driver_number] = row


def distance(one: tuple[int, int], other: tuple[int, int]) -> float:
    return ((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2) ** 0.5


def closed_lap(trail: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The part of a car's way that is a whole lap: from where it comes by again; empty while it has not."""
    if len(trail) < 100:
        return []
    last = trail[-1]
    length = 0.0
    for at in range(len(trail) - 1, 0, -1):
        length += distance(trail[at], trail[at - 1])
        if length > 15_000 and distance(trail[at - 1], last) < 400:  # 1.5 km on, at most 40 m from where it was
            lap = trail[at - 1 :]
            return lap[:: max(1, len(lap) // OUTLINE_POINTS)]
    return []


def stored_outline(session: Session) -> list[tuple[int, int]]:
    """The centre line of the session's circuit in the feed's unit, a tenth of a metre; empty where none is stored."""
    circuit = Circuit.objects.filter(pk=session.circuit_key or 0).first()
    if circuit is None:
        return []
    points = [(round(10 * x), round(10 * y)) for x, y, _ in points_of(circuit)]
    return points[:: -(-len(points) // OUTLINE_POINTS)]


def stored_picture(session: Session, total_laps: int | None = None, *, only: Collection[str] = ()) -> Picture:
    """What the database knows of a session: all collections, or `only` these."""
    picture = Picture(session, total_laps, outline=stored_outline(session))
    for collection, feed in registry().items():
        if not feed.lists and not isinstance(feed.storage, FileStorage) and (not only or collection in only):
            picture.add(collection, feed.model._default_manager.filter(session_id=session.pk))
    return picture
