"""The parameters that generated a demo season, to compare with what models estimate."""

from collections.abc import Mapping
from dataclasses import dataclass

from mirror.simulator.laws import Laws
from mirror.simulator.world import Circuit

Key = tuple[int, int, int]  # session_key, driver_number, lap_number


@dataclass(frozen=True, kw_only=True)
class Truth:
    """The parameters that generated a season, in seconds unless stated otherwise.

    `laws` has those of all circuits and the formula of a lap time: each compound's offset and slope, fuel and its effect, the
    pace of teams and drivers, track evolution, noise, dirty air. `circuits` (by meeting_key) has the base lap, the abrasion and
    the difficulty of overtaking.
    """

    seed: int
    laws: Laws
    circuits: Mapping[int, Circuit]
    form: Mapping[int, Mapping[int, float]]  # by session_key and car number: added to every lap of the session
    pit_loss: Mapping[int, float]  # by meeting_key: the time lost by an ordinary pit stop over in-lap and out-lap
    undisturbed: Mapping[Key, float]  # without noise and other cars; out-laps and in-laps as flying laps
    neutralised: frozenset[Key]  # laps at least partly behind the safety car
    wet: frozenset[Key]  # laps on a track that is not dry
    gaps: Mapping[Key, float]  # s to the car ahead on the same lap, at the start of the lap; the leader has none
