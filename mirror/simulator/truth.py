"""What a model of the demo season should find out."""

from collections.abc import Mapping
from dataclasses import dataclass

from mirror.simulator.laws import Laws
from mirror.simulator.world import Circuit

Key = tuple[int, int, int]  # session_key, driver_number, lap_number


@dataclass(frozen=True, kw_only=True)
class Truth:
    """The parameters behind a season, in seconds unless said otherwise.

    `laws` has those that hold everywhere, with the formula they make: each compound's offset and slope, fuel and its effect,
    the pace of teams and drivers, track evolution, noise, dirty air. `circuits` (by meeting_key) has base lap, abrasion, and
    how hard it is to pass.
    """

    seed: int
    laws: Laws
    circuits: Mapping[int, Circuit]
    form: Mapping[int, Mapping[int, float]]  # by session_key and car number: added to every lap of the session
    pit_loss: Mapping[int, float]  # by meeting_key: what an ordinary stop costs, both laps together
    undisturbed: Mapping[Key, float]  # every lap by the laws alone; on out-laps and in-laps what the car could have done
    neutralised: frozenset[Key]  # laps at least partly behind the safety car
    wet: frozenset[Key]  # laps on a track that is not dry
    gaps: Mapping[Key, float]  # s to the car ahead on the same lap, at the start of the lap; not for whoever leads
