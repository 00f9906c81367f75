"""Stops: what they cost, when another tyre is faster, and what stopping first wins."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from ml.analysis import degradation, robust
from ml.analysis.sessions import CLEAN, CannotSay
from telemetry.lap_rules import NEUTRALISED_STATES, WET_COMPOUNDS

if TYPE_CHECKING:
    import pandas as pd

AROUND = 6  # laps before and after a stop that say what a lap would have taken
RED = "red flag"
FREE = 0.1  # of the laps of those who stayed out may be neutralised on a free track
LONGEST = 60.0  # seconds: a stop that costs more was a repair
DRAWS = 4000
RIVAL = 3.0  # seconds between two cars that race each other
NO_RED_FLAG = ", nor under a red flag, nor as a neutralisation began or ended"
NO_NEUTRALISATION = ", nobody is neutralised"
ANSWER = 5  # laps within which the other stops too


def pit_loss(laps: "pd.DataFrame") -> dict[str, Any]:
    """Seconds that in-lap and out-lap together cost beside two laps without a stop: on a free track beside the car's own laps
    around it, behind a (virtual) safety car beside the cars that stayed out on those laps.

    `left_out` counts stops that say nothing of the pit lane: onto wet tyres or off them, in a race that was stopped, and as a
    neutralisation began or ended.
    """
    import numpy as np

    found: dict[str, list[dict[str, Any]]] = {"green": [], "neutralised": []}
    left_out: Counter[str] = Counter()
    by_car = {key: part.set_index("lap_number") for key, part in laps.groupby("driver_number")}
    staying = laps[~laps["is_in_lap"] & ~laps["is_pit_out_lap"] & laps["lap_duration"].notna()]
    usual = staying.groupby("lap_number")["lap_duration"].median()
    for mine in by_car.values():
        for lap in mine.index[mine["is_in_lap"]]:
            if lap == 1 or lap + 1 not in mine.index or not mine.loc[lap + 1, "is_pit_out_lap"]:
                continue
            both = [lap, lap + 1]
            track = track_of(mine.loc[both, "compound"], staying.loc[staying["lap_number"].isin(both), "excluded"])
            around = mine[(abs(mine.index - lap - 0.5) <= AROUND) & mine["clean"]]["lap_duration"]
            green = 2 * around.median() if len(around) > 2 else np.nan
            without = green if track == "green" else usual.reindex(both).sum(skipna=False)
            loss = float(mine.loc[both, "lap_duration"].sum(skipna=False) - without)
            if track in found and 0 < loss < LONGEST:
                found[track].append({"name": str(mine["name"].iloc[0]), "lap_number": int(lap), "loss": loss})
            else:
                left_out["not to be measured" if track in found else track] += 1
    if not any(found.values()):
        raise CannotSay("No stop of this session can be measured.")
    return {
        "rows": [{"track": track, **spread(rows)} for track, rows in found.items() if rows],
        "stops": found,
        "left_out": left_out,
        "n": sum(map(len, found.values())),
        "filters": [
            f"stops that cost under {LONGEST:g} s, with both laps timed",
            "not on the first lap",
            f"neither onto wet tyres nor off them{NO_RED_FLAG}",
        ],
        "assumptions": [
            f"free track: the laps without a stop are the median of the car's clean laps within {AROUND} laps",
            "neutralised: they are the median of the cars that stayed out; some were still catching up with the "
            "queue, which gives back a part of the loss later",
        ],
    }


def track_of(compounds: "pd.Series", states: "pd.Series") -> str:
    """What a stop tells of, by its two tyres and by what those who stayed out were in on these laps."""
    if compounds.isin(WET_COMPOUNDS).any():
        return "wet tyres"
    if (states == RED).mean() > FREE:
        return RED
    share = states.isin(NEUTRALISED_STATES).mean()
    return "green" if share <= FREE else "neutralised" if share > 0.5 else "partly neutralised"


def spread(rows: list[dict[str, Any]]) -> dict[str, Any]:
    import numpy as np

    losses = np.array([row["loss"] for row in rows])
    low, high = np.quantile(losses, [0.1, 0.9])
    return {
        "median": float(np.median(losses)),
        "mad": robust.scale(losses) / robust.MAD,
        "p10": float(low),
        "p90": float(high),
        "stops": len(rows),
    }


def crossover(laps: "pd.DataFrame") -> dict[str, Any]:
    """The age at which the compound that is faster when new has become the slower one, both having been fitted at the same time.

    A distribution, drawn from what the race says of both. `never`: the share of draws in which it does not happen within 80 laps.
    """
    import numpy as np

    names, offsets, slopes = degradation.draws(laps, count=DRAWS, seed=0)
    rows = []
    for one in range(len(names)):
        for other in range(len(names)):
            faster = offsets[other] - offsets[one]  # by which the first is faster when new
            if one == other or np.median(faster) <= 0:
                continue
            ages = np.where(slopes[one] > slopes[other], faster / np.maximum(slopes[one] - slopes[other], 1e-9), np.inf)
            meets = (ages > 0) & (ages < 80)
            row = {
                "faster_when_new": names[one],
                "other": names[other],
                "advantage": float(np.median(faster)),
                "never": float(1 - meets.mean()),
            }
            if meets.mean() >= 0.5:
                low, middle, high = np.quantile(ages[meets], [0.1, 0.5, 0.9])
                row |= {"age": float(middle), "p10": float(low), "p90": float(high)}
            rows.append(row)
    return {
        "rows": rows,
        "n": int(laps["clean"].sum()),
        "filters": [CLEAN, f"more than {degradation.CLEAR:g} s behind the car ahead"],
        "warnings": degradation.warnings(laps),
        "assumptions": ["tyres lose the same with every lap", "fuel and track are estimated, not assumed: they cancel out here"],
    }


def undercut(laps: "pd.DataFrame") -> dict[str, Any]:
    """Seconds that the car that stopped first has gained on one that was within three seconds ahead and answered within five
    laps.

    The gap at the line before the first stop less the gap after the second one's out-lap. Only stops on a free track.
    """
    import numpy as np

    by_car = {int(key): part.set_index("lap_number") for key, part in laps.groupby("driver_number")}
    stops = {key: [int(lap) for lap in mine.index[mine["is_in_lap"]] if lap > 1] for key, mine in by_car.items()}
    rows = []
    for chaser, mine in by_car.items():
        for leader, other in by_car.items():
            for first in stops[chaser] if leader != chaser else ():
                row = gained(mine, other, first, stops[leader])
                if row:
                    rows.append({"name": str(mine["name"].iloc[0]), "on": str(other["name"].iloc[0]), **row})
    gains = np.array([row["gain"] for row in rows])
    if not len(gains):
        raise CannotSay("Nobody in this race stopped within three seconds behind a car that answered within five laps.")
    low, middle, high = np.quantile(gains, [0.1, 0.5, 0.9])
    return {
        "rows": sorted(rows, key=lambda row: -row["gain"]),
        "median": float(middle),
        "p10": float(low),
        "p90": float(high),
        "worked": float(np.mean([row["ahead"] for row in rows])),
        "n": len(rows),
        "filters": [f"within {RIVAL:g} s before the stop, the car ahead stops 1 to {ANSWER} laps later{NO_NEUTRALISATION}"],
        "assumptions": ["slow stops and traffic after the stop are part of the gain, as they are of the gamble"],
    }


def gained(chaser: "pd.DataFrame", leader: "pd.DataFrame", first: int, answers: list[int]) -> dict[str, Any] | None:
    """What a stop at the end of lap `first` has won, or None where it was no undercut."""
    import numpy as np

    later = next((lap for lap in answers if 0 < lap - first <= ANSWER), None)
    if later is None or any(first - ANSWER <= lap <= first for lap in answers):
        return None
    before, after = gap(chaser, leader, first), gap(chaser, leader, later + 2)
    span = range(first, later + 2)
    free = not (
        chaser.reindex(span)["excluded"].isin(NEUTRALISED_STATES).any()
        or leader.reindex(span)["excluded"].isin(NEUTRALISED_STATES).any()
    )
    if not 0 < before <= RIVAL or np.isnan(after) or abs(after) > 30 or not free:
        return None
    return {"lap_number": first, "answered": later, "gain": float(before - after), "ahead": bool(after < 0)}


def gap(chaser: "pd.DataFrame", leader: "pd.DataFrame", lap: int) -> float:
    """Seconds behind at the start of a lap; NaN where one of them did not begin it."""
    missing = float("nan")
    if lap not in chaser.index or lap not in leader.index:
        return missing
    return float(chaser.loc[lap, "start"] - leader.loc[lap, "start"])
