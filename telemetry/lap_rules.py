"""Constants of the rules for clean laps.

Two rules read them: `Lap.objects.clean()` in SQL, which judges a lap with hindsight and compares laps, and `ml.cleaning` in
pandas, which knows only what was known when the lap ended and predicts laps. `ml/tests/test_clean_lap_rules.py` checks that both
agree where they ask the same question.

No rule rests on a single row: the best lap of a session counts only where other laps are near it, and a time that cannot be is
neither a clean lap nor the best one.
"""

from bisect import bisect_left
from collections.abc import Container, Iterable, Sequence
from typing import Protocol, TypeVar

from races.models import Neutralisation

MAX_BEST_LAP_RATIO = 1.07  # a clean lap takes at most this many times the best lap
SUPPORTING_LAPS = 5  # the best lap counts when it is near this many laps, itself among them
MIN_SUPPORTED_RATIO = 0.97  # of the fifth best lap: the best laps of 27 recorded races are 0.2 to 2.4 % faster than the fifth
MIN_LAP_RATIO = 0.90  # of the fifth best lap; a lap that takes less is impossible
MIN_SECTOR = 10.0  # seconds; the shortest real sector takes 16.8 s
START_JITTER = 0.5  # seconds; 95 % of laps start within 0.3 s of the end of the lap before
SECTOR_ROUNDING = 0.002  # seconds; real sectors add up to their lap within 1.5 ms
SLICK_COMPOUNDS = ("SOFT", "MEDIUM", "HARD")
WET_COMPOUNDS = ("INTERMEDIATE", "WET")
NEUTRALISED_STATES = tuple(state.value for state in Neutralisation.State if state != Neutralisation.State.YELLOW_FLAG)
YELLOW_FLAG = Neutralisation.State.YELLOW_FLAG.value  # of a sector, or of two
TRACK_STATES = (*NEUTRALISED_STATES, YELLOW_FLAG)


def supported_best(times: Sequence[float]) -> float | None:
    """The best of ascending lap times that is near the fifth best; None where there are too few to support one."""
    if len(times) < SUPPORTING_LAPS:
        return None
    return times[bisect_left(times, MIN_SUPPORTED_RATIO * times[SUPPORTING_LAPS - 1])]


def contradicts_sectors(lap_duration: float, sectors: Iterable[float | None]) -> bool:
    """Whether a lap time cannot be right if its sectors are (seconds): a missing sector took at least MIN_SECTOR."""
    times = list(sectors)
    known = sum(MIN_SECTOR if sector is None else sector for sector in times)
    too_long = None not in times and lap_duration > known + SECTOR_ROUNDING
    return lap_duration < known - SECTOR_ROUNDING or too_long or any(s is not None and s < MIN_SECTOR for s in times)


class HasLaps(Protocol):
    """A stint: its number and its bounds."""

    @property
    def stint_number(self) -> int: ...
    @property
    def lap_start(self) -> int | None: ...
    @property
    def lap_end(self) -> int | None: ...


AnyStint = TypeVar("AnyStint", bound=HasLaps)


def covers(stint: HasLaps, lap: int) -> bool:
    return stint.lap_start is not None and stint.lap_end is not None and stint.lap_start <= lap <= stint.lap_end


def gives_way(stint: HasLaps, later: HasLaps, out_laps: Container[int]) -> bool:
    """Whether a lap that two stints of a car cover belongs to the later one: the earlier one's last lap is too large.

    It is not where the later one begins on it, which is the in-lap that OpenF1's stints share, or where an out-lap follows
    it, and the later one goes on: then the later one's first lap is too small.
    """
    if stint.stint_number >= later.stint_number or None in (stint.lap_start, stint.lap_end, later.lap_start, later.lap_end):
        return False
    if stint.lap_start >= later.lap_start or stint.lap_end == later.lap_start:  # type: ignore[operator]
        return False
    return later.lap_end <= stint.lap_end or stint.lap_end + 1 not in out_laps  # type: ignore[operator]


def stint_of_lap(lap: int, stints: Iterable[AnyStint], out_laps: Container[int]) -> AnyStint | None:
    """The stint of a car that a lap belongs to: of those that cover it the first one that gives way to none.

    `out_laps`: the numbers of the car's out-laps. `Lap.objects.with_stint()` and `ml.datasets` say the same of many laps.
    """
    covering = sorted((stint for stint in stints if covers(stint, lap)), key=lambda stint: stint.stint_number)
    staying = (stint for stint in covering if not any(gives_way(stint, later, out_laps) for later in covering))
    return next(staying, None)
