"""The leader board of a replay at a second: who was where, how far behind, on which tyres.

`static/pages/film.js` does the same in the browser; a test compares the two.
"""

from bisect import bisect_right

import msgspec

from pages.replay.film import Header
from pages.replay.story import Story, Tyres


class BoardLine(msgspec.Struct, frozen=True):
    """A car on the leader board."""

    car: int
    laps: int  # completed
    gap: float | None  # seconds to the leader at the line, when the car last crossed it; None for the leader and lapped cars
    laps_down: int
    tyres: Tyres | None
    stops: int
    state: str  # pit, out or empty


def board_at(header: Header, second: float) -> list[BoardLine]:
    """The cars in the order of that second; those that are out come last."""
    story = header.story
    places: dict[int, float] = {}
    for at in range(bisect_right(story.places["t"], second)):
        places[int(story.places["car"][at])] = story.places["place"][at]
    out = {car for car in header.on_track if second > header.until[car]}
    order = sorted(header.on_track, key=lambda car: (car in out, places.get(car, 99), header.on_track.index(car)))
    return [line(story, car, order[0], second, out=car in out) for car in order]


def line(story: Story, car: int, leader: int, second: float, *, out: bool) -> BoardLine:
    own, first = completed(story, car, second), completed(story, leader, second)
    at = own[-1] if own else None
    gap, down = None, 0
    if at is not None and car != leader:
        ahead = story.laps[leader]
        down = sum(end is not None and end <= at for end in ahead[len(own) :])
        reached = ahead[len(own) - 1] if len(own) <= len(first) else None
        gap = None if down or reached is None else max(0.0, round(at - reached, 3))
    sets = [tyres for tyres in story.tyres.get(car, []) if tyres.lap <= len(own) + 1]
    stops = [begin + seconds for begin, seconds in story.stops.get(car, []) if begin <= second]
    state = "out" if out else "pit" if stops and stops[-1] > second else ""
    return BoardLine(car, len(own), gap, down, sets[-1] if sets else None, len(stops), state)


def completed(story: Story, car: int, second: float) -> list[float | None]:
    """When the car ended the laps that it had completed by then; the last of them is known."""
    own = story.laps[car]
    count = max((number for number, end in enumerate(own, 1) if end is not None and end <= second), default=0)
    return own[:count]
