"""Learn the model of strategy from past races."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ml.strategy import hazard, pitloss, rejoin
from ml.strategy.pitloss import GREEN, STATES
from ml.strategy.rejoin import Errors, Model, Question

if TYPE_CHECKING:
    import numpy as np

    from ml.strategy.timeline import Timeline

QUANTILES = 60  # of the own errors
MIN_STOPS = 20  # in some conditions; below, their errors are those of all neutralisations
MAX_GAP = 45.0  # seconds between a car and the rivals whose errors count
SPREADS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)  # seconds, of which the best on the training races is taken
LEAST = 1e-4  # the smallest probability that a log score reads
STUDENT_MEDIAN = 0.765  # the median of |t| with three degrees of freedom
FIRST_LAP = 2  # a stop at the end of the first lap has no pace before it


def stop_questions(race: "Timeline") -> list[Question]:
    """Every stop of a race that ended in an out-lap, asked about at the pit entry; not under a red flag."""
    import numpy as np

    result = []
    for row, lap in zip(*(place.tolist() for place in np.nonzero(race.stop)), strict=True):
        if lap < FIRST_LAP or lap + 1 >= race.crossing.shape[1] or np.isnan(race.crossing[row, lap - 1 : lap + 2]).any():
            continue
        moment = float(race.entry[row, lap])
        stopped = any(w.state not in STATES and w.start < race.crossing[row, lap + 1] and w.end > moment for w in race.windows)
        if not stopped:
            result.append(Question(row, lap, moment, bool(np.isfinite(race.exit[row, lap]))))
    return result


def is_green(race: "Timeline", question: Question) -> bool:
    """Whether the track was free on in-lap and out-lap, and the tyres slicks: known afterwards only."""
    row, lap = question.row, question.lap
    wet = max(race.compound[row, lap : lap + 2]) >= len(pitloss.SLICK_COMPOUNDS)
    return not (wet or race.neutralised[row, lap] or race.neutralised[row, lap + 1])


def true_place(race: "Timeline", question: Question) -> int:
    """The place in the order in which the cars ended the out-lap."""
    ends = race.crossing[:, question.lap + 1]
    return int((ends < ends[question.row]).sum()) + 1


def fit(races: "Sequence[Timeline]", *, seed: int = 0) -> Model:
    """The model of these races; ValueError where they have no stops to learn from.

    What a stop costs is that of the other races when the errors are measured, as it will be in a race to come.
    """
    stops = {race.session_id: pitloss.measure_stops(race) for race in races}
    past = pitloss.gather_past((race.circuit, stops[race.session_id]) for race in races)
    model = Model(past, Errors(), hazard.fit_hazard(list(races), seed=seed))
    own: dict[str, list[float]] = defaultdict(list)
    lap: dict[str, list[float]] = defaultdict(list)
    stop: dict[str, list[float]] = defaultdict(list)
    for race in races:
        others = [(other.circuit, stops[other.session_id]) for other in races if other is not race]
        blind = model._replace(past=pitloss.gather_past(others)) if len(races) > 1 else model
        for question in stop_questions(race):
            collect_errors(race, question, blind, own=own, lap=lap, stop=stop)
    compounds = pitloss.compound_costs((race, stops[race.session_id]) for race in races)
    model = model._replace(errors=summarise_errors(own=own, lap=lap, stop=stop), compounds=compounds)
    return model._replace(errors=with_spread_behind_safety_car(races, model))


def with_spread_behind_safety_car(races: "Sequence[Timeline]", model: Model) -> Errors:
    """The errors with the spread of the own time, of SPREADS, that gives the places of past stops behind a safety car the best
    log score.

    Times at the line cannot be compared there: the first cars wait for the others, and nobody's place changes by it.
    """
    from scipy.special import stdtrit

    safety_car = STATES[2]
    asked = []
    for race in races:
        for question in stop_questions(race):
            if race.state_at(question.asked_at)[0] == safety_car:
                projection = rejoin.project(race.as_of(question.asked_at), question, model)
                asked.append((projection, true_place(race, question), len(race.cars)))
    usual = stdtrit(rejoin.DEGREES, quantile_levels())

    def errors_of(spread: float) -> Errors:
        return replace(model.errors, own=model.errors.own | {safety_car: (spread * usual).tolist()})

    def loss(spread: float) -> float:
        errors = errors_of(spread)
        places = [rejoin.place_probabilities(projection, errors, cars=cars)[truth - 1] for projection, truth, cars in asked]
        return float(log_score(places).sum())

    return errors_of(min(SPREADS, key=loss)) if len(asked) >= MIN_STOPS else model.errors


def collect_errors(
    race: "Timeline",
    question: Question,
    model: Model,
    *,
    own: dict[str, list[float]],
    lap: dict[str, list[float]],
    stop: dict[str, list[float]],
) -> None:
    """Add how far the projections of a stop were off, by the conditions; rivals that came in afterwards are left out."""
    import numpy as np

    projection = rejoin.project(race.as_of(question.asked_at), question, model)
    target = question.lap + 1
    later = (race.entry > question.asked_at) & (np.arange(race.entry.shape[1]) <= target)
    off = {
        rival: float(race.crossing[rival.row, target] - rival.seconds)
        for rival in projection.rivals
        if rival.laps and not later[rival.row].any() and abs(rival.seconds - projection.own) < MAX_GAP
    }
    off = {rival: error for rival, error in off.items() if np.isfinite(error)}
    common = float(np.median([*off.values()])) if off else 0.0
    error = float(race.crossing[question.row, target]) - projection.own - common
    conditions = projection.conditions
    own[conditions].append(error)
    for rival, error in off.items():
        beside = error - common
        if rival.owes:
            stop[conditions].append(beside)
        else:
            lap[conditions].append(beside / rival.laps**0.5)


def log_score(probabilities: "np.ndarray | Sequence[float]") -> "np.ndarray":
    """Of the probabilities that were given to what came; lower is better."""
    import numpy as np

    return -np.log(np.maximum(probabilities, LEAST))


def quantile_levels() -> "np.ndarray":
    import numpy as np

    return (np.arange(QUANTILES) + 0.5) / QUANTILES


def summarise_errors(*, own: dict[str, list[float]], lap: dict[str, list[float]], stop: dict[str, list[float]]) -> Errors:
    """Quantiles and scales; conditions with few stops have those of all neutralisations, without any those of a free track."""
    import numpy as np

    def pooled(errors: dict[str, list[float]], state: str) -> list[float]:
        neutralised = [error for name in STATES[1:] for error in errors.get(name, [])]
        choices = (errors.get(state, []), neutralised if state != GREEN else [], errors.get(GREEN, []))
        return next((values for values in choices if len(values) >= MIN_STOPS), choices[-1])

    def scale(errors: list[float], default: float) -> float:
        return max(float(np.median(np.abs(errors))) / STUDENT_MEDIAN, 0.1) if errors else default

    conditions = (*STATES, rejoin.WET_TRACK)
    quantiles = {one: np.quantile(pooled(own, one) or [0.0], quantile_levels()) for one in conditions}
    # By how much a stop is off in the middle is another thing in each wet race, and there are few.
    quantiles[rejoin.WET_TRACK] -= np.median(quantiles[rejoin.WET_TRACK])
    return Errors(
        own={one: values.tolist() for one, values in quantiles.items()},
        lap={one: scale(pooled(lap, one), 0.7) for one in conditions},
        stop={one: scale(pooled(stop, one), 2.0) for one in conditions},
    )
