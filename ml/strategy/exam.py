"""How good the answer to "where does he rejoin?" is on races that the model has not learnt from, beside what anybody could say.

Every stop of the asked races is a question, put at the moment at which the car came into the pit lane. The baselines are made
probabilistic with the errors that they make on the training races, so that all are judged by the same scores.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ml.strategy import fitting, forecast, hazard, rejoin, undercut, undercut_exam
from ml.strategy.rejoin import Model, Question

if TYPE_CHECKING:
    import numpy as np

    from ml.strategy.timeline import Timeline

FIXED_LOSS = 22.0  # seconds
DRAWS = 2000
ENOUGH_STOPS = 3  # finished stops of the race, after which its own pit loss is known
NAMES = ("no change", "fixed 22 s", "shrunk loss", "model")


class Score(NamedTuple):
    """The scores of one answer."""

    exact: float
    within_one: float
    log_score: float
    crps: float
    covered: float  # by the 80 % set
    set_size: float


class Asked(NamedTuple):
    """A question with the scores of every method."""

    session_id: int
    green: bool
    stops_known: int
    scores: dict[str, Score]


class Hazard(NamedTuple):
    """The scores of the probability of a stop on a lap."""

    log_loss: float
    constant: float  # the log loss of the share of laps with a stop
    auc: float
    laps: int


def score(places: "np.ndarray", truth: int, *, likely: int | None = None) -> Score:
    """The scores of a distribution of places. The point forecast is its median unless another one is said."""
    import numpy as np

    point = rejoin.median_place(places) if likely is None else likely
    chosen = rejoin.smallest_set(places)
    reached = np.arange(1, len(places) + 1) >= truth
    return Score(
        exact=float(point == truth),
        within_one=float(abs(point - truth) <= 1),
        log_score=float(fitting.log_score(places[truth - 1])),
        crps=float(np.square(np.cumsum(places) - reached).sum()),
        covered=float(truth in chosen),
        set_size=float(len(chosen)),
    )


class Baselines:
    """The naive answers, with the spreads that are best on the training races."""

    def __init__(self, races: "Sequence[Timeline]", model: Model) -> None:
        import numpy as np

        self.model = model
        changes = [place_before(race, q) - fitting.true_place(race, q) for race in races for q in fitting.stop_questions(race)]
        most = max((len(race.cars) for race in races), default=20)
        counts = np.array([changes.count(change) for change in range(-most, most + 1)]) + 0.1
        self.changes = dict(zip(range(-most, most + 1), counts / counts.sum(), strict=True))
        self.spread = {name: self.best_spread(name, races) for name in ("fixed 22 s", "shrunk loss")}

    def best_spread(self, name: str, races: "Sequence[Timeline]") -> float:
        import numpy as np

        asked = [
            (self.gaps(name, race.as_of(q.asked_at), q), fitting.true_place(race, q), len(race.cars))
            for race in races
            for q in fitting.stop_questions(race)
        ]

        def loss(spread: float) -> float:
            return float(np.mean([score(gaussian_places(gaps, spread, cars), truth).log_score for gaps, truth, cars in asked]))

        return min(fitting.SPREADS, key=loss)

    def gaps(self, name: str, known: "Timeline", question: Question) -> "np.ndarray":
        """Seconds by which every rival ends the out-lap before this car, if nobody else stops."""
        import numpy as np

        projection = rejoin.project(known, question, self.model)
        pace = known.level(question.row)
        pace = float(np.nanmedian(known.duration)) if np.isnan(pace) else pace
        loss = FIXED_LOSS if name == "fixed 22 s" else projection.loss.total
        own = known.crossing[question.row, question.lap - 1] + 2 * pace + loss
        last = known.last_lap
        seen = known.crossing[np.arange(len(last)), last]
        levels = np.array([known.level(row) for row in range(len(last))])
        ends = seen + np.maximum(question.lap + 1 - last, 0) * np.where(np.isnan(levels), pace, levels)
        running = question.asked_at - seen <= rejoin.RETIRED_LAPS * pace + loss
        running[question.row] = False
        return np.asarray(own - ends)[running & np.isfinite(ends)]

    def answer(self, name: str, race: "Timeline", question: Question) -> "tuple[np.ndarray, int]":
        """(distribution of places, the most likely one)"""
        import numpy as np

        if name == "no change":
            before = place_before(race, question)
            places = np.array([self.changes.get(before - place, 1e-6) for place in range(1, len(race.cars) + 1)])
            return places / places.sum(), before
        gaps = self.gaps(name, race.as_of(question.asked_at), question)
        return gaussian_places(gaps, self.spread[name], len(race.cars)), int((gaps > 0).sum()) + 1


def place_before(race: "Timeline", question: Question) -> int:
    """The place at the last crossing of the line before the stop."""
    begun = race.crossing[:, question.lap - 1]
    return int((begun < begun[question.row]).sum()) + 1


def gaussian_places(gaps: "np.ndarray", spread: float, cars: int) -> "np.ndarray":
    """The distribution of places where all gaps have the same independent normal error."""
    import numpy as np
    from scipy.special import ndtr

    return np.asarray(rejoin.count_distribution(ndtr(gaps / spread)[:, None], cars)[:, 0])


def examine(trained_on: "Sequence[Timeline]", asked: "Sequence[Timeline]", model: Model) -> list[Asked]:
    """Put every stop of the asked races to the model and to the baselines."""
    baselines = Baselines(trained_on, model)
    result = []
    for race in asked:
        for question in fitting.stop_questions(race):
            truth = fitting.true_place(race, question)
            projection = rejoin.project(race.as_of(question.asked_at), question, model)
            places = rejoin.place_probabilities(projection, model.errors, cars=len(race.cars))
            scores = {"model": score(places, truth)}
            for name in NAMES[:-1]:
                answer, likely = baselines.answer(name, race, question)
                scores[name] = score(answer, truth, likely=likely)
            result.append(Asked(race.session_id, fitting.is_green(race, question), projection.loss.n, scores))
    return result


def subsets(asked: Sequence[Asked]) -> dict[str, list[Asked]]:
    """The questions by what is known of them."""
    green = [one for one in asked if one.green]
    return {
        "green stops": green,
        f"green, after {ENOUGH_STOPS} stops of the race": [one for one in green if one.stops_known >= ENOUGH_STOPS],
        "all stops": list(asked),
    }


def mean_score(asked: Sequence[Asked], name: str) -> Score:
    import numpy as np

    return Score(*map(float, np.mean([one.scores[name] for one in asked], axis=0)))


def interval(asked: Sequence[Asked], name: str, measure: str, *, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of a mean score, by drawing whole races with replacement."""
    import numpy as np

    races = sorted({one.session_id for one in asked})
    values = {key: [getattr(one.scores[name], measure) for one in asked if one.session_id == key] for key in races}
    sums = np.array([[sum(values[key]), len(values[key])] for key in races], dtype=float)
    drawn = np.random.default_rng(seed).integers(len(races), size=(DRAWS, len(races)))
    means = sums[drawn, 0].sum(axis=1) / sums[drawn, 1].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def stop_chances(asked: "Sequence[Timeline]", model: Model) -> "tuple[np.ndarray, np.ndarray]":
    """(probability of a stop, whether there was one) of every car-lap of the asked races"""
    import numpy as np

    features, targets = [], []
    for race in asked:
        rows, laps, moments, stopped = hazard.car_laps(race)
        features.append(hazard.stop_features(race, rows, laps, moments))
        targets.append(stopped)
    return model.hazard.predict_proba(np.concatenate(features))[:, 1], np.concatenate(targets)


