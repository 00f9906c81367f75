"""When cars stop and for which tyres, as tables: quick enough to be asked for every car and lap of a thousand races."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ml.strategy import hazard
from ml.strategy.pitloss import STATES
from telemetry.lap_rules import SLICK_COMPOUNDS

if TYPE_CHECKING:
    import numpy as np

    from ml.strategy.timeline import Timeline

WET = len(SLICK_COMPOUNDS)  # place of all wet and unknown tyres in the tables
AGES = (2, 5, 8, 11, 14, 17, 20, 24, 28, 33, 40)  # upper ends of bins of tyre age, in laps
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)  # upper ends of bins of the share of the race that is over
MAX_STOPS = 3
MAX_AGE = 80


class StopTables(NamedTuple):
    """Terms of the log odds of a stop at the end of a lap, and the shares of the compounds that are taken next."""

    by_age: "np.ndarray"  # (compound, age in laps)
    by_share: "np.ndarray"  # (whether a second dry compound is still due, bin of SHARES)
    by_state: "np.ndarray"  # (free track, virtual safety car, safety car)
    by_stops: "np.ndarray"  # (stops so far)
    constant: float
    next_compound: "np.ndarray"  # (bin of SHARES, present compound, next compound), shares


def dry(compound: "np.ndarray") -> "np.ndarray":
    """The place of each compound in the tables."""
    import numpy as np

    return np.where((compound < 0) | (compound >= WET), WET, compound)


def fit_tables(races: "Sequence[Timeline]") -> StopTables:
    """Logistic regression on bins; ValueError where nobody stops."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    columns, targets = [], []
    taken = np.zeros((len(SHARES) + 1, WET + 1, WET))
    for race in races:
        rows, laps, moments, stopped = hazard.car_laps(race)
        columns.append(np.column_stack(bins_of(race, rows=rows, laps=laps, moments=moments)))
        targets.append(stopped)
        for row, lap in zip(rows[stopped], laps[stopped], strict=True):
            following = race.compound[row, lap + 1] if lap + 1 < race.compound.shape[1] else -1
            if 0 <= following < WET:
                taken[np.searchsorted(SHARES, lap / race.race_laps), dry(race.compound[row, lap]), following] += 1
    codes, truth = np.concatenate(columns), np.concatenate(targets)
    if not truth.any():
        raise ValueError("No stop is stored in these races, so nothing says when cars stop.")
    sizes = ((WET + 1) * len(AGES), 2 * (len(SHARES) + 1), len(STATES), MAX_STOPS + 1)
    inputs = np.concatenate([np.eye(size)[codes[:, place]] for place, size in enumerate(sizes)], axis=1)
    fitted = LogisticRegression(C=1.0, max_iter=300).fit(inputs, truth)
    ages, shares, states, stops = np.split(fitted.coef_[0], np.cumsum(sizes)[:-1])
    bins = np.minimum(np.searchsorted(AGES, np.arange(MAX_AGE)), len(AGES) - 1)
    return StopTables(
        by_age=ages.reshape(WET + 1, -1)[:, bins],
        by_share=shares.reshape(2, -1),
        by_state=states,
        by_stops=stops,
        constant=float(fitted.intercept_[0]),
        next_compound=smoothed(taken),
    )


def bins_of(race: "Timeline", *, rows: "np.ndarray", laps: "np.ndarray", moments: "np.ndarray") -> "list[np.ndarray]":
    """Of car-laps: the bins of compound and age, of second compound due and share of the race, the state, the stops so far."""
    import numpy as np

    compound, age = dry(race.compound[rows, laps]), np.nan_to_num(race.age[rows, laps])
    due = (hazard.compounds_used(race)[rows, laps] < 2) & (compound != WET)
    share = np.searchsorted(SHARES, laps / race.race_laps)
    state = np.minimum(hazard.track_states(race, moments)[0], len(STATES) - 1).astype(int)
    stops = np.minimum(np.cumsum(race.stop, axis=1)[rows, laps - 1], MAX_STOPS)
    by_age = compound * len(AGES) + np.minimum(np.searchsorted(AGES, age), len(AGES) - 1)
    return [by_age, due * (len(SHARES) + 1) + share, state, stops]


def chances(
    race: "Timeline", tables: StopTables, *, rows: "np.ndarray", laps: "np.ndarray", moments: "np.ndarray"
) -> "np.ndarray":
    """The probability of a stop at the end of each of these car-laps."""
    import numpy as np

    by_age, by_share, state, stops = bins_of(race, rows=rows, laps=laps, moments=moments)
    ages = tables.by_age[by_age // len(AGES), np.array((0, *AGES[:-1]))[by_age % len(AGES)] + 1]
    shares = tables.by_share.reshape(-1)[by_share]
    return np.asarray(1 / (1 + np.exp(-(tables.constant + ages + shares + tables.by_state[state] + tables.by_stops[stops]))))


def smoothed(taken: "np.ndarray") -> "np.ndarray":
    """Shares from counts, with the counts of all present compounds as a prior of the weight of five stops."""
    prior = taken.sum(axis=1, keepdims=True) + 1
    counts = taken + 5 * prior / prior.sum(axis=2, keepdims=True)
    return counts / counts.sum(axis=2, keepdims=True)
