"""Constants of the rules for clean laps.

Two rules read them: `Lap.objects.clean()` in SQL, which judges a lap with hindsight and compares laps, and `ml.cleaning` in
pandas, which knows only what was known when the lap ended and predicts laps. `ml/tests/test_clean_lap_rules.py` checks that both
agree where they ask the same question.

No rule rests on a single row: the best lap of a session counts only where other laps are near it, and a time that cannot be is
neither a clean lap nor the best one.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

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
