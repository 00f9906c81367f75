"""Lap and sector times of a session so far, with the colours that timing screens give them."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from live.picture import Picture, value
from pages.phases import ends_phase, opens_phase
from races.messages import flag_of, scope_of
from telemetry.deleted_laps import read_verdict

SECTORS = ("duration_sector_1", "duration_sector_2", "duration_sector_3")
SEGMENTS = ("segments_sector_1", "segments_sector_2", "segments_sector_3")
PIT_LANE = 2064  # a mini-sector driven in the pit lane
COLOURS = {2048: "y", 2049: "g", 2051: "p", PIT_LANE: "b"}  # yellow, green, purple, blue
LAPS_BEHIND = 3  # behind the leader's lap, at which a car that sends nothing has retired
SILENT = timedelta(minutes=4)
LAST_LAP = timedelta(minutes=3)  # after the flag, in which a lap begun before it has ended


@dataclass
class Best:
    """The fastest lap and sectors of all cars and of each."""

    lap: float | None = None
    car: int | None = None
    sectors: list[float | None] = field(default_factory=lambda: [None, None, None])
    own_lap: dict[int, float] = field(default_factory=dict)
    own_sectors: dict[int, list[float | None]] = field(default_factory=lambda: defaultdict(lambda: [None, None, None]))
    leader_lap: int = 0
    deleted: set[tuple[int, float]] = field(default_factory=set)  # (car, seconds)


def best_of(picture: Picture, *, since: datetime | None, until: datetime | None = None) -> Best:
    """The bests of all laps, or of those that began `since` and before `until`, without deleted laps and times of out-laps."""
    best = Best(deleted=deleted_times(picture))
    for number, laps in picture.laps.items():
        for lap in laps.values():
            best.leader_lap = max(best.leader_lap, lap.lap_number)
            begun = value(lap, "date_start")
            if (since and (begun is None or begun < since)) or (until and begun and begun >= until):
                continue
            seconds = value(lap, "lap_duration")
            if seconds and not value(lap, "is_pit_out_lap") and (number, seconds) not in best.deleted:
                best.own_lap[number] = min(seconds, best.own_lap.get(number, seconds))
            for at, name in enumerate(SECTORS):
                best.own_sectors[number][at] = lower(best.own_sectors[number][at], value(lap, name))
    for number, seconds in best.own_lap.items():
        if best.lap is None or seconds < best.lap:
            best.lap, best.car = seconds, number
    for own in best.own_sectors.values():
        best.sectors = [lower(one, other) for one, other in zip(best.sectors, own, strict=True)]
    return best


def deleted_times(picture: Picture) -> set[tuple[int, float]]:
    """(car, seconds) of the laps that race control has deleted and not reinstated."""
    deleted: set[tuple[int, float]] = set()
    for row in picture.messages_in_order():
        verdict = read_verdict(value(row, "message"), row.date)
        if verdict and verdict.lap_duration:
            (deleted.add if verdict.deletes else deleted.discard)((verdict.driver_number, verdict.lap_duration))
    return deleted


def lower(one: float | None, other: float | None) -> float | None:
    """The lower of two times, as far as there are any."""
    return min((each for each in (one, other) if each), default=None)


def colour(seconds: float | None, own: float | None, of_all: float | None) -> str:
    """p: the best of all; g: the car's own best; y: slower."""
    if not seconds:
        return ""
    return "p" if seconds == of_all else "g" if seconds == own else "y"


