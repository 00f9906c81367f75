"""The rest of a race, a thousand times: lap by lap for all cars and races at once.

In each race every car has a pace of its own, drawn once, and an error on every lap; tyres lose time with age; a car that is
faster than the one ahead gets past with the probability of the circuit; stops come from tables or from given plans; safety cars
close the field up and make stops cheap; cars retire.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ml.strategy.stints import MAX_AGE, MAX_STOPS, SHARES, WET, StopTables

if TYPE_CHECKING:
    import numpy as np

RACES = 1000
BEHIND = 0.4  # seconds behind the car ahead of one that does not get past
QUEUE_GAP = 1.0  # seconds between cars behind the safety car
SAFETY_CAR_LAPS = 4
PAIR_ADVANTAGE = 0.4  # seconds per lap of advantage at which the circuit's probability of getting past holds
STOP_SPREAD = 1.0  # seconds
SLOW_STOP, SLOW_STOP_SECONDS = 0.06, 5.0  # share of stops, and the mean of what they cost more


@dataclass(frozen=True)
class Start:
    """A race at the end of a lap; arrays have a place per car that is running."""

    lap: int
    race_laps: int
    seconds: "np.ndarray"  # when each car has ended the lap, what it owes for a stop included
    pace: "np.ndarray"  # beside the field, on tyres of the same age, in seconds
    pace_spread: "np.ndarray"  # of that estimate
    compound: "np.ndarray"  # place in the tables
    age: "np.ndarray"
    stops: "np.ndarray"
    used: "np.ndarray"  # (car, dry compound): whether it has driven on it
    safety_car_laps: int  # that are left
    wet: bool


class Circuit(NamedTuple):
    """What is known of circuit and season."""

    loss: float  # seconds of a stop on a free track
    safety_car_share: float  # of that, behind a safety car
    passing: float  # probability of getting past within a lap
    safety_cars: float  # per lap
    retirements: float  # per car and lap


class Form(NamedTuple):
    """Seconds that are the same in all races: found on the training races."""

    degradation: tuple[float, ...]  # per lap, by compound of the tables
    degradation_spread: float
    offset: tuple[float, ...]  # of new tyres, by compound
    lap_noise: float


FORM = Form(degradation=(0.088, 0.053, 0.046, 0.03), degradation_spread=0.01, offset=(-0.35, 0.0, 0.25, 0.0), lap_noise=0.3)


class Plan(NamedTuple):
    """Stops that are given: (car, lap) -> whether it stops at its end, and on which compound it goes on; -1 where left open.

    `fixed` cars stop as planned and not otherwise.
    """

    stops: "np.ndarray"
    compound: "np.ndarray"
    fixed: "np.ndarray"


def simulate(
    start: Start, circuit: Circuit, tables: StopTables, *, plan: Plan | None = None, races: int = RACES, seed: int = 0
) -> "np.ndarray":
    """(race, car): the finishing place of each car among those that are running at the start."""
    import numpy as np

    field = Field(start, circuit, tables, races=races, seed=seed)
    for lap in range(start.lap + 1, start.race_laps + 1):
        field.drive(lap, plan)
    order = np.argsort(np.where(field.retired_on > 0, 1e9 - 1e6 * field.retired_on, field.seconds), axis=1, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(1, order.shape[1] + 1)[None, :], axis=1)
    return places


class Field:
    """All cars of all races; arrays are (race, car)."""

    def __init__(self, start: Start, circuit: Circuit, tables: StopTables, *, races: int, seed: int) -> None:
        import numpy as np

        self.start, self.circuit, self.tables = start, circuit, tables
        self.random = np.random.default_rng(seed)
        shape = self.shape = (races, len(start.seconds))
        self.pace = (start.pace + start.pace_spread * self.random.standard_normal(shape)).astype("float32")
        self.seconds = np.tile(start.seconds - start.seconds.min(), (races, 1))
        self.compound, self.age, self.stops = (
            np.tile(a.astype("int64"), (races, 1)) for a in (start.compound, start.age, start.stops)
        )
        self.used = np.tile(start.used, (races, 1, 1))
        self.retired_on = np.zeros(shape, dtype="int64")
        self.safety_car = np.full(races, start.safety_car_laps)
        spread = FORM.degradation_spread * self.random.standard_normal((races, WET + 1))
        self.degradation = np.array(FORM.degradation) + spread
        self.offset = np.array(FORM.offset)

    def drive(self, lap: int, plan: Plan | None) -> None:
        """One lap of all cars."""
        import numpy as np

        random, circuit = self.random, self.circuit
        begins = (self.safety_car == 0) & (random.random(self.shape[0]) < circuit.safety_cars)
        self.safety_car = np.where(begins, SAFETY_CAR_LAPS, np.maximum(self.safety_car - 1, 0))
        neutral = (self.safety_car > 0)[:, None]
        lost = np.take_along_axis(self.degradation, self.compound, axis=1) * self.age + self.offset[self.compound]
        times = np.where(neutral, 0.0, self.pace + lost + FORM.lap_noise * random.standard_normal(self.shape))
        stopping = self.choose_stops(lap, neutral, plan)
        self.seconds = self.overtake(times, stopping, neutral)
        self.close_up(stopping)
        self.stop(lap, stopping, neutral, plan)
        out = (self.retired_on == 0) & (random.random(self.shape) < circuit.retirements)
        self.retired_on[out] = lap
        self.seconds[out] += 1e5

    def choose_stops(self, lap: int, neutral: "np.ndarray", plan: Plan | None) -> "np.ndarray":
        import numpy as np

        tables, start = self.tables, self.start
        if lap >= start.race_laps:
            return np.zeros(self.shape, dtype=bool)
        due = (self.used.sum(axis=2) < 2) & (self.compound != WET) & (not start.wet)
        share = int(np.searchsorted(SHARES, lap / start.race_laps))
        odds = (
            tables.constant
            + tables.by_age[self.compound, np.minimum(self.age, MAX_AGE - 1)]
            + tables.by_share[due.astype(int), share]
        )
        odds = (
            odds + tables.by_stops[np.minimum(self.stops, MAX_STOPS)] + np.where(neutral, tables.by_state[2], tables.by_state[0])
        )
        stopping = self.random.random(self.shape) < 1 / (1 + np.exp(-odds))
        if lap >= start.race_laps - 2:
            stopping |= due
        if plan is not None:
            stopping = np.where(plan.fixed, plan.stops[:, lap], stopping)
        return stopping & (self.retired_on == 0)

    def overtake(self, times: "np.ndarray", stopping: "np.ndarray", neutral: "np.ndarray") -> "np.ndarray":
        """When each car ends the lap: behind the car ahead unless it gets past. A car that stops holds nobody up."""
        import numpy as np

        order = np.argsort(self.seconds, axis=1)
        ends = np.take_along_axis(self.seconds + times, order, axis=1)
        pace = np.take_along_axis(times, order, axis=1)
        free = np.take_along_axis(stopping, order, axis=1)
        luck = self.random.random(self.shape)
        front, front_pace = np.where(free[:, 0], -np.inf, ends[:, 0]), pace[:, 0]
        calm = neutral[:, 0]
        for place in range(1, self.shape[1]):
            mine = ends[:, place]
            chance = self.circuit.passing * np.clip(0.5 + (front_pace - pace[:, place]) / (2 * PAIR_ADVANTAGE), 0.1, 4)
            held = (mine < front + BEHIND) & ((luck[:, place] > chance) | calm)
            mine = np.where(held, front + BEHIND, mine)
            ends[:, place] = mine
            ahead = ~free[:, place] & (mine > front)
            front_pace = np.where(ahead, pace[:, place], front_pace)
            front = np.where(ahead, mine, front)
        result = np.empty_like(ends)
        np.put_along_axis(result, order, ends, axis=1)
        return result

    def close_up(self, stopping: "np.ndarray") -> None:
        """Behind the safety car the field closes up, from its second lap on."""
        import numpy as np

        races = np.flatnonzero((self.safety_car > 0) & (self.safety_car < SAFETY_CAR_LAPS))
        if not len(races):
            return
        order = np.argsort(self.seconds[races], axis=1)
        ordered = np.take_along_axis(self.seconds[races], order, axis=1)
        gaps = np.minimum(np.diff(ordered, axis=1), QUEUE_GAP)
        gaps[np.diff(ordered, axis=1) > 1e4] = 1e5  # those who have retired stay behind
        closed = np.concatenate([ordered[:, :1], ordered[:, :1] + np.cumsum(gaps, axis=1)], axis=1)
        result = np.empty_like(closed)
        np.put_along_axis(result, order, closed, axis=1)
        self.seconds[races] = result

    def stop(self, lap: int, stopping: "np.ndarray", neutral: "np.ndarray", plan: Plan | None) -> None:
        import numpy as np

        random, circuit = self.random, self.circuit
        self.age += 1
        races, cars = np.nonzero(stopping)
        if not len(races):
            return
        cost = circuit.loss * np.where(neutral[races, 0], circuit.safety_car_share, 1.0) + STOP_SPREAD * random.standard_normal(
            len(races)
        )
        cost += np.where(random.random(len(races)) < SLOW_STOP, random.exponential(SLOW_STOP_SECONDS, len(races)), 0.0)
        self.seconds[races, cars] += cost
        share = int(np.searchsorted(SHARES, lap / self.start.race_laps))
        shares = self.tables.next_compound[share][self.compound[races, cars]]
        due = self.used[races, cars].sum(axis=1) < 2
        shares = np.where(due[:, None] & self.used[races, cars], 1e-9, shares)
        taken = (np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1) < random.random(len(races))[:, None]).sum(axis=1)
        taken = np.minimum(taken, WET - 1)
        if plan is not None:
            planned = plan.compound[cars, lap]
            taken = np.where(plan.fixed[cars] & (planned >= 0), planned, taken)
        self.compound[races, cars] = taken
        dry = taken < WET
        self.used[races[dry], cars[dry], taken[dry]] = True
        self.age[races, cars] = 0
        self.stops[races, cars] += 1
