"""Results against themselves, against laps, and against the places that cars took on track."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from jobs.wording import plural
from telemetry.quality.findings import ERROR, NOTE, WARNING, Finding, Proposal, check, join_words, keys
from telemetry.quality.proposals import propose
from telemetry.quality.results import of_result
from telemetry.quality.rows import LastPlace, ResultRow
from telemetry.quality.session_rows import SessionRows, once_per_session

ROUNDING = 0.0015  # seconds: times are in milliseconds
CLASSIFIED = 0.9  # share of the winner's laps, rounded down, from which a car is classified (Sporting Regulations)
LONGEST = 1e6  # seconds: OpenF1's JSON could hold integers that no float can
STOPPED = timedelta(minutes=5)  # a car whose last lap ended so long before the winner's finish had stopped
PENALTY_STEP = 5.0  # seconds: penalties are added to race times in multiples of five
MOST_PENALTIES = 120.0  # seconds
LAPS_AND_RESULT = 1.6  # seconds by which a sum of laps and a race time differ: 0.6 in recorded races, with penalties 1.1


def number(value: Any) -> float | None:
    """A time in seconds as a number; None for texts, lists, nothing, and what is longer than any session."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LONGEST
    return float(value) if known else None


def as_text(value: Any) -> str:
    """A time for people: to the millisecond; texts and lists as they are."""
    seconds = number(value)
    return "none" if value is None else f"{value}" if seconds is None else f"{seconds:.3f} s"


class Times(NamedTuple):
    """The time of the winner in seconds, 0 where it is unknown, and the rows whose time and gap contradict it, in order."""

    winner: float
    faulty: list[ResultRow]


@once_per_session
def race_times(rows: SessionRows) -> Times:
    """The winner's time is what most rows' time minus gap say; where no two agree, the greater of the winner's own numbers."""
    if not rows.is_race:
        return Times(0.0, [])
    values = [(result, number(result.duration), number(result.gap_to_leader)) for result in rows.results]
    gaps = [gap for _, _, gap in values if gap is not None]
    usual_gap = median(gaps) if gaps else 0.0
    votes = Counter(round(time - gap, 3) for _, time, gap in values if time is not None and gap is not None)
    likely = [(count, time) for time, count in votes.items() if time > 2 * usual_gap and count > 1]
    if likely:
        winner = max(likely)[1]
    else:
        own = [(time, gap) for result, time, gap in values if result.position == 1]
        times = [gap if gap and time and gap > time / 2 else time or gap for time, gap in own]
        winner = next((time for time in times if time), 0.0)
    if not winner:
        return Times(0.0, [])
    return Times(winner, [result for result, time, gap in values if not is_consistent(winner, time, gap)])


def is_consistent(winner: float, time: float | None, gap: float | None) -> bool:
    """Whether a time and a gap can stand beside the winner's time; cars that were lapped or retired have neither."""
    if time is None or gap is None:
        return time is None and gap is None
    return abs(time - winner - gap) <= ROUNDING


def right_times(winner: float, result: ResultRow, between: tuple[float, float]) -> dict[str, float]:
    """{field: value} of a faulty row: what is of the right size in its column stands, what is in the other's is moved.

    Of two that disagree the one counts whose time lies between those of the cars before and after.
    """
    time, gap = number(result.duration), number(result.gap_to_leader)
    if result.position == 1:
        return {"duration": winner, "gap_to_leader": 0.0}
    by_time = time - winner if time is not None and time > winner / 2 else None
    by_gap = gap if gap is not None and 0 < gap < winner / 2 else None
    fitting = {right for right in (by_time, by_gap) if right is not None}
    if len(fitting) == 2:
        fitting = {right for right in fitting if between[0] <= winner + right <= between[1]}
    elif not fitting:
        moved = time if time else gap - winner if gap else None
        fitting = {moved} if moved is not None else set()
    if len(fitting) != 1 or (right := fitting.pop()) < 0:
        return {}
    return {"duration": round(winner + right, 3), "gap_to_leader": round(right, 3)}


def times_around(rows: SessionRows, result: ResultRow, faulty: list[ResultRow]) -> tuple[float, float]:
    """The times of the next cars before and after one, of those whose rows are sound, in seconds."""
    sound = [other for other in finishers(rows) if other not in faulty and result.position]
    timed = [(other.position or 0, time) for other in sound if (time := number(other.duration)) is not None]
    place = result.position or 0
    before, after = ([time for at, time in timed if (at < place) == first and at != place] for first in (True, False))
    return max(before, default=0.0), min(after, default=LONGEST)


