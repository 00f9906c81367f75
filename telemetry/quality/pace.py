"""Laps that are too fast, too slow, too long or too much alike."""

from collections import defaultdict
from collections.abc import Iterator
from statistics import median

from jobs.wording import plural
from telemetry.lap_rules import (
    MAX_BEST_LAP_RATIO,
    MIN_LAP_RATIO,
    SECTOR_ROUNDING,
    SUPPORTING_LAPS,
    WET_COMPOUNDS,
    contradicts_sectors,
    supported_best,
)
from telemetry.quality.findings import ERROR, NOTE, WARNING, Finding, check, join_words, keys
from telemetry.quality.laps import of_laps
from telemetry.quality.rows import LapRow
from telemetry.quality.session_rows import SessionRows, once_per_session

GIANT = 200.0  # seconds: no circuit takes that long, not even in the rain behind a safety car

Timed = tuple[LapRow, float]  # a lap and its time


def timed(laps: list[LapRow]) -> list[Timed]:
    return [(lap, lap.lap_duration) for lap in laps if lap.lap_duration is not None]


@once_per_session
def reference_times(rows: SessionRows) -> list[float]:
    """Lap times that agree with their sectors, the fastest first; without first laps."""
    laps = [(lap, seconds) for lap, seconds in timed(rows.laps) if lap.lap_number > 1]
    return sorted(seconds for lap, seconds in laps if not contradicts_sectors(seconds, lap.sectors))


@once_per_session
def unexplained(rows: SessionRows) -> list[Timed]:
    """Laps of a race over 107 % of its best which neither the pits, nor race control, nor wet tyres explain."""
    laps = timed(rows.laps) if rows.is_race else []
    best = supported_best(reference_times(rows))
    if best is None:
        return []
    limit = MAX_BEST_LAP_RATIO * best
    wet = {(s.driver_number, number) for s in rows.stints if s.tyre_compound in WET_COMPOUNDS for number in s.laps}
    pits = laps_of_pit_visits(rows)
    return [
        (lap, seconds)
        for lap, seconds in laps
        if seconds > limit and lap.lap_number > 1
        if (lap.driver_number, lap.lap_number) not in wet | pits and not rows.neutralised(lap)
    ]


@once_per_session
def laps_of_pit_visits(rows: SessionRows) -> set[tuple[int, int]]:
    """(car, number) of out-laps and of the laps before them, which may be shorter or longer than the track."""
    return {
        (lap.driver_number, number) for lap in rows.laps if lap.is_pit_out_lap for number in (lap.lap_number - 1, lap.lap_number)
    }


@once_per_session
def medians(rows: SessionRows) -> dict[int, float]:
    """{lap_number: median lap time of the field}"""
    times: dict[int, list[float]] = defaultdict(list)
    for lap, seconds in timed(rows.laps):
        times[lap.lap_number].append(seconds)
    return {number: median(values) for number, values in times.items()}


@check(ERROR, "sectors-and-lap", spoils_laps=True)
def impossible_laps(rows: SessionRows) -> Iterator[Finding]:
    """A lap time that cannot be: too short for its known sectors (often the sum of two), or below 90 % of the fifth best lap.

    Look the time up elsewhere and correct it: until then the lap is neither clean nor a reference for other laps.
    """
    times, pits = reference_times(rows), laps_of_pit_visits(rows)
    fifth_best = times[SUPPORTING_LAPS - 1] if len(times) >= SUPPORTING_LAPS else 0.0
    for lap, seconds in timed(rows.laps):
        if lap.sum_of_sectors is not None and abs(seconds - lap.sum_of_sectors) > SECTOR_ROUNDING:
            continue  # named by `sectors_do_not_add_up`
        contradicts = contradicts_sectors(seconds, lap.sectors)
        whole = lap.lap_number > 1 and (lap.driver_number, lap.lap_number) not in pits
        if not contradicts and not (whole and seconds < MIN_LAP_RATIO * fifth_best):
            continue
        text = f"Lap {lap.lap_number} of car {lap.driver_number} took {seconds:.3f} s"
        if contradicts:
            sectors = join_words("null" if sector is None else f"{sector:.3f} s" for sector in lap.sectors)
            yield of_laps([lap], f"{text}, which cannot be with sectors of {sectors}.")
        else:
            yield of_laps([lap], f"{text}, far less than the field's fifth best lap of {fifth_best:.3f} s.")


