"""How good the probability of an undercut or overcut is on races that the model has not learnt from, beside the base rate."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ml.strategy import undercut
from ml.strategy.undercut import Odds

if TYPE_CHECKING:
    from ml.strategy.timeline import Timeline

DRAWS = 2000


class Asked(NamedTuple):
    """A recorded attempt with its probability and the share that was won in the training races."""

    session_id: int
    kind: str
    stops: str
    probability: float
    base_rate: float
    won: bool


class Score(NamedTuple):
    """Brier scores of some attempts: lower is better. The interval is that of the difference, by drawing whole races."""

    attempts: int
    won: int
    brier: float
    base_rate_brier: float
    better_low: float
    better_high: float


def examine(asked: "Sequence[Timeline]", odds: Mapping[str, Odds]) -> list[Asked]:
    """Put every attempt of the asked races to the model at the pit entry of the first of the two cars."""
    return [
        Asked(
            race.session_id,
            attempt.kind,
            attempt.stops,
            undercut.win_probability(odds[attempt.kind], undercut.inputs_of(race, attempt)),
            odds[attempt.kind].base_rate,
            attempt.won,
        )
        for race in asked
        for attempt in undercut.find_attempts(race)
    ]


def subsets(asked: Sequence[Asked]) -> dict[tuple[str, bool], list[Asked]]:
    """{(kind, whether slow stops are among them): attempts}, without those that have none."""
    parts = {
        (kind, slow): [one for one in asked if one.kind == kind and (slow or one.stops == undercut.USUAL)]
        for kind in undercut.KINDS
        for slow in (False, True)
    }
    return {key: part for key, part in parts.items() if part}


def score(asked: Sequence[Asked], *, seed: int = 0) -> Score:
    """asked: at least one attempt."""
    import numpy as np

    won = np.array([one.won for one in asked], dtype=float)
    model = np.square([one.probability for one in asked] - won)
    base = np.square([one.base_rate for one in asked] - won)
    sessions = np.array([one.session_id for one in asked])
    races = np.unique(sessions)
    sums = np.array([[(base - model)[sessions == race].sum(), (sessions == race).sum()] for race in races], dtype=float)
    drawn = np.random.default_rng(seed).integers(len(races), size=(DRAWS, len(races)))
    low, high = np.quantile(sums[drawn, 0].sum(axis=1) / sums[drawn, 1].sum(axis=1), [0.025, 0.975])
    return Score(len(asked), int(won.sum()), float(model.mean()), float(base.mean()), float(low), float(high))


def figures(asked: Sequence[Asked]) -> dict[str, float]:
    """The scores by name, as a run keeps them."""
    return {
        f"{kind}{'_with_slow_stops' * slow}_{name}": float(value)
        for (kind, slow), part in subsets(asked).items()
        for name, value in score(part)._asdict().items()
    }
