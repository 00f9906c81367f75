"""The page of a session: result, fastest laps, weather, race control; or in words, why there is none of it yet."""

import datetime
from collections.abc import Iterator

import msgspec

from pages.cars import cars_of
from pages.chart import Car
from pages.rows import LapRow, MessageRow, ResultRow, SessionRows
from pages.stops import visits
from pages.templatetags.f1 import lap_time
from races.messages import flag_of, normalise_message
from races.models import QUALIFYINGS

BEFORE = datetime.timedelta(minutes=30)  # upstream sends first rows so long before a session begins
AROUND = 4  # laps before and after a message that its chart shows
FASTEST = 10  # laps in the list of the fastest
TOLD = ("SAFETY CAR", "VSC", "RED FLAG", "PENALTY", "DELETED", "STOPPED", "INVESTIGAT", "CHEQUERED", "RAIN", "DISQUALIFIED")


class ResultLine(msgspec.Struct, frozen=True, kw_only=True):
    """A car in the result."""

    place: str  # "1", "DNF", "DNS", "DSQ" or a dash
    car: Car
    grid: int | None = None
    gained: int | None = None  # places from the grid to the flag
    laps: int | None = None
    time: str = ""  # the winner's time, a gap, or the best lap
    phases: list[str] = []  # of a qualifying: the best times of Q1, Q2 and Q3
    points: float | None = None
    stops: int = 0
    best: float | None = None  # s
    is_fastest: bool = False


class FastLap(msgspec.Struct, frozen=True):
    """One of the fastest laps; each driver's best only."""

    car: Car
    seconds: float
    lap_number: int
    compound: str | None
    tyre_age: int | None
    gap: float


class Sky(msgspec.Struct, frozen=True):
    """The weather of a session: means, and when it rained as shares of the session (0 to 1)."""

    air: float | None
    track: float | None
    wind: float | None
    wet_share: float


class Announcement(msgspec.Struct, frozen=True):
    """A message of race control worth telling."""

    time: str  # UTC
    lap: int | None
    text: str
    kind: str  # red, yellow, safety-car, or empty
    link: str = ""  # the chart around this moment, below the session's address


