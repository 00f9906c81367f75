"""How fast: race pace without the fuel, stint by stint, how steadily, and long runs of practice."""

from typing import TYPE_CHECKING, Any

from ml.analysis import robust
from ml.analysis.sessions import BAND, CLEAN, FUEL_EFFECT, FUEL_LOAD, clean_laps, describe_fuel

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 5  # laps of a driver or a stint that something is said of
LONG = 6  # laps of a long run, at least
STEADY = 1.03  # times a run's median: what is slower was no attempt


def race_pace(laps: "pd.DataFrame", *, fuel_effect: float = FUEL_EFFECT, fuel_load: float = FUEL_LOAD) -> dict[str, Any]:
    """Median clean lap of each driver, team and compound on an empty tank, and the gap to the best.

    `band` is that gap with fuel effects of 0.02 to 0.04 s per kg; `quartiles` of the laps, and of drivers the `times` themselves
    as [lap number, seconds, compound]. Drivers who drove only a part of the race are compared over that part's fuel, but not its
    track.
    """
    clean = clean_laps(laps, fuel_effect=fuel_effect, fuel_load=fuel_load)
    others = [clean_laps(laps, fuel_effect=effect, fuel_load=fuel_load) for effect in BAND]
    times = {
        str(name): [[int(lap), float(time), str(tyre)] for lap, time, tyre in part.itertuples(index=False)]
        for name, part in clean.set_index("name")[["lap_number", "corrected", "compound"]].groupby(level="name")
    }
    return {
        "rows": [row | {"times": times[row["name"]]} for row in ranked(clean, others, "name")],
        "teams": ranked(clean, others, "team"),
        "compounds": ranked(of_several_cars(clean), [of_several_cars(table) for table in others], "compound"),
        "n": len(clean),
        "filters": [CLEAN, "compounds that at least two cars drove"],
        "assumptions": [describe_fuel(fuel_effect, fuel_load), "tyres, traffic and the state of the track are not taken out"],
    }


def of_several_cars(clean: "pd.DataFrame") -> "pd.DataFrame":
    """Laps on compounds that several cars drove: one car's stint tells of the car, and its compound may be wrong."""
    return clean[clean.groupby("compound")["driver_number"].transform("nunique") > 1]


def ranked(clean: "pd.DataFrame", others: "list[pd.DataFrame]", column: str) -> list[dict[str, Any]]:
    def gaps(table: "pd.DataFrame") -> "pd.Series":
        counted = table.groupby(column)["corrected"].agg(["median", "size"])
        medians = counted.loc[counted["size"] >= FEWEST, "median"]
        return medians - medians.min()

    quartiles, counts = clean.groupby(column)["corrected"].quantile([0.25, 0.5, 0.75]), clean.groupby(column).size()
    team = clean.groupby(column)["team"].last()
    own, ends = gaps(clean), [gaps(table) for table in others]
    return [
        {
            column: str(key),
            **({"team": str(team[key])} if column == "name" else {}),
            "pace": float(quartiles[key, 0.5]),
            "quartiles": [float(quartiles[key, share]) for share in (0.25, 0.5, 0.75)],
            "gap": float(gap),
            "band": [float(edge([gap, *(end[key] for end in ends)])) for edge in (min, max)],
            "laps": int(counts[key]),
        }
        for key, gap in own.sort_values().items()
    ]


