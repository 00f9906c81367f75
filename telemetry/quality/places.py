"""Places in the result of a race: cars that have none or should have none, and the laps that belong to a gap."""

import re
from collections.abc import Iterator
from math import inf

from jobs.wording import plural
from telemetry.quality.classification import CLASSIFIED, number, winners_laps
from telemetry.quality.findings import ERROR, NOTE, WARNING, Finding, Proposal, check, join_words, keys
from telemetry.quality.proposals import propose
from telemetry.quality.results import of_result, of_results
from telemetry.quality.rows import ResultRow
from telemetry.quality.session_rows import SessionRows

LAPS_BEHIND = re.compile(r"\+(\d{1,4}) LAPS?$")
Distance = tuple[float, float]  # minus the laps and the seconds of a car: the first in the result has the least


def distance(result: ResultRow) -> Distance:
    time = number(result.duration)
    return -(result.number_of_laps or 0), inf if time is None else time


def is_between(places: dict[int, ResultRow], place: int, result: ResultRow) -> bool:
    """Whether a car came in between those that are placed before and after an empty place."""
    before = max((distance(other) for at, other in places.items() if at < place), default=(-inf, 0.0))
    after = min((distance(other) for at, other in places.items() if at > place), default=(inf, 0.0))
    return before < distance(result) < after


def right_place(rows: SessionRows, result: ResultRow) -> list[Proposal]:
    """What follows for a car that finished a race without a place that can be: the empty one between its neighbours by time.

    Where there is none, and cars behind it have places, it was disqualified.
    """
    placed = [r for r in rows.results if r.position and not r.dsq and r is not result] if rows.is_race else []
    places = {other.position: other for other in placed if other.position}
    most = winners_laps(rows)
    laps, last = result.number_of_laps or 0, max(places, default=0)
    if len(places) < len(placed) or not most or laps < int(CLASSIFIED * most):
        return []
    empty = [place for place in range(1, last + 2) if place not in places]
    fitting = [place for place in empty if number(result.duration) is not None and is_between(places, place, result)]
    if len(fitting) == 1:
        why = f"Its {laps} laps and its time lie between those of the cars around place {fitting[0]}, which nobody has."
        return propose(rows, "session_result", result, {"position": fitting[0]}, why=why)
    if empty == [last + 1] and distance(result) < distance(places[last]):
        why = f"It finished before car {places[last].driver_number} (P{last}), and no place is free: it was disqualified."
        return propose(rows, "session_result", result, {"dsq": True}, why=why)
    return []


@check(ERROR, "result-kinds")
def result_places_skip(rows: SessionRows) -> Iterator[Finding]:
    """A place that no car has, though cars are placed behind it: a row is missing, or a car has another's place."""
    places = {result.position for result in rows.results if result.position}
    empty = [place for place in range(1, max(places, default=0)) if place not in places]
    if empty:
        which = f"{'place' if len(empty) == 1 else 'places'} {join_words(empty)}"
        beyond = [result for result in rows.results if (result.position or 0) > len(rows.results)]
        yield Finding(
            message=f"Nobody has {which} of {max(places)}: sync the result again, or correct a place.",
            rows={"session_result": keys([r for r in rows.results if (r.position or 0) > empty[0]])},
            proposals=[p for result in beyond[:1] for p in right_place(rows, result) if p.field == "position"],
        )


@check(NOTE, "result-kinds")
def result_without_position(rows: SessionRows) -> Iterator[Finding]:
    """A car is not classified, and nothing says why: it neither retired, nor was it excluded, nor absent."""
    for result in rows.results:
        if not result.position and not (result.dnf or result.dns or result.dsq):
            found = of_result(result, f"Car {result.driver_number} has no place, and is not marked DNF, DNS or DSQ.")
            found.proposals = right_place(rows, result)
            yield found


@check(ERROR, "result-order")
def disqualified_but_placed(rows: SessionRows) -> Iterator[Finding]:
    """A disqualified car has a place: those behind it were not moved up, or the place is theirs.

    Compare with the official classification before the proposals are applied.
    """
    excluded = [result for result in rows.results if result.dsq and result.position] if rows.is_race else []
    if not excluded:
        return
    placed = sorted((r for r in rows.results if r.position and not r.dsq), key=lambda result: result.position or 0)
    taken = [result.position for result in placed]
    proposals: list[Proposal] = []
    for result in excluded:
        proposals += propose(rows, "session_result", result, {"position": None}, why="It was disqualified.")
    every = sorted([*taken, *(result.position for result in excluded)])  # type: ignore[type-var]
    if every == [*range(1, len(every) + 1)]:
        for place, result in enumerate(placed, 1):
            why = "Cars before it were disqualified: it moves up."
            proposals += propose(rows, "session_result", result, {"position": place}, why=why)
    which = join_words(f"{result.driver_number} (P{result.position})" for result in excluded)
    message = f"Disqualified, and with a place: car {which}. Compare with the official classification."
    yield of_results(excluded, message, proposals)


@check(WARNING, "result-order")
def result_laps_against_gap(rows: SessionRows) -> Iterator[Finding]:
    """A car with a gap in seconds drove as many laps as the winner, one with "+1 LAP" one less: laps or gap are wrong."""
    most = winners_laps(rows)
    for result in rows.results if most else []:
        gap, behind = result.gap_to_leader, 0 if number(result.gap_to_leader) is not None else None
        if isinstance(gap, str) and (match := LAPS_BEHIND.match(gap)):
            behind = int(match[1])
        if behind is None or result.number_of_laps == most - behind or result.dns:
            continue
        driven = rows.laps_of.get(result.driver_number, [])
        stored = len(driven) in (0, most - behind)  # laps that are stored do not contradict the gap
        found = of_result(
            result,
            f"Car {result.driver_number} (P{result.position or '–'}) has the gap {gap} and "
            f"{plural(result.number_of_laps or 0, 'lap')}; the winner drove {most}.",
        )
        why = f"The winner drove {most} laps, and the gap is {gap}."
        if stored:
            found.proposals = propose(rows, "session_result", result, {"number_of_laps": most - behind}, why=why)
        yield found
