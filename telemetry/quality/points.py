"""Points against places, and standings against results."""

from collections.abc import Iterator
from itertools import pairwise
from statistics import median

from telemetry.quality.findings import ERROR, WARNING, Finding, Proposal, check, join_words, keys
from telemetry.quality.proposals import propose
from telemetry.quality.results import of_results
from telemetry.quality.rows import DriverStandingRow, LapRow, ResultRow, StandingRow
from telemetry.quality.session_rows import SessionRows, once_per_session

Table = tuple[float, ...]  # points of the first places

FULL: Table = (25, 18, 15, 12, 10, 8, 6, 4, 2, 1)
# Of races cut short: half points until 2021; since 2022 by the share of the distance, from half, from a quarter of it, and from
# two laps on (Sporting Regulations, article 6.5).
REDUCED: tuple[Table, ...] = (
    tuple(points / 2 for points in FULL),
    (19, 14, 12, 9, 8, 6, 5, 3, 2, 1),
    (13, 10, 8, 6, 5, 4, 3, 2, 1),
    (6, 4, 3, 2, 1),
)
SPRINT: Table = (8, 7, 6, 5, 4, 3, 2, 1)
FIRST_SPRINTS: Table = (3, 2, 1)  # 2021
NO_POINTS: Table = ()
FASTEST_LAP_SEASONS = range(2019, 2025)  # in which the fastest lap of a race gave a point to a car among the first ten
FASTEST_LAP_PLACES = 10
WRONG_LAP = 0.85  # times the session's median: nobody drives a lap that fast, its time is wrong
ROUNDING = 1e-6


def tables(rows: SessionRows) -> tuple[Table, ...]:
    """The tables by which points can have been awarded in a session, the usual one first; none outside races."""
    if rows.session.session_name == "Sprint":
        return (FIRST_SPRINTS if rows.session.year == 2021 else SPRINT,)
    return (FULL, *REDUCED) if rows.is_race else ()


def base(table: Table, result: ResultRow) -> float:
    """The points of the car's place."""
    place = result.position
    return table[place - 1] if place and place <= len(table) and not result.dsq else 0


def may_have_bonus(rows: SessionRows, result: ResultRow) -> bool:
    fitting = rows.session.session_name == "Race" and rows.session.year in FASTEST_LAP_SEASONS
    return fitting and result.position is not None and result.position <= FASTEST_LAP_PLACES


def fits(rows: SessionRows, table: Table, result: ResultRow) -> bool:
    """Whether the points are those of the place, with or without the point of the fastest lap."""
    extra = (result.points or 0) - base(table, result)
    return abs(extra) < ROUNDING or (abs(extra - 1) < ROUNDING and may_have_bonus(rows, result))


@once_per_session
def awarded_table(rows: SessionRows) -> tuple[Table | None, bool]:
    """(the table that most of the scoring cars' points fit, whether it alone fits so many of them); no table without points."""
    candidates = tables(rows)
    if not candidates or all(result.points is None for result in rows.results):
        return None, False
    winner = next((result for result in rows.results if result.position == 1), None)
    if winner and (winner.number_of_laps or 0) <= 2 and not any(result.points for result in rows.results):
        return NO_POINTS, True
    scores = [sum(fits(rows, table, r) for r in rows.results if base(table, r)) for table in candidates]
    best = max(scores)
    return candidates[scores.index(best)], scores.count(best) == 1 and best > 0


def fastest_car(rows: SessionRows) -> int | None:
    """Number of the car with the fastest lap; of laps whose sectors add up to their time, because one wrong time is no record."""
    sound: list[tuple[float, LapRow]] = [
        (lap.lap_duration, lap)
        for lap in rows.laps
        if lap.lap_duration
        and lap.lap_duration > 0
        and lap.sum_of_sectors is not None
        and abs(lap.lap_duration - lap.sum_of_sectors) < 0.002
    ]
    if not sound:
        return None
    usual = median(seconds for seconds, _ in sound)
    return min((timed for timed in sound if timed[0] > WRONG_LAP * usual), key=lambda timed: timed[0])[1].driver_number


