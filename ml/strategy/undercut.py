"""Undercut and overcut: how likely it is that stopping before, or after, the car ahead gains its place.

An attempt is a pair of cars that race each other for a place:

* at the line before the first stop one of them, the chaser, was directly behind the other, the leader, by at most MAX_GAP
  seconds;
* neither had stopped on the ANSWER_LAPS laps before; one stops at the end of that lap, the other 1 to ANSWER_LAPS laps later, and
  neither stops again in between. Where the chaser stops first it is an undercut, where the leader does it is an overcut;
* both are on slicks, and the track is free from the lap of the first stop to the second car's out-lap.

It is won where the chaser ends the second car's out-lap before the leader. That the other car answers, and that the track stays
free, is known afterwards only: the probability is that of winning if both come true.

Slow stops are kept apart, because one decides an attempt and nobody foresees it: the probability is learnt from attempts without,
by logistic regression on the gap and the difference in tyre age.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ml.strategy import pitloss
from ml.strategy.pitloss import GREEN
from telemetry.lap_rules import SLICK_COMPOUNDS

if TYPE_CHECKING:
    import numpy as np

    from ml.strategy.timeline import Timeline

UNDERCUT, OVERCUT = KINDS = ("undercut", "overcut")
USUAL, OWN_SLOW, RIVAL_SLOW = STOPS = ("usual", "slow stop of the chaser", "slow stop of the leader")
MAX_GAP = 5.0  # seconds
ANSWER_LAPS = 5
SLOW_LANE = 2.5  # seconds in the lane beyond the median of the race's stops
SLOW_LAPS = 4.0  # seconds of in-lap and out-lap beyond it, where the time in the lane is not known
FIRST_LAP = 3  # a pace takes laps, and the first stops of a race are repairs
MAX_AGE = 10.0  # laps of difference, beyond which differences are not told apart
MIN_ATTEMPTS = 10  # of which some were won and some lost; below, the probability is the share of those won


class Attempt(NamedTuple):
    """An undercut or overcut that was tried; cars by row."""

    kind: str
    chaser: int
    leader: int
    lap: int  # at whose end the first of them came in
    answer: int  # at whose end the other did
    stops: str  # one of STOPS
    won: bool


class Odds(NamedTuple):
    """What past attempts of a kind say: log odds of winning, and the share that was won."""

    intercept: float
    weights: list[float]  # of `features`; zeros where there were too few attempts
    base_rate: float
    recorded: dict[str, list[int]]  # {one of STOPS: [attempts, of which won]}


def find_attempts(race: "Timeline") -> list[Attempt]:
    """All attempts of a whole race."""
    import numpy as np

    slow = slow_stops(race)
    result = []
    for first, lap in zip(*(place.tolist() for place in np.nonzero(race.stop)), strict=True):
        for kind, second in neighbours(race, first, lap):
            chaser, leader = (first, second) if kind == UNDERCUT else (second, first)
            answer = find_answer(race, first, second, lap)
            if why_not(race, chaser, leader, lap) or answer is None or not is_comparable(race, chaser, leader, lap, answer):
                continue
            laps = {first: lap, second: answer}
            stops = OWN_SLOW if slow[chaser, laps[chaser]] else RIVAL_SLOW if slow[leader, laps[leader]] else USUAL
            won = race.crossing[chaser, answer + 1] < race.crossing[leader, answer + 1]
            result.append(Attempt(kind, chaser, leader, lap, answer, stops, bool(won)))
    return result


def neighbours(race: "Timeline", row: int, lap: int) -> Iterator[tuple[str, int]]:
    """The cars directly ahead and behind when a lap begins, and what a stop of this car is the beginning of against each."""
    ahead, behind = next_at_line(race, row, lap, -1), next_at_line(race, row, lap, 1)
    if ahead is not None:
        yield UNDERCUT, ahead
    if behind is not None:
        yield OVERCUT, behind


def next_at_line(race: "Timeline", row: int, lap: int, step: int) -> int | None:
    """The car that began the lap directly before (step -1) or after (1) this one; None where there is none."""
    import numpy as np

    begun = race.crossing[:, lap - 1]
    order = [car for car in np.argsort(begun).tolist() if np.isfinite(begun[car])]
    place = order.index(row) + step if row in order else -1
    return order[place] if 0 <= place < len(order) else None


def find_answer(race: "Timeline", first: int, second: int, lap: int) -> int | None:
    """The lap at whose end the second car stops, within ANSWER_LAPS; None where it does not, or where the first stops again."""
    answer = next((other for other in range(lap + 1, lap + 1 + ANSWER_LAPS) if race.stop[second, other : other + 1].any()), None)
    return None if answer is None or race.stop[first, lap + 1 : answer + 2].any() else answer


def is_comparable(race: "Timeline", chaser: int, leader: int, lap: int, answer: int) -> bool:
    """Whether the track was free and both cars were on slicks and running until the end of the second one's out-lap."""
    import numpy as np

    if answer + 1 >= race.crossing.shape[1]:
        return False
    pair = [chaser, leader]
    laps = slice(lap, answer + 2)
    return bool(
        np.isfinite(race.crossing[pair, answer + 1]).all()
        and not race.neutralised[pair, laps].any()
        and race.compound[pair, laps].max() < len(SLICK_COMPOUNDS)
    )


