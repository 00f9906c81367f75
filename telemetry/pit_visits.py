"""Visits to the pit lane of a race, by kind: a stop is a change of tyres or a time at a standstill, everything else is not.

What tells them apart: a red flag; over 300 s in the lane; no lap afterwards; a stationary time; other tyres by compound or age;
the time in the lane beside that of the session's other changes. A new stint alone proves nothing: upstream also begins one when
the safety car leads the field through the lane, sometimes with a wrong tyre age (Spielberg 2023, lap 2).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from races.messages import normalise_message
from races.models import Neutralisation, RaceControl

MAX_STOP_TIME = 300.0  # seconds in the pit lane: beyond, the car was in the garage
# Seconds in the lane by which a visit without a stop is shorter than one with: 16 to 18 s against 22 s at Spielberg 2023.
STANDING_TIME = 2.5
QUEUE_TIME = 5.0  # seconds in the lane that a queue behind the safety car can add
STOP_AND_GO_TIME = 5.0  # seconds in the lane by which a stop-go penalty of ten is longer than a change of tyres, and more
SERVED_WITHIN = timedelta(minutes=10)  # after race control gave a penalty that is served in the lane: three laps are allowed
PENALTY = re.compile(r"FIA STEWARDS ?: ?(?:(?P<through>DRIVE.THROUGH)|\d+ SECOND STOP.GO) PENALTY FOR CAR (?P<car>\d{1,3})\b")
MIN_CERTAIN_CHANGES = 3  # visits with another compound, whose median says how long a stop takes in the lane


class Kind(StrEnum):
    """What a visit was."""

    TYRE_CHANGE = "tyre change"
    STANDSTILL = "stop without new tyres"
    STOP = "stop, tyres unknown"
    TRANSIT = "transit behind the safety car"
    DRIVE_THROUGH = "drive-through"
    STOP_AND_GO = "stop-go penalty"
    RED_FLAG = "red flag"
    GARAGE = "garage"
    RETIREMENT = "retirement"
    UNKNOWN = "unknown"


STOPS = (Kind.TYRE_CHANGE, Kind.STANDSTILL, Kind.STOP, Kind.STOP_AND_GO)


class Visit(NamedTuple):
    """A visit of a car at the end of a lap; `pit` is its row, if there is one: before Spain 2023 only out-laps show visits."""

    driver_number: int
    lap_number: int
    kind: Kind
    pit: Any
    reason: str = ""  # in words, what shows that it was of this kind

    @property
    def is_derived(self) -> bool:
        """Whether upstream has no row of the visit, and only the out-lap after it shows it."""
        return self.pit is None

    @property
    def is_stop(self) -> bool:
        return self.kind in STOPS


class Tyres(StrEnum):
    """What stints say of the tyres before and after a visit."""

    OTHER_COMPOUND = "another compound"
    YOUNGER = "the same compound, younger"
    SAME = "the same set"
    UNKNOWN = "not known"


# The kind of a visit on which the car stood.
STOP_BY_TYRES = {
    Tyres.OTHER_COMPOUND: Kind.TYRE_CHANGE,
    Tyres.YOUNGER: Kind.TYRE_CHANGE,
    Tyres.SAME: Kind.STANDSTILL,
    Tyres.UNKNOWN: Kind.STOP,
}


TYRES_AFTERWARDS = {tyres: tyres.value for tyres in Tyres} | {Tyres.UNKNOWN: "tyres that are not known"}


class LanePenalty(NamedTuple):
    """A penalty that is served in the pit lane, as race control gave it."""

    date: datetime
    driver_number: int
    kind: Kind


def read_lane_penalties(messages: Iterable[tuple[datetime | None, str | None]]) -> list[LanePenalty]:
    """The drive-throughs and stop-go penalties among (date, text) of race control's messages."""
    found = [(date, PENALTY.match(normalise_message(text))) for date, text in messages]
    return [
        LanePenalty(date, int(match["car"]), Kind.DRIVE_THROUGH if match["through"] else Kind.STOP_AND_GO)
        for date, match in found
        if date and match
    ]


