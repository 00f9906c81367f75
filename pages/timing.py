"""When each car crossed the line, from lap times that are exact and lap starts that are not.

OpenF1's `date_start` scatters by about 65 ms around the truth and is missing on some first laps, `lap_duration` is exact to the
millisecond. So the durations are summed up, and the sum is placed in time by the median over all laps of what the starts say.
"""

import datetime
import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from pages.lap_times import SAME, sum_of_sectors
from pages.rows import LapRow, SessionRows, derived_once

SAME_RACE = 0.5  # s that official gaps may differ from ours: more than that is a time penalty, which was not driven
STANDSTILL = 300.0  # s without a car over the line under a red flag: the race stood still
QUIET = 120.0  # s between stragglers that come in after the others

Ends = dict[int, dict[int, float]]  # {car number: {lap number: Unix time at its end}}


class Stoppage(NamedTuple):
    """A time in which the race stood still, from the last car over the line to the next (Unix time)."""

    start: float
    end: float


def crossings(laps: Iterable[LapRow], times: Mapping[tuple[int, int], float]) -> dict[int, float]:
    """{lap number: Unix time at its end} of one car's laps in order; laps whose end nothing tells are left out.

    times: those that can be, as `SessionRows.possible_times`.
    """
    ends: dict[int, float] = {}
    piece: list[tuple[LapRow, float]] = []  # laps in a row with a known duration, each with its duration
    laps = list(laps)
    for lap, following in zip(laps, [*laps[1:], None], strict=True):
        seconds = duration(lap, following, times.get((lap.driver_number, lap.lap_number)))
        if seconds is not None:
            piece.append((lap, seconds))
        if seconds is None or following is None or following.lap_number != lap.lap_number + 1:
            ends |= placed(piece)
            piece = []
    return ends


def duration(lap: LapRow, following: LapRow | None, time: float | None) -> float | None:
    """Seconds that a lap took: its time, where that can be; else until the next lap's start, or as its sectors say."""
    if time is not None:
        return time
    total = sum_of_sectors(lap)
    if following is None or following.lap_number != lap.lap_number + 1 or lap.date_start is None or following.date_start is None:
        return total
    seconds = (following.date_start - lap.date_start).total_seconds()
    if total is not None and abs(total - seconds) <= SAME:
        return total  # which is exact, and starts are not
    return seconds if seconds > 0 else None


def placed(piece: list[tuple[LapRow, float]]) -> dict[int, float]:
    """The ends of laps in a row, where at least one start places them in time."""
    offsets, driven = [], 0.0
    sums = []
    for lap, seconds in piece:
        if lap.date_start is not None:
            offsets.append(lap.date_start.timestamp() - driven)
        driven += seconds
        sums.append((lap.lap_number, driven))
    if not offsets:
        return {}
    offset = median(offsets)
    return {number: offset + seconds for number, seconds in sums}


def winner_of(rows: SessionRows) -> int | None:
    """The car that won a race; where nobody or several have the first place, the gap of 0 and the time tell. None without one."""
    first = [result for result in rows.results if result.position == 1]
    first = first or [result for result in rows.results if result.gap_to_leader == 0]
    times = [result.duration if isinstance(result.duration, int | float) else math.inf for result in first]
    return first[times.index(min(times))].driver_number if first else None


@derived_once
def field_crossings(rows: SessionRows) -> Ends:
    """When each car ended its laps; cars on the winner's lap end exactly their official gap behind.

    An official gap that is more than `SAME_RACE` seconds away from the driven one holds a penalty and moves nothing.
    """
    ends = {car: found for car, laps in rows.laps_of.items() if (found := crossings(laps, rows.possible_times))}
    winner = winner_of(rows)
    if not rows.is_race or winner not in ends:
        return ends
    last = max(ends[winner])
    for result in rows.results:
        own = ends.get(result.driver_number, {})
        gap = result.gap_to_leader
        if isinstance(gap, int | float) and last in own:
            shift = ends[winner][last] + gap - own[last]
            if abs(shift) <= SAME_RACE:
                ends[result.driver_number] = {lap: end + shift for lap, end in own.items()}
    return ends


def started(rows: SessionRows, ends: Ends) -> float | None:
    """When the field began its first lap: the lap times say it best, as starts are often missing or wrong there."""
    begun = [own[1] - seconds for car, own in ends.items() if 1 in own and (seconds := rows.seconds_of(rows.laps_of[car][0]))]
    if begun:
        return min(begun)
    known = [laps[0].date_start.timestamp() for laps in rows.laps_of.values() if laps[0].date_start and laps[0].lap_number == 1]
    return min(known) if known else None


def lap_at(moment: datetime.datetime | float, laps: list[LapRow], ends: dict[int, float]) -> float | None:
    """Where on the lap axis a car was at a moment: 3.5 is in the middle of lap 4. None outside its laps."""
    at = moment if isinstance(moment, float) else moment.timestamp()
    for lap in laps:
        end = ends.get(lap.lap_number)
        start = ends.get(lap.lap_number - 1) or (lap.date_start.timestamp() if lap.date_start else None)
        if end is not None and start is not None and start <= at < end:
            return lap.lap_number - 1 + (at - start) / (end - start)
    return None


@derived_once
def red_flags(rows: SessionRows) -> list[tuple[float, float]]:
    """(start, end) of each red flag in Unix time; one that nothing ended lasts for ever."""
    return [
        (flag.date_start.timestamp(), flag.date_end.timestamp() if flag.date_end else math.inf)
        for flag in rows.neutralisations
        if flag.state == "red flag"
    ]


def stoppages(rows: SessionRows, ends: Ends) -> list[Stoppage]:
    """The times under a red flag in which nobody crossed the line but stragglers on their way in, in order."""
    moments = sorted(end for own in ends.values() for end in own.values())
    quiet = [Stoppage(*pair) for pair in pairwise(moments) if pair[1] - pair[0] > QUIET]
    found: list[Stoppage] = []
    for start, end in red_flags(rows):
        silences = [silence for silence in quiet if silence.start < end and silence.end > start]
        long = [silence for silence in silences if silence.end - silence.start > STANDSTILL]
        if long and (not found or found[-1].end <= silences[0].start):
            found.append(Stoppage(silences[0].start, long[-1].end))
    return found


def without(stops: list[Stoppage], ends: Ends) -> Ends:
    """The same on a clock that stands still while the race does."""

    def on_clock(moment: float) -> float:
        return moment - sum(min(max(moment - stop.start, 0.0), stop.end - stop.start) for stop in stops)

    return {car: {lap: on_clock(end) for lap, end in own.items()} for car, own in ends.items()}


def red_laps(rows: SessionRows, own: dict[int, float]) -> set[int]:
    """The laps of a car that a red flag touched; `own` as `crossings` gives it."""
    flags = red_flags(rows)
    spans = {lap: (own.get(lap - 1, end), end) for lap, end in own.items()}
    return {lap for lap, (begin, end) in spans.items() if any(start < end and stop > begin for start, stop in flags)}