def car_times(picture: Picture, number: int, best: Best) -> dict[str, Any]:
    """The last and best lap of a car, its sectors and mini-sectors with their colours, and whether it is in the pits or out."""
    laps = picture.laps.get(number) or {}
    ordered = [laps[each] for each in sorted(laps)]
    timed = [lap for lap in ordered if value(lap, "lap_duration")]
    last = value(timed[-1], "lap_duration") if timed else None
    shown = shown_lap(ordered, SECTORS)
    minis = [[COLOURS.get(code or 0, "") for code in value(shown_lap(ordered, SEGMENTS), name) or []] for name in SEGMENTS]
    own, own_sectors = best.own_lap.get(number), best.own_sectors.get(number) or [None, None, None]
    return {
        "lap": ordered[-1].lap_number if ordered else None,
        "out_lap": bool(ordered and value(ordered[-1], "is_pit_out_lap")),
        "timed_lap": timed[-1].lap_number if timed else None,
        "last": last,
        "last_colour": "d" if (number, last) in best.deleted else colour(last, own, best.lap),
        "best": own,
        "best_colour": "p" if own and own == best.lap else "",
        "sectors": [
            [seconds := value(shown, name), colour(seconds, own_sectors[at], best.sectors[at])] for at, name in enumerate(SECTORS)
        ],
        "minis": minis,
        "pit": in_pit_lane(ordered),
        "out": has_retired(picture, number, ordered, best.leader_lap),
    }


def shown_lap(laps: list[Any], fields: tuple[str, ...]) -> Any:
    """The current lap once one of the fields has something, until then the lap before."""
    for lap in laps[:-3:-1]:
        if any(value(lap, name) for name in fields):
            return lap
    return laps[-1] if laps else None


def in_pit_lane(laps: list[Any]) -> bool:
    """Whether the last mini-sector that the car has driven is one of the pit lane."""
    codes = [code for lap in laps[-2:] for name in SEGMENTS for code in value(lap, name) or [] if code]
    return bool(codes) and codes[-1] == PIT_LANE


def has_retired(picture: Picture, number: int, laps: list[Any], leader_lap: int) -> bool:
    """Whether the result says so; without one, whether the car has fallen laps behind and has not been seen for minutes."""
    if result := picture.results.get(number):
        return bool(value(result, "dnf") or value(result, "dns") or value(result, "dsq"))
    if not laps or picture.session.session_name not in ("Race", "Sprint"):
        return False
    begun = value(laps[-1], "date_start")
    starts = [value(own[max(own)], "date_start") for own in picture.laps.values() if own]
    newest = max((each for each in starts if each), default=None)
    behind = leader_lap - laps[-1].lap_number >= LAPS_BEHIND
    return bool(behind and begun and newest and newest - begun > SILENT)


class Phase(NamedTuple):
    """A phase of a qualifying, 1 to 3; when it was flagged off, None while it was not; when it and those before it began."""

    number: int
    flagged: datetime | None
    begins: tuple[datetime | None, ...]  # None for the first


def phase_of(picture: Picture) -> Phase:
    """The newest phase of a qualifying, which begins when the pit exit opens again after the end of the one before."""
    begins: list[datetime | None] = [None]
    flagged = None
    for row in picture.messages_in_order():
        flag, text = value(row, "flag"), value(row, "message")
        if ends_phase(flag, text):
            flagged = row.date
        elif flagged and len(begins) < 3 and opens_phase(flag, text):
            begins.append(row.date)
            flagged = None
    return Phase(len(begins), flagged, tuple(begins))


def is_decided(picture: Picture, flagged: datetime | None, now: datetime) -> bool:
    """Whether nobody can improve any more: the flag is out, and no car is on a lap that it began before."""
    if flagged is None:
        return False
    return now - flagged > LAST_LAP or not any(
        (begun := value(lap, "date_start")) and begun < flagged and not value(lap, "lap_duration") and not in_pit_lane([lap])
        for laps in picture.laps.values()
        if laps and not value(lap := laps[max(laps)], "is_pit_out_lap")
    )


def end_of(picture: Picture, now: datetime) -> tuple[str, bool]:
    """How the session, or the phase of it, has ended until `now` ("" where it has not), and whether the track is clear since."""
    ended, clear = "", False
    for row in picture.messages_in_order():
        text = value(row, "message")
        flag, scope = flag_of(value(row, "flag"), text), scope_of(value(row, "scope"), value(row, "sector"))
        if row.date > now:
            break
        if ends_phase(flag, text):
            ended = "chequered" if flag == "CHEQUERED" else ended or "over"
        elif flag == "GREEN" and scope == "Track":
            ended = ""
        elif flag in ("RED", "CLEAR") and scope == "Track":
            clear = flag == "CLEAR"
    return ended, clear