def slow_stops(race: "Timeline") -> "np.ndarray":
    """(car, lap): whether a stop took longer than the others of the race: in the lane, or by its laps where that is not known."""
    import numpy as np

    lane = np.where(race.stop, race.exit - race.entry, np.nan)
    loss = np.full_like(lane, np.nan)
    for stop in pitloss.measure_stops(race):
        if stop.state == GREEN:
            loss[race.row[stop.car], stop.lap] = stop.loss

    def beyond(values: "np.ndarray") -> "np.ndarray":
        known = values[np.isfinite(values)]
        return values - np.median(known) if len(known) else values

    return np.where(np.isfinite(lane), beyond(lane) > SLOW_LANE, beyond(loss) > SLOW_LAPS)


def why_not(known: "Timeline", chaser: int, leader: int, lap: int) -> str:
    """In words why a stop of one of two cars at the end of a lap would be no attempt; empty where it would be one."""
    import numpy as np

    begun = known.crossing[[chaser, leader], lap - 1]
    if lap < FIRST_LAP or np.isnan(begun).any():
        return f"before lap {FIRST_LAP} nothing is known of the pace"
    if begun[0] - begun[1] > MAX_GAP:
        return f"the gap is {begun[0] - begun[1]:.1f} s, and attempts begin within {MAX_GAP:g} s"
    recent = slice(max(lap - ANSWER_LAPS, 0), lap)
    if known.stop[[chaser, leader], recent].any():
        car = known.cars[chaser if known.stop[chaser, recent].any() else leader]
        return f"car {car} has stopped on one of the {ANSWER_LAPS} laps before"
    if known.compound[[chaser, leader], last_column(known, lap)].max() >= len(SLICK_COMPOUNDS):
        return "attempts are between cars on slicks"
    return ""


def features(known: "Timeline", chaser: int, leader: int, lap: int) -> list[float]:
    """What the probability rests on: the gap in seconds when the lap began, and by how many times ten laps the leader's tyres are
    older; 0 where that is not known.
    """
    import numpy as np

    gap = known.crossing[chaser, lap - 1] - known.crossing[leader, lap - 1]
    on_lap = last_column(known, lap)
    older = known.age[leader, on_lap] - known.age[chaser, on_lap]
    return [float(gap), float(np.clip(np.nan_to_num(older / MAX_AGE, nan=0.0), -1, 1))]


def last_column(known: "Timeline", lap: int) -> int:
    """The column of a lap; of the lap before where a race is on and nobody has ended this one yet."""
    return min(lap, known.compound.shape[1] - 1)


def known_at_entry(race: "Timeline", attempt: Attempt) -> "Timeline":
    """The race as of the moment when the first of the two cars came into the pit lane."""
    first = attempt.chaser if attempt.kind == UNDERCUT else attempt.leader
    return race.as_of(float(race.entry[first, attempt.lap]))


def inputs_of(race: "Timeline", attempt: Attempt) -> list[float]:
    """The features of a past attempt, from what was known at the first pit entry."""
    return features(known_at_entry(race, attempt), attempt.chaser, attempt.leader, attempt.lap)


def fit(races: "Sequence[Timeline]") -> dict[str, Odds]:
    """{kind: its odds}; a kind that nobody tried has the base rate of a coin."""
    attempts = [(race, attempt) for race in races for attempt in find_attempts(race)]
    return {kind: fit_kind([(race, one) for race, one in attempts if one.kind == kind]) for kind in KINDS}


def fit_kind(attempts: "Sequence[tuple[Timeline, Attempt]]") -> Odds:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    recorded = {stops: [0, 0] for stops in STOPS}
    for _, attempt in attempts:
        recorded[attempt.stops][0] += 1
        recorded[attempt.stops][1] += attempt.won
    usual = [(race, attempt) for race, attempt in attempts if attempt.stops == USUAL]
    won = np.array([attempt.won for _, attempt in usual], dtype=bool)
    base_rate = (int(won.sum()) + 0.5) / (len(won) + 1)  # Jeffreys' prior
    if len(won) < MIN_ATTEMPTS or won.all() or not won.any():
        return Odds(float(np.log(base_rate / (1 - base_rate))), [0.0, 0.0], base_rate, recorded)
    fitted = LogisticRegression().fit([inputs_of(race, attempt) for race, attempt in usual], won)
    return Odds(float(fitted.intercept_[0]), fitted.coef_[0].tolist(), base_rate, recorded)


def win_probability(odds: Odds, inputs: Sequence[float]) -> float:
    """The probability that an attempt without a slow stop is won."""
    import numpy as np

    return float(1 / (1 + np.exp(-(odds.intercept + np.dot(odds.weights, inputs)))))
