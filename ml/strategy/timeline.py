"""A race as arrays by car and lap, and what of it was known at a moment."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from races.messages import normalise_message
from telemetry.lap_rules import SLICK_COMPOUNDS, WET_COMPOUNDS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from telemetry.pit_visits import Visit

COMPOUNDS = (*SLICK_COMPOUNDS, *WET_COMPOUNDS)
UNKNOWN_COMPOUND = -1
PENALTY = re.compile(r"FIA STEWARDS ?: ?(\d{1,4}) SECOND TIME PENALTY FOR CAR (\d{1,3})\b")
LEVEL_LAPS = 3  # clean laps that say how fast a car is
LANE_BEFORE_LINE = 4.0  # seconds from the pit entry to the line where no row of the visit says more
LANE_TIME = 22.0  # seconds in the lane where the row of the visit does not have it


class Window(NamedTuple):
    """A neutralisation: its state, and when it began and ended in seconds since 1970; infinite while it lasts."""

    state: str
    start: float
    end: float


class Penalty(NamedTuple):
    """A time penalty, which a car serves at its next stop; `at` in seconds since 1970."""

    at: float
    car: int
    seconds: float


@dataclass(frozen=True)
class Timeline:
    """A race. Arrays have a row per car, in the order of `cars`, and a column per lap number; column 0 is the start."""

    session_id: int
    circuit: str
    season: int
    date: str
    race_laps: int
    cars: tuple[int, ...]
    crossing: "np.ndarray"  # when the car ended the lap, in seconds since 1970; NaN where it did not
    duration: "np.ndarray"  # of the lap, in seconds
    clean: "np.ndarray"  # whether the lap was at racing speed
    revoked: "np.ndarray"  # from when on a lap counts as not clean although it did when it ended; infinite for all others
    compound: "np.ndarray"  # place in COMPOUNDS of the tyres on the lap
    age: "np.ndarray"  # laps that the tyres had done before the lap; NaN where unknown
    entry: "np.ndarray"  # when the car came into the pit lane at the end of the lap; NaN where it did not
    exit: "np.ndarray"  # when it left the lane again; NaN where upstream has no row of the visit, and `entry` is a guess
    stop: "np.ndarray"  # whether it stood there
    windows: tuple[Window, ...]
    penalties: tuple[Penalty, ...]

    @cached_property
    def row(self) -> dict[int, int]:
        return {car: row for row, car in enumerate(self.cars)}

    def as_of(self, moment: float) -> "Timeline":
        """What was known at a moment: later crossings, visits, flags and penalties are gone, and what a lap is known by with
        them. Tyres are known from the beginning of their first lap on."""
        import numpy as np

        ended = self.crossing <= moment
        entered = self.entry <= moment
        begun = np.zeros_like(ended)
        begun[:, 1:] = ended[:, :-1]
        begun[:, :2] = True
        return replace(
            self,
            crossing=np.where(ended, self.crossing, np.nan),
            duration=np.where(ended, self.duration, np.nan),
            clean=ended & (self.clean | (np.isfinite(self.revoked) & (self.revoked > moment))),
            revoked=np.where(self.revoked <= moment, self.revoked, np.inf),
            compound=np.where(begun, self.compound, UNKNOWN_COMPOUND),
            age=np.where(begun, self.age, np.nan),
            entry=np.where(entered, self.entry, np.nan),
            exit=np.where(self.exit <= moment, self.exit, np.nan),
            stop=self.stop & entered,
            windows=tuple(w._replace(end=w.end if w.end <= moment else np.inf) for w in self.windows if w.start <= moment),
            penalties=tuple(penalty for penalty in self.penalties if penalty.at <= moment),
        )

    def state_at(self, moment: float) -> tuple[str, float]:
        """(the neutralisation of the whole track at a moment, seconds since it began); an empty text and 0 on a free track."""
        open_windows = [w for w in self.windows if w.start <= moment < w.end]
        if not open_windows:
            return "", 0.0
        latest = max(open_windows, key=lambda window: window.start)
        return latest.state, moment - latest.start

    @cached_property
    def neutralised(self) -> "np.ndarray":
        """Whether the whole track was neutralised at some moment of each car's lap."""
        import numpy as np

        result = np.zeros(self.crossing.shape, dtype=bool)
        begin = np.full_like(self.crossing, np.nan)
        begin[:, 1:] = self.crossing[:, :-1]
        for window in self.windows:
            result |= (begin < window.end) & (self.crossing > window.start)
        return result

    @cached_property
    def last_lap(self) -> "np.ndarray":
        """Number of each car's last completed lap; 0 before it has one."""
        import numpy as np

        numbers = np.arange(self.crossing.shape[1])
        return np.where(np.isfinite(self.crossing), numbers, 0).max(axis=1)

    def level(self, row: int, *, until: int | None = None) -> float:
        """Median of the car's last clean laps up to a lap, in seconds; NaN without any."""
        import numpy as np

        last = self.duration.shape[1] if until is None else until + 1
        times = self.duration[row, :last][self.clean[row, :last]]
        return float(np.median(times[-LEVEL_LAPS:])) if len(times) else float("nan")


