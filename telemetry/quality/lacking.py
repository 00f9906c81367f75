"""What is missing among the stored rows of a collection, one function per collection: `(rows of a session) -> sentence or ""`."""

from collections.abc import Callable
from typing import Any

from jobs.wording import plural
from races.messages import flag_of
from telemetry.quality import laps, pit, stints, track
from telemetry.quality.findings import Check, join_words
from telemetry.quality.session_rows import SessionRows


def first_finding(rows: SessionRows, *checks: Check) -> str:
    """The message of the first finding of the first check that has any, and how many more that check has."""
    for check in checks:
        messages = [finding.message for finding in check(rows)]
        if messages:
            return messages[0] + (f" And {len(messages) - 1} more." if len(messages) > 1 else "")
    return ""


def cars_without(noun: str, cars: set[int]) -> str:
    return f"No {noun} of {'car' if len(cars) == 1 else 'cars'} {join_words(sorted(cars))}." if cars else ""


def lacking_entries(rows: SessionRows) -> str:
    nameless = [entry.driver_number for entry in rows.entries if not (entry.full_name and entry.team_name)]
    without_entry = rows.drove - {entry.driver_number for entry in rows.entries}
    return cars_without("entry", without_entry) or (f"No name or team for cars {join_words(nameless)}." if nameless else "")


def lacking_laps(rows: SessionRows) -> str:
    return first_finding(rows, laps.fewer_laps_than_result, laps.first_lap_missing_for_all, laps.lap_numbers_skip)


def lacking_stints(rows: SessionRows) -> str:
    """Cars without stints, stints without bounds (a car that drove no lap needs none), laps without a stint."""
    unbound = {stint.driver_number for stint in rows.stints if not stint.laps} & rows.drove
    return (
        cars_without("stint", rows.drove - set(rows.stints_of))
        or cars_without("first or last lap of a stint", unbound)
        or first_finding(rows, stints.laps_without_stint, stints.stints_leave_a_gap, stints.stint_numbers_skip)
    )


def lacking_pits(rows: SessionRows) -> str:
    return first_finding(rows, pit.out_lap_without_pit, stints.compound_changes_without_stop)


def no_car_stopped(rows: SessionRows) -> str:
    """A race has no pit rows when every car drove one stint, as in most sprints."""
    driven = [stint.driver_number for stint in rows.stints if not stints.is_phantom(rows, stint)]
    one_stint_each = bool(driven) and len(driven) == len(set(driven))
    return "no car stopped" if rows.is_race and one_stint_each else ""


def lacking_weather(rows: SessionRows) -> str:
    """From the scheduled start to the end: of a race the chequered flag, which can come hours before the scheduled end."""
    begin, end = rows.session.date_start, rows.session.date_end
    flags = [row.date for row in rows.messages if row.date and flag_of(row.flag, row.message) == "CHEQUERED"]
    end = min([end, *flags[-1:]]) if end else None
    if begin and rows.weather[0].date > begin + track.WEATHER_GAP:
        return "It begins after the session."
    if end and rows.weather[-1].date < end - track.WEATHER_GAP:
        return "It ends before the session."
    return first_finding(rows, track.weather_has_gaps)


def lacking_messages(rows: SessionRows) -> str:
    ended = {flag_of(row.flag, row.message) for row in rows.messages} & {"CHEQUERED", "RED"}
    return "" if ended else "No chequered flag."


def lacking_results(rows: SessionRows) -> str:
    cars = set(rows.laps_of) | set(rows.stints_of)
    return cars_without("result", cars - set(rows.result_of))


def lacking_grid(rows: SessionRows) -> str:
    """Cars that start from the pit lane have no place; the places that are there have no gaps."""
    places = sorted(row.position for row in rows.grid if row.position)
    return "" if places == list(range(1, len(places) + 1)) else "Places of the grid are missing."


def lacking_driver_standings(rows: SessionRows) -> str:
    return lacking_standings(rows.driver_standings)


def lacking_team_standings(rows: SessionRows) -> str:
    return lacking_standings(rows.team_standings)


def lacking_standings(standings: list[Any]) -> str:
    empty = sum(row.points_current is None or row.position_current is None for row in standings)
    return f"{plural(empty, 'row')} of {len(standings)} without place or points." if empty else ""


def lacking_cars(collection: str) -> Callable[[SessionRows], str]:
    """A function that names the cars that drove and have no rows of the collection."""
    return lambda rows: cars_without(collection.rstrip("s"), rows.drove - set(rows.counts[collection]))


def lacking_samples(collection: str) -> Callable[[SessionRows], str]:
    """A function that names the cars without a file, or with one that is gone, and counts those with long gaps."""

    def lacking(rows: SessionRows) -> str:
        readable = {m.file.driver_number for m in rows.measured if m.file.collection == collection and m.there}
        with_gaps = [m for m in rows.measured if m.file.collection == collection and m.gaps]
        return cars_without("samples", rows.drove - readable) or (
            f"Gaps on {plural(len(with_gaps), 'car')}." if with_gaps else ""
        )

    return lacking
