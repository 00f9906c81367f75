"""Who is faster: team-mates on like laps, and everybody in qualifying."""

from itertools import combinations
from typing import TYPE_CHECKING, Any

from jobs.wording import plural
from mirror.limits import is_number
from ml.analysis import robust
from ml.analysis.sessions import CLEAN, CannotSay
from races import neutralisations

if TYPE_CHECKING:
    import pandas as pd

ALIKE = 2  # laps by which the tyres of two cars may differ in age
FEWEST = 8  # pairs of laps
UNKNOWN_DELETIONS = (
    "Deleted laps are unknown: neither results nor messages of race control are stored of this session, so a lap that does not "
    "count may be somebody's fastest; sync_openf1 session_result race_control brings them in."
)
UNSUPPORTED_TIMES = (
    "No gap and no lap agrees with an official time of: {}. Nobody is compared with it; correct the result, or sync it again."
)
Times = list[float | None]  # seconds, of each phase
AGREED = 0.0025  # seconds, within which a time is another one, or the sum of three sectors
TIMES = {"lap": "lap_duration", "sector_1": "duration_sector_1", "sector_2": "duration_sector_2", "sector_3": "duration_sector_3"}


def team_mates(laps: "pd.DataFrame") -> dict[str, Any]:
    """Seconds by which the second of two team-mates was slower, by lap and by official sector.

    The median over clean laps of the same number, on tyres of the same compound and about the same age, with a 95 % interval from
    drawing blocks of five laps.
    """
    clean = laps[laps["clean"]]
    rows, left_out = [], []
    for team, mine in clean.groupby("team"):
        cars = [(int(number), part) for number, part in mine.groupby("driver_number")]
        for (first, one), (second, other) in combinations(cars, 2):
            both = one.merge(other, on="lap_number", suffixes=("", "_other"))
            alike = both[
                (both["compound"] == both["compound_other"]) & ((both["tyre_age"] - both["tyre_age_other"]).abs() <= ALIKE)
            ]
            if len(alike) < FEWEST:
                left_out.append(f"{team}: {plural(len(alike), 'pair')} of laps")
                continue
            rows.append(
                {
                    "team": str(team),
                    "first": str(one["name"].iloc[0]),
                    "second": str(other["name"].iloc[0]),
                    "pairs": len(alike),
                    "numbers": [first, second],
                    **{name: beside(alike, column) for name, column in TIMES.items()},
                }
            )
    return {
        "rows": rows,
        "left_out": left_out,
        "n": sum(row["pairs"] for row in rows),
        "filters": [CLEAN, f"the same lap, the same compound, tyres at most {ALIKE} laps apart", f"{FEWEST} such pairs and more"],
        "assumptions": ["the same lap has the same fuel and the same track", "traffic and engine modes are not taken out"],
    }


