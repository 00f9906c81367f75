"""What is known of a lap at the moment it begins: a pure function from a table of laps to a table of features.

Everything a feature may use had happened when the lap began: a lap of another car counts once it has ended, a start once it has
taken place, and the weather once it was measured. Nothing is fitted over the whole table; what is remembered from race to race
(`memories`) is updated after each race, in the order of their dates. `tests/test_features.py` changes the future and sees that no
feature moves.

Levels: `level` is an exponentially weighted mean of a car's clean laps of the run so far, with surprises clipped, so that one lap
behind a slower car does not move it far. Most features are differences to it, in seconds: what is a lap's length at one circuit
means nothing at another.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from ml import cleaning, race_state
from ml.datasets import TELEMETRY

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

GAIN, CLIP = 0.35, 0.6  # of the level: share of a surprise that is taken over, and the largest surprise, in seconds
FIELD = 60  # laps of all cars that the field's pace is the median of
RECENT = 20  # laps of all cars that tell what the track does now
CLOSE = 5.0  # seconds within which a car counts as near
LARGE = 8.0  # seconds beside the field's pace
FAR = 30.0  # gaps are not told apart beyond this many seconds
SECTORS = ("duration_sector_1", "duration_sector_2", "duration_sector_3")
COMPOUNDS = ("SOFT", "MEDIUM", "HARD")
DRAWN = (300.0, 1500.0, 1000.0)  # squared laps: what the slopes of field, compound and car are drawn by
PRIOR = 40  # laps that a memory of past races must outweigh


def build(laps: "pd.DataFrame", memory: "Memory | None" = None) -> "pd.DataFrame":
    """Features of every lap, in the order and with the index of `laps` (see `datasets.load`). Numbers; NaN is unknown.

    `memory`: what earlier races said, where these laps are not all there is to know; the races here are added to it.
    """
    import pandas as pd

    memory = Memory() if memory is None else memory
    found = []
    for _, session in laps.sort_values(["session_date", "session_id"], kind="stable").groupby(
        ["session_date", "session_id"], sort=True
    ):
        table, recalled = of_session(session), memory.recall(session)
        state = race_state.follow(
            session,
            (session["excluded"] == "").to_numpy(),
            dirty_air=table["dirty_air"].to_numpy(),
            drivers=recalled["driver_delta"],
        )
        found.append(pd.concat([table, recalled, state], axis=1))
        memory.learn(session, table)
    return pd.concat(found).reindex(laps.index)


def of_session(laps: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    clean = (laps["excluded"] == "").to_numpy()
    own = own_pace(laps, clean)
    field = field_pace(laps, clean, own)
    groups = [situation(laps), own, field, mate(laps, clean, own)]
    groups += [
        standing(laps, clean, own, field),
        race_slope(laps, clean),
        traffic(laps, clean, own),
        sectors(laps, clean),
        weather(laps),
    ]
    table = pd.concat(groups, axis=1)
    return table.assign(gap_ahead_before=table["gap_ahead"].groupby(laps["driver_number"], sort=False).shift(1))


def cars(laps: "pd.DataFrame") -> "list[np.ndarray]":
    """Positions in the table of each car's laps, in the order of their numbers."""
    import numpy as np

    number, lap = laps["driver_number"].to_numpy(), laps["lap_number"].to_numpy()
    order = np.lexsort((lap, number))
    return np.split(order, np.flatnonzero(np.diff(number[order])) + 1) if len(order) else []


