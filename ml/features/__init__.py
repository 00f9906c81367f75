"""What is known of a lap at the moment it begins: a pure function from a table of laps to a table of features.

A feature uses only what had happened when the lap began: a lap of another car counts once it has ended, a start once it has taken
place, and the weather once it was measured. Laps on which the field was slow count as clean until `revoked_at`, and from then on
never did. Nothing is fitted over the whole table; what is remembered from race to race
(`memory`) is updated after each race, in the order of their dates. `tests/test_features.py` changes the future and checks that no
feature changes.

Levels: `level` is an exponentially weighted mean of a car's clean laps of the run so far. Residuals are clipped, so that one lap
behind a slower car changes it little. Most features are differences to the level, in seconds, because lap times of circuits with
different lengths cannot be compared.
"""

from collections.abc import Iterator
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

from ml import race_state
from ml.features.field import field_pace, field_slope, relative_pace, team_mate_pace
from ml.features.memory import Memory
from ml.features.own import (
    LAST_SECTORS,
    SECTORS,
    laps_by_car,
    last_sectors,
    own_pace,
    sector_and_speed_changes,
    situation,
    track_temperature_change,
)
from ml.features.traffic import MAX_GAP, traffic

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LAST_SECTORS", "MAX_GAP", "SECTORS", "Memory", "build", "laps_by_car", "session_features"]


def build(laps: "pd.DataFrame", memory: Memory | None = None) -> "pd.DataFrame":
    """Compute the features of every lap, in the order and with the index of `laps` (see `datasets.load`); NaN is unknown.

    `memory`: sums over earlier races, for laps that are not the whole history; the races of `laps` are added to it.
    """
    import pandas as pd

    memory = Memory() if memory is None else memory
    tables = []
    ordered = laps.sort_values(["session_date", "session_id"], kind="stable")
    for _, session in ordered.groupby(["session_date", "session_id"], sort=True):
        remembered = memory.recall(session)
        table = pd.concat([session_table(known, remembered).loc[rows] for known, rows in by_knowledge(session)])
        tables.append(table)
        memory.learn(session, table.loc[session.index])
    return pd.concat(tables).reindex(laps.index)


def by_knowledge(session: "pd.DataFrame") -> "Iterator[tuple[pd.DataFrame, pd.Series]]":
    """(the laps of a session as they were judged at a time, which of them began then), for each time between two revocations."""
    revoked_at = session["revoked_at"].fillna(inf)
    moments = sorted(moment for moment in revoked_at.unique() if moment < inf)
    for begin, end in pairwise([-inf, *moments, inf]):
        began = (session["start"] >= begin) & (session["start"] < end)
        rows = began | session["start"].isna() if end == inf else began
        yield session.assign(excluded=session["excluded"].where((revoked_at == inf) | (revoked_at <= begin), "")), rows


def session_table(laps: "pd.DataFrame", remembered: "pd.DataFrame") -> "pd.DataFrame":
    """Compute the features of the laps of one session; `remembered` is what past races say of them."""
    import pandas as pd

    table = session_features(laps)
    clean, dirty_air = (laps["excluded"] == "").to_numpy(), table["dirty_air"].to_numpy()
    state = race_state.follow(laps, clean, dirty_air=dirty_air, drivers=remembered["driver_delta"])
    return pd.concat([table, remembered, state], axis=1)


def session_features(laps: "pd.DataFrame") -> "pd.DataFrame":
    """Compute the features that need only the laps of one session."""
    import pandas as pd

    clean = (laps["excluded"] == "").to_numpy()
    own = own_pace(laps, clean)
    field = field_pace(laps, clean, own)
    table = pd.concat(
        [
            situation(laps),
            own,
            field,
            team_mate_pace(laps, clean, own),
            relative_pace(laps, clean, field),
            field_slope(laps, clean),
            traffic(laps, own),
            sector_and_speed_changes(laps, clean),
            last_sectors(laps, clean),
            track_temperature_change(laps),
        ],
        axis=1,
    )
    return table.assign(gap_ahead_before=table["gap_ahead"].groupby(laps["driver_number"], sort=False).shift(1))
