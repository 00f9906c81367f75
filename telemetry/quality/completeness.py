"""How complete each collection of a session is, and what upstream never had of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from telemetry.models import SessionQuality
from telemetry.quality import laps, pit, stints, track
from telemetry.quality.findings import Check, counted, listed
from telemetry.quality.rows import SessionRow, SessionRows

Grade = SessionQuality.Grade
COMPLETE, PARTIAL, MISSING = Grade.COMPLETE, Grade.PARTIAL, Grade.MISSING
NOT_PROVIDED, NOT_YET = Grade.NOT_PROVIDED, Grade.NOT_YET

FIRST_SEASON = 2023
PITS_SINCE = datetime(2023, 6, 2, tzinfo=UTC)  # Spain 2023
EARLY = timedelta(hours=1)  # upstream has a session's first rows up to an hour before it


class Gap(NamedTuple):
    """What upstream never had: the collections, which sessions, and where that is known from."""

    collections: tuple[str, ...]  # empty for all
    concerns: Callable[[SessionRow], bool]
    reason: str
    source: str
    quirk: str = ""


# "Contract" and "quirks" are the notes on OpenF1's contract and on its rows; "recorded" are the rows of 2023 and 2024.
GAPS = [
    Gap((), lambda s: s.is_cancelled, "the session was cancelled", "contract 3, sessions"),
    Gap(
        ("pit",),
        lambda s: bool(s.date_start and s.date_start < PITS_SINCE),
        "pit rows begin with Spain 2023",
        "quirks, pit",
        "pit-since",
    ),
    Gap(("intervals",), lambda s: not s.is_race, "intervals are of races and sprints only", "contract 3, intervals"),
    Gap(("overtakes",), lambda s: not s.is_race, "overtakes are of races and sprints only", "contract 3, overtakes"),
    Gap(
        ("championship_drivers", "championship_teams"),
        lambda s: not s.is_race,
        "standings are of races and sprints only",
        "contract 3, championship_drivers",
    ),
    Gap(
        ("starting_grid",),
        lambda s: not s.is_qualifying,
        "the grid belongs to the qualifying that decides it",
        "contract 3, starting_grid",
        "grid-of-qualifying",
    ),
    Gap(("team_radio",), lambda s: s.is_test, "no radio of tests", "recorded: none of six test days"),
    Gap(("session_result",), lambda s: s.is_test, "no result of most tests", "recorded: of three of six test days"),
    Gap(("team_radio",), lambda s: s.year >= 2026, "hardly any radio since 2026", "contract 3, team_radio"),
    Gap((), lambda s: s.year < FIRST_SEASON, "upstream begins with 2023", "contract 7"),
]


@dataclass(frozen=True)
class Graded:
    """One collection of one session."""

    grade: Grade
    stored: int  # rows
    reason: str = ""

    def as_dict(self) -> dict:
        return {"grade": self.grade.value, "stored": self.stored, "reason": self.reason}


def missing_gap(session: SessionRow, collection: str) -> Gap | None:
    """Why upstream has nothing of a collection; None where it has, or should have."""
    return next((g for g in GAPS if collection in (g.collections or (collection,)) and g.concerns(session)), None)


# --- what is lacking, per collection ------------------------------------------------------------------------------------


def told(check: Check, rows: SessionRows) -> str:
    """What a check found, in short."""
    found = [finding.message for finding in check(rows)]
    more = f" And {len(found) - 1} more." if len(found) > 1 else ""
    return f"{found[0]}{more}" if found else ""


def first_of(rows: SessionRows, *checks: Check) -> str:
    return next((text for check in checks if (text := told(check, rows))), "")


def without(cars: set[int], what: str) -> str:
    return f"No {what} of {'car' if len(cars) == 1 else 'cars'} {listed(sorted(cars))}." if cars else ""


def lacking_entries(rows: SessionRows) -> str:
    nameless = [entry.driver_number for entry in rows.entries if not (entry.full_name and entry.team_name)]
    strangers = rows.drove - {entry.driver_number for entry in rows.entries}
    return without(strangers, "entry") or (f"No name or team for cars {listed(nameless)}." if nameless else "")


def lacking_laps(rows: SessionRows) -> str:
    return first_of(rows, laps.fewer_laps_than_result, laps.first_lap_missing_for_all, laps.lap_numbers_skip)


def lacking_stints(rows: SessionRows) -> str:
    """Cars without stints, stints without bounds (of a car that did not get away they need none), laps without a stint."""
    unbound = {stint.driver_number for stint in rows.stints if not stint.laps} & rows.drove
    return (
        without(rows.drove - set(rows.stints_of), "stint")
        or without(unbound, "first or last lap of a stint")
        or first_of(rows, stints.laps_without_stint, stints.stints_leave_a_gap, stints.stint_numbers_skip)
    )


def lacking_pits(rows: SessionRows) -> str:
    return first_of(rows, pit.out_lap_without_pit, stints.compound_changes_without_stop)


def lacking_weather(rows: SessionRows) -> str:
    """From the scheduled start to the end: of a race the chequered flag, which can come hours before the scheduled end."""
    begin, end = rows.session.date_start, rows.session.date_end
    flags = [row.date for row in rows.messages if row.date and row.flag == "CHEQUERED"]
    end = min([end, *flags[-1:]]) if end else None
    if begin and rows.weather[0].date > begin + track.WEATHER_GAP:
        return "It begins after the session."
    if end and rows.weather[-1].date < end - track.WEATHER_GAP:
        return "It ends before the session."
    return told(track.weather_has_gaps, rows)


def lacking_messages(rows: SessionRows) -> str:
    ended = {row.flag for row in rows.messages} & {"CHEQUERED", "RED"}
    return "" if ended else "No chequered flag."


def lacking_results(rows: SessionRows) -> str:
    cars = set(rows.laps_of) | set(rows.stints_of)
    return without(cars - set(rows.result_of), "result")


def lacking_grid(rows: SessionRows) -> str:
    """Cars that start from the pit lane have no place; what there is has no gaps."""
    places = sorted(row.position for row in rows.grid if row.position)
    return "" if places == list(range(1, len(places) + 1)) else "Places of the grid are missing."


def lacking_standings(points: list) -> str:
    empty = sum(row.points_current is None or row.position_current is None for row in points)
    return f"{counted(empty, 'row')} of {len(points)} without place or points." if empty else ""


def lacking_cars(collection: str) -> Callable[[SessionRows], str]:
    return lambda rows: without(rows.drove - set(rows.counts[collection]), collection.rstrip("s"))


def samples_of(collection: str) -> Callable[[SessionRows], int]:
    return lambda rows: sum(file.rows for file in rows.files if file.collection == collection)


def lacking_samples(collection: str) -> Callable[[SessionRows], str]:
    """Cars without a file; files that are gone, and long gaps."""

    def lacking(rows: SessionRows) -> str:
        there = {m.file.driver_number for m in rows.measured if m.file.collection == collection and m.there}
        gaps = [m for m in rows.measured if m.file.collection == collection and m.gaps]
        return without(rows.drove - there, "samples") or (f"Gaps on {counted(len(gaps), 'car')}." if gaps else "")

    return lacking


class Grader(NamedTuple):
    """How many rows of a collection there are, and what these lack."""

    stored: Callable[[SessionRows], int]
    lacking: Callable[[SessionRows], str] = lambda rows: ""


def counter(collection: str) -> Callable[[SessionRows], int]:
    return lambda rows: sum(rows.counts[collection].values())


GRADERS = {
    "drivers": Grader(lambda rows: len(rows.entries), lacking_entries),
    "stints": Grader(lambda rows: len(rows.stints), lacking_stints),
    "laps": Grader(lambda rows: len(rows.laps), lacking_laps),
    "pit": Grader(lambda rows: len(rows.pits), lacking_pits),
    "weather": Grader(lambda rows: len(rows.weather), lacking_weather),
    "race_control": Grader(lambda rows: len(rows.messages), lacking_messages),
    "position": Grader(counter("position"), lacking_cars("position")),
    "intervals": Grader(counter("intervals"), lacking_cars("intervals")),
    "overtakes": Grader(counter("overtakes")),  # incomplete by nature: what upstream has is all there is
    "team_radio": Grader(counter("team_radio")),
    "session_result": Grader(lambda rows: len(rows.results), lacking_results),
    "starting_grid": Grader(lambda rows: len(rows.grid), lacking_grid),
    "championship_drivers": Grader(
        lambda rows: len(rows.driver_standings), lambda rows: lacking_standings(rows.driver_standings)
    ),
    "championship_teams": Grader(lambda rows: len(rows.team_standings), lambda rows: lacking_standings(rows.team_standings)),
    "car_data": Grader(samples_of("car_data"), lacking_samples("car_data")),
    "location": Grader(samples_of("location"), lacking_samples("location")),
}
ON_REQUEST = ("car_data", "location")  # synced when they are asked for; a session without them can be complete


def nobody_stopped(rows: SessionRows) -> bool:
    """Whether a race has no pit rows because every car drove one stint, as in most sprints."""
    return rows.is_race and bool(rows.stints) and all(len(stints) == 1 for stints in rows.stints_of.values())


def graded(rows: SessionRows, collection: str) -> Graded:
    grader = GRADERS[collection]
    stored = grader.stored(rows)
    if stored:
        lacking = grader.lacking(rows)
        return Graded(PARTIAL if lacking else COMPLETE, stored, lacking)
    gap = missing_gap(rows.session, collection)
    if gap:
        return Graded(NOT_PROVIDED, 0, gap.reason)
    if rows.session.date_start and rows.session.date_start > rows.now + EARLY:
        return Graded(NOT_YET, 0, "the session has not begun")
    if collection == "pit" and nobody_stopped(rows):
        return Graded(COMPLETE, 0, "no car stopped")
    asked = any(piece.collection == collection and piece.ok for piece in rows.pieces)
    return Graded(MISSING, 0, "upstream sends none" if asked else "never synced")


def grades(rows: SessionRows) -> dict[str, Graded]:
    """{collection: grade}, in the order of the sync."""
    return {collection: graded(rows, collection) for collection in GRADERS}


def overall(by_collection: dict[str, Graded]) -> Grade:
    """The session's grade: complete when all is that upstream can have, missing when none of it is there."""
    expected = {graded.grade for name, graded in by_collection.items() if name not in ON_REQUEST or graded.stored} - {
        NOT_PROVIDED
    }
    for grade in (COMPLETE, MISSING, NOT_YET):
        if expected == {grade}:
            return grade
    return PARTIAL if expected else NOT_PROVIDED


def holes(by_collection: dict[str, Graded]) -> Iterator[str]:
    """The collections that a further sync could fill."""
    return (
        collection
        for collection, graded in by_collection.items()
        if graded.grade in (PARTIAL, MISSING) and (collection not in ON_REQUEST or graded.stored)
    )
