"""The board: what viewers see of a session at one moment. A pure function of the picture, read by the page, its script and tests.

It is a dictionary of JSON values, so that the difference between two boards is a JSON merge patch (RFC 7396).
"""

from datetime import datetime
from typing import Any

from live.picture import Picture, laps_by_distance, value
from live.timing import Best, best_of, car_times, end_of, is_decided, phase_of
from ml.colours import compound_letter, palette
from pages.phases import NAMES
from races.models import QUALIFYINGS, RACES, Neutralisation

State = Neutralisation.State
SHOWN_MESSAGES, SHOWN_RADIO, SHOWN_ALERTS = 25, 8, 8
FLAGS = [(State.RED_FLAG, "red"), (State.SAFETY_CAR, "sc"), (State.VIRTUAL_SAFETY_CAR, "vsc"), (State.YELLOW_FLAG, "yellow")]
FLAG_TEXTS = {
    "red": "Red flag",
    "sc": "Safety car",
    "vsc": "Virtual safety car",
    "yellow": "Yellow flag",
    "chequered": "Chequered flag",
    "over": "Not resumed",
    "green": "Track clear",
}
AT_RISK = 2  # places above the cut line that are marked as at risk


def board(picture: Picture, now: datetime, alerts: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The session as it is at `now`, the feed's time."""
    kind = kind_of(picture)
    phase, flagged, begins = phase_of(picture) if kind == "qualifying" else (0, None, (None,))
    best, decided = best_of(picture, since=begins[-1]), is_decided(picture, flagged, now)
    cars = {number: car_line(picture, number, best, kind) for number in numbers_of(picture)}
    order = in_order(cars, kind)
    cut = cut_line(len(cars), phase) if kind == "qualifying" else None
    gone_from = cut_line(len(cars), phase - 1) if kind == "qualifying" else None
    for place, number in enumerate(order, start=1):
        cars[number]["place"] = place
        # Before the first lap nobody is at risk, and when a phase is decided nobody is any more.
        cars[number]["risk"] = risk(place, cut if best.lap and not decided else None, cut if decided and cut else gone_from)
    fill_gaps(cars, order[:gone_from], kind)
    for earlier in range(1, phase) if gone_from else ():  # who was knocked out has the time of that phase
        own = best_of(picture, since=begins[earlier - 1], until=begins[earlier]).own_lap
        for number in order[cut_line(len(cars), earlier) : cut_line(len(cars), earlier - 1)]:
            cars[number]["best"] = own.get(number)
    return {
        "session": session_of(picture, kind),
        "now": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "clock": clock_of(picture, now, kind, cars) | {"phase": f"{NAMES[picture.session.session_name]}{phase}" if phase else ""},
        "track": track_of(picture, now),
        "cut": cut,
        "order": order,
        "cars": {str(number): cars[number] for number in order},
        "best": {"lap": best.lap, "car": best.car},
        "messages": messages_of(picture),
        "weather": weather_of(picture),
        "radio": radio_of(picture),
        "map": {str(number): [x, y] for number, (_, x, y) in picture.places.items()},
        "outline": [list(point) for point in picture.outline],
        "alerts": (alerts or [])[:SHOWN_ALERTS],
    }


def kind_of(picture: Picture) -> str:
    name = picture.session.session_name
    return "race" if name in RACES else "qualifying" if name in QUALIFYINGS else "practice"


def numbers_of(picture: Picture) -> list[int]:
    return sorted({*picture.entries, *picture.positions, *(car for car, laps in picture.laps.items() if laps)})


def session_of(picture: Picture, kind: str) -> dict[str, Any]:
    session = picture.session
    return {
        "id": session.pk,
        "name": session.session_name,
        "race": session.race.race_name,
        "kind": kind,
        "url": session.get_absolute_url(),
        "start": session.date_start.isoformat() if session.date_start else None,
        "end": session.date_end.isoformat() if session.date_end else None,
    }


def car_line(picture: Picture, number: int, best: Best, kind: str) -> dict[str, Any]:
    """A car's line; gaps of practices and qualifyings follow when all cars are known."""
    entry = picture.entries.get(number)
    position, interval = picture.positions.get(number), picture.intervals.get(number)
    team = (value(entry, "team_name") or "") if entry else ""
    colours = {(value(each, "team_name") or "", value(each, "team_colour") or "") for each in picture.entries.values()}
    shade = palette(tuple(sorted(colours))).get(team)
    times = car_times(picture, number, best)
    follows = interval is not None and kind == "race" and not times["out"]  # what was sent of a car that is out stays as it was
    return {
        "number": number,
        "acronym": (value(entry, "name_acronym") if entry else None) or str(number),
        "name": (value(entry, "full_name") if entry else None) or f"Car {number}",
        "team": team,
        "light": shade.light if shade else "#7d8592",
        "dark": shade.dark if shade else "#7d8592",
        "position": position.position if position else None,
        "gap": value(interval, "gap_to_leader") if follows else None,
        "interval": value(interval, "interval") if follows else None,
        **times,
        **tyres_of(picture, number),
        "stops": stops_of(picture, number) if kind == "race" else None,
    }


def tyres_of(picture: Picture, number: int) -> dict[str, Any]:
    """The compound and its age in laps, that of the current lap included."""
    stints = picture.stints.get(number)
    if not stints:
        return {"tyre": None, "compound": None, "age": None}
    stint = stints[max(stints)]
    lap = max(picture.laps.get(number) or {0: None})
    age, begun = value(stint, "tyre_age_at_start"), value(stint, "lap_start")
    return {
        "tyre": compound_letter(value(stint, "tyre_compound")),
        "compound": value(stint, "tyre_compound"),
        "age": age + max(0, lap - begun + 1) if age is not None and begun and lap else age,
    }


def stops_of(picture: Picture, number: int) -> int:
    """Changes of tyres so far; visits to the pit lane where the stints are behind."""
    stints = picture.stints.get(number)
    return max(len(picture.pits.get(number, {})), max(stints) - 1 if stints else 0)


def in_order(cars: dict[int, dict[str, Any]], kind: str) -> list[int]:
    """Cars by their place, in a practice by their best lap, which decides there; those that have neither by number."""

    def rank(number: int) -> tuple:
        car = cars[number]
        place = car["position"] or float("inf")
        timed = car["best"] if kind != "race" and car["best"] else float("inf")
        return (timed, place, number) if kind == "practice" else (place, timed, number)

    return sorted(cars, key=rank)


def fill_gaps(cars: dict[int, dict[str, Any]], order: list[int], kind: str) -> None:
    """In practices and qualifyings the gap is to the best lap of the first car."""
    if kind == "race" or not order:
        return
    first, ahead = cars[order[0]]["best"], None
    for number in order:
        own = cars[number]["best"]
        cars[number]["gap"] = round(own - first, 3) if own and first else None
        cars[number]["interval"] = round(own - ahead, 3) if own and ahead else None
        ahead = own or ahead


def cut_line(cars: int, phase: int) -> int | None:
    """The last place that goes on: of 20 cars 15, then 10; of 22 cars 16, then 10. None in the last phase."""
    return {1: cars - (cars - 10) // 2, 2: 10}.get(phase) if cars > 10 else None


def risk(place: int, cut: int | None, gone_from: int | None) -> str:
    """gone: knocked out; out: below the cut line; risk: just above it."""
    if gone_from is not None and place > gone_from:
        return "gone"
    if cut is None:
        return ""
    return "out" if place > cut else "risk" if place > cut - AT_RISK else ""


def clock_of(picture: Picture, now: datetime, kind: str, cars: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """Seconds since the start and to the scheduled end; in a race also the lap of the leader and those to go."""
    start, end = picture.session.date_start, picture.session.date_end
    lap = max((car["lap"] or 0 for car in cars.values()), default=0) if kind == "race" else 0
    total = picture.total_laps or laps_by_distance(picture)
    return {
        "elapsed": max(0, round((now - start).total_seconds())) if start else None,
        "remaining": max(0, round((end - now).total_seconds())) if end else None,
        "to_start": max(0, round((start - now).total_seconds())) if start else None,
        "lap": lap or None,
        "laps": total,
        "to_go": max(0, total - lap) if total and lap else None,
        "about": True if total and not picture.total_laps else None,  # the length of the race is reckoned, not known
    }


def track_of(picture: Picture, now: datetime) -> dict[str, Any]:
    """The flag or safety car that counts now, and the marshal sectors with yellow flags."""
    windows = [each for each in picture.windows() if each.date_start <= now and (each.date_end is None or each.date_end > now)]
    states = {window.state for window in windows}
    ended, clear = end_of(picture, now)
    if ended and clear:
        states.discard(State.RED_FLAG)  # which lasts until the pit exit opens only where the phase goes on then
    flag = next((name for state, name in FLAGS if state in states), ended or "green")
    sectors = sorted({window.sector for window in windows if window.state == State.YELLOW_FLAG and window.sector})
    return {"flag": flag, "text": FLAG_TEXTS[flag], "sectors": sectors}


def messages_of(picture: Picture) -> list[dict[str, Any]]:
    return [
        {
            "time": f"{row.date:%H:%M:%S}",
            "lap": value(row, "lap_number"),
            "flag": value(row, "flag") or ("SC" if value(row, "category") == "SafetyCar" else ""),
            "text": value(row, "message") or "",
        }
        for row in picture.messages_in_order()[: -SHOWN_MESSAGES - 1 : -1]
    ]


def weather_of(picture: Picture) -> dict[str, Any] | None:
    row = picture.weather
    if row is None:
        return None
    names = {"air": "air_temperature", "track": "track_temperature", "humidity": "humidity", "wind": "wind_speed"}
    return {short: value(row, name) for short, name in names.items()} | {"rain": bool(value(row, "rainfall"))}


def radio_of(picture: Picture) -> list[dict[str, Any]]:
    rows = sorted((row for row in picture.radio.values() if value(row, "date")), key=lambda row: row.date, reverse=True)
    names = {number: value(entry, "name_acronym") for number, entry in picture.entries.items()}
    return [
        {
            "time": f"{row.date:%H:%M:%S}",
            "car": row.driver_number,
            "name": names.get(row.driver_number) or f"car {row.driver_number}",
            "url": row.recording_url,
        }
        for row in rows[:SHOWN_RADIO]
    ]
