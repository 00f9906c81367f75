"""Features of a car's own laps: its situation, the pace of its run so far, and sectors and speeds of its previous lap."""

from statistics import median  # numpy takes longer for a handful of numbers
from typing import TYPE_CHECKING, Any, NamedTuple

from ml.datasets import TELEMETRY
from telemetry.lap_rules import MAX_BEST_LAP_RATIO, NEUTRALISED_STATES, SLICK_COMPOUNDS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

LEVEL_GAIN = 0.35  # share of a residual by which a lap moves the level
MAX_LEVEL_RESIDUAL = 0.6  # seconds; a larger residual moves the level no further
INITIAL_NOISE = 0.3  # seconds
LAGS = 5  # clean laps that a run remembers one by one
NEUTRALISED_LONG_AGO = 20  # laps; a longer time is not told apart
SECTOR_MEDIAN_LAPS = 6
SECTORS = ("duration_sector_1", "duration_sector_2", "duration_sector_3")
LAST_SECTORS = ("last_sector_1", "last_sector_2", "last_sector_3")
PACE_FEATURES = (
    "level",
    "slope",
    "noise",
    "clean_laps",
    "laps_in_run",
    "gap_in_laps",
    *(f"lag_{lag}" for lag in range(1, LAGS + 1)),
    "median_3",
    "median_5",
    "last_any",
    "race_median",
    "earlier_runs",
)


def laps_by_car(laps: "pd.DataFrame") -> "list[np.ndarray]":
    """Positions in the table of each car's laps, in the order of their numbers."""
    import numpy as np

    number, lap = laps["driver_number"].to_numpy(), laps["lap_number"].to_numpy()
    order = np.lexsort((lap, number))
    return np.split(order, np.flatnonzero(np.diff(number[order])) + 1) if len(order) else []


def situation(laps: "pd.DataFrame") -> "pd.DataFrame":
    """Compute what is known before the lap: its number, the share of the race done, the tyres, and laps since a neutralisation.

    The length of a race is announced, so `race_laps` reveals nothing of the future, except in races that are cut short.
    """
    import numpy as np
    import pandas as pd

    neutral = laps["excluded"].isin(NEUTRALISED_STATES).to_numpy()
    number = laps["lap_number"].to_numpy()
    since = np.full(len(laps), np.nan)
    for rows in laps_by_car(laps):
        last = np.maximum.accumulate(np.where(neutral[rows], number[rows], -1000))
        since[rows[1:]] = number[rows[1:]] - last[:-1]
    compound = laps["compound"].map({name: place for place, name in enumerate(SLICK_COMPOUNDS)}).astype("float64")
    return pd.DataFrame(
        {
            "lap_number": number.astype(float),
            "race_done": number / laps["race_laps"],
            "tyre_age": laps["tyre_age"].astype("float64"),
            "compound": compound,
            "laps_since_neutralised": np.minimum(since, NEUTRALISED_LONG_AGO),
        },
        index=laps.index,
    )


class Run(NamedTuple):
    """The pace of a car's clean laps since its last stop, in seconds."""

    laps: int = 0
    level: float = float("nan")
    slope: float = 0.0
    noise: float = INITIAL_NOISE
    recent: tuple[float, ...] = ()  # clean laps, the newest first

    def after(self, lap: float) -> "Run":
        """The run once another clean lap of it has ended."""
        if not self.laps:
            return Run(1, lap, self.slope, self.noise, (lap,))
        residual = lap - self.level
        step = min(max(residual, -MAX_LEVEL_RESIDUAL), MAX_LEVEL_RESIDUAL)
        slope = self.slope + 0.1 * (step * LEVEL_GAIN - self.slope)
        noise = self.noise + 0.2 * (min(abs(residual), 2.0) - self.noise)
        # Laps that are so much slower than this one were none at racing speed: the level begins anew.
        level = lap if self.level > MAX_BEST_LAP_RATIO * lap else self.level + LEVEL_GAIN * step
        return Run(self.laps + 1, level, slope, noise, (lap, *self.recent[: LAGS - 1]))


def own_pace(laps: "pd.DataFrame", clean: "np.ndarray") -> "pd.DataFrame":
    """Compute the pace of a car's clean laps, of this run and of the race before it; known once its previous lap has ended."""
    import numpy as np
    import pandas as pd

    run, time = laps["run"].to_numpy(), laps["lap_duration"].to_numpy()
    features = {name: np.full(len(laps), np.nan) for name in PACE_FEATURES}
    for rows in laps_by_car(laps):
        fill_pace_of_car(features, rows, run=run, time=time, clean=clean)
    return pd.DataFrame(features, index=laps.index)


