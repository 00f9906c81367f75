"""Where a car rejoins after a stop: the place at the end of the out-lap as a probability distribution.

The place is the order in which the cars end that lap. Each rival's time there is projected from its last crossing of the line,
its pace, and what it still owes for a stop that has begun; the own time from the pace and from what a stop costs. The rivals may
stop, too, with the probabilities of `hazard`. For each possible own time the number of rivals ahead is a sum of independent
yes-or-no questions; their distributions are averaged over the own times.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ml.strategy import hazard, next_lap, pitloss
from ml.strategy.pitloss import GREEN, CompoundCost, PastStops, PitLoss

if TYPE_CHECKING:
    import numpy as np

    from ml.strategy.timeline import Timeline

RETIRED_LAPS = 2.5  # laps without a crossing after which a car is taken to be out
PENALTY_EXTRA = 1.2  # times the seconds of a penalty is what it adds to the stop at which it is served
ENTRY_SPREAD = 1.0  # seconds on the road within which it is not certain who is at the pit entry first
DEGREES = 3.0  # of freedom of Student's distribution of the rivals' errors
EXIT_SHARE = 0.5  # of the projection from the pit exit beside the one from the line, for a car that has left the lane
FAR_OFF = 0.025  # share of stops of which something unforeseen decides; their places are spread geometrically around
FAR_OFF_RATIO = 0.6
WET_TRACK = "wet track"  # of the errors: on a free track, with cars on wet tyres


@dataclass(frozen=True)
class Errors:
    """How far projections of past stops were off, by the conditions in which the car came in."""

    own: dict[str, list[float]] = field(default_factory=dict)  # quantiles in seconds, beside the rivals' median error
    lap: dict[str, float] = field(default_factory=dict)  # scale in seconds of a rival's error over a lap
    stop: dict[str, float] = field(default_factory=dict)  # scale in seconds of the error of what a rival owes for a stop


class Model(NamedTuple):
    """What has been learnt of past races."""

    past: PastStops
    errors: Errors
    hazard: Any  # a classifier with `predict_proba`
    compounds: Mapping[str, CompoundCost] = MappingProxyType({})


class Question(NamedTuple):
    """A stop of a car (by row) at the end of a lap, asked about at a moment in seconds since 1970."""

    row: int
    lap: int
    asked_at: float
    has_entered: bool  # the moment is that at which the car was measured at the pit entry


class Rival(NamedTuple):
    """When another car ends the lap that is asked about, in seconds since 1970."""

    row: int
    seconds: float  # if it does not come in from now on
    laps: int  # that it drives until then; 0 where it has ended that lap already
    owes: bool  # a part of a stop that has begun
    stop_now: float  # probability that it comes in at the end of the lap that it is on
    stop_next: float  # that it comes in a lap later, if not now
    now_cost: float  # seconds that this costs until then
    next_cost: float


class Projection(NamedTuple):
    """The own time (seconds since 1970) and those of the rivals."""

    own: float
    state: str
    conditions: str  # whose errors count: the state, or WET_TRACK
    loss: PitLoss
    penalty: float
    rivals: list[Rival]


def project(known: "Timeline", question: Question, model: Model) -> Projection:
    """Project all cars to the end of the out-lap. `known` is the race as of the moment of the question."""
    import numpy as np

    state = known.state_at(question.asked_at)[0]
    loss = pitloss.estimate_loss(pitloss.measure_stops(known), model.past, known.circuit)
    paces = next_lap.expected_paces(known, state, loss, question.asked_at)
    share = model.past.neutralised.get(state, 1.0)
    last = known.last_lap
    seen = known.crossing[np.arange(len(last)), last]
    begun = seen.copy()
    begun[question.row] = known.crossing[question.row, question.lap - 1]
    ends = next_lap.lap_ends(known, begun, paces, question.asked_at)
    if state == GREEN:
        own_pace = next_lap.usual_pace(known, question.row, paces)
        own = begun[question.row] + 2 * own_pace + loss.total
        if question.has_entered:
            own = (own + known.entry[question.row, question.lap] + loss.from_entry + own_pace) / 2
    else:
        own = ends[question.row] + paces[question.row] + share * loss.total
    penalty = pending_penalty(known, question)
    running = question.asked_at - seen <= RETIRED_LAPS * paces + loss.total
    rows = np.flatnonzero(running & (np.arange(len(last)) != question.row))
    now, later = stop_chances(known, rows, question.asked_at, model)
    # A car that is ahead on the road has passed the pit entry: too late to come in on this lap.
    now = now * np.clip(0.5 + (ends[rows] - ends[question.row]) / ENTRY_SPREAD, 0, 1)
    rivals = [
        project_rival(known, int(row), question.lap + 1, end=ends[row], lap=paces[row], loss=loss, share=share)._replace(
            stop_now=float(one), stop_next=float(other)
        )
        for row, one, other in zip(rows, now, later, strict=True)
    ]
    # On wet tyres nobody knows how fast the next lap is, nor on which tyres.
    wet = next_lap.is_wet(known) or next_lap.wet_tyres(known)[question.row]
    conditions = WET_TRACK if state == GREEN and wet else state
    return Projection(float(own + penalty), state, conditions, loss, penalty, rivals)


def pending_penalty(known: "Timeline", question: Question) -> float:
    """Seconds that penalties add which the car has not served at a stop since they were given."""
    import numpy as np

    entries = known.entry[question.row, : question.lap]
    last = np.nanmax(entries) if np.isfinite(entries).any() else -np.inf
    car = known.cars[question.row]
    return sum(PENALTY_EXTRA * p.seconds for p in known.penalties if p.car == car and last < p.at <= question.asked_at)


def stop_chances(known: "Timeline", rows: "np.ndarray", moment: float, model: Model) -> "tuple[np.ndarray, np.ndarray]":
    """Of each car (by row): the probability of a stop at the end of its present lap, and of the lap after."""
    import numpy as np

    laps = np.minimum(known.last_lap[rows] + 1, known.crossing.shape[1] - 1)
    inputs = hazard.stop_features(known, rows, laps, np.full(len(rows), moment))
    later = hazard.a_lap_later(inputs, known.race_laps)
    chances = model.hazard.predict_proba(np.concatenate([inputs, later]))[:, 1] if len(rows) else np.zeros(0)
    now, following = chances[: len(rows)], chances[len(rows) :]
    over = laps >= known.race_laps
    return np.where(over, 0, now), np.where(over, 0, following)


def project_rival(known: "Timeline", row: int, target: int, *, end: float, lap: float, loss: PitLoss, share: float) -> Rival:
    """A rival's time at the end of the lap `target`, with the costs, but without the probabilities, of coming in.

    It ends its present lap at `end`, and a lap takes `lap` seconds, if it does not come in.
    """
    import numpy as np

    last = int(known.last_lap[row])
    laps = max(target - last, 0)
    if not laps:
        return Rival(row, float(known.crossing[row, target]), 0, owes=False, stop_now=0, stop_next=0, now_cost=0, next_cost=0)
    seconds = end + (laps - 1) * lap
    present = min(last + 1, known.entry.shape[1] - 1)
    comes_in = np.isfinite(known.entry[row, present])
    came_in = np.isfinite(known.entry[row, last]) and last > 0

    def cost(from_lap: int) -> float:
        """Of a stop at the end of a lap."""
        behind = target - from_lap
        return float(share * (loss.in_lap * (behind >= 0) + loss.out_lap * (behind >= 1)) + loss.new_tyres * max(behind - 1, 0))

    visit = present if comes_in else last
    if comes_in:
        seconds += cost(last + 1)
    elif came_in:
        seconds += share * loss.out_lap - loss.new_tyres
    if (comes_in or came_in) and share == 1.0 and np.isfinite(known.exit[row, visit]) and target > visit:
        left = known.exit[row, visit] + loss.from_exit + (target - visit) * lap - loss.new_tyres
        seconds = EXIT_SHARE * left + (1 - EXIT_SHARE) * seconds
    free = not comes_in and not came_in
    return Rival(
        row,
        float(seconds),
        laps,
        owes=not free,
        stop_now=0,
        stop_next=0,
        now_cost=cost(last + 1) if free else 0.0,
        next_cost=cost(last + 2) if free else 0.0,
    )


def place_probabilities(projection: Projection, errors: Errors, *, cars: int) -> "np.ndarray":
    """The probability of each place, the first one being the lead."""
    import numpy as np

    state = projection.conditions if projection.conditions in errors.own else GREEN
    own = projection.own + np.array(errors.own[state])
    ahead = np.array([ahead_of(rival, own, errors, state) for rival in projection.rivals]).reshape(-1, len(own))
    places = count_distribution(ahead, cars).mean(axis=1)
    distance = np.abs(np.arange(cars)[:, None] - np.arange(cars))
    kernel = FAR_OFF_RATIO**distance * (np.arange(cars)[:, None] <= len(projection.rivals))
    spread = (kernel / kernel.sum(axis=0)) @ places
    return np.asarray((1 - FAR_OFF) * places + FAR_OFF * spread)


def ahead_of(rival: Rival, own: "np.ndarray", errors: Errors, state: str) -> "np.ndarray":
    """The probability that a rival is ahead, for each own time."""
    import numpy as np
    from scipy.special import stdtr

    if not rival.laps:
        return np.ones(len(own))
    scale = np.sqrt(rival.laps * errors.lap[state] ** 2 + rival.owes * errors.stop[state] ** 2)
    wide = np.sqrt(scale**2 + errors.stop[state] ** 2)
    stays = (1 - rival.stop_now) * (1 - rival.stop_next)
    gap = own - rival.seconds
    result = stays * stdtr(DEGREES, gap / scale)
    result += rival.stop_now * stdtr(DEGREES, (gap - rival.now_cost) / wide)
    return np.asarray(result + (1 - rival.stop_now) * rival.stop_next * stdtr(DEGREES, (gap - rival.next_cost) / wide))


def count_distribution(ahead: "np.ndarray", cars: int) -> "np.ndarray":
    """(place, case): the probability that `place` rivals are ahead, of independent rivals (rival, case)."""
    import numpy as np

    result = np.zeros((cars, ahead.shape[1]))
    result[0] = 1
    for chance in ahead:
        moved = result[:-1] * chance
        result *= 1 - chance
        result[1:] += moved
    return result


def median_place(places: "np.ndarray") -> int:
    """The place that is reached or bettered with a probability of a half: the best point forecast of the exam."""
    import numpy as np

    return int(np.searchsorted(np.cumsum(places), 0.5)) + 1


def smallest_set(probabilities: "np.ndarray", covered: float = 0.8) -> list[int]:
    """The fewest places that together have at least this probability, in their order."""
    import numpy as np

    order = np.argsort(-probabilities, kind="stable")
    count = int(np.searchsorted(np.cumsum(probabilities[order]), covered - 1e-9)) + 1
    return sorted(int(place) + 1 for place in order[:count])
