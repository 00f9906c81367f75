"""When a car stops, and for which tyres."""

from collections.abc import Iterable
from functools import cache
from itertools import permutations
from random import Random

from mirror.simulator.laws import SLICKS, Laws
from mirror.simulator.world import Circuit

SHORT = 20  # laps; a race of fewer (a sprint) is driven without a stop
WET_ENOUGH, DRY_ENOUGH = 0.22, 0.20  # wetness at which intermediates, and then slicks again, are the better tyres
NERVE = 0.25  # of wetness: how much later the boldest change than the most careful

Plan = list[tuple[str, int]]  # compound, and the lap at whose end it comes off


def drawn(laws: Laws, circuit: Circuit, *, laps: int, random: Random) -> Plan:
    """A plan for a dry race: one of the quickest, not the same for everybody."""
    if laps < SHORT:
        return [(random.choice(("SOFT", "MEDIUM", "MEDIUM")), laps)]
    costs = options(tuple((name, laws.compounds[name].offset, laws.compounds[name].slope) for name in SLICKS), circuit, laps)
    _, stints = min((cost + random.gauss(0, 4), stints) for cost, stints in costs)
    plan, end = [], 0
    for compound, length in stints:
        end += length
        plan.append((compound, end + random.randint(-2, 2)))
    return [*plan[:-1], (plan[-1][0], laps)]


@cache
def options(
    tyres: tuple[tuple[str, float, float], ...], circuit: Circuit, laps: int
) -> tuple[tuple[float, tuple[tuple[str, int], ...]], ...]:
    """((seconds lost on tyres and in the pits, ((compound, laps), …)), …) of every plan with one or two stops.

    Stints are as long as the tyres last: their lengths go with 1 / slope, so that all sets end equally worn. The rules want
    two compounds.
    """
    facts = {name: (offset, slope * circuit.abrasion) for name, offset, slope in tyres}
    found = []
    for order in [*permutations(facts, 2), *two_stops(facts)]:
        lasting = [1 / facts[name][1] for name in order]
        lengths = [round(laps * part / sum(lasting)) for part in lasting]
        lengths[-1] += laps - sum(lengths)
        cost = (circuit.lane - circuit.bypass) * (len(order) - 1)
        for name, length in zip(order, lengths, strict=True):
            offset, slope = facts[name]
            cost += offset * length + slope * length**2 / 2
        found.append((cost, tuple(zip(order, lengths, strict=True))))
    return tuple(found)


def two_stops(names: Iterable[str]) -> list[tuple[str, str, str]]:
    """Three stints on two or three compounds."""
    names = list(names)
    return [(a, b, c) for a in names for b in names for c in names if len({a, b, c}) > 1]


def for_the_rest(laps: int, *, besides: str | None = None) -> str:
    """The slicks for a number of laps; `besides` is the compound that the rules want to see changed."""
    wanted = ("SOFT", "MEDIUM", "HARD") if laps <= 14 else ("MEDIUM", "HARD") if laps <= 26 else ("HARD", "MEDIUM")
    return next(compound for compound in wanted if compound != besides)