def stint_pace(laps: "pd.DataFrame", *, fuel_effect: float = FUEL_EFFECT, fuel_load: float = FUEL_LOAD) -> dict[str, Any]:
    """Each stint: its pace at the start and its trend, without the fuel, and its laps one by one."""
    clean = clean_laps(laps, fuel_effect=fuel_effect, fuel_load=fuel_load)
    rows = []
    for (name, run), part in clean.groupby(["name", "run"]):
        if len(part) < FEWEST:
            continue
        since = (part["lap_number"] - part["lap_number"].min()).to_numpy(dtype=float)
        fitted = robust.line(since, part["corrected"].to_numpy())
        away = robust.NORMAL * fitted.error
        rows.append(
            {
                "name": str(name),
                "team": str(part["team"].iloc[0]),
                "stint": int(run) + 1,
                "compound": part["compound"].iloc[0],
                "first_lap": int(part["lap_number"].min()),
                "last_lap": int(part["lap_number"].max()),
                "laps": len(part),
                "pace": fitted.level,
                "slope": fitted.slope,
                "interval": [fitted.slope - away, fitted.slope + away],
                "evolution": [
                    [int(number), float(time)] for number, time in zip(part["lap_number"], part["corrected"], strict=True)
                ],
            }
        )
    return {
        "rows": rows,
        "n": len(clean),
        "filters": [CLEAN, f"stints of {FEWEST} clean laps and more"],
        "assumptions": [
            describe_fuel(fuel_effect, fuel_load),
            "within a stint tyres, fuel and track change together: the slope is what the fuel leaves over",
        ],
    }


def consistency(laps: "pd.DataFrame") -> dict[str, Any]:
    """Median absolute deviation of each driver's clean laps from the trend of their stint, in seconds; small is steady."""
    import numpy as np

    clean = clean_laps(laps, fuel_effect=0.0, fuel_load=FUEL_LOAD)
    rows = []
    for name, mine in clean.groupby("name"):
        left = []
        for _, part in mine.groupby("run"):
            if len(part) >= FEWEST:
                x, y = part["lap_number"].to_numpy(dtype=float), part["lap_duration"].to_numpy()
                fitted = robust.line(x, y)
                left.append(y - fitted.level - fitted.slope * x)
        if left:
            away = np.concatenate(left)
            rows.append(
                {"name": str(name), "team": str(mine["team"].iloc[0]), "mad": float(np.median(np.abs(away))), "laps": len(away)}
            )
    return {
        "rows": sorted(rows, key=lambda row: row["mad"]),
        "n": sum(row["laps"] for row in rows),
        "filters": [CLEAN, f"stints of {FEWEST} clean laps and more"],
        "assumptions": ["a straight line per stint takes out fuel and tyres; traffic stays in"],
    }


def long_runs(laps: "pd.DataFrame") -> dict[str, Any]:
    """Runs of six laps and more without a stop, less the laps that were no attempts. Fuel and engine modes are unknown in
    practice."""
    from ml.features import laps_by_car

    possible = laps["lap_duration"].notna() & (laps["excluded"] != "impossible time")
    timed = laps[possible & ~laps["is_pit_out_lap"] & ~laps["is_in_lap"]].reset_index(drop=True)
    rows = []
    for places in laps_by_car(timed):
        mine = timed.iloc[places]
        for _, run in mine.groupby("run"):
            part = run[run["lap_duration"] <= STEADY * run["lap_duration"].median()]
            if len(part) < LONG:
                continue
            fitted = robust.line(
                (part["lap_number"] - part["lap_number"].min()).to_numpy(dtype=float), part["lap_duration"].to_numpy()
            )
            away = robust.NORMAL * fitted.error
            rows.append(
                {
                    "name": str(part["name"].iloc[0]),
                    "team": str(part["team"].iloc[0]),
                    "compound": part["compound"].iloc[0],
                    "tyre_age": None if part["tyre_age"].isna().all() else int(part["tyre_age"].min()),
                    "laps": len(part),
                    "median": float(part["lap_duration"].median()),
                    "slope": fitted.slope,
                    "interval": [fitted.slope - away, fitted.slope + away],
                }
            )
    return {
        "rows": sorted(rows, key=lambda row: row["median"]),
        "n": sum(row["laps"] for row in rows),
        "filters": [f"runs of {LONG} laps and more, less laps over {STEADY:.0%} of the run's median"],
        "assumptions": ["fuel and engine modes are unknown: compare runs of like length, and trust slopes more than levels"],
    }
