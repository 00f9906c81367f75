"""The results of a simulation: laps, stints, stops, messages, results, and crossings of the timing lines."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mirror.simulator.weather import Sky


@dataclass(slots=True, kw_only=True)
class Lap:
    """One lap of one car; times in seconds since the scheduled start of the session."""

    number: int
    start: float
    end: float  # of an unfinished lap: when the car stops
    duration: float | None  # as published: None for an unfinished lap; with the time in the garage for a later run's first
    sectors: tuple[float | None, ...]  # three; None where not measured or never finished
    undisturbed: float  # s, without noise and other cars
    compound: str
    age: int  # laps the tyres had done before
    fuel: float  # kg at the start of the lap
    wetness: float = 0.0
    gap: float | None = None  # s behind the car ahead at the start, None for the first
    out_lap: bool = False  # began in the pit lane
    in_lap: bool = False
    neutralised: bool = False  # at least partly behind the safety car

    def lines(self) -> Iterator[float]:
        """When the lap's timing lines were crossed: the ends of the sectors that were finished."""
        moment = self.end - sum(s for s in self.sectors if s is not None) if self.sectors[0] is None else self.start
        for sector in self.sectors:
            if sector is not None:
                moment = round(moment + sector, 3)
                yield moment


@dataclass(slots=True)
class Stint:
    number: int
    compound: str
    age: int  # of the tyres at its start, laps
    first: int
    last: int


@dataclass(slots=True)
class Stop:
    """A pit stop."""

    car: int
    lap: int  # as published: the in-lap in races, the out-lap elsewhere
    at: float  # s, when the car is back on track
    lane: float | None  # s between entry and exit; None when the car comes from the garage for the first time
    standing: float | None = None  # s


@dataclass(slots=True)
class Message:
    """A message of race control."""

    at: float
    text: str
    category: str = "Other"
    flag: str | None = None
    scope: str | None = None
    sector: int | None = None
    car: int | None = None
    phase: int | None = None  # of a qualifying
    about: float | None = None  # the time that the text mentions, if not `at`


@dataclass(slots=True, kw_only=True)
class Result:
    car: int
    position: int | None  # None: not classified
    laps: int
    duration: float | list[float | None] | None
    gap: float | str | list[float | None] | None
    dnf: bool = False
    points: float | None = None


@dataclass(kw_only=True)
class SimulatedSession:
    """Everything that happened in a session."""

    sky: Sky
    laps: dict[int, list[Lap]]  # by car number
    stints: dict[int, list[Stint]]
    stops: list[Stop] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    grid: list[int] = field(default_factory=list)  # car numbers, races only
    standings: list[tuple[float, list[int]]] = field(default_factory=list)  # (moment, order) of sessions that are no races
    safety_car: tuple[float, float] | None = None  # from, until
    started_at: float = 0.0  # s: lights out or green light
    ended_at: float = 0.0  # s: chequered flag


@dataclass(frozen=True, slots=True)
class Crossing:
    """A car at a timing line of a race; cars that have retired by then do not count."""

    car: int
    line: int  # 0, 1, 2 are the sector ends of lap 1, and so on
    at: float
    position: int
    ahead: tuple[int, ...]  # car numbers, the leader first
    gap: float  # s to the leader at this line
    interval: float  # s to the car ahead at this line
    down: int  # whole laps behind the leader
    down_on_next: int  # whole laps behind the car ahead


def crossings(simulated: SimulatedSession) -> list[Crossing]:
    """Every crossing of a timing line of a race, in order of time."""
    moments = {car: [moment for lap in laps for moment in lap.lines()] for car, laps in simulated.laps.items()}
    retired = {result.car: simulated.laps[result.car][-1].end for result in simulated.results if result.dnf}
    by_line: dict[int, list[tuple[float, int]]] = {}
    for car, passed in moments.items():
        for line, at in enumerate(passed):
            by_line.setdefault(line, []).append((at, car))
    crossings_found = []
    for line, cars_at_line in by_line.items():
        cars_at_line.sort()
        for place, (at, car) in enumerate(cars_at_line):
            ahead = [other for other in cars_at_line[:place] if retired.get(other[1], at) >= at]
            (led_at, leader), (next_at, following) = (ahead[0], ahead[-1]) if ahead else ((at, car), (at, car))
            crossings_found.append(
                Crossing(
                    car=car,
                    line=line,
                    at=at,
                    position=len(ahead) + 1,
                    ahead=tuple(number for _, number in ahead),
                    gap=round(at - led_at, 3),
                    interval=round(at - next_at, 3),
                    down=laps_down(moments[leader], line, at),
                    down_on_next=laps_down(moments[following], line, at),
                )
            )
    return sorted(crossings_found, key=lambda crossing: (crossing.at, crossing.line, crossing.position))


def laps_down(passed: list[float], line: int, at: float) -> int:
    """How many laps more than `line` a car that crossed its lines at `passed` has done at that moment."""
    laps = 0
    while line + 3 * (laps + 1) < len(passed) and passed[line + 3 * (laps + 1)] <= at:
        laps += 1
    return laps