def beside(pairs: "pd.DataFrame", column: str) -> dict[str, Any]:
    import numpy as np

    known = pairs[pairs[column].notna() & pairs[f"{column}_other"].notna()]
    if known.empty:
        return {"delta": None, "interval": None}
    delta = (known[f"{column}_other"] - known[column]).to_numpy()
    return {"delta": float(np.median(delta)), "interval": [*robust.bootstrap(delta, (known["lap_number"] // 5).to_numpy())]}


def qualifying_gap(laps: "pd.DataFrame") -> dict[str, Any]:
    """Best time of each driver: behind the fastest in seconds and in per cent, and, as the track gets faster from phase to phase,
    behind the fastest of the last phase that the driver took part in, and behind the team-mate in the last phase of both.

    Times are the official ones, which know of deleted laps. Where no results are stored, they are each driver's fastest lap that
    race control did not delete, and phases are unknown. Nobody is compared with an official time that no other value agrees with.
    """
    session_id = int(laps["session_id"].iloc[0])
    timed = laps[laps["lap_duration"].notna() & ~laps["is_pit_out_lap"] & (laps["excluded"] != "impossible time")]
    known = official(session_id)
    drivers = laps.drop_duplicates("driver_number").set_index("driver_number")[["name", "team"]]
    times = known or fastest_laps(without_deleted(timed, session_id=session_id))
    times = {car: mine for car, mine in times.items() if car in drivers.index}
    if not times:
        raise CannotSay("No timed laps are stored of this session; sync_openf1 laps session_result --session ID brings them in.")
    best = {car: min(filter(None, mine)) for car, mine in times.items()}
    agreed = agreed_times(times, laps) if known else times
    fastest = min(min(filter(None, mine)) for mine in agreed.values())
    rows = []
    for car in sorted(best, key=lambda one: (one not in agreed, best[one])):
        name, team = drivers.loc[car]
        mates = [agreed[other] for other in agreed if other != car and drivers.loc[other, "team"] == team]
        phase = latest(times[car])
        rows.append(
            {
                "name": str(name),
                "team": str(team),
                "lap_duration": best[car],
                "gap": best[car] - fastest,
                "gap_percent": percent(best[car], fastest),
                "phase": phase + 1 if known else None,
                "phase_percent": behind(times[car], list(agreed.values()), phase) if known else None,
                "mate_percent": behind(times[car], mates, min(phase, max(map(latest, mates)))) if mates else None,
            }
        )
    return {
        "rows": rows,
        "n": len(rows),
        "filters": ["official times of each phase" if known else "each driver's fastest lap that race control did not delete"],
        "assumptions": ["gap: a track that gets faster favours those who get further"],
        **({"warnings": warnings} if (warnings := doubts(session_id, drivers["name"], times, agreed, known=bool(known))) else {}),
    }


def doubts(
    session_id: int, names: "pd.Series", times: dict[int, "Times"], agreed: dict[int, "Times"], *, known: bool
) -> list[str]:
    """What may be wrong with the times that an answer rests on."""
    if not known:
        return [] if neutralisations.are_known(session_id) else [UNKNOWN_DELETIONS]
    alone = [str(names[car]) for car in times if times[car] != agreed.get(car)]
    return [UNSUPPORTED_TIMES.format(", ".join(alone))] if alone else []


def without_deleted(laps: "pd.DataFrame", *, session_id: int) -> "pd.DataFrame":
    """The laps of a session without those whose time race control deleted."""
    from telemetry.models import Lap

    deleted = set(Lap.objects.filter(session_id=session_id, deleted=True).values_list("driver_number", "lap_number"))
    return laps[[key not in deleted for key in zip(laps["driver_number"], laps["lap_number"], strict=True)]]


def fastest_laps(laps: "pd.DataFrame") -> dict[int, Times]:
    """{car: [its fastest lap]}, as `official` gives times that are of one phase."""
    return {int(car): [float(best)] for car, best in laps.groupby("driver_number")["lap_duration"].min().items()}


def official(session_id: int, field: str = "duration") -> dict[int, Times]:
    """Each car's best time in each phase, by the session's results, or another field of them; without cars that set none."""
    from drivers.models import SessionResult

    rows = SessionResult.objects.filter(session_id=session_id).values_list("driver_number", field)
    numbers = {
        car: [value if is_number(value) and value >= 0 else None for value in values]
        for car, values in rows
        if isinstance(values, list)
    }
    return {car: values for car, values in numbers.items() if any(values)}


def agreed_times(times: dict[int, Times], laps: "pd.DataFrame") -> dict[int, Times]:
    """Of official times those that another value agrees with, without cars that have none: the gap to the leader, which all cars
    tell of the same time, or the time or the sectors of a lap of the car. All times where nothing agrees with any.
    """
    from statistics import median

    gaps = official(int(laps["session_id"].iloc[0]), "gap_to_leader")
    leaders: dict[int, list[float]] = {}
    for car, mine in times.items():
        for phase, (time, gap) in enumerate(zip(mine, gaps.get(car, []), strict=False)):
            if time and gap is not None:
                leaders.setdefault(phase, []).append(time - gap)
    leader = {phase: median(said) for phase, said in leaders.items() if len(said) > 2}
    measured = {
        car: own[["lap_duration", "sum"]].to_numpy().ravel()
        for car, own in laps.assign(sum=laps[[*TIMES.values()][1:]].sum(axis=1, skipna=False)).groupby("driver_number")
    }

    def agrees(car: int, phase: int, time: float) -> bool:
        gap = dict(enumerate(gaps.get(car, []))).get(phase)
        by_gap = gap is not None and phase in leader and abs(time - gap - leader[phase]) < AGREED
        return bool(by_gap or (abs(measured[car] - time) < AGREED).any())

    agreed = {
        car: [time if time and agrees(car, phase, time) else None for phase, time in enumerate(mine)]
        for car, mine in times.items()
    }
    return {car: mine for car, mine in agreed.items() if any(mine)} or times


def latest(times: list[float | None]) -> int:
    """The last phase with a time, from 0."""
    return max(phase for phase, time in enumerate(times) if time)


def percent(time: float, other: float) -> float:
    return 100 * (time / other - 1)


def behind(mine: list[float | None], others: list[list[float | None]], phase: int) -> float | None:
    """Per cent behind the fastest of the others in a phase; None where one side has no time in it."""
    there = [time for times in others if len(times) > phase and (time := times[phase])]
    own = mine[phase]
    return percent(own, min(there)) if own and there else None
