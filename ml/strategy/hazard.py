"""How likely it is that a car comes in for a stop at the end of a lap."""

from typing import TYPE_CHECKING, Any

from ml.strategy.pitloss import STATES
from telemetry.lap_rules import SLICK_COMPOUNDS

if TYPE_CHECKING:
    import numpy as np

    from ml.strategy.timeline import Timeline

FEATURES = (
    "tyre_age",
    "compound",
    "share_driven",
    "laps_left",
    "stops",
    "dry_compounds_used",
    "state",
    "state_seconds",
    "share_entered_lately",
    "share_entered_in_state",
    "gap_ahead",
    "gap_behind",
    "seconds_since_ahead_entered",
    "seconds_since_behind_entered",
    "share_of_places",
    "share_with_more_stops",
    "age_beside_others_stops",
    "share_on_wet_tyres",
    "last_lap_delta",
)
MAX_GAP = 30.0  # seconds beyond which gaps are not told apart
MAX_SINCE = 600.0  # seconds beyond which moments are not told apart
LATELY = 100.0  # seconds: about a lap
ASKED_AFTER = 0.8  # of a lap: shortly before the pit entry
SETTINGS = {
    "max_iter": 180,
    "learning_rate": 0.04,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 60,
    "l2_regularization": 5.0,
    "max_features": 0.5,
}


def stop_features(race: "Timeline", rows: "np.ndarray", laps: "np.ndarray", moments: "np.ndarray") -> "np.ndarray":
    """FEATURES of cars (by row) on laps that they have begun, as known at a moment on each lap; a line per question."""
    import numpy as np

    begun = race.crossing[rows, laps - 1]
    compound, age = race.compound[rows, laps], race.age[rows, laps]
    state, since = track_states(race, moments)
    # The race at the line: only crossings up to the moment count.
    at_line = race.crossing[:, laps - 1].T  # (question, car)
    at_line = np.where(at_line <= moments[:, None], at_line, np.nan)
    ahead, behind = neighbours(at_line, rows)
    places = (at_line < begun[:, None]).sum(axis=1)
    running = np.maximum(np.isfinite(at_line).sum(axis=1), 1)
    entry_cars, entry_laps = np.nonzero(race.stop)
    entries = race.entry[entry_cars, entry_laps]
    seen = entries[None, :] <= moments[:, None]  # (question, stop)
    stops = np.stack([(seen & (entry_cars == row)).sum(axis=1) for row in range(len(race.cars))], axis=1)
    own_stops = stops[np.arange(len(rows)), rows]
    latest = latest_entries(entry_cars, entries, seen, len(race.cars))
    others_ages = stop_ages(race, entry_cars, entry_laps, seen, compound)
    on_wet = race.compound[:, laps - 1].T >= len(SLICK_COMPOUNDS)  # noqa: SIM300 - an array, not a constant
    last = race.duration[rows, laps - 1]
    seconds = np.where(at_line <= moments[:, None], race.duration[:, laps - 1].T, np.nan)
    known, usual = np.isfinite(seconds).any(axis=1), np.full(len(rows), np.nan)  # nobody has a time of the first lap
    usual[known] = np.nanmedian(seconds[known], axis=1)
    columns = (
        age,
        compound,
        laps / race.race_laps,
        race.race_laps - laps,
        own_stops,
        compounds_used(race)[rows, laps],
        state,
        since,
        (seen & (entries[None, :] > moments[:, None] - LATELY)).sum(axis=1) / running,
        np.where(state > 0, (seen & (entries[None, :] >= (moments - since)[:, None])).sum(axis=1) / running, 0),
        np.clip(begun - pick(at_line, ahead), 0, MAX_GAP),
        np.clip(pick(at_line, behind) - begun, 0, MAX_GAP),
        np.clip(moments - pick(latest, ahead), 0, MAX_SINCE),
        np.clip(moments - pick(latest, behind), 0, MAX_SINCE),
        places / running,
        (stops > own_stops[:, None]).sum(axis=1) / running,
        age - others_ages,
        on_wet.sum(axis=1) / running,
        np.clip(last - usual, -3, 8),
    )
    return np.column_stack([np.asarray(column, dtype=float) for column in columns])


def a_lap_later(inputs: "np.ndarray", race_laps: int) -> "np.ndarray":
    """The same questions for the lap after, as far as they are known now."""
    later = inputs.copy()
    later[:, FEATURES.index("tyre_age")] += 1
    later[:, FEATURES.index("laps_left")] -= 1
    later[:, FEATURES.index("share_driven")] += 1 / race_laps
    later[:, FEATURES.index("age_beside_others_stops")] += 1
    return later


