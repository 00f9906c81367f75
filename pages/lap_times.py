"""Which lap times can be: one wrong time must not move the lines of all cars, or become the fastest lap.

The starts of the laps around a lap of a race tell how long it took, to a second; where they cannot, its sectors and the other
laps judge it, as in the rules for clean laps.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from telemetry.lap_rules import MIN_LAP_RATIO, SUPPORTING_LAPS, contradicts_sectors

if TYPE_CHECKING:
    from pages.rows import LapRow

SAME = 2.0  # s by which starts and a lap time may differ: of the laps of 27 races 99.9 % differ by less than 0.5 s
LAPPED = 5  # laps that the winner can be ahead of the next car

Key = tuple[int, int]  # (car, lap number)


def possible_times(laps_of: "Mapping[int, list[LapRow]]", *, is_race: bool) -> dict[Key, float]:
    """{(car, lap number): its time in s} without times that cannot be; `laps_of`: {car: its laps in order}.

    In other sessions than races cars wait in the garage between two laps, so starts tell nothing there.
    """
    least = least_time(laps_of)
    found = {}
    for car, laps in laps_of.items():
        off = differences(laps) if is_race else {}
        for lap in laps:
            seconds, number = lap.lap_duration, lap.lap_number
            if seconds is not None and can_be(
                lap, seconds, least, before=off.get(number - 1), own=off.get(number), after=off.get(number + 1)
            ):
                found[car, number] = seconds
    return found


def can_be(lap: "LapRow", seconds: float, least: float, *, before: float | None, own: float | None, after: float | None) -> bool:
    """Whether a time can be; `before`, `own` and `after` are the `differences` of the laps around."""
    if own is not None and abs(own) <= SAME:
        return True
    if own is not None and before is not None and after is not None and abs(before) <= SAME and abs(after) <= SAME:
        return False  # both starts agree with the laps on their other sides, so it is the time that is wrong
    return seconds >= least and not contradicts_sectors(seconds, sectors_of(lap))


def differences(laps: "list[LapRow]") -> dict[int, float]:
    """{lap number: seconds that the next lap's start is later than this lap's start and time say}, of one car."""
    by_number = {lap.lap_number: lap for lap in laps}
    found = {}
    for number, lap in by_number.items():
        following = by_number.get(number + 1)
        if following and lap.date_start and following.date_start and lap.lap_duration is not None:
            found[number] = (following.date_start - lap.date_start).total_seconds() - lap.lap_duration
    return found


def least_time(laps_of: "Mapping[int, list[LapRow]]") -> float:
    """The least time in s that a lap of the session can have, by its fifth best; 0 with too few laps to say."""
    times = sorted(
        lap.lap_duration
        for laps in laps_of.values()
        for lap in laps
        if lap.lap_duration is not None and not contradicts_sectors(lap.lap_duration, sectors_of(lap))
    )
    return MIN_LAP_RATIO * times[SUPPORTING_LAPS - 1] if len(times) >= SUPPORTING_LAPS else 0.0


def sectors_of(lap: "LapRow") -> tuple[float | None, float | None, float | None]:
    return lap.duration_sector_1, lap.duration_sector_2, lap.duration_sector_3


def sum_of_sectors(lap: "LapRow") -> float | None:
    first, second, third = sectors_of(lap)
    return None if first is None or second is None or third is None else first + second + third


def race_length(counts: Sequence[int], laps_of: "Mapping[int, list[LapRow]]") -> int:
    """The laps of a race by the numbers of laps in its result (none without one), else by the laps driven; 0 without any.

    One slip in a result or in a lap's number must not stretch the race: a number counts that another result comes near, or that a
    car drove with the lap before it.
    """
    driven = supported_numbers(laps_of)
    official = [count for count in counts if count in driven or sum(other >= count - LAPPED for other in counts) > 1]
    every = (lap.lap_number for laps in laps_of.values() for lap in laps)
    return max(official, default=0) or max(driven, default=0) or max(every, default=0)


def supported_numbers(laps_of: "Mapping[int, list[LapRow]]") -> set[int]:
    """The numbers of laps that follow the same car's lap before, and 1."""
    by_car = [{lap.lap_number for lap in laps} for laps in laps_of.values()]
    return {number for numbers in by_car for number in numbers if number == 1 or number - 1 in numbers}
