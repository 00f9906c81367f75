"""The parameters of lap times. They are drawn once per seed, and `Season.truth` returns them."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from mirror.simulator.world import DRIVERS, TEAMS, Circuit

SLICKS = ("SOFT", "MEDIUM", "HARD")
PITS = 22.2  # m/s, the speed limit in the pit lane (80 km/h)


@dataclass(frozen=True)
class Compound:
    """A tyre, in seconds a lap against a new medium on a dry track."""

    offset: float  # when new and dry
    slope: float  # per lap of age, times the circuit's abrasion
    wet: float  # at wetness 1


@dataclass(frozen=True, kw_only=True)
class Laws:
    """The parameters of a lap time, in seconds unless stated otherwise.

    An undisturbed lap is

        base + team + driver + form + offset + slope * abrasion * age + wet * wetness + fuel_effect * kg + green - push

    and a lap time adds noise (normal, `noise`), mistakes (exponential, `mistake`, on a share `mistakes` of the laps) and the
    effects of other cars: up to `dirty_air` within `dirty_within` of the car ahead, being held up by a car that cannot be
    overtaken, blue flags, the safety car, pit stops.
    """

    compounds: Mapping[str, Compound]
    team: Mapping[str, float]  # by team name, from the best car (0) down
    driver: Mapping[int, float]  # by car number, around 0
    green: Mapping[str, tuple[float, float]]  # by session name: the loss on a track without rubber at its start and end
    fuel: float = 110.0  # kg at the start of a race, burnt evenly
    fuel_effect: float = 0.03  # per kg
    push: float = 0.9  # gained on a qualifying lap
    form: float = 0.15  # sigma of a car's form, drawn per session
    noise: float = 0.14  # sigma per lap
    mistakes: float = 0.01
    mistake: float = 1.2
    dirty_air: float = 0.35
    dirty_within: float = 1.6
    blue_flag: float = 0.9  # lost by a car that is lapped
    stop: tuple[float, float] = (2.2, 3.4)  # stationary time; one stop in fifteen takes 3 to 9 s more
    safety_car: float = 1.42  # times the circuit's base: the leader's lap behind the safety car

    def undisturbed(
        self, circuit: Circuit, *, car: float, compound: str, age: int, fuel: float, green: float, wetness: float = 0.0
    ) -> float:
        """The lap time in seconds without noise and other cars; `car` is the sum of team, driver and form, `fuel` in kg."""
        tyre = self.compounds[compound]
        tyres = tyre.offset + tyre.slope * circuit.abrasion * age + tyre.wet * wetness
        return circuit.base + car + tyres + self.fuel_effect * fuel + green

    def draw_noise(self, random: Random) -> float:
        """Draw the random part of a lap time, in seconds, including mistakes."""
        return random.gauss(0, self.noise) + (random.expovariate(1 / self.mistake) if random.random() < self.mistakes else 0)

    def draw_stationary_time(self, random: Random) -> float:
        """Draw the stationary time of a pit stop, in seconds."""
        return round(random.uniform(*self.stop) + (random.uniform(3, 9) if random.random() < 1 / 15 else 0), 1)


def draw_laws(random: Random) -> Laws:
    """Draw the parameters of a season."""
    teams = [team.name for team in TEAMS]
    random.shuffle(teams)
    return Laws(
        compounds={
            "SOFT": Compound(-0.45, round(random.uniform(0.085, 0.100), 4), 14.0),
            "MEDIUM": Compound(0.0, round(random.uniform(0.050, 0.060), 4), 14.0),
            "HARD": Compound(0.25, round(random.uniform(0.030, 0.040), 4), 14.5),
            "INTERMEDIATE": Compound(3.6, 0.05, 2.6),
            "WET": Compound(6.8, 0.04, 1.2),
        },
        team={name: round(place * 0.22 + random.uniform(0, 0.12), 3) for place, name in enumerate(teams)},
        driver={number: round(random.gauss(0, 0.14), 3) for number in DRIVERS},
        green={
            "Practice 1": (1.5, 1.0),
            "Practice 2": (0.9, 0.6),
            "Practice 3": (0.7, 0.5),
            "Sprint Qualifying": (0.8, 0.5),
            "Sprint": (0.5, 0.3),
            "Qualifying": (0.5, 0.2),
            "Race": (0.35, 0.0),
        },
    )