def situation(laps: "pd.DataFrame") -> "pd.DataFrame":
    """Known before the lap: its number, the share of the race done, the tyres, and how long ago the race was last neutralised.

    The length of a race is announced, so `race_laps` is no knowledge of the future, but for races that are cut short.
    """
    import numpy as np
    import pandas as pd

    neutral = laps["excluded"].isin(cleaning.NEUTRAL).to_numpy()
    number = laps["lap_number"].to_numpy()
    since = np.full(len(laps), np.nan)
    for rows in cars(laps):
        last = np.maximum.accumulate(np.where(neutral[rows], number[rows], -1000))
        since[rows[1:]] = number[rows[1:]] - last[:-1]
    compound = laps["compound"].map({name: place for place, name in enumerate(COMPOUNDS)}).astype("float64")
    return pd.DataFrame(
        {
            "lap_number": number.astype(float),
            "race_done": number / laps["race_laps"],
            "tyre_age": laps["tyre_age"].astype("float64"),
            "compound": compound,
            "laps_since_neutralised": np.minimum(since, 20),
        },
        index=laps.index,
    )


class Run(NamedTuple):
    """What a car's clean laps of a run say so far."""

    laps: int = 0
    level: float = float("nan")
    slope: float = 0.0
    noise: float = 0.3
    last: tuple[float, ...] = ()

    def after(self, lap: float) -> "Run":
        if not self.laps:
            return Run(1, lap, self.slope, self.noise, (lap,))
        surprise = lap - self.level
        step = min(max(surprise, -CLIP), CLIP)
        slope = self.slope + 0.1 * (step * GAIN - self.slope)
        noise = self.noise + 0.2 * (min(abs(surprise), 2.0) - self.noise)
        return Run(self.laps + 1, self.level + GAIN * step, slope, noise, (lap, *self.last[:4]))


def own_pace(laps: "pd.DataFrame", clean: "np.ndarray") -> "pd.DataFrame":
    """Known once the car's previous lap has ended: its clean laps of this run, and of the race before this run."""
    import numpy as np
    import pandas as pd

    run, time = laps["run"].to_numpy(), laps["lap_duration"].to_numpy()
    names = (
        "level",
        "slope",
        "noise",
        "clean_laps",
        "laps_in_run",
        "gap_in_laps",
        "lag_1",
        "lag_2",
        "lag_3",
        "lag_4",
        "lag_5",
        "median_3",
        "median_5",
        "last_any",
        "race_median",
        "earlier_runs",
    )
    out = {name: np.full(len(laps), np.nan) for name in names}
    for rows in cars(laps):
        race: list[float] = []
        state, current, since, done = Run(), None, 0, 0
        before_run = np.nan
        for place, row in enumerate(rows):
            if run[row] != current:
                state, current, since, done = Run(noise=state.noise), run[row], 0, 0
                before_run = np.median(race) if race else np.nan
            out["earlier_runs"][row] = before_run
            if state.laps:
                out["level"][row], out["slope"][row] = state.level, state.slope
                for lag, lap in enumerate(state.last, start=1):
                    out[f"lag_{lag}"][row] = lap
                out["median_3"][row], out["median_5"][row] = np.median(state.last[:3]), np.median(state.last)
            out["noise"][row], out["clean_laps"][row], out["gap_in_laps"][row] = state.noise, state.laps, since
            out["laps_in_run"][row] = done
            out["last_any"][row] = time[rows[place - 1]] if place else np.nan
            if race:
                out["race_median"][row] = np.median(race)
            done, since = done + 1, since + 1
            if clean[row]:
                state, since = state.after(time[row]), 0
                race.append(time[row])
    return pd.DataFrame(out, index=laps.index)


def at(moments: "np.ndarray", ends: "np.ndarray", values: "np.ndarray") -> "np.ndarray":
    """Of values that became known at `ends` (ascending), the last one known at each moment."""
    import numpy as np

    place = np.searchsorted(ends, moments, side="right") - 1
    known = np.append(values, np.nan)
    return np.where(place < 0, np.nan, known[place])


