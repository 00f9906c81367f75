"""Race laps as a table: what was known of each lap when it was over, and whether it is fit for learning.

`load` reads the database, `features` (in its own module) turns the table into what was known before each lap began.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ml import cleaning
from telemetry import lap_rules
from telemetry.lap_rules import NEUTRALISED_STATES

if TYPE_CHECKING:
    import pandas as pd
    from django.db.models import QuerySet

    from races.models import Session

LAP_COLUMNS = (
    "session_id",
    "driver_number",
    "lap_number",
    "date_start",
    "lap_duration",
    "duration_sector_1",
    "duration_sector_2",
    "duration_sector_3",
    "i1_speed",
    "i2_speed",
    "st_speed",
    "is_pit_out_lap",
    "driver_id",
)
TABLES = {  # {table: {column: field}}, of what a dataset without surroundings is made of
    "sessions": {name: name for name in ("session_id", "race_id", "session_name")}
    | {"season": "year", "circuit": "circuit_name", "session_date": "date_start"},
    "laps": {name: name for name in LAP_COLUMNS},
    "stints": {name: name for name in ("session_id", "driver_number", "stint_number", "lap_start", "lap_end")}
    | {"compound": "tyre_compound", "age": "tyre_age_at_start"},
    "entries": {"session_id": "session_id", "driver_number": "driver_number", "team": "team_name", "name": "name_acronym"},
    "pits": {name: name for name in ("session_id", "driver_number", "lap_number")},
    "neutralisations": {"session_id": "session_id", "state": "state", "start": "date_start", "end": "date_end"},
}
KEYS = ("session_id", "driver_number")
LAP = (*KEYS, "lap_number")
TELEMETRY = ("avg_speed", "max_speed", "full_throttle", "brake_usage", "drs_usage")
STALE = 15.0  # seconds after which an interval says nothing any more
WEATHER = ("air_temperature", "track_temperature", "humidity", "rainfall", "wind_speed")


def sessions(
    *, seasons: Collection[int] = (), races: Collection[int] = (), names: Collection[str] = ("Race",)
) -> "QuerySet[Session]":
    """The sessions that a dataset is made of, as a queryset; demo seasons count like any other."""
    from races.models import Session

    found = Session.objects.filter(session_name__in=names, date_start__isnull=False)
    if seasons:
        found = found.filter(year__in=seasons)
    return found.filter(race_id__in=races) if races else found


def load(
    chosen: "Iterable[Session]", *, with_surroundings: bool = True, tables: "dict[str, pd.DataFrame] | None" = None
) -> "pd.DataFrame":
    """Every lap of these sessions, one row each, in order of session date, car and lap.

    Columns: LAP_COLUMNS without `date_start`; `start` and `end` in seconds since 1970; of the session `season race_id circuit
    session_name session_date race_laps`; `team`, `compound`, `tyre_age`, `stint_number`; `run` (between two out-laps,
    from 0); `is_in_lap`; at its start the weather, `track_state` (an empty text when it is free) and `interval_ahead` (seconds);
    TELEMETRY of the lap itself where samples are stored; `excluded`, the reason of `cleaning` or an empty text, and
    `revoked_at`, from when on it is known (seconds since 1970; infinite for a reason that is known when the lap ends).
    Without surroundings there is neither weather nor `interval_ahead` nor TELEMETRY, which need a query each.
    `tables`: those of these sessions, where they have been read already, see `read_tables`.
    """
    tables = tables or read_tables(chosen)
    places = tables["sessions"]
    keys = [int(key) for key in places["session_id"]]
    laps = (
        timed_laps(tables["laps"])
        .merge(places, on="session_id")
        .sort_values(["session_date", "session_id", "driver_number", "lap_number"])
    )
    teams = tables["entries"][[*KEYS, "team"]]
    laps = with_tyres(laps.reset_index(drop=True), tables["stints"]).merge(teams, on=[*KEYS], how="left")
    laps = with_times(laps, tables["pits"])
    if with_surroundings:
        laps = with_interval(with_weather(laps, keys), keys).merge(driving(keys), on=[*LAP], how="left")
    flags = windows(tables["neutralisations"])
    laps["track_state"] = track_state(laps, flags)
    laps["race_laps"] = race_lengths(laps)
    return laps.join(cleaning.verdicts(laps, flags)).drop(columns=["date_start"])


def read_tables(chosen: "Iterable[Session]") -> "dict[str, pd.DataFrame]":
    """The TABLES of these sessions, with one query each."""
    from drivers.models import Entry
    from races.models import Neutralisation
    from telemetry.models import Lap, Pit, Stint

    sessions = list(chosen)
    models: dict[str, Any] = {"laps": Lap, "stints": Stint, "entries": Entry, "pits": Pit, "neutralisations": Neutralisation}
    tables = {name: frame(model.objects.filter(session__in=sessions), TABLES[name]) for name, model in models.items()}
    return {"sessions": as_table(sessions, TABLES["sessions"])} | tables


def as_table(rows: "Iterable[Any]", columns: dict[str, str], **others: Any) -> "pd.DataFrame":
    """Attributes of rows as a table: {column: attribute}; `others` are of fields that the rows do not have."""
    return make_table([[getattr(row, name, others.get(name)) for name in columns.values()] for row in rows], columns)


def race_lengths(laps: "pd.DataFrame") -> "pd.Series":
    """The number of each session's last lap that the same car's lap before it, or another car, supports; 1 without any."""
    session, number = laps["session_id"], laps["lap_number"]
    follows = laps.groupby(["session_id", "driver_number"], sort=False)["lap_number"].shift(1) == number - 1
    supported = follows | (laps.groupby(["session_id", "lap_number"])["driver_number"].transform("size") > 1)
    return number.where(supported, 1).groupby(session).transform("max")


def frame(rows: "QuerySet[Any]", columns: dict[str, str]) -> "pd.DataFrame":
    """A queryset's values as a table: {column: field}."""
    return make_table(list(rows.values_list(*columns.values())), columns)


