"""Constants of the rules for clean laps.

Two rules read them: `Lap.objects.clean()` in SQL, which judges a lap with hindsight and compares laps, and `ml.cleaning` in
pandas, which knows only what was known when the lap ended and predicts laps. `ml/tests/test_clean_lap_rules.py` checks that both
agree where they ask the same question.
"""

from races.models import Neutralisation

MAX_BEST_LAP_RATIO = 1.07  # a clean lap takes at most this many times the best lap
SLICK_COMPOUNDS = ("SOFT", "MEDIUM", "HARD")
WET_COMPOUNDS = ("INTERMEDIATE", "WET")
NEUTRALISED_STATES = tuple(state.value for state in Neutralisation.State if state != Neutralisation.State.YELLOW_FLAG)
YELLOW_FLAG = Neutralisation.State.YELLOW_FLAG.value  # of a sector, or of two
TRACK_STATES = (*NEUTRALISED_STATES, YELLOW_FLAG)