@check(ERROR, "result-columns-shifted")
def result_columns_shifted(rows: SessionRows) -> Iterator[Finding]:
    """A car's time is not the winner's plus its gap: after a disqualification the columns were shifted (Spa 2024, 9574).

    Compare with the official classification before the proposal is applied.
    """
    winner, faulty = race_times(rows)
    for result in faulty:
        time, gap = as_text(result.duration), as_text(result.gap_to_leader)
        why = f"The winner's time is {winner:.3f} s; a time is the winner's plus the gap."
        yield Finding(
            message=f"Car {result.driver_number} (P{result.position or '–'}) has the time {time} and the gap {gap}, "
            f"the winner's time is {winner:.3f} s: the columns are shifted or one value is wrong.",
            driver_number=result.driver_number,
            rows={"session_result": [result.pk]},
            proposals=propose(
                rows, "session_result", result, right_times(winner, result, times_around(rows, result, faulty)), why=why
            ),
        )


@once_per_session
def finishers(rows: SessionRows) -> list[ResultRow]:
    """The classified cars that finished the race, by place."""
    placed = [r for r in rows.results if r.position and not (r.dnf or r.dns or r.dsq)] if rows.is_race else []
    return sorted(placed, key=lambda result: result.position or 0)


@check(ERROR, "result-order")
def result_order_contradicts_itself(rows: SessionRows) -> Iterator[Finding]:
    """A car is placed behind one that drove fewer laps, or took longer: places, laps or times are wrong.

    Compare with the official classification.
    """
    faulty = {result.pk for result in race_times(rows).faulty}
    for one, other in pairwise(result for result in finishers(rows) if result.pk not in faulty):
        first, second = number(one.duration), number(other.duration)
        if (other.number_of_laps or 0) > (one.number_of_laps or other.number_of_laps or 0):
            what = f"drove {plural(other.number_of_laps or 0, 'lap')}, car {one.driver_number} before it {one.number_of_laps}"
        elif first is not None and second is not None and second < first and one.number_of_laps == other.number_of_laps:
            what = f"took {second:.3f} s, car {one.driver_number} before it {first:.3f} s"
        else:
            continue
        yield Finding(
            message=f"Car {other.driver_number} (P{other.position}) {what}.",
            driver_number=other.driver_number,
            rows={"session_result": keys([one, other])},
        )


def penalised(off: float) -> bool:
    """Whether a race time is that much over the sum of laps because of penalties, or hardly at all."""
    return -LAPS_AND_RESULT < off < MOST_PENALTIES and abs(off - PENALTY_STEP * round(off / PENALTY_STEP)) < LAPS_AND_RESULT


@check(WARNING, "result-and-laps")
def result_time_against_laps(rows: SessionRows) -> Iterator[Finding]:
    """A car's race time is not the sum of its laps, and penalties do not explain it: a lap time or the result is wrong."""
    faulty = {result.pk for result in race_times(rows).faulty}
    for result in finishers(rows):
        if result.pk in faulty:
            continue
        laps = rows.laps_of.get(result.driver_number, [])
        counted = [lap for lap in laps if lap.lap_number <= (result.number_of_laps or 0)]
        time, total = number(result.duration), sum(lap.lap_duration or 0 for lap in counted)
        if time is None or not counted or len(counted) != result.number_of_laps or any(not lap.lap_duration for lap in counted):
            continue
        if not penalised(time - total):
            yield of_result(
                result,
                f"Car {result.driver_number} took {time:.3f} s by its result and {total:.3f} s by its laps: "
                "compare both with another source.",
            )


@check(ERROR, "result-and-laps")
def not_started_but_drove(rows: SessionRows) -> Iterator[Finding]:
    """A car that did not start (DNS) has laps: it started and retired, or the laps are another car's."""
    for result in rows.results:
        laps = rows.laps_of.get(result.driver_number, [])
        if not result.dns or not (laps or result.number_of_laps):
            continue
        stints = rows.stints_of.get(result.driver_number, [])
        count = len(laps) or result.number_of_laps or 0
        proposals: list[Proposal] = []
        if sum(lap.lap_duration is not None for lap in laps) > 1:
            why = f"It drove {plural(len(laps), 'lap')}, so it started."
            values = {"dns": False} | ({"dnf": True} if rows.is_race else {})
            proposals = propose(rows, "session_result", result, values, why=why)
        yield Finding(
            message=f"Car {result.driver_number} did not start (DNS), but has {plural(count, 'lap')} and "
            f"{plural(len(stints), 'stint')}: correct the result, or delete its laps.",
            driver_number=result.driver_number,
            rows={"session_result": [result.pk], "laps": keys(laps), "stints": keys(stints)},
            proposals=proposals,
        )