def score_hazard(chances: "np.ndarray", truth: "np.ndarray") -> Hazard:
    """How good probabilities of a stop were."""
    import numpy as np
    from sklearn.metrics import log_loss, roc_auc_score

    constant = np.full(len(truth), truth.mean())
    return Hazard(
        log_loss=float(log_loss(truth, chances, labels=[False, True])),
        constant=float(log_loss(truth, constant, labels=[False, True])),
        auc=float(roc_auc_score(truth, chances)),
        laps=len(truth),
    )


class Results(NamedTuple):
    """What an exam has found, over all its parts."""

    answers: list[Asked]
    hazard: Hazard
    attempts: "list[undercut_exam.Asked]"
    races: "list[tuple[Timeline, forecast.RaceModel]]"  # each asked race with the model that forecasts it


def sit(parts: "Sequence[tuple[Sequence[Timeline], Sequence[Timeline]]]") -> Results:
    """Train a model on the first races of each part and ask it about the second ones; ValueError where it cannot be trained."""
    import numpy as np

    answers, attempts, races, chances = [], [], [], []
    for trained_on, asked in parts:
        model, race_model = fitting.fit(trained_on), forecast.fit(trained_on)
        answers += examine(trained_on, asked, model)
        attempts += undercut_exam.examine(asked, undercut.fit(trained_on))
        races += [(race, race_model) for race in asked]
        chances.append(stop_chances(asked, model))
    hazards = score_hazard(*map(np.concatenate, zip(*chances, strict=True)))
    return Results(answers, hazards, attempts, races)


def leave_one_out(races: "Sequence[Timeline]") -> "list[tuple[list[Timeline], list[Timeline]]]":
    """Parts of an exam: each race is asked about with a model of the others."""
    return [([other for other in races if other is not race], [race]) for race in races]