def field_pace(laps: "pd.DataFrame", clean: "np.ndarray", own: "pd.DataFrame") -> "pd.DataFrame":
    """Known as laps of all cars end: the running median of the last clean ones, and how they compare with their drivers' levels:
    by how much they are slower, and how far they lie apart (`field_noise`).

    `reference` (seconds) is the median of the last 60 clean laps of any car; it is what `pace_delta` is measured from.
    """
    import numpy as np
    import pandas as pd

    order = np.flatnonzero(clean)
    order = order[np.argsort(laps["end"].to_numpy()[order], kind="stable")]
    ends = laps["end"].to_numpy()[order]
    times = pd.Series(laps["lap_duration"].to_numpy()[order])
    surprise = times - own["level"].to_numpy()[order]
    tyre = pd.Series(laps["compound"].to_numpy()[order])
    begins = laps["start"].to_numpy()

    def rolling(values: "pd.Series", size: int) -> "np.ndarray":
        return at(begins, ends, values.rolling(size, min_periods=5).median().to_numpy())

    known = surprise.dropna().index
    shock = {}
    for size in (10, RECENT, FIELD):
        medians = surprise[known].rolling(size, min_periods=5).median().to_numpy()
        shock[size] = at(begins, ends[known], medians)
    same = np.full(len(laps), np.nan)
    for name in COMPOUNDS:
        those = known[(tyre[known] == name).to_numpy()]
        medians = surprise[those].rolling(RECENT, min_periods=4).median().to_numpy()
        mine = (laps["compound"] == name).to_numpy()
        same[mine] = at(begins[mine], ends[those], medians)
    noise = surprise[known].abs().rolling(FIELD, min_periods=5).mean().to_numpy()
    reference = rolling(times, FIELD)
    step = times - own["lag_1"].to_numpy()[order]
    stepped = step.dropna().index
    steps = {size: at(begins, ends[stepped], step[stepped].rolling(size, min_periods=5).median().to_numpy()) for size in (15, 40)}
    return pd.DataFrame(
        {
            "reference": reference,
            "reference_change": rolling(times, RECENT) - reference,
            "field_surprise_10": shock[10],
            "field_surprise": shock[RECENT],
            "field_surprise_long": shock[FIELD],
            "field_noise": at(begins, ends[known], noise),
            "compound_surprise": same,
            "field_step": steps[15],
            "field_step_long": steps[40],
            "to_reference": own["level"].to_numpy() - reference,
        },
        index=laps.index,
    )


