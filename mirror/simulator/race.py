"""A race, simulated lap by lap. Laps are simulated in the order of their starts, so those of the cars ahead are known."""

from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random

from mirror.simulator import messages, results, strategy
from mirror.simulator.laws import SLICKS, Laws
from mirror.simulator.timing import Lap, Message, SimulatedSession, Stint, Stop
from mirror.simulator.weather import Sky
from mirror.simulator.world import Circuit

FORMATION = 215.0  # s between the scheduled start and lights out
SAFETY_CAR_LAPS = 4
MIN_GAP = 0.45  # s, the smallest gap between two cars at the line
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
    pending_loss: float = 0.0  # s lost to other cars, added to its next lap
    last_stop: Stop | None = None  # the stop at the end of its previous lap
    retires_at: float = NEVER
    boldness: float = 0.0


@dataclass(slots=True)
class SafetyCarPeriod:
    """When the safety car is out, and how many laps it has led."""

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
        self.safety_car_period = SafetyCarPeriod()
        self.order: dict[int, list[tuple[Car, Lap]]] = {}  # by lap number: the cars that have begun it, in order
        self.stops: list[Stop] = []
        self.messages: list[Message] = []
        self.flag = NEVER  # when the winner takes the chequered flag
        self.tail = 0.0  # when the last car behind the safety car crosses the line
        self.cars = [self.create_car(number, pace) for number, pace in self.paces.items()]
        self.draw_retirements()

    def create_car(self, number: int, pace: float) -> Car:
        plan = strategy.draw_plan(self.laws, self.circuit, laps=self.laps, random=self.random)
        compound, age = plan[0][0], self.random.choice((0, 0, 2, 3))
        car = Car(number, pace, plan, compound, age, FORMATION, boldness=self.random.random())
        car.stints.append(Stint(1, compound, age, 1, self.laps))
        return car

    def draw_retirements(self) -> None:
        """Draw which cars stop on track and when; the safety car comes out for the first of them."""
        length = self.laps * (self.circuit.base + 2)
        retiring = self.random.sample(self.cars[4:], 2 if self.laps >= strategy.SHORT else 1)
        for car, share in zip(retiring, (0.36, self.random.uniform(0.5, 0.9)), strict=False):
            car.retires_at = FORMATION + length * share
        if self.safety_car:
            self.safety_car_period.begin = retiring[0].retires_at + 18

    def run(self) -> SimulatedSession:
        """Simulate the whole race."""
        queue = [(car.time, slot, car) for slot, car in enumerate(self.cars)]
        while queue:
            start, slot, car = heappop(queue)
            if start >= self.flag:
                continue
            lap = self.drive_lap(car, slot)
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
        simulated = SimulatedSession(
            sky=self.sky,
            laps={car.number: car.laps for car in self.cars},
            stints={car.number: car.stints for car in self.cars},
            stops=self.stops,
            messages=self.messages,
            grid=list(self.paces),
            started_at=FORMATION,
            ended_at=self.flag,
        )
        if self.safety_car_period.end < NEVER:
            simulated.safety_car = (self.safety_car_period.begin, self.safety_car_period.end)
        simulated.results = results.race_results(simulated, sprint=self.laps < strategy.SHORT)
        simulated.messages += messages.race_messages(simulated, self.random)
        return simulated

    def drive_lap(self, car: Car, slot: int) -> Lap:
        """Simulate a car's next lap; time that other cars lose is added to their `pending_loss`."""
        number = len(car.laps) + 1
        wetness = self.sky.wetness(car.time + self.circuit.base / 2)
        undisturbed = self.undisturbed(car, number, wetness=wetness)
        lap = Lap(
            number=number,
            start=car.time,
            end=0.0,
            duration=0.0,
            sectors=(None, None, None),
            undisturbed=round(undisturbed, 3),
            compound=car.compound,
            age=car.age,
            fuel=round(self.fuel(number), 2),
            wetness=round(wetness, 3),
            out_lap=car.last_stop is not None,
        )
        time = undisturbed + self.laws.draw_noise(self.random) + car.pending_loss
        car.pending_loss = 0.0
        on_lap = self.order.get(number, [])
        lap.gap = round(car.time - on_lap[-1][1].start, 3) if on_lap and number > 1 else None
        exit_loss = self.exit_loss(car)
        lap.in_lap = car.time + 2 * time < car.retires_at and self.will_pit(car, lap)
        if number == 1:
            time = self.first_lap(time, slot, on_lap=on_lap)
        elif self.safety_car_period.begin < car.time + time and car.time < self.safety_car_period.end:
            lap.neutralised = True
            time = self.lap_behind_safety_car(car, time, leads=not on_lap)
        elif not lap.out_lap and not lap.in_lap:
            time += self.time_in_traffic(lap, time, on_lap=on_lap)
        time += exit_loss
        car.age += 1
        entry_loss = self.change_tyres(car, lap, time=time) if lap.in_lap else 0.0
        self.finish_lap(car, lap, time=time, entry_loss=entry_loss, exit_loss=exit_loss)
        return lap

    def fuel(self, number: int) -> float:
        """kg at the start of a lap; a sprint begins with as much as its distance needs."""
        return self.laws.fuel * (self.laps - number + 1) / max(self.laps, self.circuit.laps)

    def undisturbed(self, car: Car, number: int, *, wetness: float) -> float:
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

    def first_lap(self, time: float, slot: int, *, on_lap: list[tuple[Car, Lap]]) -> float:
        """The time of lap 1: a standing start in traffic."""
        time += 4.2 + 0.6 * slot + abs(self.random.gauss(0, 1.3))
        ends = sorted(lap.end - FORMATION for _, lap in on_lap)
        for end in ends:
            if abs(time - end) < MIN_GAP:
                time = end + MIN_GAP
        return time

    def lap_behind_safety_car(self, car: Car, time: float, *, leads: bool) -> float:
        """The time of a lap behind the safety car: the leader follows it, the other cars close up in their order on the road."""
        base = self.circuit.base
        if car.time < self.safety_car_period.begin:
            slow = (car.time + time - self.safety_car_period.begin) / time
            time += slow * 0.32 * base
        elif leads:
            self.safety_car_period.laps += 1
            time = self.laws.safety_car * base + self.random.uniform(-0.5, 0.5)
            if self.safety_car_period.laps == SAFETY_CAR_LAPS:
                self.safety_car_period.end = car.time + time
        else:
            time = max(time, 1.17 * base)
        time = max(time, self.tail + self.random.uniform(0.6, 1.1) - car.time)
        self.tail = max(self.tail, car.time + time)
        return time

    def time_in_traffic(self, lap: Lap, time: float, *, on_lap: list[tuple[Car, Lap]]) -> float:
        """Seconds lost to dirty air, to slower cars on the same lap and to cars about to be lapped."""
        lost = 0.0
        if lap.gap is not None and lap.gap < self.laws.dirty_within:
            lost += self.laws.dirty_air * (1 - lap.gap / self.laws.dirty_within)
        end = lap.start + time + lost
        for other, other_lap in reversed(on_lap[-6:]):
            if other_lap.duration is None or other_lap.out_lap or other_lap.in_lap or end > other_lap.end + MIN_GAP:
                continue
            if other_lap.end - end > self.circuit.passing * self.random.uniform(0, 1):
                end += 0.12
                other.pending_loss += 0.2
            else:
                end = other_lap.end + MIN_GAP + self.random.uniform(0, 0.2)
        for other in self.cars:
            if other.laps and other.laps[-1].number < lap.number and other.laps[-1].duration and end < other.time:
                other.pending_loss += self.laws.blue_flag
                end += 0.15
                self.messages.append(messages.blue_flag(other.number, end - self.random.uniform(8, 50)))
        return end - lap.start - time

    def exit_loss(self, car: Car) -> float:
        """Seconds that the stop and the pit exit add to an out-lap."""
        stop, car.last_stop = car.last_stop, None
        if stop is None or stop.lane is None:
            return 0.0
        return stop.lane - self.circuit.bypass - self.entry_loss

    @property
    def entry_loss(self) -> float:
        """Seconds that the pit entry adds to an in-lap."""
        return 0.18 * self.circuit.lane

    def will_pit(self, car: Car, lap: Lap) -> bool:
        """Whether the car pits at the end of this lap; updates `car.plan`, which has the next tyres."""
        left = self.laps - lap.number
        if left < 2 or lap.number == 1 or lap.out_lap:
            return False
        slick = car.compound in SLICKS
        if slick and lap.wetness > strategy.WET_ENOUGH + strategy.BOLDNESS_RANGE * car.boldness:
            car.plan = [(car.compound, lap.number), ("WET" if car.boldness > 0.9 else "INTERMEDIATE", self.laps)]
        elif (
            not slick
            and not self.sky.raining(lap.start)
            and lap.wetness < strategy.DRY_ENOUGH + strategy.BOLDNESS_RANGE * car.boldness
        ):
            car.plan = [(car.compound, lap.number), (strategy.choose_slicks(left), self.laps)]
        elif len(car.plan) > 1 and slick and self.pits_under_safety_car(car, lap, left=left):
            instead_of = car.compound if len(car.stints) == 1 else None
            car.plan = [(car.compound, lap.number), (strategy.choose_slicks(left, instead_of=instead_of), self.laps)]
        elif len(car.plan) > 1 and slick and self.undercuts(car, lap):
            car.plan[0] = (car.compound, lap.number)
        return len(car.plan) > 1 and lap.number >= car.plan[0][1]

    def pits_under_safety_car(self, car: Car, lap: Lap, *, left: int) -> bool:
        """Whether to pit on the first lap behind the safety car, when a stop costs less time."""
        behind = self.safety_car_period.begin <= lap.start < self.safety_car_period.end
        return behind and self.safety_car_period.laps <= 1 and car.age >= 6 and left >= 8 and car.boldness < 0.85

    def undercuts(self, car: Car, lap: Lap) -> bool:
        """Whether to pit before the planned lap, to undercut the car ahead."""
        early = car.plan[0][1] - lap.number
        return 0 < early <= 3 and lap.gap is not None and lap.gap < 1.6 and self.random.random() < 0.25

    def change_tyres(self, car: Car, lap: Lap, *, time: float) -> float:
        """Change tyres at the end of the lap; returns the seconds that the pit entry adds to it."""
        standing = self.laws.draw_stationary_time(self.random)
        lane = round(self.circuit.lane + standing + self.random.uniform(-0.3, 0.3), 1)
        entry_loss = self.entry_loss
        stop = Stop(car.number, lap.number, round(lap.start + time + entry_loss + lane - 1.8, 3), lane, standing)
        self.stops.append(stop)
        car.last_stop = stop
        car.stints[-1].last = lap.number
        car.plan = car.plan[1:]
        used = car.plan[0][0] == "SOFT" and self.random.random() < 0.5  # in qualifying
        car.compound, car.age = car.plan[0][0], 3 if used else 0
        car.stints.append(Stint(len(car.stints) + 1, car.compound, car.age, lap.number + 1, self.laps))
        return entry_loss

    def finish_lap(self, car: Car, lap: Lap, *, time: float, entry_loss: float, exit_loss: float) -> None:
        """Set the lap's sectors, duration and end; it stays unfinished if the car retires during it."""
        first, second, _ = self.circuit.shares
        jitter = self.random.gauss(0, 0.03)
        flying = time - exit_loss
        one = round(flying * first + exit_loss + jitter, 3)
        two = round(flying * second - jitter, 3)
        lap.duration = round(time + entry_loss, 3)
        lap.sectors = (one, two, round(lap.duration - one - two, 3))
        lap.end = round(lap.start + lap.duration, 3)
        if lap.end > car.retires_at and lap.start < self.flag:
            lap.end = round(max(car.retires_at, lap.start + 5), 3)
            lap.sectors = tuple(s if lap.start + sum(lap.sectors[: i + 1]) < lap.end else None for i, s in enumerate(lap.sectors))
            lap.duration = None
            self.messages += messages.stopped_car(car.number, lap.end, random=self.random)
