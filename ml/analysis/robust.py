"""Straight lines, their uncertainty, and what many of them say together. Pure numpy.

Huber's M-estimator (Annals of Mathematical Statistics 35, 1964) by reweighting; random effects after DerSimonian and Laird
(Controlled Clinical Trials 7, 1986), their interval after Hartung and Knapp (Statistics in Medicine 20, 2001), for few estimates.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

HUBER = 1.345  # scaled residuals beyond which a lap counts less
NORMAL = 1.96  # 95 %
MAD = 1.4826  # makes the median absolute deviation a standard deviation of normal errors


class Line(NamedTuple):
    level: float  # where x is 0
    slope: float
    error: float  # standard error of the slope


def scale(residuals: "np.ndarray") -> float:
    """A standard deviation that a few wild values do not move."""
    import numpy as np

    return MAD * median(np.abs(residuals - median(residuals)))


def median(values: "np.ndarray") -> float:
    """As numpy's, without its checks, which take longer than the work on the few laps of a stint."""
    import numpy as np

    ordered = np.sort(values)
    half = len(ordered) // 2
    return float(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def weighted_fit(columns: "np.ndarray", y: "np.ndarray") -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """Huber regression on a matrix of columns: (coefficients, residuals, weights).

    Each step solves the normal equations: a few columns square, however many laps there are. Columns that say the same share
    their coefficient, as by least squares on all laps.
    """
    import numpy as np

    weights = np.ones(len(y))
    for _ in range(30):
        weighted = columns.T * weights
        found = np.linalg.lstsq(weighted @ columns, weighted @ y, rcond=None)[0]
        residuals = y - columns @ found
        spread = max(scale(residuals), 1e-6)
        fresh = np.minimum(1, HUBER * spread / np.maximum(np.abs(residuals), 1e-12))
        if np.abs(fresh - weights).max() < 1e-6:
            break
        weights = fresh
    return found, residuals, weights


def line(x: "np.ndarray", y: "np.ndarray") -> Line:
    """A Huber line; its standard error is inflated for errors that last from one lap to the next (first-order)."""
    import numpy as np

    columns = np.column_stack([np.ones(len(x)), x])
    (level, slope), residuals, _ = weighted_fit(columns, y)
    away = x - x.mean()
    spread = max(scale(residuals), float(np.sqrt((np.clip(residuals, -3, 3) ** 2).sum() / max(len(x) - 2, 1))) * 0.5, 0.02)
    error = spread / np.sqrt((away**2).sum())
    following = float((residuals[1:] * residuals[:-1]).sum() / max((residuals**2).sum(), 1e-12))
    lasting = min(max(following, 0.0), 0.8)
    return Line(float(level), float(slope), float(error * np.sqrt((1 + lasting) / (1 - lasting))))


class Pooled(NamedTuple):
    """What many estimates of the same thing say: their mean, its standard error, and the standard deviation between them."""

    mean: float
    error: float
    between: float
    times: float = NORMAL  # errors on either side that hold 95 %: more where there are few estimates

    @property
    def away(self) -> float:
        """Half the interval."""
        return self.times * self.error

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the mean."""
        return self.mean - self.away, self.mean + self.away

    @property
    def predictive(self) -> tuple[float, float]:
        """95 % of a new one of them, which the mean's own interval does not cover by far."""
        import math

        away = self.times * math.hypot(self.error, self.between)
        return self.mean - away, self.mean + away

    def shrunk(self, estimate: float, error: float) -> tuple[float, float]:
        """(estimate, standard error) of one of them, drawn towards the mean by how uncertain it is."""
        trust = self.between**2 / (self.between**2 + error**2) if self.between else 0.0
        own = (trust * error**2) ** 0.5 if trust else 0.0
        return trust * estimate + (1 - trust) * self.mean, (own**2 + ((1 - trust) * self.error) ** 2) ** 0.5


def pool(estimates: "np.ndarray", errors: "np.ndarray") -> Pooled:
    """Random effects: estimates that differ by more than their errors say are of things that differ."""
    from scipy.special import stdtrit

    count = len(estimates)
    weights = 1 / errors**2
    mean = (weights * estimates).sum() / weights.sum()
    excess = (weights * (estimates - mean) ** 2).sum() - (count - 1)
    between = max(0.0, float(excess / (weights.sum() - (weights**2).sum() / weights.sum()))) if count > 1 else 0.0
    weights = 1 / (errors**2 + between)
    mean, error = float((weights * estimates).sum() / weights.sum()), float(weights.sum() ** -0.5)
    if count < 3:
        return Pooled(mean, error, between**0.5)
    seen = (weights * (estimates - mean) ** 2).sum() / (count - 1)  # 1 where the errors are what they say
    return Pooled(mean, error * max(1.0, float(seen**0.5)), between**0.5, float(stdtrit(count - 1, 0.975)))


def clustered(columns: "np.ndarray", y: "np.ndarray", *groupings: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    """(coefficients, their covariance) of a Huber regression whose errors hang together within the groups of each grouping: the
    covariances of all groupings are added up, which errs on the wide side."""
    import numpy as np

    found, residuals, weights = weighted_fit(columns, y)
    bread = np.linalg.pinv((columns * weights[:, None]).T @ columns)
    told = columns * (weights * residuals)[:, None]
    meat = np.zeros_like(bread)
    for groups in groupings:
        kinds, place = np.unique(groups, return_inverse=True)
        scores = np.zeros((len(kinds), columns.shape[1]))
        np.add.at(scores, place, told)
        meat += len(kinds) / max(len(kinds) - 1, 1) * scores.T @ scores  # few groups say less than many
    return found, bread @ meat @ bread


def bootstrap(values: "np.ndarray", groups: "np.ndarray", *, draws: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the median, from drawing whole groups with replacement."""
    import numpy as np

    kinds, place = np.unique(groups, return_inverse=True)
    random = np.random.default_rng(seed)
    times = random.multinomial(len(kinds), np.full(len(kinds), 1 / len(kinds)), size=draws)  # that each group was drawn
    order = np.argsort(values)
    low, high = np.quantile(medians(values[order], times[:, place[order]]), [0.025, 0.975])
    return float(low), float(high)


def medians(values: "np.ndarray", times: "np.ndarray") -> "np.ndarray":
    """The median of sorted values repeated `times`, one per row of `times`."""
    import numpy as np

    reached = np.cumsum(times, axis=1)
    half = reached[:, -1:] / 2
    below, above = (reached >= half).argmax(axis=1), (reached > half).argmax(axis=1)
    return (values[below] + values[above]) / 2