def race_slope(laps: "pd.DataFrame", clean: "np.ndarray") -> "pd.DataFrame":
    """Known as laps of all cars end: seconds by which a lap is slower than the one before it within a run, in this race so far.

    The field's slope, drawn towards nought; the compound's, drawn towards the field's; the car's, drawn towards the compound's:
    each by the weight of `DRAWN` squared laps (a run of 15 laps has 280).
    """
    import numpy as np
    import pandas as pd

    order = np.flatnonzero(clean)
    order = order[np.argsort(laps["end"].to_numpy()[order], kind="stable")]
    ends, begins = laps["end"].to_numpy()[order], laps["start"].to_numpy()
    products, squares = regression_sums(laps, order)
    car, tyre = laps["driver_number"].to_numpy(), laps["compound"].to_numpy()

    def sums(of: "np.ndarray", rows: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
        """The sums over the laps `of` (a mask over `order`) that had ended when each of the `rows` began."""
        both = (at(begins[rows], ends[of], np.cumsum(part[of])) for part in (products, squares))
        first, second = (np.nan_to_num(part) for part in both)
        return first, second

    everything = np.arange(len(laps))
    known = sums(np.ones(len(order), bool), everything)
    field = known[0] / (known[1] + DRAWN[0])
    compound, own = field.copy(), field.copy()
    for name in COMPOUNDS:
        rows = np.flatnonzero(tyre == name)
        known = sums(tyre[order] == name, rows)
        compound[rows] = (known[0] + DRAWN[1] * field[rows]) / (known[1] + DRAWN[1])
    for number in np.unique(car):
        rows = np.flatnonzero(car == number)
        known = sums(car[order] == number, rows)
        own[rows] = (known[0] + DRAWN[2] * compound[rows]) / (known[1] + DRAWN[2])
    return pd.DataFrame({"race_slope": own, "race_slope_compound": compound, "race_slope_field": field}, index=laps.index)


def regression_sums(laps: "pd.DataFrame", order: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    """What each of these laps adds to the sums of a regression of lap time on lap number within its run (Welford's update)."""
    import numpy as np

    columns = ("lap_duration", "lap_number", "driver_number", "run")
    time, number, car, run = (laps[name].to_numpy()[order] for name in columns)
    means: dict[tuple, tuple[int, float, float]] = {}
    products, squares = np.zeros(len(order)), np.zeros(len(order))
    for place in range(len(order)):
        count, x, y = means.get((car[place], run[place]), (0, 0.0, 0.0))
        away, slower = number[place] - x, min(max(time[place] - y, -2.0), 2.0)
        if count:
            products[place], squares[place] = (away * by * count / (count + 1) for by in (slower, away))
            x, y = x + away / (count + 1), y + slower / (count + 1)
        else:
            x, y = number[place], time[place]
        means[car[place], run[place]] = count + 1, x, y
    return products, squares


def mate(laps: "pd.DataFrame", clean: "np.ndarray", own: "pd.DataFrame") -> "pd.DataFrame":
    """Known as the team-mate's laps end: the last clean one, beside this car's level and beside the team-mate's own."""
    import numpy as np
    import pandas as pd

    begins, ends, time = (laps[name].to_numpy() for name in ("start", "end", "lap_duration"))
    level, number = own["level"].to_numpy(), laps["driver_number"].to_numpy()
    pace, surprise = np.full(len(laps), np.nan), np.full(len(laps), np.nan)
    for _, places in laps.assign(place=np.arange(len(laps))).dropna(subset=["team"]).groupby("team")["place"]:
        rows = places.to_numpy()
        for car in np.unique(number[rows]):
            mine = rows[number[rows] == car]
            other = rows[(number[rows] != car) & clean[rows]]
            other = other[np.argsort(ends[other], kind="stable")]
            if len(other):
                pace[mine] = at(begins[mine], ends[other], time[other]) - level[mine]
                surprise[mine] = at(begins[mine], ends[other], time[other] - level[other])
    return pd.DataFrame({"mate_pace": np.clip(pace, -5, 5), "mate_surprise": np.clip(surprise, -3, 3)}, index=laps.index)


def standing(laps: "pd.DataFrame", clean: "np.ndarray", own: "pd.DataFrame", field: "pd.DataFrame") -> "pd.DataFrame":
    """Known when the lap begins: the car's place at the line, and clean laps beside the field's pace at the start of each.

    `race_delta`: the median of the car's own in this race; `earlier_delta`: in the runs before this one; `mate_delta` and
    `ahead_delta`: the last one of the team-mate and of the car that crossed the line before.
    """
    import numpy as np
    import pandas as pd

    begins, ends, run = laps["start"].to_numpy(), laps["end"].to_numpy(), laps["run"].to_numpy()
    delta = laps["lap_duration"].to_numpy() - field["reference"].to_numpy()
    use = clean & ~np.isnan(delta)
    out = {name: np.full(len(laps), np.nan) for name in ("race_delta", "earlier_delta", "last_delta")}
    for rows in cars(laps):
        race: list[float] = []
        current, before = None, np.nan
        for row in rows:
            if run[row] != current:
                current, before = run[row], np.median(race) if race else np.nan
            out["earlier_delta"][row] = before
            if race:
                out["race_delta"][row], out["last_delta"][row] = np.median(race), race[-1]
            if use[row]:
                race.append(delta[row])
    mates = np.full(len(laps), np.nan)
    number = laps["driver_number"].to_numpy()
    for _, places in laps.assign(place=np.arange(len(laps))).dropna(subset=["team"]).groupby("team")["place"]:
        rows = places.to_numpy()
        for car in np.unique(number[rows]):
            mine, other = rows[number[rows] == car], rows[(number[rows] != car) & use[rows]]
            other = other[np.argsort(ends[other], kind="stable")]
            if len(other):
                mates[mine] = at(begins[mine], ends[other], pd.Series(delta[other]).rolling(5, min_periods=1).median().to_numpy())
    ahead = car_before(begins, number)
    return pd.DataFrame(
        {
            **out,
            "mate_delta": mates,
            "ahead_delta": np.where(ahead >= 0, out["last_delta"][ahead], np.nan),
            "position": laps["start"].groupby(laps["lap_number"]).rank(),
        },
        index=laps.index,
    ).clip(-LARGE, 30)


def car_before(begins: "np.ndarray", number: "np.ndarray") -> "np.ndarray":
    """Of each lap, the row of the lap that began last before it; -1 for the first."""
    import numpy as np

    order = np.flatnonzero(~np.isnan(begins))
    order = order[np.lexsort((number[order], begins[order]))]
    before = np.full(len(begins), -1)
    before[order[1:]] = order[:-1]
    return before


def traffic(laps: "pd.DataFrame", clean: "np.ndarray", own: "pd.DataFrame") -> "pd.DataFrame":
    """Known when the car crosses the line: who crossed it before, how long ago, and how fast they were; who was behind a lap ago.

    On the road, not in the order of the race: a car that is lapped is in the way too.
    """
    import numpy as np
    import pandas as pd

    begins, number, lap = (laps[name].to_numpy() for name in ("start", "driver_number", "lap_number"))
    last, level = own["last_any"].to_numpy(), own["level"].to_numpy()
    order = np.flatnonzero(~np.isnan(begins))
    order = order[np.lexsort((number[order], begins[order]))]
    crossings = begins[order]
    rank = np.full(len(laps), -1)
    rank[order] = np.arange(len(order))

    def crossed(before: int) -> "tuple[np.ndarray, np.ndarray]":
        """The row of the car that crossed the line so many places earlier, and the gap to it."""
        place = rank - before
        row = np.where((rank >= 0) & (place >= 0), order[np.maximum(place, 0)], -1) if len(order) else rank
        return row, np.where(row >= 0, begins - begins[row], np.nan)

    ahead, gap = crossed(1)
    second, gap_2 = crossed(2)
    near = np.searchsorted(crossings, begins) - np.searchsorted(crossings, begins - CLOSE)
    previous = np.full(len(laps), -1)
    for rows in cars(laps):
        previous[rows[1:]] = rows[:-1]
    behind_row = np.where((previous >= 0) & (rank[previous] >= 0), np.minimum(rank[previous] + 1, len(order) - 1), -1)
    behind = np.where(behind_row >= 0, crossings[behind_row] - begins[previous], np.nan) if len(order) else gap
    behind = np.where(crossings[behind_row] <= begins, behind, np.nan) if len(order) else behind
    lag = own["lag_1"].to_numpy()
    same = np.where(ahead >= 0, (lap[ahead] == lap).astype(float), np.nan)
    return pd.DataFrame(
        {
            "gap_ahead": np.minimum(gap, FAR),
            "dirty_air": np.exp(-gap / 2),
            "gap_ahead_change": np.clip(np.where(ahead >= 0, last - last[ahead], np.nan), -5, 5),
            "pace_ahead": np.clip(np.where(ahead >= 0, last[ahead], np.nan) - level, -5, 5),
            "level_ahead": np.clip(np.where(ahead >= 0, level[ahead], np.nan) - level, -5, 5),
            "lag_ahead": np.clip(np.where(ahead >= 0, lag[ahead], np.nan) - level, -5, 5),
            "surprise_ahead": np.clip(np.where(ahead >= 0, last[ahead] - level[ahead], np.nan), -3, 3),
            "laps_ahead": np.where(ahead >= 0, np.clip(lap[ahead] - lap, -2, 2), np.nan),
            "same_lap_ahead": same,
            "gap_second": np.minimum(gap_2, FAR),
            "level_second": np.clip(np.where(second >= 0, level[second], np.nan) - level, -5, 5),
            "cars_near": np.where(rank >= 0, near, np.nan).astype(float),
            "gap_behind": np.minimum(behind, FAR),
        },
        index=laps.index,
    )


def sectors(laps: "pd.DataFrame", clean: "np.ndarray") -> "pd.DataFrame":
    """Known once the car's previous lap has ended: its sectors, speeds and, where samples are stored, its telemetry (full
    throttle, brakes and DRS as shares of the lap), beside the median of its last clean ones of the run."""
    import numpy as np
    import pandas as pd

    run = laps["run"].to_numpy()
    names = (*SECTORS, "st_speed", "i1_speed", "i2_speed", *TELEMETRY)
    values = laps[[*names]].to_numpy(dtype=float)
    out = np.full(values.shape, np.nan)
    for rows in cars(laps):
        kept: list[Any] = []
        current = None
        for place, row in enumerate(rows):
            if run[row] != current:
                kept, current = [], run[row]
            before = rows[place - 1]
            if place and run[before] == current:
                if len(kept) > 1:
                    out[row] = values[before] - np.median(kept[-6:], axis=0)
                if clean[before]:
                    kept.append(values[before])
    limits = np.array([3, 3, 3, 30, 30, 30, 20, 30, 0.3, 0.3, 0.3])
    columns = [
        f"{name}_surprise" for name in ("sector_1", "sector_2", "sector_3", "trap_speed", "i1_speed", "i2_speed", *TELEMETRY)
    ]
    return pd.DataFrame(np.clip(out, -limits, limits), columns=columns, index=laps.index)


def weather(laps: "pd.DataFrame") -> "pd.DataFrame":
    """Measured before the lap began: how far the track has warmed or cooled since the run began.

    The temperatures themselves are not here: with a few dozen races they are names of races, and a model learns those by heart.
    """
    first = laps.sort_values("lap_number").groupby(["driver_number", "run"])["track_temperature"].transform("first")
    return (laps["track_temperature"] - first).astype("float64").to_frame("track_temperature_change")


KEPT = (("driver", "driver_number"), ("team", "team"), ("circuit", "circuit"))  # what races are remembered by


class Memory:
    """What past races said of drivers, teams and circuits; recalled before a race, learnt after it."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, str, Any], list[float]] = {}

    def recall(self, laps: "pd.DataFrame") -> "pd.DataFrame":
        """Means over past races, drawn towards nought by `PRIOR` laps."""
        import pandas as pd

        def mean(kind: str, what: str, key: Any) -> float:
            total, count = self.sums.get((kind, what, key), (0.0, 0.0))
            return total / (count + PRIOR)

        columns = {
            f"{kind}_{what}": laps[column].map({key: mean(kind, what, key) for key in laps[column].dropna().unique()})
            for kind, column in KEPT
            for what in ("drift", "noise", "delta")
        }
        return pd.DataFrame(columns, index=laps.index).astype("float64")

    def learn(self, laps: "pd.DataFrame", features: "pd.DataFrame") -> None:
        import numpy as np

        surprise = (laps["lap_duration"] - features["level"]).where(laps["excluded"] == "").clip(-1.5, 1.5)
        delta = (laps["lap_duration"] - features["reference"]).where(laps["excluded"] == "").clip(-LARGE, LARGE)
        for what, values in (("drift", surprise), ("noise", np.abs(surprise)), ("delta", delta)):
            for kind, column in KEPT:
                for key, group in values.groupby(laps[column]):
                    kept = self.sums.setdefault((kind, what, key), [0.0, 0.0])
                    kept[0] += float(group.sum())
                    kept[1] += int(group.count())