def last_lap_end(rows: SessionRows, car: int) -> datetime | None:
    """When a car ended its last lap, or began it where it did not end."""
    laps = rows.laps_of.get(car)
    return (laps[-1].date_end or laps[-1].date_start) if laps else None


@once_per_session
def winners_laps(rows: SessionRows) -> int:
    """The laps of a race, as several cars with a gap in seconds drove them; else the most of its result, 0 without one."""
    results = [result for result in rows.results if not result.dsq] if rows.is_race else []
    counted = Counter(r.number_of_laps for r in results if r.number_of_laps and number(r.gap_to_leader) is not None)
    laps, cars = counted.most_common(1)[0] if counted else (None, 0)
    return laps if laps and cars > 1 else max((result.number_of_laps or 0 for result in results), default=0)


@check(WARNING, "result-and-laps")
def out_early_but_classified(rows: SessionRows) -> Iterator[Finding]:
    """A car with under 90 % of the winner's laps is classified, and perhaps not even marked as retired: check its result."""
    most = winners_laps(rows)
    needed = int(CLASSIFIED * most)
    winner = next((result.driver_number for result in rows.results if result.position == 1), 0)
    for result in rows.results:
        laps = result.number_of_laps if result.number_of_laps is not None else rows.last_lap(result.driver_number)
        if result.position is None or result.dns or result.dsq or laps is None or laps >= needed:
            continue
        end, finish = last_lap_end(rows, result.driver_number), last_lap_end(rows, winner)
        proposals: list[Proposal] = []
        if result.dnf or (end and finish and finish - end > STOPPED):
            why = f"It stopped after {laps} of {most} laps; {needed} are needed to be classified."
            proposals = propose(rows, "session_result", result, {"dnf": True, "position": None}, why=why)
        marked = "" if result.dnf else " and not marked as retired"
        yield Finding(
            message=f"Car {result.driver_number} is P{result.position} after {laps} of {most} laps{marked}; {needed} are needed "
            "to be classified. Check whether it retired.",
            driver_number=result.driver_number,
            rows={"session_result": [result.pk]},
            proposals=proposals,
        )


def sharing(places: list[LastPlace]) -> dict[int, list[LastPlace]]:
    """{place: rows} of the places that several cars have."""
    by_place: dict[int, list[LastPlace]] = {}
    for row in places:
        by_place.setdefault(row.position, []).append(row)
    return {place: same for place, same in sorted(by_place.items()) if len(same) > 1}


@check(ERROR, "places-end-alike")
def last_places_repeat(rows: SessionRows) -> Iterator[Finding]:
    """Two cars end a session in one place on track, and another place has nobody: the last change of one was lost.

    The result says where they finished.
    """
    there = {row.position for row in rows.last_places}
    empty = [place for place in range(1, len(rows.last_places) + 1) if place not in there]
    for place, same in sharing(rows.last_places).items():
        nobody = f", nobody in {join_words(empty)}" if empty else ""
        yield Finding(
            message=f"Cars {join_words(row.driver_number for row in same)} both end in place {place} by position{nobody}. "
            "Use the result, or correct the last place of one.",
            rows={"position": keys(same)},
        )


@check(NOTE, "result-order")
def result_changed_after_the_flag(rows: SessionRows) -> Iterator[Finding]:
    """Cars were classified elsewhere than they crossed the line: penalties and disqualifications, or one of the two is wrong."""
    last = {row.driver_number: row.position for row in rows.last_places}
    moved = [r for r in finishers(rows) if r.driver_number in last and last[r.driver_number] != r.position]
    if moved:
        text = join_words(f"{r.driver_number} (P{last[r.driver_number]} to P{r.position})" for r in moved)
        yield Finding(message=f"Classified elsewhere than they finished: {text}.", rows={"session_result": keys(moved)})
