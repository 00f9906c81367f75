"""Practice and qualifying sessions, in which cars drive runs without affecting each other."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from mirror.simulator import messages, results
from mirror.simulator.laws import SLICKS, Laws
from mirror.simulator.timing import Lap, Result, SimulatedSession, Stint, Stop
from mirror.simulator.weather import Sky
from mirror.simulator.world import Circuit

HOUR = 3600.0
PHASES = {  # {session name: (minutes, number of cars) of each phase}
    "Qualifying": ((18, 20), (15, 15), (12, 10)),
    "Sprint Qualifying": ((12, 20), (10, 15), (8, 10)),
}
PHASE_BREAK = 450.0  # s between two phases
OUT_LAP, COOL_LAP, IN_LAP = 1.24, 1.35, 1.16  # times of such laps, in multiples of an undisturbed lap


@dataclass(frozen=True)
class Run:
    """A run: the `laps` between out-lap and in-lap, each P (push), C (cool-down) or S (steady)."""

    compound: str
    laps: str
    fuel: float  # kg
    age: int = 0  # of the tyres, laps


@dataclass(kw_only=True)
class TimedSession:
    """Collects the laps, stints and stops of a session ranked by best lap. `paces` is {car number: s a lap}."""

    laws: Laws
    circuit: Circuit
    paces: dict[int, float]
    green: tuple[float, float]
    sky: Sky
    random: Random
    length: float = HOUR  # s
    laps: dict[int, list[Lap]] = field(default_factory=dict)
    stints: dict[int, list[Stint]] = field(default_factory=dict)
    stops: list[Stop] = field(default_factory=list)

    def __post_init__(self) -> None:
        for car in self.paces:
            self.laps[car], self.stints[car] = [], []

    def drive_run(self, car: int, run: Run, *, leaves: float, closes: float) -> float:
        """Drive a run from `leaves` on, return its end; when the session closes, the car finishes its lap and adds an in-lap."""
        laps, stints = self.laps[car], self.stints[car]
        garage = round(leaves - laps[-1].end, 1) if laps else None
        self.stops.append(Stop(car, len(laps) + 1, leaves, garage))
        stints.append(Stint(len(stints) + 1, run.compound, run.age, len(laps) + 1, 0))
        at, age, fuel = leaves, run.age, run.fuel
        for kind in ("O", *run.laps, "I"):
            if at >= closes and kind != "I":
                continue
            lap = self.make_lap(len(laps) + 1, kind, at=at, age=age, fuel=fuel, run=run, car=car)
            if kind == "O" and garage:
                lap.duration = round(lap.end - lap.start + garage, 3)  # upstream includes the time in the garage
            laps.append(lap)
            at, age, fuel = lap.end, age + 1, max(3.0, fuel - self.laws.fuel / self.circuit.laps)
        stints[-1].last = len(laps)
        return at

    def make_lap(self, number: int, kind: str, *, at: float, age: int, fuel: float, run: Run, car: int) -> Lap:
        begin, end = self.green
        green = begin + (end - begin) * min(1.0, at / self.length)
        undisturbed = self.laws.undisturbed(
            self.circuit,
            car=self.paces[car],
            compound=run.compound,
            age=age,
            fuel=fuel,
            green=green,
            wetness=self.sky.wetness(at),
        )
        undisturbed -= self.laws.push if kind == "P" else 0.0
        time = (undisturbed + self.laws.draw_noise(self.random)) * {"O": OUT_LAP, "C": COOL_LAP, "I": IN_LAP}.get(kind, 1.0)
        one, two = (round(time * share + self.random.gauss(0, 0.03), 3) for share in self.circuit.shares[:2])
        three = round(time - one - two, 3)
        time = round(one + two + three, 3)
        return Lap(
            number=number,
            start=at,
            end=round(at + time, 3),
            duration=time,
            sectors=(None if kind == "O" else one, two, three),
            undisturbed=round(undisturbed, 3),
            compound=run.compound,
            age=age,
            fuel=round(fuel, 2),
            out_lap=kind == "O",
            in_lap=kind == "I",
        )

    def finish(self, results: list[Result], **fields: Any) -> SimulatedSession:
        self.stops.sort(key=lambda stop: stop.at)
        return SimulatedSession(sky=self.sky, laps=self.laps, stints=self.stints, stops=self.stops, results=results, **fields)


def practice(track: TimedSession, name: str) -> SimulatedSession:
    """An hour of practice: a steady run, the quickest laps on new softs, a long run with the fuel of a race."""
    random = track.random
    for car in track.paces:
        soft = Run("SOFT", random.choice(("P", "PCP", "PCP")), random.uniform(8, 20))
        steady = Run(random.choice(("MEDIUM", "HARD")), "S" * random.randint(4, 8), random.uniform(40, 70))
        long = Run(random.choice(SLICKS), "S" * random.randint(9, 14), random.uniform(70, 105), random.choice((0, 0, 3)))
        programme = {"Practice 2": (soft, long), "Practice 3": (steady, soft, Run("SOFT", "P", random.uniform(6, 12)))}
        leaves = round(random.uniform(15, 300), 3)
        for run in programme.get(name, (steady, soft, Run("MEDIUM", "SSSSS", random.uniform(40, 70), 6))):
            if leaves > track.length - 3 * track.circuit.base:
                break
            back = track.drive_run(car, run, leaves=leaves, closes=track.length)
            leaves = round(back + random.uniform(240, 620), 3)
    timed = timed_laps(track, begin=0, closes=track.length)
    order = list(standings(list(track.paces), timed))
    simulated = track.finish(results.practice_results(track.laps, timed), ended_at=track.length, standings=order)
    simulated.messages = messages.practice_messages(simulated, name, random=random)
    return simulated


def qualifying(track: TimedSession, name: str) -> SimulatedSession:
    """Three phases; two attempts each, and the slowest five or ten are out after the first and the second."""
    order, begin, best, flags, standings_seen = list(track.paces), 0.0, [], [], []
    for phase, (minutes, places) in enumerate(PHASES[name], start=1):
        closes = begin + 60 * minutes
        running, eliminated = order[:places], order[places:]
        compound = "SOFT" if name == "Qualifying" or phase == 3 else "MEDIUM"
        for car in running:
            drive_attempts(
                track, car, begin=begin, closes=closes, runs=(Run(compound, "P", 9.0), Run(compound, "P", 7.5, 3 % phase))
            )
        timed = timed_laps(track, begin=begin, closes=closes)
        best.append({car: min(time for _, c, time in timed if c == car) for car in running})
        for at, ranks in standings(running, timed):
            order = [*ranks, *eliminated]
            standings_seen.append((at, order))
        flags.append((begin, closes))
        begin = closes + PHASE_BREAK
    simulated = track.finish(
        results.qualifying_results(track.laps, order, best=best), ended_at=flags[-1][1], standings=standings_seen
    )
    simulated.messages = messages.qualifying_messages(simulated, name, phases=flags, random=track.random)
    return simulated


def drive_attempts(track: TimedSession, car: int, *, begin: float, closes: float, runs: tuple[Run, Run]) -> None:
    """One run early in a phase, and another just before its end where there is time for it."""
    random = track.random
    leaves = begin + random.uniform(10, 0.3 * (closes - begin))
    back = track.drive_run(car, runs[0], leaves=round(leaves, 3), closes=closes)
    again = closes - OUT_LAP * track.circuit.base - random.uniform(12, 70)
    if again > back + 60:
        track.drive_run(car, runs[1], leaves=round(again, 3), closes=closes)


def timed_laps(track: TimedSession, *, begin: float, closes: float) -> list[tuple[float, int, float]]:
    """(end, car, lap time) of every lap that counts, in order of their ends."""
    return sorted(
        (lap.end, car, lap.duration)
        for car, laps in track.laps.items()
        for lap in laps
        if begin <= lap.start < closes and lap.duration and not lap.out_lap and not lap.in_lap
    )


def standings(cars: list[int], timed: Iterable[tuple[float, int, float]]) -> Iterable[tuple[float, list[int]]]:
    """Yield (time, car numbers in order) each time a quicker lap changes the order."""
    best: dict[int, float] = {}
    order = list(cars)
    for at, car, time in timed:
        if time < best.get(car, time + 1):
            best[car] = time
            new_order = sorted(order, key=lambda c: best.get(c, float("inf")))
            if new_order != order:
                order = new_order
                yield at, order