def right_points(rows: SessionRows, table: Table, misfits: list[ResultRow]) -> dict[int, float]:
    """{driver_number: points} of those misfits whose points follow: from the place, and from the laps where the point of the
    fastest lap is not with another car.
    """
    others = [r for r in rows.results if r not in misfits]
    taken = any((r.points or 0) - base(table, r) > 0.5 for r in others)
    fastest = None if taken else fastest_car(rows)
    free = set(range(1, len(table) + 1)) - {r.position for r in rows.results}
    points = {}
    for result in misfits:
        if any(fits(rows, table, result._replace(position=place)) for place in free):
            continue  # its place is at fault, which has a finding of its own
        bonus = may_have_bonus(rows, result) and not taken
        if not bonus or fastest is not None:
            points[result.driver_number] = float(base(table, result) + (bonus and fastest == result.driver_number))
    return points


@check(ERROR, "points-and-places")
def points_do_not_fit_the_place(rows: SessionRows) -> Iterator[Finding]:
    """Points of a race or sprint are not those of the place: exchanged between cars, or never filled in (Austin 2023).

    Shortened races, sprints and the point of the fastest lap (2019-2024) are known. Compare with the official classification.
    """
    table, sure = awarded_table(rows)
    if table is None:
        return
    misfits = [result for result in rows.results if not fits(rows, table, result)]
    if not misfits:
        return
    right = right_points(rows, table, misfits) if sure else {}
    proposals: list[Proposal] = []
    for result in misfits:
        if result.driver_number in right:
            why = f"P{result.position} of this {rows.session.session_name} gives {right[result.driver_number]:g} points."
            why = why if result.position else "A car without a place has no points."
            proposals += propose(rows, "session_result", result, {"points": right[result.driver_number]}, why=why)
    text = join_words(f"car {r.driver_number} (P{r.position or '–'}) has {r.points or 0:g}" for r in misfits)
    unsure = sure and len(right) < len(misfits) and not rows.laps
    advice = (
        "Sync the laps: who drove the fastest one has a point more." if unsure else "Compare with the official classification."
    )
    yield of_results(misfits, f"Points that do not fit the place: {text}. {advice}", proposals)


@check(WARNING, "points-and-places")
def several_fastest_laps(rows: SessionRows) -> Iterator[Finding]:
    """Several cars have the one point of the fastest lap: take it from those who did not drive it."""
    table, _ = awarded_table(rows)
    holders = [r for r in rows.results if table and fits(rows, table, r) and (r.points or 0) - base(table, r) > 0.5]
    if len(holders) > 1:
        cars, fastest = join_words(r.driver_number for r in holders), fastest_car(rows)
        proposals: list[Proposal] = []
        if fastest in {r.driver_number for r in holders}:
            for result in holders:
                if result.driver_number != fastest and result.points is not None:
                    why = f"Car {fastest} drove the fastest lap."
                    proposals += propose(rows, "session_result", result, {"points": result.points - 1}, why=why)
        yield of_results(holders, f"Cars {cars} all have the point of the fastest lap, which one car can have.", proposals)


def standings(rows: SessionRows) -> Iterator[tuple[str, list[StandingRow]]]:
    yield "championship_drivers", list(rows.driver_standings)
    yield "championship_teams", list(rows.team_standings)


def points_text(points: float) -> str:
    return f"{points:g} {'point' if points == 1 else 'points'}"