def build_timeline(
    laps: "pd.DataFrame",
    *,
    windows: Iterable[Window],
    visits: Iterable["Visit"],
    penalties: Iterable[Penalty] = (),
) -> Timeline:
    """A race from the rows of `datasets.load` of one session and its visits to the pit lane."""
    import numpy as np

    cars = tuple(int(car) for car in sorted(laps["driver_number"].unique()))
    rows = laps["driver_number"].map({car: row for row, car in enumerate(cars)}).to_numpy()
    numbers, shape = laps["lap_number"].to_numpy(), (len(cars), int(laps["lap_number"].max()) + 1)

    def table(values: "np.ndarray", default: float) -> "np.ndarray":
        result = np.full(shape, default)
        result[rows, numbers] = values
        return result

    crossing = table(laps["end"].to_numpy(), np.nan)
    start = table(laps["start"].to_numpy(), np.nan)
    missing = np.isnan(crossing[:, :-1])
    crossing[:, :-1] = np.where(missing, start[:, 1:], crossing[:, :-1])
    places = {name: place for place, name in enumerate(COMPOUNDS)}
    entry, leave, stop = pit_arrays(visits, cars=cars, crossing=crossing)
    first = laps.iloc[0]
    return Timeline(
        session_id=int(first["session_id"]),
        circuit=str(first["circuit"]),
        season=int(first["season"]),
        date=first["session_date"].isoformat(),
        race_laps=int(first["race_laps"]),
        cars=cars,
        crossing=crossing,
        duration=table(laps["lap_duration"].to_numpy(), np.nan),
        clean=table((laps["excluded"] == "").to_numpy(), 0).astype(bool),
        revoked=table(laps["revoked_at"].to_numpy(), np.inf),
        compound=table(laps["compound"].map(places).fillna(UNKNOWN_COMPOUND).to_numpy(), UNKNOWN_COMPOUND).astype(int),
        age=table(laps["tyre_age"].to_numpy(dtype="float64"), np.nan),
        entry=entry,
        exit=leave,
        stop=stop,
        windows=tuple(sorted(windows, key=lambda window: window.start)),
        penalties=tuple(penalties),
    )


def pit_arrays(
    visits: Iterable["Visit"], *, cars: tuple[int, ...], crossing: "np.ndarray"
) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """(entry, exit, stop) of each car's visits, at the lap at whose end they were.

    The moment of a visit's row is that of leaving the lane: it is 20 s after the line where the lane begins there, and the time
    in the lane is of the same length. Where there is no row, the entry is that of a usual lane.
    """
    import numpy as np

    entry, leave = np.full_like(crossing, np.nan), np.full_like(crossing, np.nan)
    stop = np.zeros(crossing.shape, dtype=bool)
    row = {car: place for place, car in enumerate(cars)}
    for visit in visits:
        if visit.driver_number not in row or not 0 < visit.lap_number < crossing.shape[1]:
            continue
        place = row[visit.driver_number], visit.lap_number
        line = crossing[place]
        came_in, came_out = line - LANE_BEFORE_LINE, float("nan")
        if visit.pit is not None and visit.pit.date is not None:
            came_out = visit.pit.date.timestamp()
            came_in = came_out - (visit.pit.seconds if visit.pit.seconds is not None else LANE_TIME)
        entry[place] = np.fmin(came_in, line)
        leave[place] = came_out
        stop[place] = visit.is_stop
    return entry, leave, stop


def read_penalties(messages: Iterable[tuple[Any, str | None]]) -> list[Penalty]:
    """The time penalties among (date, text) of race control's messages, in their order, each once."""
    result: dict[tuple[int, float, str], Penalty] = {}
    for date, message in messages:
        text = normalise_message(message)
        match = PENALTY.match(text)
        if match and date is not None:
            seconds, car = float(match[1]), int(match[2])
            result.setdefault((car, seconds, text), Penalty(date.timestamp(), car, seconds))
    return list(result.values())


def load_timelines(session_ids: Iterable[int] | None = None) -> list[Timeline]:
    """Stored races (all, or these sessions) in the order of their dates."""
    from ml import datasets
    from races.models import Neutralisation, RaceControl, Session
    from telemetry.lap_rules import NEUTRALISED_STATES
    from telemetry.pit_visits import load_visits

    chosen = datasets.sessions() if session_ids is None else Session.objects.filter(pk__in=list(session_ids))
    laps = datasets.load(chosen)
    result = []
    for key, session in laps.groupby("session_id", sort=False):
        states = Neutralisation.objects.filter(session_id=key, state__in=NEUTRALISED_STATES).order_by("date_start")
        windows = [
            Window(w.state, w.date_start.timestamp(), w.date_end.timestamp() if w.date_end else float("inf")) for w in states
        ]
        messages = RaceControl.objects.filter(session_id=key, message__icontains="PENALTY").order_by("date")
        penalties = read_penalties(messages.values_list("date", "message"))
        result.append(build_timeline(session, windows=windows, visits=load_visits(int(key)), penalties=penalties))
    return result
