"""What earlier races say of a circuit: how long a lap takes there, before anybody has driven one.

The level of a race is the median of its clean laps, brought to half distance. A lap of a later race at the same circuit is
expected at the level of the last one, plus what the fuel, the driver and the track's temperature are known to change.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

FUEL_EFFECT = 3.3  # seconds from the first lap to the last: 110 kg at 0.03 s per kg
# Seconds per °C that the track is warmer than in the earlier race: 0.05 over seven pairs of races of 2023 and 2024, shrunk.
TEMPERATURE_EFFECT = 0.04
MAX_WARMER = 10.0  # °C, either way


class Level(NamedTuple):
    """The pace of one race: seconds of a lap at half distance, °C of the track, and the race's length in laps."""

    level: float
    track_temperature: float
    race_laps: int


def fuel(lap_number: "pd.Series | float", race_laps: "pd.Series | float") -> "pd.Series | float":
    """Seconds that the fuel on board adds to a lap beside one at half distance."""
    return FUEL_EFFECT * (0.5 - lap_number / race_laps)


def warmth(track_temperature: "pd.Series", earlier: "pd.Series") -> "pd.Series":
    """Seconds that a track warmer than in the earlier race adds to a lap; 0 where either temperature is unknown."""
    return TEMPERATURE_EFFECT * (track_temperature - earlier).clip(-MAX_WARMER, MAX_WARMER).fillna(0.0)


def race_levels(laps: "pd.DataFrame") -> "pd.DataFrame":
    """A row per session that has clean laps, in order of their dates: `circuit`, `session_date` and the fields of `Level`.

    laps: as `datasets.load` gives them. The index is `session_id`.
    """
    clean = laps[laps["excluded"] == ""]
    level = clean["lap_duration"] - fuel(clean["lap_number"], clean["race_laps"])
    races = clean.assign(level=level).groupby("session_id")
    first = races[["circuit", "session_date", "race_laps"]].first()
    return first.join(races[["level", "track_temperature"]].median()).sort_values("session_date")


def with_earlier_race(laps: "pd.DataFrame") -> "pd.DataFrame":
    """The fields of `Level` of the last race before each lap's own at its circuit, row by row, and `is_earlier`.

    Where there is no earlier race they are those of the lap's own race, which can teach what happens within a race and no more.
    """
    levels = race_levels(laps)
    previous = levels.index.to_series().groupby(levels["circuit"]).shift(1)
    source = previous.fillna(levels.index.to_series()).astype("int64")
    rows = levels.loc[source, [*Level._fields]].set_axis(levels.index).assign(is_earlier=previous.notna())
    return rows.reindex(laps["session_id"]).set_axis(laps.index)