def gained(rows: SessionRows, standing: StandingRow, table: Table | None = None) -> float | None:
    """What the session's result adds to a standing; None where that is not known.

    With a table, points that do not fit their place count as what the table gives.
    """
    if all(result.points is None for result in rows.results):
        return None
    points = {
        result.driver_number: result.points if table is None or fits(rows, table, result) else base(table, result)
        for result in rows.results
    }
    if isinstance(standing, DriverStandingRow):
        cars = {standing.driver_number}
    else:
        team_of = {entry.driver_number: entry.team_name for entry in rows.entries}
        if None in team_of.values() or points.keys() - team_of.keys():
            return None
        cars = {car for car, team in team_of.items() if team == standing.team_name}
    lost = rows.drove - points.keys()  # cars whose rows of the result are missing
    return sum(points.get(car) or 0.0 for car in cars) if cars and not cars & lost else None


def points_before(rows: SessionRows, collection: str) -> dict[str, float]:
    """{driver_id or team_name: points after the race before}; empty where none is known, as of a season's first race."""
    return rows.surroundings.points_before.get((rows.session.pk, collection), {})


@check(ERROR, "standings-and-results")
def standings_do_not_add_up(rows: SessionRows) -> Iterator[Finding]:
    """Points before and points of the result are not the points after: one of the three is wrong. Compare with the result."""
    table, _ = awarded_table(rows)
    for collection, held in standings(rows):
        known = points_before(rows, collection)
        for standing in held:
            before, after, more = standing.points_start, standing.points_current, gained(rows, standing)
            if before is None or after is None or more is None or abs(before + more - after) < ROUNDING:
                continue
            by_places = gained(rows, standing, table)
            if by_places is not None and abs(before + by_places - after) < ROUNDING:
                continue  # the result is at fault, which has a finding of its own
            proposals: list[Proposal] = []
            if table is not None and by_places == more and before == (known.get(standing.holder or "") if known else 0):
                why = f"{before:g} before the race, {more:g} in it, which fits the place."
                proposals = propose(rows, collection, standing, {"points_current": before + more}, why=why)
            yield Finding(
                message=f"The standing of {standing.title} goes from {before:g} to {points_text(after)}; "
                f"the result gives {more:g}.",
                driver_number=getattr(standing, "driver_number", None),
                rows={collection: [standing.pk]},
                proposals=proposals,
            )


@check(WARNING, "standings-and-results")
def standings_do_not_continue(rows: SessionRows) -> Iterator[Finding]:
    """Points before a race are not those after the race before: one of the two was changed later. Sync both again."""
    for collection, held in standings(rows):
        known = points_before(rows, collection)
        for standing in held:
            before = known.get(standing.holder or "")
            start, after, more = standing.points_start, standing.points_current, gained(rows, standing)
            if before is None or start is None or abs(before - start) < ROUNDING:
                continue
            proposals: list[Proposal] = []
            if after is not None and more is not None and abs(before + more - after) < ROUNDING:
                why = f"{before:g} after the race before, and {before:g} + {more:g} = {after:g} after this one."
                proposals = propose(rows, collection, standing, {"points_start": before}, why=why)
            yield Finding(
                message=f"{standing.title.capitalize()} begins with {points_text(start)}, "
                f"and had {before:g} after the race before.",
                driver_number=getattr(standing, "driver_number", None),
                rows={collection: [standing.pk]},
                proposals=proposals,
            )


@check(ERROR, "standings-and-results")
def standings_out_of_order(rows: SessionRows) -> Iterator[Finding]:
    """A place in the standings with more points than the place before it, or a place given twice: sync it again."""
    for collection, held in standings(rows):
        placed = [row for row in held if row.position_current is not None and row.points_current is not None]
        placed.sort(key=lambda row: row.position_current or 0)
        for one, other in pairwise(placed):
            if one.position_current == other.position_current:
                what = f"{one.title} and {other.title} share place {one.position_current}"
            elif (other.points_current or 0) > (one.points_current or 0):
                what = (
                    f"{other.title} is P{other.position_current} with {points_text(other.points_current or 0)}, "
                    f"behind {one.title} with {one.points_current:g}"
                )
            else:
                continue
            yield Finding(message=f"In {collection} {what}.", rows={collection: keys([one, other])})
