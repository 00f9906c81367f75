"""Who was where: positions, gaps and overtakes, all read from the crossings of the timing lines."""

from mirror.simulator.results import behind
from mirror.simulator.rows import Row
from mirror.simulator.season import Season, Session
from mirror.simulator.timing import Crossing, Outing, crossings

BEFORE = -3_000.0  # s: when the first order is published


def position(season: Season, session: Session) -> list[Row]:
    """A row whenever a car's place changes, and one for everybody before the start."""
    outing = season.outing(session)
    changes = raced(outing) if session.type == "Race" else timed(outing)
    last: dict[int, int] = {}
    rows = []
    for at, car, place in sorted(changes):
        if last.get(car) != place:
            last[car] = place
            rows.append({"date": session.moment(at), "driver_number": car, "position": place})
    return rows


def raced(outing: Outing) -> list[tuple[float, int, int]]:
    """[(moment, car, place)] of a race; a car that stops falls to the last place that is left."""
    changes = [(BEFORE, car, place) for place, car in enumerate(outing.grid, start=1)]
    changes += [(crossing.at, crossing.car, crossing.position) for crossing in crossings(outing)]
    stopped = sorted((outing.laps[result.car][-1].end, result.car) for result in outing.results if result.dnf)
    return changes + [(at + 60, car, len(outing.grid) - n) for n, (at, car) in enumerate(stopped)]


def timed(outing: Outing) -> list[tuple[float, int, int]]:
    """[(moment, car, place)] of a session in which the best lap counts; before the first one the order is that of the numbers."""
    changes = [(BEFORE / 10, car, place) for place, car in enumerate(sorted(outing.laps), start=1)]
    return changes + [(at, car, place) for at, order in outing.standings for place, car in enumerate(order, start=1)]


def intervals(season: Season, session: Session) -> list[Row]:
    """The gaps of every car at every timing line of a race."""
    if session.type != "Race":
        return []
    return [
        {
            "date": session.moment(crossing.at),
            "driver_number": crossing.car,
            "gap_to_leader": behind(crossing.down) if crossing.down else crossing.gap or 0,
            "interval": behind(crossing.down_on_next) if crossing.down_on_next else crossing.interval or 0,
        }
        for crossing in crossings(season.outing(session))
    ]


def overtakes(season: Season, session: Session) -> list[Row]:
    """Every car that crossed a line before another which had been ahead at the line before, stops in the pits included."""
    if session.type != "Race":
        return []
    outing = season.outing(session)
    lines: dict[int, dict[int, Crossing]] = {}
    for crossing in crossings(outing):
        lines.setdefault(crossing.line, {})[crossing.car] = crossing
    before = {car: set(outing.grid[:place]) for place, car in enumerate(outing.grid)}
    rows = []
    for _, line in sorted(lines.items()):
        for crossing in line.values():
            passed = [line[car] for car in before[crossing.car] - set(crossing.ahead) if car in line]
            passed.sort(key=lambda other: -other.position)
            for places_left, other in zip(range(len(passed) - 1, -1, -1), passed, strict=True):
                rows.append(
                    {
                        "date": session.moment(crossing.at),
                        "overtaken_driver_number": other.car,
                        "overtaking_driver_number": crossing.car,
                        "position": crossing.position + places_left,
                    }
                )
        before = {car: set(crossing.ahead) for car, crossing in line.items()}
    return sorted(rows, key=lambda row: row["date"])
