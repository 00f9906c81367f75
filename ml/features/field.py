"""Features of the field: the pace of all cars and of each compound, the team-mate, and a car's pace beside theirs."""

from collections.abc import Iterator
from statistics import median  # numpy takes longer for a handful of numbers
from typing import TYPE_CHECKING

from ml.features.own import laps_by_car
from ml.features.traffic import car_ahead
from telemetry.lap_rules import SLICK_COMPOUNDS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

REFERENCE_LAPS = 60  # laps of all cars that the field's pace is the median of
RECENT_LAPS = 20  # laps of all cars that show the present state of the track
MATE_MEDIAN_LAPS = 5
MAX_DELTA = 8.0  # seconds beside the field's pace
MAX_SLOPE_RESIDUAL = 2.0  # seconds
# Weights, in squared laps, of the prior that each slope is shrunk towards; a run of 15 laps has a weight of 280.
FIELD_SLOPE_PRIOR = 300.0  # of a slope of 0, in the field's slope
COMPOUND_SLOPE_PRIOR = 1500.0  # of the field's slope, in a compound's
CAR_SLOPE_PRIOR = 1000.0  # of the compound's slope, in a car's


def last_known(moments: "np.ndarray", ends: "np.ndarray", values: "np.ndarray") -> "np.ndarray":
    """The last of the values that were known at each moment; each became known at its end (ascending), NaN before the first."""
    import numpy as np

    place = np.searchsorted(ends, moments, side="right") - 1
    padded = np.append(values, np.nan)
    return np.where(place < 0, np.nan, padded[place])


def clean_laps_by_end(laps: "pd.DataFrame", clean: "np.ndarray") -> "np.ndarray":
    """Positions of the clean laps, in the order in which they ended."""
    import numpy as np

    order = np.flatnonzero(clean)
    return order[np.argsort(laps["end"].to_numpy()[order], kind="stable")]


def field_pace(laps: "pd.DataFrame", clean: "np.ndarray", own: "pd.DataFrame") -> "pd.DataFrame":
    """Compute running medians over the last clean laps of all cars, in seconds: of times, and of residuals from levels.

    Known as laps of all cars end. `reference` is the median time of the last 60 clean laps, from which `pace_delta` is measured;
    `field_noise` is the mean absolute residual.
    """
    import pandas as pd

    order = clean_laps_by_end(laps, clean)
    ends, begins = laps["end"].to_numpy()[order], laps["start"].to_numpy()
    times = pd.Series(laps["lap_duration"].to_numpy()[order])
    residual = times - own["level"].to_numpy()[order]
    step = times - own["lag_1"].to_numpy()[order]

    def running_median(values: "pd.Series", size: int) -> "np.ndarray":
        known = values.dropna()
        return last_known(begins, ends[known.index], known.rolling(size, min_periods=5).median().to_numpy())

    known = residual.dropna()
    noise = known.abs().rolling(REFERENCE_LAPS, min_periods=5).mean().to_numpy()
    reference = running_median(times, REFERENCE_LAPS)
    return pd.DataFrame(
        {
            "reference": reference,
            "reference_change": running_median(times, RECENT_LAPS) - reference,
            "field_surprise_10": running_median(residual, 10),
            "field_surprise": running_median(residual, RECENT_LAPS),
            "field_surprise_long": running_median(residual, REFERENCE_LAPS),
            "field_noise": last_known(begins, ends[known.index], noise),
            "compound_surprise": compound_residual(laps, order, known),
            "field_step": running_median(step, 15),
            "field_step_long": running_median(step, 40),
            "to_reference": own["level"].to_numpy() - reference,
        },
        index=laps.index,
    )


def compound_residual(laps: "pd.DataFrame", order: "np.ndarray", residual: "pd.Series") -> "np.ndarray":
    """The running median of the residuals of laps on each lap's own compound; `residual` is indexed by the place in `order`."""
    import numpy as np

    ends, begins = laps["end"].to_numpy()[order], laps["start"].to_numpy()
    compound = laps["compound"].to_numpy()
    medians = np.full(len(laps), np.nan)
    for name in SLICK_COMPOUNDS:
        known = residual[compound[order][residual.index] == name]
        rows = compound == name
        running = known.rolling(RECENT_LAPS, min_periods=4).median().to_numpy()
        medians[rows] = last_known(begins[rows], ends[known.index], running)
    return medians


def field_slope(laps: "pd.DataFrame", clean: "np.ndarray") -> "pd.DataFrame":
    """Compute by how many seconds a lap is slower than the one before it within a run, in this race so far.

    Known as laps of all cars end. The field's slope is shrunk towards 0, the compound's towards the field's, and the car's
    towards the compound's, each by the weight of its prior.
    """
    import numpy as np
    import pandas as pd

    order = clean_laps_by_end(laps, clean)
    ends, begins = laps["end"].to_numpy()[order], laps["start"].to_numpy()
    products, squares = regression_sums(laps, order)
    car, compound = laps["driver_number"].to_numpy(), laps["compound"].to_numpy()

    def shrunk_slope(used: "np.ndarray", rows: "np.ndarray", prior: "np.ndarray | float", weight: float) -> "np.ndarray":
        """The slope of the laps `used` (a mask over `order`) that had ended when each of the `rows` began."""
        both = (last_known(begins[rows], ends[used], np.cumsum(part[used])) for part in (products, squares))
        product, square = (np.nan_to_num(part) for part in both)
        return (product + weight * prior) / (square + weight)

    field = shrunk_slope(np.ones(len(order), bool), np.arange(len(laps)), 0.0, FIELD_SLOPE_PRIOR)
    of_compound, of_car = field.copy(), field.copy()
    for name in SLICK_COMPOUNDS:
        rows = np.flatnonzero(compound == name)
        of_compound[rows] = shrunk_slope(compound[order] == name, rows, field[rows], COMPOUND_SLOPE_PRIOR)
    for number in np.unique(car):
        rows = np.flatnonzero(car == number)
        of_car[rows] = shrunk_slope(car[order] == number, rows, of_compound[rows], CAR_SLOPE_PRIOR)
    return pd.DataFrame({"race_slope": of_car, "race_slope_compound": of_compound, "race_slope_field": field}, index=laps.index)


