"""OpenF1's rows of positions, intervals and overtakes, computed from the crossings of the timing lines."""

from mirror.simulator.results import lapped_gap
from mirror.simulator.rows import Row
from mirror.simulator.season import Season, Session
from mirror.simulator.timing import Crossing, SimulatedSession, crossings

FIRST_PUBLISHED = -3_000.0  # s, when a race's grid is published


def position(season: Season, session: Session) -> list[Row]:
    """A row whenever a car's place changes, and one for everybody before the start."""
    simulated = season.simulate(session)
    changes = race_positions(simulated) if session.type == "Race" else timed_positions(simulated)
    last: dict[int, int] = {}
    rows = []
    for at, car, place in sorted(changes):
        if last.get(car) != place:
            last[car] = place
            rows.append({"date": session.moment(at), "driver_number": car, "position": place})
    return rows


def race_positions(simulated: SimulatedSession) -> list[tuple[float, int, int]]:
    """[(moment, car, place)] of a race; a car that stops falls to the last place that is left."""
    changes = [(FIRST_PUBLISHED, car, place) for place, car in enumerate(simulated.grid, start=1)]
    changes += [(crossing.at, crossing.car, crossing.position) for crossing in crossings(simulated)]
    stopped = sorted((simulated.laps[result.car][-1].end, result.car) for result in simulated.results if result.dnf)
    return changes + [(at + 60, car, len(simulated.grid) - n) for n, (at, car) in enumerate(stopped)]


def timed_positions(simulated: SimulatedSession) -> list[tuple[float, int, int]]:
    """[(moment, car, place)] of a session in which the best lap counts; before the first one the order is that of the numbers."""
    changes = [(FIRST_PUBLISHED / 10, car, place) for place, car in enumerate(sorted(simulated.laps), start=1)]
    return changes + [(at, car, place) for at, order in simulated.standings for place, car in enumerate(order, start=1)]


def intervals(season: Season, session: Session) -> list[Row]:
    """The gaps of every car at every timing line of a race."""
    if session.type != "Race":
        return []
    return [
        {
            "date": session.moment(crossing.at),
            "driver_number": crossing.car,
            "gap_to_leader": lapped_gap(crossing.down) if crossing.down else crossing.gap or 0,
            "interval": lapped_gap(crossing.down_on_next) if crossing.down_on_next else crossing.interval or 0,
        }
        for crossing in crossings(season.simulate(session))
    ]


def overtakes(season: Season, session: Session) -> list[Row]:
    """A row for each car passed since the previous timing line, including passes during pit stops."""
    if session.type != "Race":
        return []
    simulated = season.simulate(session)
    lines: dict[int, dict[int, Crossing]] = {}
    for crossing in crossings(simulated):
        lines.setdefault(crossing.line, {})[crossing.car] = crossing
    before = {car: set(simulated.grid[:place]) for place, car in enumerate(simulated.grid)}
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
