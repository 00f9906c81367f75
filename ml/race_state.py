"""The state of a race by a Kalman filter: the effects of track, fuel, tyres, driver, run and traffic on lap times, in seconds.

    lap time = track + trend x lap number + compound + wear x tyre age + driver + run + traffic x dirty air + noise

Track and run are random walks, the other effects are constant. One filter is updated with every clean lap that has ended. Each
car has another one, which is updated with all of them except those of its current run: it predicts from earlier stints alone.
"""

from typing import TYPE_CHECKING, NamedTuple

from telemetry.lap_rules import SLICK_COMPOUNDS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

TRACK, TREND, TRAFFIC, COMPOUND, WEAR, CARS = 0, 1, 2, 3, 6, 9  # places in the state; from CARS on the drivers, then the runs
MIN_LAPS = 5  # before the state is used
MAX_LEVEL_DISTANCE = 5.0  # seconds between a first lap and the median of the first laps
MAX_TYRE_AGE = 40.0  # laps of tyre age beyond which wear is not told apart

# Priors: mean and standard deviation, in seconds.
TREND_PRIOR = (-0.03, 0.04)  # per lap of the race
TRAFFIC_PRIOR = (0.3, 0.3)  # right behind another car
COMPOUND_PRIOR = (0.3, 0.4)  # from one compound to the next harder one
WEAR_PRIOR = (0.04, 0.04)  # per lap of tyre age
TRACK_SPREAD, DRIVER_SPREAD = 10.0, 0.5
MAX_RESIDUAL = 2.0  # standard deviations; a larger residual moves the state no further


class Drift(NamedTuple):
    """How fast a filter forgets, in seconds: standard deviations of a lap, of a run's part, and of the steps of track and run."""

    lap: float
    run: float
    track_step: float  # from a lap of any car to the next
    run_step: float  # from a lap of the run to the next


ALL_LAPS = Drift(lap=0.25, run=0.3, track_step=0.06, run_step=0.15)  # for the next lap: quick
OTHER_LAPS = Drift(lap=0.4, run=0.25, track_step=0.04, run_step=0.05)  # for what lasts: slow


class Part(NamedTuple):
    """A lap as the filters see it."""

    car: int
    places: "np.ndarray"  # of the state, that it is the sum of
    weights: "np.ndarray"
    seconds: float


class Filters:
    """Filter 0 is updated with all laps, filter 1 + n with all but those of the current run of car n."""

    def __init__(self, drivers: "np.ndarray"):
        """drivers: what is expected of each, in seconds beside the field."""
        import numpy as np

        cars = len(drivers)
        self.drift = Drift(*np.array([ALL_LAPS, *[OTHER_LAPS] * cars]).T)  # type: ignore[arg-type]
        self.runs = CARS + cars
        mean, spread = np.zeros(self.runs + cars), np.zeros(self.runs + cars)
        spread[TRACK] = TRACK_SPREAD
        mean[TREND], spread[TREND] = TREND_PRIOR
        mean[TRAFFIC], spread[TRAFFIC] = TRAFFIC_PRIOR
        mean[COMPOUND:WEAR], spread[COMPOUND:WEAR] = COMPOUND_PRIOR[0] * np.array([-1, 0, 1]), COMPOUND_PRIOR[1]
        mean[WEAR:CARS], spread[WEAR:CARS] = WEAR_PRIOR
        mean[CARS : self.runs], spread[CARS : self.runs] = drivers, DRIVER_SPREAD
        self.mean = np.tile(mean, (cars + 1, 1))
        self.covariance = np.tile(np.diag(spread**2), (cars + 1, 1, 1))
        self.pending: list[list[Part]] = [[] for _ in range(cars)]  # laps of the current run of each car

    def expect(self, which: int, lap: Part) -> float:
        return float(lap.weights @ self.mean[which, lap.places])

    def learn(self, lap: Part) -> None:
        """Update all cars' filters but this car's own with a finished lap, which its own gets when the next run begins."""
        import numpy as np

        run = self.runs + lap.car
        self.covariance[:, TRACK, TRACK] += np.square(self.drift.track_step)
        self.covariance[:, run, run] += np.square(self.drift.run_step)
        included = np.ones(len(self.mean))
        included[1 + lap.car] = 0
        self.update(slice(None), lap, included)
        self.pending[lap.car].append(lap)

    def begin_run(self, car: int) -> None:
        """Update the car's own filter with the run that is over, and reset the effect of its run."""
        import numpy as np

        for lap in self.pending[car]:
            self.update(slice(1 + car, 2 + car), lap, np.ones(1))
        self.pending[car].clear()
        run = self.runs + car
        self.mean[:, run] = 0
        self.covariance[:, run, :] = self.covariance[:, :, run] = 0
        self.covariance[:, run, run] = np.square(self.drift.run)

    def update(self, which: slice, lap: Part, included: "np.ndarray") -> None:
        import numpy as np

        means, covariances = self.mean[which], self.covariance[which]
        sides = covariances[:, lap.places].transpose(0, 2, 1) @ lap.weights
        variance = sides[:, lap.places] @ lap.weights + np.square(self.drift.lap[which])  # type: ignore[index]
        limit = MAX_RESIDUAL * np.sqrt(variance)
        residual = np.clip(lap.seconds - means[:, lap.places] @ lap.weights, -limit, limit)
        gain = sides * (included / variance)[:, None]
        means += gain * residual[:, None]
        covariances -= gain[:, :, None] * sides[:, None, :]


