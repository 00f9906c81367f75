"""How good the race forecast is from a quarter, a half and three quarters of a race on, beside "the order stays"."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ml.strategy import forecast, rejoin
from ml.strategy.forecast import RaceModel

if TYPE_CHECKING:
    from ml.strategy.timeline import Timeline

SHARES = (0.25, 0.5, 0.75)
DRAWS = 2000


class RaceScore(NamedTuple):
    """The scores of one race from one lap on, means over the cars that were running."""

    session_id: int
    circuit: str
    cars: int
    error: float  # places between the median and the finish
    frozen_error: float
    crps: float
    frozen_crps: float
    covered: float  # by the 80 % range
    winner_brier: float
    frozen_winner_brier: float
    podium_brier: float
    frozen_podium_brier: float


class Scored(NamedTuple):
    """A forecast of the exam: the share of the race it is from, and whether the stops were those that were made."""

    share: float
    actual_stops: bool
    score: RaceScore


def score_race(race: "Timeline", share: float, model: RaceModel, *, actual_stops: bool = False) -> RaceScore:
    """Forecast a race from a share of its laps on, and compare with how it ended."""
    import numpy as np

    lap = round(share * race.race_laps)
    known = race.as_of(float(np.nanmin(race.crossing[:, lap])))
    plan = forecast.actual_plan(race, forecast.running_at(known, lap, model)) if actual_stops else None
    running, chances = forecast.forecast(known, lap, model, plan=plan)
    truth = forecast.finishing_order(race, running.rows)
    frozen = forecast.frozen_order(known, running.rows)
    reached = np.arange(1, len(truth) + 1) >= truth[:, None]
    certain = (np.arange(1, len(truth) + 1) == frozen[:, None]).astype(float)
    ranges = np.array([forecast.place_range(one, given_stops=actual_stops) for one in chances])

    def crps(places: "np.ndarray") -> float:
        return float(np.square(places.cumsum(axis=1) - reached).sum(axis=1).mean())

    def brier(places: "np.ndarray", first: int) -> float:
        return float(np.square(places[:, :first].sum(axis=1) - (truth <= first)).mean())

    return RaceScore(
        session_id=race.session_id,
        circuit=race.circuit,
        cars=len(truth),
        error=float(np.mean([abs(rejoin.median_place(one) - place) for one, place in zip(chances, truth, strict=True)])),
        frozen_error=float(np.abs(frozen - truth).mean()),
        crps=crps(chances),
        frozen_crps=crps(certain),
        covered=float(((ranges[:, 0] <= truth) & (truth <= ranges[:, 1])).mean()),
        winner_brier=brier(chances, 1),
        frozen_winner_brier=brier(certain, 1),
        podium_brier=brier(chances, 3),
        frozen_podium_brier=brier(certain, 3),
    )


def means(scores: Sequence[RaceScore]) -> dict[str, float]:
    """The scores over all cars, and by how much the worst race is worse than "the order stays"."""
    import numpy as np

    cars = np.array([score.cars for score in scores])
    result = {name: float(cars @ np.array([getattr(s, name) for s in scores]) / cars.sum()) for name in RaceScore._fields[3:]}
    return result | {"worst_race": max(score.error - score.frozen_error for score in scores)}


class Comparison(NamedTuple):
    """The forecast beside "the order stays": mean distances in places; the interval of the difference draws whole races."""

    races: int
    error: float
    order_stays_error: float
    better_low: float
    better_high: float
    covered: float  # share of finishes within the 80 % range


def compare(scores: Sequence[RaceScore], *, seed: int = 0) -> Comparison:
    """scores: at least one, all from the same share of a race on. Of one race the interval is its difference alone."""
    import numpy as np

    cars = np.array([score.cars for score in scores], dtype=float)
    errors = np.array([[score.error, score.frozen_error] for score in scores]) * cars[:, None]
    drawn = np.random.default_rng(seed).integers(len(scores), size=(DRAWS, len(scores)))
    better = (errors[:, 1] - errors[:, 0])[drawn].sum(axis=1) / cars[drawn].sum(axis=1)
    error, frozen = errors.sum(axis=0) / cars.sum()
    low, high = np.quantile(better, [0.025, 0.975])
    covered = float(cars @ np.array([score.covered for score in scores]) / cars.sum())
    return Comparison(len(scores), float(error), float(frozen), float(low), float(high), covered)


def nearest_share(lap: int, race_laps: int) -> float:
    """The share of a race, among those of the exam, that is nearest to a lap."""
    return min(SHARES, key=lambda share: abs(share - lap / race_laps))
