"""Tyre strategies: when a car pits, and for which compound."""

from collections.abc import Iterable
from functools import cache
from itertools import permutations
from random import Random

from mirror.simulator.laws import SLICKS, Laws
from mirror.simulator.world import Circuit

SHORT = 20  # laps; a race of fewer (a sprint) is driven without a stop
WET_ENOUGH, DRY_ENOUGH = 0.22, 0.20  # wetness at which intermediates, and then slicks again, are the better tyres
BOLDNESS_RANGE = 0.25  # of wetness, between the changes of the most careful and the boldest driver

Plan = list[tuple[str, int]]  # compound, and the lap at whose end it comes off


def draw_plan(laws: Laws, circuit: Circuit, *, laps: int, random: Random) -> Plan:
    """Draw one of the quickest plans for a dry race."""
    if laps < SHORT:
        return [(random.choice(("SOFT", "MEDIUM", "MEDIUM")), laps)]
    costs = evaluate_plans(
        tuple((name, laws.compounds[name].offset, laws.compounds[name].slope) for name in SLICKS), circuit, laps
    )
    _, stints = min((cost + random.gauss(0, 4), stints) for cost, stints in costs)
    plan, end = [], 0
    for compound, length in stints:
        end += length
        plan.append((compound, end + random.randint(-2, 2)))
    return [*plan[:-1], (plan[-1][0], laps)]


@cache
def evaluate_plans(
    tyres: tuple[tuple[str, float, float], ...], circuit: Circuit, laps: int
) -> tuple[tuple[float, tuple[tuple[str, int], ...]], ...]:
    """((seconds lost on tyres and in the pits, ((compound, laps), …)), …) of every plan with one or two stops.

    Lengths of stints are proportional to 1 / slope, so that all sets end equally worn. The rules require two compounds.
    """
    compounds = {name: (offset, slope * circuit.abrasion) for name, offset, slope in tyres}
    plans = []
    for order in [*permutations(compounds, 2), *two_stops(compounds)]:
        durability = [1 / compounds[name][1] for name in order]
        lengths = [round(laps * part / sum(durability)) for part in durability]
        lengths[-1] += laps - sum(lengths)
        cost = (circuit.lane - circuit.bypass) * (len(order) - 1)
        for name, length in zip(order, lengths, strict=True):
            offset, slope = compounds[name]
            cost += offset * length + slope * length**2 / 2
        plans.append((cost, tuple(zip(order, lengths, strict=True))))
    return tuple(plans)


def two_stops(names: Iterable[str]) -> list[tuple[str, str, str]]:
    """Three stints on two or three compounds."""
    names = list(names)
    return [(a, b, c) for a in names for b in names for c in names if len({a, b, c}) > 1]


def choose_slicks(laps: int, *, instead_of: str | None = None) -> str:
    """The slick compound for a number of laps; with `instead_of` another one than that, as the rules require two."""
    preferred = ("SOFT", "MEDIUM", "HARD") if laps <= 14 else ("MEDIUM", "HARD") if laps <= 26 else ("HARD", "MEDIUM")
    return next(compound for compound in preferred if compound != instead_of)