def fill_pace_of_car(
    features: "dict[str, np.ndarray]", rows: "np.ndarray", *, run: "np.ndarray", time: "np.ndarray", clean: "np.ndarray"
) -> None:
    """Write PACE_FEATURES of one car's laps, in order, into the arrays."""
    import numpy as np

    race_laps: list[float] = []
    state, current, laps_since_clean, laps_in_run = Run(), None, 0, 0
    earlier_median = np.nan
    for place, row in enumerate(rows):
        if run[row] != current:
            state, current, laps_since_clean, laps_in_run = Run(noise=state.noise), run[row], 0, 0
            earlier_median = median(race_laps) if race_laps else np.nan
        features["earlier_runs"][row] = earlier_median
        if state.laps:
            features["level"][row], features["slope"][row] = state.level, state.slope
            for lag, lap in enumerate(state.recent, start=1):
                features[f"lag_{lag}"][row] = lap
            features["median_3"][row], features["median_5"][row] = median(state.recent[:3]), median(state.recent)
        features["noise"][row], features["clean_laps"][row] = state.noise, state.laps
        features["gap_in_laps"][row], features["laps_in_run"][row] = laps_since_clean, laps_in_run
        features["last_any"][row] = time[rows[place - 1]] if place else np.nan
        if race_laps:
            features["race_median"][row] = median(race_laps)
        laps_in_run, laps_since_clean = laps_in_run + 1, laps_since_clean + 1
        if clean[row]:
            state, laps_since_clean = state.after(time[row]), 0
            race_laps.append(time[row])


def sector_and_speed_changes(laps: "pd.DataFrame", clean: "np.ndarray") -> "pd.DataFrame":
    """Compute how sectors, speeds and telemetry of the previous lap differ from the median of the last clean laps of the run.

    Known once the car's previous lap has ended; telemetry (full throttle, brakes and DRS as shares of the lap) only where samples
    are stored. Seconds, km/h, shares.
    """
    import numpy as np
    import pandas as pd

    run = laps["run"].to_numpy()
    names = (*SECTORS, "st_speed", "i1_speed", "i2_speed", *TELEMETRY)
    values = laps[[*names]].to_numpy(dtype=float)
    changes = np.full(values.shape, np.nan)
    for rows in laps_by_car(laps):
        clean_laps: list[Any] = []
        current = None
        for place, row in enumerate(rows):
            if run[row] != current:
                clean_laps, current = [], run[row]
            before = rows[place - 1]
            if place and run[before] == current:
                if len(clean_laps) > 1:
                    changes[row] = values[before] - np.median(clean_laps[-SECTOR_MEDIAN_LAPS:], axis=0)
                if clean[before]:
                    clean_laps.append(values[before])
    limits = np.array([3, 3, 3, 30, 30, 30, 20, 30, 0.3, 0.3, 0.3])
    measures = ("sector_1", "sector_2", "sector_3", "trap_speed", "i1_speed", "i2_speed", *TELEMETRY)
    columns = [f"{name}_surprise" for name in measures]
    return pd.DataFrame(np.clip(changes, -limits, limits), columns=columns, index=laps.index)


def last_sectors(laps: "pd.DataFrame", clean: "np.ndarray") -> "pd.DataFrame":
    """Look up the sectors of the last clean lap of the run that has all three, in seconds; known once that lap has ended."""
    import pandas as pd

    sectors = laps[[*SECTORS]].astype("float64").set_axis([*LAST_SECTORS], axis=1)
    whole = sectors[pd.Series(clean, index=laps.index) & sectors.notna().all(axis=1)].reindex(laps.index)
    order = laps.sort_values("lap_number").index
    runs = [laps["driver_number"], laps["run"]]
    following = whole.loc[order].groupby([part[order] for part in runs], sort=False).ffill()
    return following.groupby([part[order] for part in runs], sort=False).shift(1).reindex(laps.index)


def track_temperature_change(laps: "pd.DataFrame") -> "pd.DataFrame":
    """Compute by how many °C the track has warmed since the run began, as measured before the lap began.

    The temperatures themselves are no features: with a few dozen races they identify the race, and a model would learn races by
    their temperature.
    """
    first = laps.sort_values("lap_number").groupby(["driver_number", "run"])["track_temperature"].transform("first")
    return (laps["track_temperature"] - first).astype("float64").to_frame("track_temperature_change")