@check(WARNING, "giant-laps")
def slow_laps(rows: SessionRows) -> Iterator[Finding]:
    """A lap over 107 % of the race's best and of the field's on that lap, on a free track: a failing car, or a wrong time."""
    usual = medians(rows)
    for lap, seconds in unexplained(rows):
        if seconds > MAX_BEST_LAP_RATIO * usual[lap.lap_number]:
            yield of_laps(
                [lap],
                f"Lap {lap.lap_number} of car {lap.driver_number} took {seconds:.3f} s on a free track, "
                f"the field {usual[lap.lap_number]:.3f} s.",
            )


@check(NOTE, "giant-laps")
def slow_field(rows: SessionRows) -> Iterator[Finding]:
    """Laps over 107 % of the race's best on which the whole field was slow: full tanks, saved tyres, a damp track."""
    usual = medians(rows)
    slow = [lap for lap, seconds in unexplained(rows) if seconds <= MAX_BEST_LAP_RATIO * usual[lap.lap_number]]
    if slow:
        yield Finding(
            message=f"{plural(len(slow), 'lap')} over 107 % of the best on a free track, on which the whole field was slow.",
            rows={"laps": keys(slow)},
        )


@check(NOTE, "giant-laps", spoils_laps=True)
def giant_laps(rows: SessionRows) -> Iterator[Finding]:
    """Laps of a race over 200 s: the clock ran on through a red flag (7787/1 has one of 34 minutes)."""
    giants = [(seconds, lap) for lap, seconds in timed(rows.laps) if seconds > GIANT] if rows.is_race else []
    if giants:
        text = join_words(f"{lap.driver_number}/{lap.lap_number}" for _, lap in giants)
        yield Finding(
            message=f"{plural(len(giants), 'lap')} of up to {max(giants)[0]:.0f} s (car/lap): {text}.",
            rows={"laps": [lap.pk for _, lap in giants]},
        )


@once_per_session
def same_times(rows: SessionRows) -> list[list[LapRow]]:
    """Laps of different cars with the same number and the same time."""
    same: dict[tuple, list[LapRow]] = defaultdict(list)
    for lap, seconds in timed(rows.laps):
        same[lap.lap_number, seconds].append(lap)
    return [laps for laps in same.values() if len(laps) > 1]


@check(NOTE, "two-grids")
def lap_times_twice(rows: SessionRows) -> Iterator[Finding]:
    """Two cars have the same time on one lap with other sectors: chance, about three times in a race."""
    for laps in same_times(rows):
        if len({lap.sectors for lap in laps}) == len(laps):
            cars, first = join_words(lap.driver_number for lap in laps), laps[0]
            yield Finding(
                message=f"Cars {cars} both took {first.lap_duration:.3f} s on lap {first.lap_number}.",
                lap_number=first.lap_number,
                rows={"laps": keys(laps)},
            )


@check(ERROR, "two-grids", spoils_laps=True)
def laps_twice(rows: SessionRows) -> Iterator[Finding]:
    """Two cars have the same time and the same sectors on one lap: one car's lap was put down to another as well."""
    for laps in same_times(rows):
        copies = [lap for lap in laps if None not in lap.sectors and sum(lap.sectors == other.sectors for other in laps) > 1]
        if copies:
            cars, first = join_words(lap.driver_number for lap in copies), copies[0]
            yield Finding(
                message=f"Cars {cars} have the very same lap {first.lap_number}: {first.lap_duration:.3f} s in equal sectors.",
                lap_number=first.lap_number,
                rows={"laps": keys(copies)},
            )