def make_table(rows: "Sequence[Sequence[Any]]", columns: "Iterable[str]") -> "pd.DataFrame":
    import pandas as pd

    found = pd.DataFrame.from_records(rows, columns=[*columns])
    return found.astype({name: "int64" for name in KEYS if name in found})  # also where there are no rows to tell from


def timed_laps(laps: "pd.DataFrame") -> "pd.DataFrame":
    """Laps as they are stored with numbers and moments as such, also in columns without any."""
    import pandas as pd

    numbers = [name for name in LAP_COLUMNS if name.startswith(("lap_duration", "duration", "i1", "i2", "st_"))]
    return laps.astype(dict.fromkeys(numbers, "float64")).assign(date_start=pd.to_datetime(laps["date_start"], utc=True))


def seconds(moments: "pd.Series") -> "pd.Series":
    """Moments as seconds since 1970."""
    import pandas as pd

    return (pd.to_datetime(moments, utc=True) - pd.Timestamp(0, tz="UTC")).dt.total_seconds()


def with_times(laps: "pd.DataFrame", pits: "pd.DataFrame") -> "pd.DataFrame":
    """`start`, `end`, `run` and `is_in_lap`; `pits`: the laps at whose end cars came in.

    A lap ends when the next one begins or after its time, whichever comes first: OpenF1's starts jitter by an eighth of a second,
    and a lap must count as known at the start of its driver's next one. A start is unknown that does not lie between those of
    the laps before and after, which are in order.
    """
    import numpy as np

    car = laps.groupby(["session_id", "driver_number"], sort=False)
    start = seconds(laps["date_start"])
    cars = [laps["session_id"], laps["driver_number"]]
    before, after = (start.groupby(cars, sort=False).shift(places) for places in (1, -1))
    start = start.mask((before <= after) & ~start.between(before, after))
    following = start.groupby(cars, sort=False).shift(-1)
    following = following.where(following >= start)  # a lap with a wrong number stands after the last one
    next_is_out = car["is_pit_out_lap"].shift(-1, fill_value=False).astype(bool)
    next_is_out &= car["lap_number"].shift(-1) == laps["lap_number"] + 1  # a lap can be missing in between
    visits = set(pits[[*LAP]].itertuples(index=False, name=None))
    stopped = np.fromiter(
        (key in visits for key in zip(laps["session_id"], laps["driver_number"], laps["lap_number"], strict=True)),
        bool,
        len(laps),
    )
    return laps.assign(
        start=start,
        end=np.fmin(start + laps["lap_duration"], following),
        run=(laps["is_pit_out_lap"] & (laps["lap_number"] > 1)).groupby([laps["session_id"], laps["driver_number"]]).cumsum(),
        is_pit_out_lap=laps["is_pit_out_lap"] & (laps["lap_number"] > 1),
        is_in_lap=next_is_out | (stopped & ~laps["is_pit_out_lap"]),
    )


