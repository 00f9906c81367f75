"""Team-mates beside each other over a season: qualifying, races, and race pace on like laps."""

from collections import defaultdict
from itertools import combinations
from math import comb
from statistics import median

import msgspec

from api.queries import Row, fetch
from ml.analysis.comparison import ALIKE, FEWEST
from pages.careers import CareerRows, CarLine, Outcome
from races.models import RACES
from telemetry.models import Lap

CERTAINTY = 0.95


class PaceLap(Row):
    """A clean lap; see `LapRow`."""

    session_id: int
    driver_number: int
    lap_number: int
    lap_duration: float
    tyre_compound: str | None
    tyre_age_at_start: int | None
    stint_lap_number: int | None

    @property
    def tyre_age(self) -> int | None:
        if self.tyre_age_at_start is None or self.stint_lap_number is None:
            return None
        return self.tyre_age_at_start + self.stint_lap_number - 1


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds a lap by which the second of two was slower: the median of the races' medians."""

    gap: float
    low: float | None  # bounds of the 95 % interval; None with too few races for one
    high: float | None
    races: int


class Duel(msgspec.Struct, frozen=True, kw_only=True):
    """Two team-mates in a season; scores are (first, second)."""

    first: str
    second: str
    first_id: str | None
    second_id: str | None
    team: str
    qualifying: tuple[int, int]
    gap: float | None  # median in seconds by which the second was slower in the last phase of both
    gap_percent: float | None
    race: tuple[int, int]
    points: tuple[float, float]
    pace: Pace | None


def load_laps(rows: CareerRows, year: int) -> list[PaceLap]:
    """The clean laps of the cars in a season's races and sprints; one query."""
    sessions = [row.session_id for row in rows.sessions if row.year == year and row.session_name in RACES]
    numbers = {car.driver_number for car in rows.cars_in(year)}
    laps = Lap.objects.filter(session__in=sessions, driver_number__in=numbers).clean()
    return list(fetch({"laps": (PaceLap, laps)})["laps"]) if sessions else []


def duels(rows: CareerRows, year: int, laps: list[PaceLap], driver: str | None = None) -> list[Duel]:
    """Everyone who shared a team and a session in a season, those who met most often first; with a driver, only his, he first."""
    meetings: dict[tuple[str, str], list[tuple[CarLine, CarLine]]] = defaultdict(list)
    by_session: dict[int, list[CarLine]] = defaultdict(list)
    for car in rows.cars_in(year):
        by_session[car.session_id].append(car)
    for cars in by_session.values():
        for one, other in combinations(sorted(cars, key=lambda car: (car.driver_id != driver, car.key)), 2):
            if driver is None or one.driver_id == driver:
                meetings[one.key, other.key].append((one, other))
    found = sorted(meetings.values(), key=len, reverse=True)
    paces = pairs_of(laps)
    return [duel(rows, pairs, paces) for pairs in found]


def duel(rows: CareerRows, pairs: list[tuple[CarLine, CarLine]], paces: dict[tuple[int, int, int], float]) -> Duel:
    gaps: list[tuple[float, float]] = []
    scores = {"Qualifying": [0, 0], "Race": [0, 0]}
    points = [0.0, 0.0]
    driven = []
    for one, other in pairs:
        name = rows.session_of[one.session_id].session_name
        outcomes = [rows.result_of.get((car.session_id, car.driver_number)) for car in (one, other)]
        if name in scores and (ahead := who_was_ahead(*outcomes)) is not None:
            scores[name][ahead] += 1
        if name == "Qualifying" and (gap := phase_gap(*outcomes)):
            gaps.append(gap)
        if name in RACES:
            for at, outcome in enumerate(outcomes):
                points[at] += (outcome.points or 0.0) if outcome else 0.0
            pace = paces.get((one.session_id, one.driver_number, other.driver_number))
            driven += [] if pace is None else [pace]
    one, other = pairs[-1]
    return Duel(
        first=one.name,
        second=other.name,
        first_id=one.driver_id,
        second_id=other.driver_id,
        team=one.team_name or "",
        qualifying=(scores["Qualifying"][0], scores["Qualifying"][1]),
        gap=round(median(seconds for seconds, _ in gaps), 3) if gaps else None,
        gap_percent=round(median(share for _, share in gaps), 3) if gaps else None,
        race=(scores["Race"][0], scores["Race"][1]),
        points=(points[0], points[1]),
        pace=pace_of(driven),
    )


def who_was_ahead(one: Outcome | None, other: Outcome | None) -> int | None:
    """0 or 1; None unless both are classified."""
    if one is None or other is None or not one.position or not other.position:
        return None
    return int(other.position < one.position)


def phase_gap(one: Outcome | None, other: Outcome | None) -> tuple[float, float] | None:
    """(seconds, per cent) by which the second was slower in the last phase of a qualifying in which both set a time."""
    times = [found.duration if found and isinstance(found.duration, list) else [] for found in (one, other)]
    both = [(mine, theirs) for mine, theirs in zip(*times, strict=False) if mine and theirs]
    if not both:
        return None
    mine, theirs = both[-1]
    return theirs - mine, 100 * (theirs / mine - 1)


def pairs_of(laps: list[PaceLap]) -> dict[tuple[int, int, int], float]:
    """{(session, car, other car): median of the second's extra seconds on like laps}, where there are enough of them.

    Like laps have the same number, the same compound and tyres of about the same age, as in the analysis "team-mates".
    """
    by_lap: dict[tuple[int, int], list[PaceLap]] = defaultdict(list)
    for lap in laps:
        by_lap[lap.session_id, lap.lap_number].append(lap)
    deltas: dict[tuple[int, int, int], list[float]] = defaultdict(list)
    for same in by_lap.values():
        for one in same:
            for other in same:
                if one is not other and alike(one, other):
                    key = (one.session_id, one.driver_number, other.driver_number)
                    deltas[key].append(other.lap_duration - one.lap_duration)
    return {key: median(found) for key, found in deltas.items() if len(found) >= FEWEST}


def alike(one: PaceLap, other: PaceLap) -> bool:
    if one.tyre_compound != other.tyre_compound or one.tyre_age is None or other.tyre_age is None:
        return False
    return abs(one.tyre_age - other.tyre_age) <= ALIKE


def pace_of(races: list[float]) -> Pace | None:
    """The median over races with the interval that the sign test gives: it takes nothing for granted but independent races."""
    if not races:
        return None
    known = sorted(races)
    cut = cut_off(len(known))
    low, high = (None, None) if cut is None else (round(known[cut], 3), round(known[-1 - cut], 3))
    return Pace(gap=round(median(known), 3), low=low, high=high, races=len(known))


def cut_off(count: int) -> int | None:
    """How many of the smallest and of the largest of so many values lie outside the 95 % interval of their median.

    None where even the whole range is not sure enough: with fewer than six values.
    """
    outside, found = 0.0, None
    for cut in range(count // 2):
        outside += 2 * comb(count, cut) / 2**count
        if outside > 1 - CERTAINTY:
            break
        found = cut
    return found
