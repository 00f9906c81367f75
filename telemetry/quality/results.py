"""Faults of results, grids and standings."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from jobs.wording import plural
from telemetry.quality.findings import ERROR, NOTE, WARNING, Finding, Proposal, check, join_words, keys
from telemetry.quality.proposals import propose
from telemetry.quality.rows import ResultRow
from telemetry.quality.session_rows import SessionRows


def of_result(result: ResultRow, message: str) -> Finding:
    return Finding(message=message, driver_number=result.driver_number, rows={"session_result": [result.pk]})


def of_results(results: list[ResultRow], message: str, proposals: list[Proposal]) -> Finding:
    """One finding over several rows of a result; about a car where there is only one."""
    return Finding(
        message=message,
        driver_number=results[0].driver_number if len(results) == 1 else None,
        rows={"session_result": keys(results)},
        proposals=proposals,
    )


def repeated(collection: str, rows: Iterable[Any]) -> Iterator[Finding]:
    """Positions that several cars have."""
    holders: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        if row.position is not None:
            holders[row.position].append(row)
    for position, same in sorted(holders.items()):
        if len(same) > 1:
            cars = join_words(row.driver_number for row in same)
            yield Finding(message=f"Cars {cars} share place {position}.", rows={collection: keys(same)})


@check(ERROR, "result-kinds")
def result_positions_repeat(rows: SessionRows) -> Iterator[Finding]:
    """Two cars have one place in the result: give one of them the place that nobody has."""
    for finding in repeated("session_result", rows.results):
        same = [result for result in rows.results if result.pk in finding.rows["session_result"]]
        yield replace(finding, proposals=free_place(rows, same))


def free_place(rows: SessionRows, same: list[ResultRow]) -> list[Proposal]:
    """A proposal to give one of two finishers of a race the free place beside theirs: that after it to the slower."""
    times = [(result.duration, result) for result in same if isinstance(result.duration, int | float)]
    laps = {result.number_of_laps for result in same}
    if not rows.is_race or len(same) != 2 or len(times) != 2 or len(laps) != 1 or times[0][0] == times[1][0]:
        return []
    (_, faster), (_, slower) = sorted(times, key=lambda timed: timed[0])
    place, places = same[0].position or 0, {result.position for result in rows.results}
    for result, free, what in ((slower, place + 1, "slower"), (faster, place - 1, "faster")):
        if free >= 1 and free not in places:
            why = f"It is the {what} of the two, and nobody has place {free}."
            return propose(rows, "session_result", result, {"position": free}, why=why)
    return []


@check(ERROR, "grid-of-qualifying")
def grid_positions_repeat(rows: SessionRows) -> Iterator[Finding]:
    """Two cars have one place on the grid."""
    yield from repeated("starting_grid", rows.grid)


@check(WARNING, "result-kinds")
def result_of_wrong_kind(rows: SessionRows) -> Iterator[Finding]:
    """A qualifying has a list of times per car, all other sessions one time; a gap may be "+1 LAP" in a race only."""
    for result in rows.results:
        for what, value in (("duration", result.duration), ("gap to the leader", result.gap_to_leader)):
            if value is None:
                continue
            if isinstance(value, str):
                right = rows.is_race and what != "duration" and value.startswith("+")
            else:
                right = isinstance(value, list) == rows.session.is_qualifying
            if not right:
                kind = "a list" if isinstance(value, list) else "a text" if isinstance(value, str) else "one number"
                yield of_result(result, f"The {what} of car {result.driver_number} is {kind} in a {rows.session.session_name}.")


@check(WARNING, "points")
def points_outside_races(rows: SessionRows) -> Iterator[Finding]:
    """Championship points in a session that awards none."""
    awarded = [] if rows.is_race else [result for result in rows.results if result.points]
    if awarded:
        yield Finding(
            message=f"{plural(len(awarded), 'car')} with points in a session without any.",
            rows={"session_result": keys(awarded)},
        )


@check(WARNING, "laps-missing")
def car_without_result(rows: SessionRows) -> Iterator[Finding]:
    """A car has laps or stints and no result, though others have."""
    for car in sorted({*rows.laps_of, *rows.stints_of} - set(rows.result_of) if rows.results else ()):
        yield Finding(message=f"Car {car} has no result.", driver_number=car)


@check(WARNING, "grid-of-qualifying")
def grid_not_with_qualifying(rows: SessionRows) -> Iterator[Finding]:
    """A starting grid in a session that decides none: upstream files the grid under the qualifying, not under the race."""
    if rows.grid and not rows.session.is_qualifying:
        yield Finding(
            message=f"{rows.session.session_name} has a starting grid of its own.", rows={"starting_grid": keys(rows.grid)}
        )


@check(NOTE, "names-later")
def standings_incomplete(rows: SessionRows) -> Iterator[Finding]:
    """Standings without a place or points, as after broken sessions."""
    for collection, standings in (
        ("championship_drivers", rows.driver_standings),
        ("championship_teams", rows.team_standings),
    ):
        empty = [row for row in standings if row.points_current is None or row.position_current is None]
        if empty:
            yield Finding(
                message=f"{len(empty)} of {plural(len(standings), 'row')} of {collection} lack a place or points.",
                rows={collection: keys(empty)},
            )