def with_tyres(laps: "pd.DataFrame", stints: "pd.DataFrame") -> "pd.DataFrame":
    """`stint_number`, `compound` and `tyre_age` (laps done before this one), of the stint of `lap_rules.stint_of_lap`."""
    import pandas as pd

    stints = stints[stints["lap_start"].notna()].sort_values(["session_id", "driver_number", "stint_number"])
    joined = laps[["session_id", "driver_number", "lap_number"]].reset_index().merge(stints, on=["session_id", "driver_number"])
    covering = joined[(joined["lap_start"] <= joined["lap_number"]) & (joined["lap_end"] >= joined["lap_number"])]
    covering = covering.assign(gives_way=gives_way(covering, laps))
    first = covering.sort_values("gives_way", kind="stable").drop_duplicates("index").set_index("index")
    age = first["age"].astype("float64") + first["lap_number"] - first["lap_start"]
    tyres = pd.DataFrame(
        {"stint_number": first["stint_number"].astype("float64"), "compound": first["compound"], "tyre_age": age}
    )
    return laps.join(tyres)


def gives_way(covering: "pd.DataFrame", laps: "pd.DataFrame") -> "pd.Series":
    """Whether each of the stints that cover a lap gives way to a later one."""
    import pandas as pd

    found = pd.Series(False, index=covering.index)
    out_laps = laps[laps["is_pit_out_lap"].astype(bool)].groupby([*KEYS])["lap_number"].agg(set)
    for _, stints in covering[covering["index"].duplicated(keep=False)].groupby("index"):
        rows = [*stints.itertuples()]
        known = out_laps.get((rows[0].session_id, rows[0].driver_number), set())
        for row in rows:
            found[row.Index] = any(lap_rules.gives_way(row, later, known) for later in rows)
    return found


def windows(flags: "pd.DataFrame") -> "pd.DataFrame":
    """When the track was not free: `session_id`, `state`, `start`, `end`, in seconds since 1970; `flags` as in TABLES."""
    import numpy as np

    return flags.assign(start=seconds(flags["start"]), end=seconds(flags["end"]).fillna(np.inf))


def with_weather(laps: "pd.DataFrame", keys: Collection[int]) -> "pd.DataFrame":
    """The last weather before each lap's start; nothing is known before the first message."""
    import pandas as pd

    from races.models import Weather

    weather = frame(
        Weather.objects.filter(session_id__in=keys).order_by("date"),
        {"session_id": "session_id", "at": "date"} | {name: name for name in WEATHER},
    )
    weather = weather.assign(at=seconds(weather["at"])).astype(dict.fromkeys(WEATHER, "float64"))
    timed = laps[laps["start"].notna()].reset_index().sort_values("start")
    met = pd.merge_asof(timed, weather.sort_values("at"), left_on="start", right_on="at", by="session_id").set_index("index")
    return laps.join(met[[*WEATHER]])


def with_interval(laps: "pd.DataFrame", keys: Collection[int]) -> "pd.DataFrame":
    """`interval_ahead`: seconds to the car ahead in the race when the lap began, as last measured before; NaN where that is
    unknown."""
    import pandas as pd

    from telemetry.models import Interval

    known = Interval.objects.filter(session_id__in=keys, interval_seconds__isnull=False).order_by("date")
    intervals = frame(known, {name: name for name in KEYS} | {"at": "date", "interval_ahead": "interval_seconds"})
    intervals = intervals.assign(at=seconds(intervals["at"]), interval_ahead=intervals["interval_ahead"].astype("float64"))
    timed = laps.loc[laps["start"].notna(), [*KEYS, "start"]].reset_index().sort_values("start")
    met = pd.merge_asof(timed, intervals, left_on="start", right_on="at", by=[*KEYS], tolerance=STALE).set_index("index")
    return laps.join(met[["interval_ahead"]])


def driving(keys: Collection[int]) -> "pd.DataFrame":
    """TELEMETRY of each lap that samples are stored of."""
    from telemetry.models import Telemetry

    found = frame(Telemetry.objects.filter(session_id__in=keys).order_by(), {name: name for name in (*LAP, *TELEMETRY)})
    return found.astype({"lap_number": "int64"} | dict.fromkeys(TELEMETRY, "float64"))


def track_state(laps: "pd.DataFrame", flags: "pd.DataFrame") -> "pd.Series":
    """What was shown to the whole track, or somewhere on it, when each lap began."""
    import pandas as pd

    states = pd.Series("", index=laps.index, dtype="object")
    for key, session in laps.groupby("session_id", sort=False):
        for state, start, end in flags.loc[flags["session_id"] == key, ["state", "start", "end"]].itertuples(index=False):
            shown = session.index[(session["start"] >= start) & (session["start"] < end)]
            states[shown] = states[shown].where(states[shown].isin(NEUTRALISED_STATES), state)
    return states


def excluded(laps: "pd.DataFrame") -> dict[str, Any]:
    """How many laps each reason left out."""
    counts = laps.loc[laps["excluded"] != "", "excluded"].value_counts()
    return {str(reason): int(count) for reason, count in counts.items()}
