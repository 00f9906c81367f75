"""OpenF1's car and location samples of one race: two per second and car, consistent with its laps."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from mirror.simulator import track
from mirror.simulator.laws import PITS
from mirror.simulator.rows import Row
from mirror.simulator.season import Season, Session
from mirror.simulator.timing import Lap
from mirror.simulator.world import Circuit

SAMPLE_INTERVAL = 0.5  # s
SECONDS_BEFORE, SECONDS_AFTER = 30.0, 20.0  # s on the grid before the start, and after the last lap
LAUNCH = 11.0, 60.0  # m/s² from standing, up to m/s
GEARS = (85, 120, 155, 190, 225, 260, 290)  # km/h at which the next one is taken
NO_DATA = 104


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a car's way: from one place to another between two moments."""

    begin: float
    end: float
    start: float  # m from the line
    stop: float
    kind: str  # "road", "pits", "launch" or "still"


@dataclass(frozen=True, slots=True)
class CarState:
    """A car at one moment."""

    at: float
    metres: float
    speed: float  # m/s
    lap: Lap
    kind: str


def stretches(lap: Lap, road: track.Track, *, circuit: Circuit, standing: float, lane: float) -> list[Stretch]:
    """A lap as stretches; `standing` and `lane` are those of the stop it begins with, in seconds."""
    begin, end, start, stop = lap.start, lap.end, 0.0, road.length
    parts = []
    if lap.number == 1:
        pull, top = LAUNCH
        begin, start = lap.start + top / pull, top**2 / pull / 2
        parts.append(Stretch(lap.start, begin, 0.0, start, "launch"))
    if lap.out_lap:
        moving = (lane - standing) * PITS
        half = begin + 0.4 * (lane - standing)
        begin, start = begin + lane, moving
        parts += [
            Stretch(lap.start, half, 0.0, 0.4 * moving, "pits"),
            Stretch(half, half + standing, 0.4 * moving, 0.4 * moving, "still"),
            Stretch(half + standing, begin, 0.4 * moving, moving, "pits"),
        ]
    if lap.in_lap:
        entry = 0.18 * circuit.lane
        end, stop = end - entry, road.length - entry * PITS
    if lap.duration is None:
        stop = max(start, road.place(min(0.98, (lap.end - lap.start) / lap.undisturbed)))
    parts.append(Stretch(begin, end, start, stop, "road"))
    if lap.in_lap:
        parts.append(Stretch(end, lap.end, stop, road.length, "pits"))
    if lap.duration is None:
        parts.append(Stretch(lap.end, lap.end + SECONDS_AFTER, stop, stop, "still"))
    return parts


def car_states(season: Season, session: Session, car: int) -> Iterator[CarState]:
    """Yield the state of a car every half second, from before the start to the end of its last lap."""
    circuit, simulated = session.weekend.circuit, season.simulate(session)
    road = track.build_track(circuit)
    stops = {stop.lap: stop for stop in simulated.stops if stop.car == car}
    at = round(simulated.started_at - SECONDS_BEFORE + session.weekend.random("samples", car).uniform(0, SAMPLE_INTERVAL), 3)
    for lap in simulated.laps[car]:
        stop = stops.get(lap.number - 1)
        standing, lane = (stop.standing or 0.0, stop.at - lap.start) if lap.out_lap and stop else (0.0, 0.0)
        parts = stretches(lap, road, circuit=circuit, standing=standing, lane=lane)
        while at < lap.start:
            yield CarState(at, 0.0, 0.0, lap, "still")
            at = round(at + SAMPLE_INTERVAL, 3)
        for part in parts:
            spans = road.share(part.start), road.share(part.stop)
            while at < part.end:
                yield car_state(part, at, lap=lap, road=road, spans=spans)
                at = round(at + SAMPLE_INTERVAL, 3)


def car_state(part: Stretch, at: float, *, lap: Lap, road: track.Track, spans: tuple[float, float]) -> CarState:
    elapsed, length = at - part.begin, part.end - part.begin
    if part.kind == "still":
        return CarState(at, part.start, 0.0, lap, "still")
    if part.kind == "launch":
        return CarState(at, LAUNCH[0] * elapsed**2 / 2, LAUNCH[0] * elapsed, lap, "launch")
    if part.kind == "pits":
        speed = (part.stop - part.start) / length
        return CarState(at, part.start + speed * elapsed, speed, lap, "pits")
    metres = road.place(spans[0] + (spans[1] - spans[0]) * elapsed / length)
    return CarState(at, metres, road.speed(metres) * (spans[1] - spans[0]) * road.time / length, lap, "road")


def car_data(season: Season, session: Session, car: int) -> list[Row]:
    road = track.build_track(session.weekend.circuit)
    rows = []
    for state in car_states(season, session, car):
        kmh = round(state.speed * 3.6)
        throttle, brake = pedals(state, road)
        gear = 1 + bisect_right(GEARS, kmh) if kmh else 0
        floor = (0, *GEARS)[gear - 1] if gear else 0
        rows.append(
            {
                "brake": brake,
                "date": session.moment(state.at),
                "driver_number": car,
                "drs": drs_code(state, kmh=kmh, throttle=throttle),
                "n_gear": gear,
                "rpm": min(12_000, 7_400 + 95 * (kmh - floor) if gear > 1 else 4_000 + 70 * kmh) if kmh else 0,
                "speed": kmh,
                "throttle": throttle,
            }
        )
    return rows


def pedals(state: CarState, road: track.Track) -> tuple[int, int]:
    """(throttle in %, brake 0 or 100), from how the speed changes over the next metres."""
    if state.kind == "still":
        return NO_DATA, NO_DATA
    if state.kind != "road":
        return (100, 0) if state.kind == "launch" else (22, 0)
    here, soon = road.speed(state.metres), road.speed(min(state.metres + 15, road.length))
    if soon < here - 1.2:
        return 0, 100
    if soon < here + 0.15 and here < 0.93 * max(road.top, 1):
        return 45, 0
    return (100 if here > 45 else 78), 0


def drs_code(state: CarState, *, kmh: int, throttle: int) -> int:
    """DRS: 12 open, 8 allowed; within a second of the car ahead, from lap 3 on, on the straights, when the track is dry."""
    lap = state.lap
    if lap.number < 3 or lap.gap is None or lap.gap > 1 or lap.neutralised or lap.wetness or state.kind != "road":
        return 0
    return 12 if throttle == 100 and kmh > 265 else 8


def location(season: Season, session: Session, car: int) -> list[Row]:
    """Places in tenths of a metre; 0, 0, 0 until the car has moved."""
    road = track.build_track(session.weekend.circuit)
    moved = False
    rows = []
    for state in car_states(season, session, car):
        moved = moved or state.speed > 0
        index = min(int(state.metres / road.step), len(road.points) - 2)
        rest = state.metres / road.step - index
        here = [round(10 * (a + rest * (b - a))) for a, b in zip(road.points[index], road.points[index + 1], strict=True)]
        x, y, z = here if moved else (0, 0, 0)
        moment = session.moment(state.at + 0.11)
        rows.append({"date": moment, "driver_number": car, "x": x, "y": y, "z": z})
    return rows