def regression_sums(laps: "pd.DataFrame", order: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    """What each lap adds to the sums of products and of squares of a regression of lap time on lap number within its run.

    By Welford's update, so that the sums over any number of laps of a run are those about its mean.
    """
    import numpy as np

    columns = ("lap_duration", "lap_number", "driver_number", "run")
    time, number, car, run = (laps[name].to_numpy()[order] for name in columns)
    means: dict[tuple, tuple[int, float, float]] = {}
    products, squares = np.zeros(len(order)), np.zeros(len(order))
    for place in range(len(order)):
        count, mean_number, mean_time = means.get((car[place], run[place]), (0, 0.0, 0.0))
        later = number[place] - mean_number
        slower = min(max(time[place] - mean_time, -MAX_SLOPE_RESIDUAL), MAX_SLOPE_RESIDUAL)
        if count:
            products[place], squares[place] = (later * factor * count / (count + 1) for factor in (slower, later))
            mean_number, mean_time = mean_number + later / (count + 1), mean_time + slower / (count + 1)
        else:
            mean_number, mean_time = number[place], time[place]
        means[car[place], run[place]] = count + 1, mean_number, mean_time
    return products, squares


def team_mates(laps: "pd.DataFrame", usable: "np.ndarray") -> "Iterator[tuple[np.ndarray, np.ndarray]]":
    """(positions of a car's laps, positions of its team-mate's usable laps by their ends), for each car that has both."""
    import numpy as np

    ends, number = laps["end"].to_numpy(), laps["driver_number"].to_numpy()
    for _, places in laps.assign(place=np.arange(len(laps))).dropna(subset=["team"]).groupby("team")["place"]:
        rows = places.to_numpy()
        for car in np.unique(number[rows]):
            mate = rows[(number[rows] != car) & usable[rows]]
            if len(mate):
                yield rows[number[rows] == car], mate[np.argsort(ends[mate], kind="stable")]


def team_mate_pace(laps: "pd.DataFrame", clean: "np.ndarray", own: "pd.DataFrame") -> "pd.DataFrame":
    """Compute the team-mate's last clean lap beside this car's level and beside the team-mate's own; known as its laps end."""
    import numpy as np
    import pandas as pd

    begins, ends, time = (laps[name].to_numpy() for name in ("start", "end", "lap_duration"))
    level = own["level"].to_numpy()
    pace, surprise = np.full(len(laps), np.nan), np.full(len(laps), np.nan)
    for rows, mate in team_mates(laps, clean):
        pace[rows] = last_known(begins[rows], ends[mate], time[mate]) - level[rows]
        surprise[rows] = last_known(begins[rows], ends[mate], time[mate] - level[mate])
    return pd.DataFrame({"mate_pace": np.clip(pace, -5, 5), "mate_surprise": np.clip(surprise, -3, 3)}, index=laps.index)


def relative_pace(laps: "pd.DataFrame", clean: "np.ndarray", field: "pd.DataFrame") -> "pd.DataFrame":
    """Compute clean laps beside the field's pace at the start of each, in seconds, and the car's place at the line.

    Known when the lap begins. `race_delta`: the median of the car's own in this race; `earlier_delta`: in the runs before this
    one; `mate_delta` and `ahead_delta`: the last one of the team-mate and of the car that crossed the line before.
    """
    import numpy as np
    import pandas as pd

    begins, ends = laps["start"].to_numpy(), laps["end"].to_numpy()
    delta = laps["lap_duration"].to_numpy() - field["reference"].to_numpy()
    usable = clean & ~np.isnan(delta)
    own = own_deltas(laps, delta, usable)
    mate_delta = np.full(len(laps), np.nan)
    for rows, mate in team_mates(laps, usable):
        medians = pd.Series(delta[mate]).rolling(MATE_MEDIAN_LAPS, min_periods=1).median().to_numpy()
        mate_delta[rows] = last_known(begins[rows], ends[mate], medians)
    ahead = car_ahead(begins, laps["driver_number"].to_numpy())
    return pd.DataFrame(
        {
            **own,
            "mate_delta": mate_delta,
            "ahead_delta": np.where(ahead >= 0, own["last_delta"][ahead], np.nan),
            "position": laps["start"].groupby(laps["lap_number"]).rank(),
        },
        index=laps.index,
    ).clip(-MAX_DELTA, 30)


def own_deltas(laps: "pd.DataFrame", delta: "np.ndarray", usable: "np.ndarray") -> "dict[str, np.ndarray]":
    """`race_delta`, `earlier_delta` and `last_delta` of each lap."""
    import numpy as np

    run = laps["run"].to_numpy()
    deltas = {name: np.full(len(laps), np.nan) for name in ("race_delta", "earlier_delta", "last_delta")}
    for rows in laps_by_car(laps):
        earlier_laps: list[float] = []
        current, earlier_median = None, np.nan
        for row in rows:
            if run[row] != current:
                current, earlier_median = run[row], median(earlier_laps) if earlier_laps else np.nan
            deltas["earlier_delta"][row] = earlier_median
            if earlier_laps:
                deltas["race_delta"][row], deltas["last_delta"][row] = median(earlier_laps), earlier_laps[-1]
            if usable[row]:
                earlier_laps.append(delta[row])
    return deltas
