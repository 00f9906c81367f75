"""Features of the cars around: who crossed the line before and after, how long ago, and how fast they were."""

from typing import TYPE_CHECKING

from ml.features.own import laps_by_car

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NEAR = 5.0  # seconds within which a car counts as near
MAX_GAP = 30.0  # seconds; larger gaps are not told apart


def crossing_order(begins: "np.ndarray", number: "np.ndarray") -> "np.ndarray":
    """Positions of the laps with a start, in the order in which the cars crossed the line."""
    import numpy as np

    order = np.flatnonzero(~np.isnan(begins))
    return order[np.lexsort((number[order], begins[order]))]


def car_ahead(begins: "np.ndarray", number: "np.ndarray") -> "np.ndarray":
    """For each lap the position of the lap that began last before it; -1 for the first."""
    import numpy as np

    order = crossing_order(begins, number)
    ahead = np.full(len(begins), -1)
    ahead[order[1:]] = order[:-1]
    return ahead


def traffic(laps: "pd.DataFrame", own: "pd.DataFrame") -> "pd.DataFrame":
    """Compute who crossed the line before, how long ago, and how fast they were; and who was behind a lap ago.

    Known when the car crosses the line. By the order on the road, not that of the race: a car that is lapped is in the way too.
    Seconds; those of other cars are differences to this car's level.
    """
    import numpy as np
    import pandas as pd

    begins, number, lap = (laps[name].to_numpy() for name in ("start", "driver_number", "lap_number"))
    last, level, lag = (own[name].to_numpy() for name in ("last_any", "level", "lag_1"))
    order = crossing_order(begins, number)
    rank = np.full(len(laps), -1)
    rank[order] = np.arange(len(order))

    def crossed(places: int) -> "tuple[np.ndarray, np.ndarray]":
        """The position of the lap that began so many places earlier (-1 for none), and the gap to it in seconds."""
        place = rank - places
        row = np.where((rank >= 0) & (place >= 0), order[np.maximum(place, 0)], -1) if len(order) else rank
        return row, np.where(row >= 0, begins - begins[row], np.nan)

    ahead, gap = crossed(1)
    second, gap_2 = crossed(2)

    def where_ahead(values: "np.ndarray") -> "np.ndarray":
        return np.where(ahead >= 0, values, np.nan)

    near = np.searchsorted(begins[order], begins) - np.searchsorted(begins[order], begins - NEAR)
    return pd.DataFrame(
        {
            "gap_ahead": np.minimum(gap, MAX_GAP),
            "dirty_air": np.exp(-gap / 2),
            "gap_ahead_change": np.clip(where_ahead(last - last[ahead]), -5, 5),
            "pace_ahead": np.clip(where_ahead(last[ahead]) - level, -5, 5),
            "level_ahead": np.clip(where_ahead(level[ahead]) - level, -5, 5),
            "lag_ahead": np.clip(where_ahead(lag[ahead]) - level, -5, 5),
            "surprise_ahead": np.clip(where_ahead(last[ahead] - level[ahead]), -3, 3),
            "laps_ahead": where_ahead(np.clip(lap[ahead] - lap, -2, 2)),
            "same_lap_ahead": where_ahead((lap[ahead] == lap).astype(float)),
            "gap_second": np.minimum(gap_2, MAX_GAP),
            "level_second": np.clip(np.where(second >= 0, level[second], np.nan) - level, -5, 5),
            "cars_near": np.where(rank >= 0, near, np.nan).astype(float),
            "gap_behind": np.minimum(gap_behind(laps, order, rank), MAX_GAP),
        },
        index=laps.index,
    )


def gap_behind(laps: "pd.DataFrame", order: "np.ndarray", rank: "np.ndarray") -> "np.ndarray":
    """Seconds between this car and the next one to cross the line, a lap ago; NaN where that one has not crossed it yet."""
    import numpy as np

    begins = laps["start"].to_numpy()
    if not len(order):
        return np.full(len(laps), np.nan)
    crossings = begins[order]
    previous = np.full(len(laps), -1)
    for rows in laps_by_car(laps):
        previous[rows[1:]] = rows[:-1]
    next_car = np.where((previous >= 0) & (rank[previous] >= 0), np.minimum(rank[previous] + 1, len(order) - 1), -1)
    gap = np.where(next_car >= 0, crossings[next_car] - begins[previous], np.nan)
    return np.where(crossings[next_car] <= begins, gap, np.nan)