class VisitClassifier:
    """Tells the kinds of one race's visits apart."""

    def __init__(
        self, *, stints: Iterable[Any], laps: Iterable[Any], windows: Iterable[Any], penalties: Iterable[LanePenalty] = ()
    ) -> None:
        """stints, laps: rows or instances, stints in the order of their numbers; windows: of neutralisations."""
        self.stints = defaultdict(list)
        for stint in stints:
            if stint.lap_start is not None:
                self.stints[stint.driver_number].append(stint)
        self.laps = {(lap.driver_number, lap.lap_number): lap for lap in laps}
        self.last_laps: dict[int, int] = {}
        for car, number in self.laps:
            self.last_laps[car] = max(number, self.last_laps.get(car, 0))
        self.windows = list(windows)
        self.penalties = list(penalties)
        self.usual_lane_time: float | None = None

    def classify(self, pits: Iterable[Any]) -> list[Visit]:
        """Every visit of the pit rows, and of the out-laps that have none; rows without a lap are left out."""
        rows = [(pit.driver_number, pit.lap_number, pit) for pit in pits if pit.lap_number is not None]
        known = {(car, lap) for car, lap, _ in rows}
        rows += [
            (car, number - 1, None)
            for (car, number), lap in self.laps.items()
            if lap.is_pit_out_lap and number > 1 and (car, number - 1) not in known
        ]
        certain = [
            pit.seconds
            for car, lap, pit in rows
            if pit and pit.seconds is not None and pit.seconds <= MAX_STOP_TIME and self.tyres(car, lap) == Tyres.OTHER_COMPOUND
        ]
        self.usual_lane_time = median(certain) if len(certain) >= MIN_CERTAIN_CHANGES else None
        return [Visit(car, lap, kind, pit, reason) for car, lap, pit in rows for kind, reason in [self.judge(car, lap, pit)]]

    def judge(self, car: int, lap: int, pit: Any) -> tuple[Kind, str]:
        """(the kind of a visit, what shows it)"""
        seconds = pit.seconds if pit else None
        if self.overlaps(Neutralisation.State.RED_FLAG, car=car, lap=lap, pit=pit):
            return Kind.RED_FLAG, "during a red flag"
        if seconds is not None and seconds > MAX_STOP_TIME:
            return Kind.GARAGE, f"more than {MAX_STOP_TIME:g} s in the lane"
        if car in self.last_laps and (car, lap + 1) not in self.laps and not self.goes_on(car, lap):
            return Kind.RETIREMENT, "no lap afterwards"
        tyres = self.tyres(car, lap)
        stood = bool(pit and pit.stop_duration)
        behind = self.overlaps(Neutralisation.State.SAFETY_CAR, car=car, lap=lap, pit=pit)
        if stood or (tyres == Tyres.OTHER_COMPOUND and not (behind and self.is_short(seconds))):
            kind = STOP_BY_TYRES[tyres]
            reason = f"{f'stood for {pit.stop_duration:.1f} s; ' if stood else ''}afterwards {TYRES_AFTERWARDS[tyres]}"
        else:
            kind = self.kind_by_lane_time(tyres, seconds, behind_safety_car=behind)
            reason = f"afterwards {TYRES_AFTERWARDS[tyres]}; {self.lane_time(seconds)}{'; behind the safety car' * behind}"
        if (served := self.served_penalty(kind, tyres, car=car, lap=lap, pit=pit)) is not None:
            return served, f"{reason}; race control had given a {served.value.removesuffix(' penalty')} penalty"
        return kind, reason

    def served_penalty(self, kind: Kind, tyres: Tyres, *, car: int, lap: int, pit: Any) -> Kind | None:
        """The penalty that race control had just given and that such a visit can serve.

        Tyres must not be changed on a stop-go; a new stint of the same compound is no proof of it where the car stood that long.
        """
        end, seconds = self.end_of(car, lap, pit), pit.seconds if pit else None
        given = {
            penalty.kind
            for penalty in self.penalties
            if penalty.driver_number == car and end and timedelta(0) < end - penalty.date < SERVED_WITHIN
        }
        usual = self.usual_lane_time
        is_long = seconds is not None and usual is not None and seconds > usual + STOP_AND_GO_TIME
        stood = kind in (Kind.STANDSTILL, Kind.STOP) or (tyres == Tyres.YOUNGER and is_long)
        if Kind.STOP_AND_GO in given and stood:
            return Kind.STOP_AND_GO
        passed = kind in (Kind.DRIVE_THROUGH, Kind.TRANSIT, Kind.UNKNOWN)
        return Kind.DRIVE_THROUGH if Kind.DRIVE_THROUGH in given and passed else None

    def lane_time(self, seconds: float | None) -> str:
        """The time in the lane beside the usual one, in words."""
        if seconds is None:
            return "time in the lane not known"
        usual = "" if self.usual_lane_time is None else f", {self.usual_lane_time:.1f} s with a change of tyres"
        return f"{seconds:.1f} s in the lane{usual}"

    def is_short(self, seconds: float | None) -> bool:
        """Whether the time in the lane leaves none for a standstill; false where that cannot be known."""
        return seconds is not None and self.usual_lane_time is not None and seconds < self.usual_lane_time - STANDING_TIME

    def kind_by_lane_time(self, tyres: Tyres, seconds: float | None, *, behind_safety_car: bool) -> Kind:
        """The kind of a visit without a known stationary time and without certainly new tyres."""
        passing = Kind.TRANSIT if behind_safety_car else Kind.DRIVE_THROUGH
        if seconds is None or self.usual_lane_time is None:
            no_stop = passing if behind_safety_car or seconds is not None else Kind.UNKNOWN
            return {Tyres.YOUNGER: Kind.TYRE_CHANGE, Tyres.SAME: no_stop}.get(tyres, Kind.UNKNOWN)
        if self.is_short(seconds):
            return passing
        if tyres == Tyres.SAME and behind_safety_car and seconds < self.usual_lane_time + QUEUE_TIME:
            return Kind.TRANSIT
        return STOP_BY_TYRES[tyres]

    def goes_on(self, car: int, lap: int) -> bool:
        """Whether a car has a later lap than the one after the visit, which then is only missing."""
        return self.last_laps.get(car, 0) > lap

    def tyres(self, car: int, lap: int) -> Tyres:
        """Compare the stints before and after a visit at the end of a lap; the later one begins on that lap or on the next."""
        stints = self.stints.get(car, [])
        pair = next(((one, other) for one, other in pairwise(stints) if other.lap_start in (lap, lap + 1)), None)
        if pair is None:
            return (
                Tyres.SAME if any(stint.lap_end and stint.lap_start <= lap < stint.lap_end for stint in stints) else Tyres.UNKNOWN
            )
        one, other = pair
        compounds = {one.tyre_compound, other.tyre_compound}
        if len(compounds) == 2 and not any(not name or "UNKNOWN" in name for name in compounds):
            return Tyres.OTHER_COMPOUND
        if one.tyre_age_at_start is None or other.tyre_age_at_start is None:
            return Tyres.UNKNOWN
        running = one.tyre_age_at_start + other.lap_start - one.lap_start
        return Tyres.SAME if other.tyre_age_at_start >= running else Tyres.YOUNGER

    def end_of(self, car: int, lap: int, pit: Any) -> datetime | None:
        """When the car left the lane, which is the moment of a row; without one when its out-lap began."""
        out = self.laps.get((car, lap + 1))
        return (pit.date if pit else None) or (out.date_start if out else None)

    def overlaps(self, state: str, *, car: int, lap: int, pit: Any) -> bool:
        """Whether the track was in this state during the visit."""
        end = self.end_of(car, lap, pit)
        if end is None:
            return False
        begin = end - timedelta(seconds=(pit.seconds or 0.0) if pit else 0.0)
        return any(w.state == state and w.date_start <= end and (w.date_end is None or w.date_end >= begin) for w in self.windows)


def load_visits(session_id: int) -> list[Visit]:
    """The visits of a stored race; five queries."""
    from telemetry.models import Lap, Pit, Stint

    laps = Lap.objects.filter(session_id=session_id).only("driver_number", "lap_number", "is_pit_out_lap", "date_start")
    messages = RaceControl.objects.filter(session_id=session_id, message__icontains="PENALTY")
    classifier = VisitClassifier(
        stints=Stint.objects.filter(session_id=session_id).order_by("driver_number", "stint_number"),
        laps=laps.order_by("driver_number", "lap_number"),
        windows=Neutralisation.objects.filter(session_id=session_id),
        penalties=read_lane_penalties(messages.values_list("date", "message")),
    )
    return classifier.classify(Pit.objects.filter(session_id=session_id).order_by("date", "pk"))


def count_kinds(visits: Collection[Visit]) -> Counter[str]:
    return Counter(visit.kind.value for visit in visits)