class SessionPage(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page shows."""

    status: str  # in words, where something is missing; empty for a session with a result
    lines: list[ResultLine]
    fastest: list[FastLap]
    sky: Sky | None
    announcements: list[Announcement]
    kind: str  # race, qualifying or practice
    has_laps: bool


def session_page(rows: SessionRows, now: datetime.datetime) -> SessionPage:
    kind = "race" if rows.is_race else "qualifying" if rows.session.session_name in QUALIFYINGS else "practice"
    cars = {car.number: car for car in cars_of(rows)}
    best = best_laps(rows)
    fastest = sorted(best.values(), key=lambda lap: lap.lap_duration or 0)[:FASTEST]
    known = [fastest[0].lap_duration] if fastest else [official_best(result, kind) for result in rows.results]
    lowest = min((seconds for seconds in known if seconds), default=None)
    return SessionPage(
        status=status(rows, now),
        lines=[line(rows, car, best.get(car.number), lowest, kind) for car in cars.values()] if rows.results or best else [],
        fastest=[
            FastLap(
                cars[lap.driver_number],
                lap.lap_duration or 0.0,
                lap.lap_number,
                lap.tyre_compound,
                lap.tyre_age,
                (lap.lap_duration or 0.0) - (lowest or 0.0),
            )
            for lap in fastest
        ],
        sky=sky(rows),
        announcements=list(announcements(rows)),
        kind=kind,
        has_laps=bool(rows.laps),
    )


def status(rows: SessionRows, now: datetime.datetime) -> str:
    """What to know before reading on: cancelled, still to come, on track now, or what is missing."""
    session = rows.session
    start, end = session.date_start, session.date_end
    if session.is_cancelled:
        return "This session was cancelled."
    if start and now < start - BEFORE:
        return f"This session begins on {start:%-d %B %Y at %H:%M} UTC."
    if start and end and now < end and not rows.results:
        return "This session is on track now; what is here is as of the last sync."
    return lacking(rows)


def lacking(rows: SessionRows) -> str:
    """What a session lacks that has been driven; empty where it has laps and a result."""
    if not rows.laps and not rows.results:
        return "Nothing of this session is stored yet: no laps and no result."
    if not rows.laps:
        return "No laps of this session are stored, so there are no charts."
    if rows.results:
        return ""
    return "No result of this session is stored; the order is that of the laps driven."


def best_laps(rows: SessionRows) -> dict[int, LapRow]:
    """{car number: its fastest lap that race control did not delete, of those whose time can be}"""
    best: dict[int, LapRow] = {}
    for lap in rows.laps:
        known = best.get(lap.driver_number)
        seconds = rows.seconds_of(lap)
        if seconds and not lap.deleted and (known is None or seconds < (known.lap_duration or 0)):
            best[lap.driver_number] = lap
    return best


def line(rows: SessionRows, car: Car, best: LapRow | None, lowest: float | None, kind: str) -> ResultLine:
    result = rows.result_of.get(car.number)
    grid = next((row.position for row in rows.grid if row.driver_number == car.number), None)
    seconds = best.lap_duration if best else official_best(result, kind)
    driven = result.number_of_laps if result else len(rows.laps_of.get(car.number, [])) or None
    return ResultLine(
        place=place_text(result),
        car=car,
        grid=grid if kind == "race" else None,
        gained=grid - result.position if kind == "race" and grid and result and result.position else None,
        laps=driven,
        time=time_text(result, seconds, lowest, kind),
        phases=[lap_time(time) for time in phases(result)] if kind == "qualifying" else [],
        points=result.points if result else None,
        stops=stops(rows, car.number),
        best=seconds,
        is_fastest=seconds is not None and seconds == lowest,
    )


def official_best(result: ResultRow | None, kind: str) -> float | None:
    """The best lap in seconds that the result of a practice or qualifying tells; None where it tells none."""
    if result is None or kind == "race":
        return None
    times = result.duration if isinstance(result.duration, list) else [result.duration]
    return min((float(time) for time in times if isinstance(time, int | float) and time), default=None)


def stops(rows: SessionRows, car: int) -> int:
    """Stops of a car; tyres that were changed under a red flag are none."""
    return sum(visit.is_stop for visit, _ in visits(rows).get(car, []))


def place_text(result: ResultRow | None) -> str:
    if result is None:
        return "–"
    word = "DSQ" if result.dsq else "DNS" if result.dns else "DNF" if result.dnf else "–"
    return str(result.position) if result.position else word


def phases(result: ResultRow | None) -> list[float | None]:
    """The best times of a qualifying's three phases; None in those that a driver did not reach."""
    times = result.duration if result and isinstance(result.duration, list) else []
    return [*times, None, None, None][:3]


def time_text(result: ResultRow | None, best: float | None, lowest: float | None, kind: str) -> str:
    """The winner's time and the others' gaps; of a practice the best lap."""
    if kind != "race":
        return lap_time(best) if best and best == lowest else f"+{best - lowest:.3f}" if best and lowest else ""
    if result is None:
        return ""
    if isinstance(result.gap_to_leader, str):
        return result.gap_to_leader.lower().replace("+", "+")
    if result.position == 1 and isinstance(result.duration, int | float):
        return lap_time(float(result.duration))
    return f"+{result.gap_to_leader:.3f}" if isinstance(result.gap_to_leader, int | float) and result.gap_to_leader else ""


def sky(rows: SessionRows) -> Sky | None:
    if not rows.weather:
        return None

    def mean(name: str) -> float | None:
        values = [value for row in rows.weather if (value := getattr(row, name)) is not None]
        return round(sum(values) / len(values), 1) if values else None

    wet = sum(bool(row.rainfall) for row in rows.weather) / len(rows.weather)
    return Sky(mean("air_temperature"), mean("track_temperature"), mean("wind_speed"), round(wet, 3))


def announcements(rows: SessionRows) -> Iterator[Announcement]:
    for message in rows.messages:
        text = message.message or ""
        if message.date and any(word in normalise_message(text) for word in TOLD):
            yield Announcement(f"{message.date:%H:%M:%S}", message.lap_number, text, kind_of(message), link_of(rows, message))


def link_of(rows: SessionRows, message: MessageRow) -> str:
    """The race's trace around the lap of a message, with the car that it is about; empty where there is no such chart."""
    lap = message.lap_number
    if not rows.is_race or not rows.laps or not lap or rows.race_laps < 2:
        return ""
    first = max(1, min(lap - AROUND, rows.race_laps - 1))
    window = f"trace/?laps={first}-{min(max(lap + AROUND, first + 1), rows.race_laps)}"
    entry = rows.entry_of.get(message.driver_number or -1)
    known = entry is not None and entry.name_acronym and message.driver_number in rows.laps_of
    return f"{window}&drivers={entry.name_acronym}" if entry and known else window


def kind_of(message: MessageRow) -> str:
    flag = flag_of(message.flag, message.message)
    if flag == "RED":
        return "red"
    if message.category == "SafetyCar":
        return "safety-car"
    return "yellow" if flag and "YELLOW" in flag else ""
