"""Facts about circuits, measured on past races: how hard it is to overtake, and how often there is a safety car."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from ml.strategy.pitloss import STATES

if TYPE_CHECKING:
    import numpy as np

    from ml.strategy.timeline import Timeline

CLOSE = 1.2  # seconds behind another car at the line: an attempt to overtake
SETTLED_LAPS = 3  # laps after the start that say nothing of overtaking
WEIGHT = 150.0  # laps behind another car, of the mean of all circuits, when a circuit's rate is shrunk
SAFETY_CAR = STATES[2]


class Battles(NamedTuple):
    """Laps that began close behind another car, and how many of them ended ahead of it."""

    laps: int
    passes: int


def count_battles(race: "Timeline") -> Battles:
    """Of cars that follow another one at racing speed; stops and neutralised laps are left out."""
    import numpy as np

    laps = passes = 0
    visited = np.isfinite(race.entry)
    for lap in range(SETTLED_LAPS + 1, race.crossing.shape[1]):
        racing = (
            race.clean[:, lap]
            & ~visited[:, lap]
            & ~visited[:, lap - 1]
            & np.isfinite(race.crossing[:, lap - 1 : lap + 1]).all(axis=1)
        )
        rows = np.flatnonzero(racing)
        order = rows[np.argsort(race.crossing[rows, lap - 1])]
        gaps = np.diff(race.crossing[order, lap - 1])
        for place in np.flatnonzero(gaps < CLOSE):
            laps += 1
            passes += int(race.crossing[order[place + 1], lap] < race.crossing[order[place], lap])
    return Battles(laps, passes)


def passing_rates(races: "Iterable[Timeline]") -> tuple[dict[str, float], float]:
    """({circuit: probability of getting past within a lap}, that of all circuits), shrunk by the laps that say so."""
    by_circuit: dict[str, Battles] = {}
    for race in races:
        counted, before = count_battles(race), by_circuit.get(race.circuit, Battles(0, 0))
        by_circuit[race.circuit] = Battles(before.laps + counted.laps, before.passes + counted.passes)
    laps = sum(one.laps for one in by_circuit.values())
    mean = (sum(one.passes for one in by_circuit.values()) + 1) / (laps + 10)
    return {name: (one.passes + WEIGHT * mean) / (one.laps + WEIGHT) for name, one in by_circuit.items()}, mean


def count_safety_cars(race: "Timeline") -> int:
    return sum(window.state == SAFETY_CAR for window in race.windows)


def beta_interval(hits: float, trials: float) -> tuple[float, float]:
    """The 95 % interval of a share with Jeffreys' prior; it reaches to 0 without a hit and to 1 without a miss."""
    from scipy.special import betaincinv

    a, b = hits + 0.5, max(trials - hits, 0) + 0.5
    return float(betaincinv(a, b, 0.025)) if hits else 0.0, float(betaincinv(a, b, 0.975)) if hits < trials else 1.0


def rate_interval(count: int, races: int) -> tuple[float, float]:
    """The 95 % interval of a number per race, of a Poisson count with Jeffreys' prior; it reaches to 0 without any."""
    from scipy.special import gammaincinv

    return float(gammaincinv(count + 0.5, 0.025) / races) if count else 0.0, float(gammaincinv(count + 0.5, 0.975) / races)


def median_interval(values: "np.ndarray | list[float]") -> tuple[float, float]:
    """The 95 % interval of a median, from the order of the values."""
    import numpy as np
    from scipy.special import bdtrik

    ordered = np.sort(np.asarray(values, dtype=float))
    low = max(int(np.floor(bdtrik(0.025, len(ordered), 0.5))), 0)
    return float(ordered[low]), float(ordered[len(ordered) - 1 - low])
