"""Stops: what they cost, when another tyre is faster, and what stopping first wins."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ml.analysis import degradation, robust
from ml.analysis.sessions import CLEAN, CannotSay
from telemetry.lap_rules import NEUTRALISED_STATES, WET_COMPOUNDS
from telemetry.pit_visits import Visit, load_visits

if TYPE_CHECKING:
    import pandas as pd

AROUND = 6  # laps before and after a stop that say what a lap would have taken
RED = "red flag"
NEARBY = 60.0  # seconds between a car that stops and the cars that it is compared with
FEWEST_OTHERS = 3  # of those
FREE = 0.1  # of the laps of those who stayed out may be neutralised on a free track
LONGEST = 60.0  # seconds: a stop that costs more was a repair
DRAWS = 4000
SHARES = [share / 20 for share in range(1, 20)]  # at which the distribution of a crossover is told
SLOW = 3.0  # seconds in the lane beyond the session's median, from which a stop was a slow one
RIVAL = 3.0  # seconds between two cars that race each other
NO_RED_FLAG = ", nor under a red flag, nor as a neutralisation began or ended"
NO_NEUTRALISATION = ", nobody is neutralised"
ANSWER = 5  # laps within which the other stops too


def pit_loss(laps: "pd.DataFrame") -> dict[str, Any]:
    """Seconds that in-lap and out-lap together cost beside two laps without a stop: on a free track beside the car's own laps
    around it, behind a (virtual) safety car beside the same two laps of the cars nearby that stayed out.

    Only stops count: visits on which tyres were changed or the car stood. `left_out` counts the other visits by kind, and stops
    that say nothing of the pit lane: onto wet tyres or off them, in a race that was stopped, and as a neutralisation began or
    ended.
    """
    found: dict[str, list[dict[str, Any]]] = {"green": [], "neutralised": []}
    left_out: Counter[str] = Counter()
    field = Field(laps)
    for visit in load_visits(int(laps["session_id"].iloc[0])):
        car, lap = visit.driver_number, visit.lap_number
        if lap == 1 or not field.is_in_and_out(car, lap):
            continue
        if not visit.is_stop:
            left_out[visit.kind.value] += 1
            continue
        track = field.track(car, lap)
        loss = field.loss(car, lap, track=track) if track in found else float("nan")
        if track in found and (0 if track == "green" else -LONGEST) < loss < LONGEST:
            found[track].append(
                {
                    "name": field.name(car),
                    "lap_number": lap,
                    "loss": loss,
                    "state": field.state(car, lap) if track != "green" else "",
                }
            )
        else:
            left_out["not to be measured" if track in found else track] += 1
    if not any(found.values()):
        raise CannotSay("No stop of this session can be measured.")
    states = {
        state: [row for row in found["neutralised"] if row["state"] == state] for state in NEUTRALISED_STATES if state != RED
    }
    return {
        "rows": [{"track": track, **spread(rows)} for track, rows in (found | states).items() if rows],
        "stops": found,
        "left_out": left_out,
        "n": sum(map(len, found.values())),
        "filters": [
            f"stops that cost under {LONGEST:g} s, with both laps timed: a change of tyres or a time at a standstill",
            "not on the first lap",
            f"neither onto wet tyres nor off them{NO_RED_FLAG}",
        ],
        "assumptions": [
            f"free track: the laps without a stop are the median of the car's clean laps within {AROUND} laps",
            f"neutralised: they are the median of the same two laps of the {FEWEST_OTHERS} and more cars that stayed out within "
            f"{NEARBY:g} s; what a stop costs depends on when in the neutralisation it falls, and can be less than nothing",
            "safety car and virtual safety car: parts of neutralised",
        ],
    }


class Field:
    """The laps of a race by car and lap number, and what a stop on two of them is compared with."""

    def __init__(self, laps: "pd.DataFrame") -> None:
        self.cars = {int(key): part.set_index("lap_number") for key, part in laps.groupby("driver_number")}
        stays = (
            ~laps["is_in_lap"] & ~laps["is_pit_out_lap"] & laps["lap_duration"].notna() & ~laps["compound"].isin(WET_COMPOUNDS)
        )
        self.staying = laps[stays]

    def name(self, car: int) -> str:
        return str(self.cars[car]["name"].iloc[0])

    def is_in_and_out(self, car: int, lap: int) -> bool:
        """Whether both laps of a visit are there, the second as an out-lap."""
        return (
            car in self.cars
            and {lap, lap + 1} <= set(self.cars[car].index)
            and bool(self.cars[car].loc[lap + 1, "is_pit_out_lap"])
        )

    def others(self, car: int, lap: int) -> "pd.DataFrame":
        """The two laps of the cars that stayed out on both, and began the first within `NEARBY` seconds of this car."""
        both = self.staying[self.staying["lap_number"].isin([lap, lap + 1]) & (self.staying["driver_number"] != car)]
        first = both[both["lap_number"] == lap]
        near = first.loc[(first["start"] - self.cars[car].loc[lap, "start"]).abs() <= NEARBY, "driver_number"]
        second = both.loc[both["lap_number"] == lap + 1, "driver_number"]
        return both[both["driver_number"].isin(set(near) & set(second))]

    def track(self, car: int, lap: int) -> str:
        """What a stop at the end of a lap tells of; by all cars that stayed out, where none is nearby."""
        others = self.others(car, lap)
        if others.empty:
            others = self.staying[self.staying["lap_number"].isin([lap, lap + 1])]
        return track_of(self.cars[car].loc[[lap, lap + 1], "compound"], others["excluded"])

    def state(self, car: int, lap: int) -> str:
        """The neutralisation that most of the other cars' laps were under."""
        states = self.others(car, lap)["excluded"]
        counts = states[states.isin(NEUTRALISED_STATES)].value_counts()
        return str(counts.index[0]) if len(counts) else ""

    def loss(self, car: int, lap: int, *, track: str) -> float:
        """Seconds that the two laps of a stop took longer than without; NaN where too little is known."""
        mine = self.cars[car]
        missing = float("nan")
        if track == "green":
            around = mine[(abs(mine.index - lap - 0.5) <= AROUND) & mine["clean"]]["lap_duration"]
            without = 2 * around.median() if len(around) > 2 else missing
        else:
            pairs = self.others(car, lap).groupby("driver_number")["lap_duration"].sum()
            without = pairs.median() if len(pairs) >= FEWEST_OTHERS else missing
        return float(mine.loc[[lap, lap + 1], "lap_duration"].sum(skipna=False) - without)


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
    low, first, third, high = map(float, np.quantile(losses, [0.1, 0.25, 0.75, 0.9]))
    return {
        "median": float(np.median(losses)),
        "mad": robust.scale(losses) / robust.MAD,
        "p10": low,
        "p25": first,
        "p75": third,
        "p90": high,
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
                row["ages"] = np.quantile(ages[meets], SHARES).tolist()
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
    visits = load_visits(int(laps["session_id"].iloc[0]))
    stops = {
        key: sorted(v.lap_number for v in visits if v.driver_number == key and v.is_stop and v.lap_number > 1) for key in by_car
    }
    slow = slow_stops(visits)
    rows = []
    for chaser, mine in by_car.items():
        for leader, other in by_car.items():
            for first in stops[chaser] if leader != chaser else ():
                row = gained(mine, other, first, stops[leader])
                if row:
                    names = {"name": str(mine["name"].iloc[0]), "on": str(other["name"].iloc[0])}
                    stood = (chaser, first) in slow or (leader, row["answered"]) in slow
                    rows.append({**names, **row, "slow": stood})
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


def slow_stops(visits: "Sequence[Visit]") -> set[tuple[int, int]]:
    """(car, lap) of the stops that took `SLOW` seconds more in the lane than the median one, as far as upstream timed them."""
    from statistics import median

    timed = {
        (visit.driver_number, visit.lap_number): visit.pit.seconds
        for visit in visits
        if visit.is_stop and visit.pit and visit.pit.seconds is not None
    }
    usual = median(timed.values()) if timed else 0.0
    return {stop for stop, seconds in timed.items() if seconds > usual + SLOW}


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