def track_states(race: "Timeline", moments: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    """(place in STATES of the track's state at each moment, 3 for a red flag; seconds since it began)"""
    import numpy as np

    state, since = np.zeros(len(moments)), np.zeros(len(moments))
    for window in race.windows:
        inside = (window.start <= moments) & (moments < window.end)
        state[inside] = STATES.index(window.state) if window.state in STATES else len(STATES)
        since[inside] = moments[inside] - window.start
    return state, np.minimum(since, MAX_SINCE)


def neighbours(at_line: "np.ndarray", rows: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    """Rows of the cars that crossed the line just before and just after each asked car; -1 where there is none."""
    import numpy as np

    questions = np.arange(len(rows))
    own = at_line[questions, rows][:, None]
    before = np.where(at_line < own, at_line, -np.inf)
    after = np.where(at_line > own, at_line, np.inf)
    ahead, behind = before.argmax(axis=1), after.argmin(axis=1)
    return (
        np.where(np.isfinite(before[questions, ahead]), ahead, -1),
        np.where(np.isfinite(after[questions, behind]), behind, -1),
    )


def pick(table: "np.ndarray", columns: "np.ndarray") -> "np.ndarray":
    """The value in one column of each line; NaN where the column is -1."""
    import numpy as np

    return np.where(columns < 0, np.nan, table[np.arange(len(columns)), columns])


def latest_entries(cars: "np.ndarray", entries: "np.ndarray", seen: "np.ndarray", count: int) -> "np.ndarray":
    """When each car last came in for a stop before each question; NaN where it has not."""
    import numpy as np

    latest = np.full((len(seen), count), -np.inf)
    for number, car in enumerate(cars):
        latest[:, car] = np.maximum(latest[:, car], np.where(seen[:, number], entries[number], -np.inf))
    return np.where(np.isfinite(latest), latest, np.nan)


def stop_ages(
    race: "Timeline", cars: "np.ndarray", laps: "np.ndarray", seen: "np.ndarray", compound: "np.ndarray"
) -> "np.ndarray":
    """The median age at which tyres of the same compound have been changed so far; NaN before the first such stop."""
    import numpy as np

    result = np.full(len(seen), np.nan)
    ages, compounds = race.age[cars, laps], race.compound[cars, laps]
    for question in range(len(seen)):
        known = ages[seen[question] & (compounds == compound[question])]
        if len(known):
            result[question] = np.median(known)
    return result


def compounds_used(race: "Timeline") -> "np.ndarray":
    """How many different dry compounds each car has driven on up to each lap."""
    import numpy as np

    used = [np.logical_or.accumulate(race.compound == place, axis=1) for place in range(len(SLICK_COMPOUNDS))]
    return np.sum(used, axis=0)


def car_laps(race: "Timeline") -> "tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]":
    """(rows, laps, moments, whether the car came in for a stop) of every car-lap of a race that can be asked about, from lap 2
    on. The moment is shortly before the pit entry; laps of a red flag are left out."""
    import numpy as np

    ended = np.isfinite(race.crossing[:, 2:]) & np.isfinite(race.crossing[:, 1:-1])
    rows, laps = np.nonzero(ended)
    laps = laps + 2
    begun = race.crossing[rows, laps - 1]
    usual = np.array([race.duration[row, lap - 1] for row, lap in zip(rows, laps, strict=True)])
    moments = begun + ASKED_AFTER * np.where(np.isfinite(usual), usual, 90.0)
    stopped = race.stop[rows, laps]
    moments = np.where(stopped, np.minimum(moments, race.entry[rows, laps]), moments)
    red = np.zeros(len(rows), dtype=bool)
    for window in race.windows:
        if window.state not in STATES:
            red |= (begun < window.end) & (race.crossing[rows, laps] > window.start)
    last = laps >= race.race_laps
    chosen = ~red & ~last & (moments > begun)
    return rows[chosen], laps[chosen], moments[chosen], stopped[chosen]


def fit_hazard(races: "list[Timeline]", *, seed: int = 0) -> Any:
    """A boosted classifier of whether a car comes in for a stop at the end of a lap; ValueError where nobody ever stops."""
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier

    features, stopped = [], []
    for race in races:
        rows, laps, moments, targets = car_laps(race)
        features.append(stop_features(race, rows, laps, moments))
        stopped.append(targets)
    inputs, targets = np.concatenate(features), np.concatenate(stopped)
    if not targets.any():
        raise ValueError("No stop is stored in these races, so nothing says when cars stop.")
    return HistGradientBoostingClassifier(random_state=seed, early_stopping=False, **SETTINGS).fit(inputs, targets)
