"""A race, lap by lap. Cars start their laps in order of time, so whoever is ahead on the road has already chosen its lap."""

from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random

from mirror.simulator import marshals, results, strategy
from mirror.simulator.laws import SLICKS, Laws
from mirror.simulator.timing import Lap, Message, Outing, Stint, Stop
from mirror.simulator.weather import Sky
from mirror.simulator.world import Circuit

FORMATION = 215.0  # s between the scheduled start and lights out
SAFETY_CAR_LAPS = 4
CLOSE = 0.45  # s, about as near as a car can follow across the line
NEVER = float("inf")


@dataclass(slots=True)
class Car:
    number: int
    pace: float  # s: team, driver and form
    plan: strategy.Plan
    compound: str
    age: int
    time: float  # when its next lap begins
    laps: list[Lap] = field(default_factory=list)
    stints: list[Stint] = field(default_factory=list)
    owed: float = 0.0  # s lost to others, to be paid on its next lap
    leaving: Stop | None = None  # the stop it comes from
    retires: float = NEVER
    boldness: float = 0.0


@dataclass(slots=True)
class Neutral:
    """The safety car: from when to when, and the laps it has led."""

    begin: float = NEVER
    end: float = NEVER
    laps: int = 0


@dataclass(kw_only=True)
class Race:
    """One race (or sprint) about to be driven. `paces` is {car number: s a lap} in the order of the grid."""

    laws: Laws
    circuit: Circuit
    paces: dict[int, float]
    laps: int
    green: tuple[float, float]
    sky: Sky
    safety_car: bool
    random: Random

    def __post_init__(self) -> None:
        self.neutral = Neutral()
        self.order: dict[int, list[tuple[Car, Lap]]] = {}  # by lap number: who has begun it, in order of time
        self.stops: list[Stop] = []
        self.messages: list[Message] = []
        self.flag = NEVER  # when the winner takes the chequered flag
        self.tail = 0.0  # when the last car of the queue behind the safety car crosses the line
        self.cars = [self.entered(number, pace) for number, pace in self.paces.items()]
        self.fates()

    def entered(self, number: int, pace: float) -> Car:
        plan = strategy.drawn(self.laws, self.circuit, laps=self.laps, random=self.random)
        compound, age = plan[0][0], self.random.choice((0, 0, 2, 3))
        car = Car(number, pace, plan, compound, age, FORMATION, boldness=self.random.random())
        car.stints.append(Stint(1, compound, age, 1, self.laps))
        return car

    def fates(self) -> None:
        """Decide beforehand whose car will stop when; the safety car comes out for the first of them."""
        length = self.laps * (self.circuit.base + 2)
        unlucky = self.random.sample(self.cars[4:], 2 if self.laps >= strategy.SHORT else 1)
        for car, share in zip(unlucky, (0.36, self.random.uniform(0.5, 0.9)), strict=False):
            car.retires = FORMATION + length * share
        if self.safety_car:
            self.neutral.begin = unlucky[0].retires + 18

    def run(self) -> Outing:
        queue = [(car.time, slot, car) for slot, car in enumerate(self.cars)]
        while queue:
            start, slot, car = heappop(queue)
            if start >= self.flag:
                continue
            lap = self.lap(car, slot)
            car.laps.append(lap)
            car.time = lap.end
            self.order.setdefault(lap.number, []).append((car, lap))
            if lap.duration is None:
                continue
            if lap.number == self.laps:
                self.flag = min(self.flag, lap.end)
            heappush(queue, (lap.end, slot, car))
        for car in self.cars:
            car.stints[-1].last = car.laps[-1].number
        outing = Outing(
            sky=self.sky,
            laps={car.number: car.laps for car in self.cars},
            stints={car.number: car.stints for car in self.cars},
            stops=self.stops,
            messages=self.messages,
            grid=list(self.paces),
            began=FORMATION,
            ended=self.flag,
        )
        if self.neutral.end < NEVER:
            outing.safety_car = (self.neutral.begin, self.neutral.end)
        outing.results = results.of_race(outing, sprint=self.laps < strategy.SHORT)
        outing.messages += marshals.of_race(outing, self.random)
        return outing

    def lap(self, car: Car, slot: int) -> Lap:
        """The car's next lap; what it costs others is booked on them."""
        number = len(car.laps) + 1
        wetness = self.sky.wetness(car.time + self.circuit.base / 2)
        calm = self.calm(car, number, wetness=wetness)
        lap = Lap(
            number=number,
            start=car.time,
            end=0.0,
            duration=0.0,
            sectors=(None, None, None),
            undisturbed=round(calm, 3),
            compound=car.compound,
            age=car.age,
            fuel=round(self.fuel(number), 2),
            wetness=round(wetness, 3),
            out=car.leaving is not None,
        )
        time = calm + self.laws.scatter(self.random) + car.owed
        car.owed = 0.0
        on_lap = self.order.get(number, [])
        lap.gap = round(car.time - on_lap[-1][1].start, 3) if on_lap and number > 1 else None
        leaving = self.leaving(car)
        lap.into_pits = car.time + 2 * time < car.retires and self.calls_in(car, lap)
        if number == 1:
            time = self.start(time, slot, on_lap=on_lap)
        elif self.neutral.begin < car.time + time and car.time < self.neutral.end:
            lap.neutralised = True
            time = self.slowed(car, time, leads=not on_lap)
        elif not lap.out and not lap.into_pits:
            time += self.traffic(lap, time, on_lap=on_lap)
        time += leaving
        car.age += 1
        entering = self.pit(car, lap, time=time) if lap.into_pits else 0.0
        self.close(car, lap, time=time, entering=entering, leaving=leaving)
        return lap

    def fuel(self, number: int) -> float:
        """kg at the start of a lap; a sprint begins with as much as its distance needs."""
        return self.laws.fuel * (self.laps - number + 1) / max(self.laps, self.circuit.laps)

    def calm(self, car: Car, number: int, *, wetness: float) -> float:
        begin, end = self.green
        green = begin + (end - begin) * (number - 1) / self.laps
        return self.laws.undisturbed(
            self.circuit,
            car=car.pace,
            compound=car.compound,
            age=car.age,
            fuel=self.fuel(number),
            green=green,
            wetness=wetness,
        )

    def start(self, time: float, slot: int, *, on_lap: list[tuple[Car, Lap]]) -> float:
        """Lap 1: from standing, in a crowd; nobody passes more than a car or two."""
        time += 4.2 + 0.6 * slot + abs(self.random.gauss(0, 1.3))
        ends = sorted(lap.end - FORMATION for _, lap in on_lap)
        for end in ends:
            if abs(time - end) < CLOSE:
                time = end + CLOSE
        return time

    def slowed(self, car: Car, time: float, *, leads: bool) -> float:
        """A lap that the safety car slows. Whoever is first sets the pace, the rest close up in the order of the road."""
        base = self.circuit.base
        if car.time < self.neutral.begin:
            slow = (car.time + time - self.neutral.begin) / time
            time += slow * 0.32 * base
        elif leads:
            self.neutral.laps += 1
            time = self.laws.safety_car * base + self.random.uniform(-0.5, 0.5)
            if self.neutral.laps == SAFETY_CAR_LAPS:
                self.neutral.end = car.time + time
        else:
            time = max(time, 1.17 * base)
        time = max(time, self.tail + self.random.uniform(0.6, 1.1) - car.time)
        self.tail = max(self.tail, car.time + time)
        return time

    def traffic(self, lap: Lap, time: float, *, on_lap: list[tuple[Car, Lap]]) -> float:
        """Seconds lost to dirty air, to slower cars on the same lap and to cars about to be lapped."""
        lost = 0.0
        if lap.gap is not None and lap.gap < self.laws.dirty_within:
            lost += self.laws.dirty_air * (1 - lap.gap / self.laws.dirty_within)
        end = lap.start + time + lost
        for other, its in reversed(on_lap[-6:]):
            if its.duration is None or its.out or its.into_pits or end > its.end + CLOSE:
                continue
            if its.end - end > self.circuit.passing * self.random.uniform(0, 1):
                end += 0.12
                other.owed += 0.2
            else:
                end = its.end + CLOSE + self.random.uniform(0, 0.2)
        for other in self.cars:
            if other.laps and other.laps[-1].number < lap.number and other.laps[-1].duration and end < other.time:
                other.owed += self.laws.blue_flag
                end += 0.15
                self.messages.append(marshals.blue_flag(other.number, end - self.random.uniform(8, 50)))
        return end - lap.start - time

    def leaving(self, car: Car) -> float:
        """What the exit from a stop costs the lap that begins with it."""
        stop, car.leaving = car.leaving, None
        if stop is None or stop.lane is None:
            return 0.0
        return stop.lane - self.circuit.bypass - self.entry

    @property
    def entry(self) -> float:
        """Seconds that the way into the pits costs the lap that ends with it."""
        return 0.18 * self.circuit.lane

    def calls_in(self, car: Car, lap: Lap) -> bool:
        """Whether the car comes in at the end of this lap, and then on which tyres: `car.plan` begins with them."""
        left = self.laps - lap.number
        if left < 2 or lap.number == 1 or lap.out:
            return False
        slick = car.compound in SLICKS
        if slick and lap.wetness > strategy.WET_ENOUGH + strategy.NERVE * car.boldness:
            car.plan = [(car.compound, lap.number), ("WET" if car.boldness > 0.9 else "INTERMEDIATE", self.laps)]
        elif not slick and not self.sky.raining(lap.start) and lap.wetness < strategy.DRY_ENOUGH + strategy.NERVE * car.boldness:
            car.plan = [(car.compound, lap.number), (strategy.for_the_rest(left), self.laps)]
        elif len(car.plan) > 1 and slick and self.cheap(car, lap, left=left):
            besides = car.compound if len(car.stints) == 1 else None
            car.plan = [(car.compound, lap.number), (strategy.for_the_rest(left, besides=besides), self.laps)]
        elif len(car.plan) > 1 and slick and self.undercuts(car, lap):
            car.plan[0] = (car.compound, lap.number)
        return len(car.plan) > 1 and lap.number >= car.plan[0][1]

    def cheap(self, car: Car, lap: Lap, *, left: int) -> bool:
        """Whether to stop because the others are slow: on the first lap behind the safety car."""
        behind = self.neutral.begin <= lap.start < self.neutral.end
        return behind and self.neutral.laps <= 1 and car.age >= 6 and left >= 8 and car.boldness < 0.85

    def undercuts(self, car: Car, lap: Lap) -> bool:
        """Whether to stop before the plan says so, to get past the car ahead on fresh tyres."""
        early = car.plan[0][1] - lap.number
        return 0 < early <= 3 and lap.gap is not None and lap.gap < 1.6 and self.random.random() < 0.25

    def pit(self, car: Car, lap: Lap, *, time: float) -> float:
        """Change tyres at the end of the lap; seconds the way in costs."""
        standing = self.laws.standstill(self.random)
        lane = round(self.circuit.lane + standing + self.random.uniform(-0.3, 0.3), 1)
        entering = self.entry
        stop = Stop(car.number, lap.number, round(lap.start + time + entering + lane - 1.8, 3), lane, standing)
        self.stops.append(stop)
        car.leaving = stop
        car.stints[-1].last = lap.number
        car.plan = car.plan[1:]
        used = car.plan[0][0] == "SOFT" and self.random.random() < 0.5  # in qualifying
        car.compound, car.age = car.plan[0][0], 3 if used else 0
        car.stints.append(Stint(len(car.stints) + 1, car.compound, car.age, lap.number + 1, self.laps))
        return entering

    def close(self, car: Car, lap: Lap, *, time: float, entering: float, leaving: float) -> None:
        """Split the lap into sectors and write it up; it breaks off where the car's time has come."""
        first, second, _ = self.circuit.shares
        jitter = self.random.gauss(0, 0.03)
        flying = time - leaving
        one = round(flying * first + leaving + jitter, 3)
        two = round(flying * second - jitter, 3)
        lap.duration = round(time + entering, 3)
        lap.sectors = (one, two, round(lap.duration - one - two, 3))
        lap.end = round(lap.start + lap.duration, 3)
        if lap.end > car.retires and lap.start < self.flag:
            lap.end = round(max(car.retires, lap.start + 5), 3)
            lap.sectors = tuple(s if lap.start + sum(lap.sectors[: i + 1]) < lap.end else None for i, s in enumerate(lap.sectors))
            lap.duration = None
            self.messages += marshals.stopped(car.number, lap.end, random=self.random)