def follow(laps: "pd.DataFrame", clean: "np.ndarray", *, dirty_air: "np.ndarray", drivers: "pd.Series") -> "pd.DataFrame":
    """Predict each lap from the state when it begins, in seconds. `drivers`: for each lap the mean of its driver over past races.

    `state_pace`: from all laps; `state_pace_others`: from all but those of the car's current run; `state_slope`: the trend and
    the wear of its compound, per lap.
    """
    import numpy as np
    import pandas as pd

    names, first, car = np.unique(laps["driver_number"].to_numpy(), return_index=True, return_inverse=True)
    parts = parts_of(laps, car, dirty_air)
    begins, ends, run = (laps[name].to_numpy() for name in ("start", "end", "run"))
    finished, begun = np.flatnonzero(clean & ~np.isnan(ends)), np.flatnonzero(~np.isnan(begins))
    moments = np.concatenate([ends[finished], begins[begun]])
    rows, begin = np.concatenate([finished, begun]), np.repeat([False, True], [len(finished), len(begun)])
    filters, current = Filters(drivers.fillna(0).to_numpy()[first]), np.full(len(names), -1)
    out = np.full((len(laps), 3), np.nan)
    first_ended = finished[np.argsort(ends[finished], kind="stable")][:MIN_LAPS]
    level, seen = initial_level(laps["lap_duration"].to_numpy()[first_ended]), 0
    for event in np.lexsort((rows, begin, moments)):  # a lap that ends at the moment when another begins comes first
        row = rows[event]
        lap = parts[row]
        if not begin[event]:
            filters.learn(lap._replace(seconds=lap.seconds - level))
            seen += 1
            continue
        if run[row] != current[lap.car]:
            current[lap.car] = run[row]
            filters.begin_run(lap.car)
        if seen >= MIN_LAPS:
            slope = filters.mean[0, TREND] + filters.mean[0, lap.places[-1]]
            out[row] = level + filters.expect(0, lap), level + filters.expect(1 + lap.car, lap), slope
    return pd.DataFrame(out, columns=["state_pace", "state_pace_others", "state_slope"], index=laps.index)


def initial_level(times: "np.ndarray") -> float:
    """The first of the times (seconds) that is near their median, so that no single lap decides where the state begins.

    They are the laps that must have ended before anything is predicted.
    """
    import numpy as np

    near = times[np.abs(times - np.median(times)) <= MAX_LEVEL_DISTANCE] if len(times) else times
    return float(near[0]) if len(near) else float("nan")


def parts_of(laps: "pd.DataFrame", car: "np.ndarray", dirty_air: "np.ndarray") -> list[Part]:
    """An unknown compound counts as the middle one, an unknown age as new."""
    import numpy as np

    middle = SLICK_COMPOUNDS.index("MEDIUM")
    compound = (
        laps["compound"].map({name: place for place, name in enumerate(SLICK_COMPOUNDS)}).fillna(middle).astype(int).to_numpy()
    )
    age = laps["tyre_age"].astype("float64").fillna(0).clip(upper=MAX_TYRE_AGE).to_numpy()
    one = np.ones(len(laps))
    runs = CARS + car.max(initial=-1) + 1
    places = np.stack(
        [one * TRACK, one * TREND, one * TRAFFIC, COMPOUND + compound, CARS + car, runs + car, WEAR + compound], axis=1
    )
    weights = np.stack([one, laps["lap_number"].to_numpy(), np.nan_to_num(dirty_air), one, one, one, age], axis=1)
    return [Part(*values) for values in zip(car, places.astype(int), weights, laps["lap_duration"].to_numpy(), strict=True)]
