"""Tools about one session: results, laps, stints and stops, data quality."""

from typing import Any

from ask.mcp.answers import session_answer, shortened, table
from ask.mcp.arguments import Drivers, LapNumber, RaceWords, SessionWords, Year, choose_session
from drivers.words import find_car
from pages.rows import EntryRow, LapRow, SessionRows, load
from races.words import find_sessions as sessions_meant
from telemetry.models import SessionQuality

FINDINGS = 20
LAP_COLUMNS = ("lap", "seconds", "sector_1", "sector_2", "sector_3", "compound", "tyre_age", "stint", "not_clean_because")


def find_sessions(race: RaceWords = "", year: Year = None, session: SessionWords = "") -> dict[str, Any]:
    """Find sessions by people's words: a race weekend ("monaco", "spa 2024", "latest"), a season, a kind of session."""
    met = sessions_meant(race=race or None, year=year, session=session or None)
    grades = dict(SessionQuality.objects.filter(session__in=[each.session_id for each in met]).values_list("session_id", "grade"))
    columns = ("session_id", "year", "race", "session_name", "data_quality")
    rows = [
        (each.session_id, each.year, each.race_slug, each.session_name, grades.get(each.session_id)) for each in reversed(met)
    ]
    return table(columns, rows, most=60) | {"caveats": ["The newest come first; data_quality is null where nothing was checked."]}


def session_results(race: RaceWords, year: Year = None, session: SessionWords = "race") -> dict[str, Any]:
    """How a session ended: place, driver, team, grid, laps, time or gap, points, and who retired."""
    rows = load(choose_session(race, year, session))
    grid = {row.driver_number: row.position for row in rows.grid}
    columns = ("place", "driver", "acronym", "car", "team", "grid", "laps", "duration", "gap_to_leader", "points", "status")
    lines = []
    for result in rows.results:
        entry = rows.entry_of.get(result.driver_number)
        status = next((name for name in ("dsq", "dns", "dnf") if getattr(result, name)), "classified")
        driver = [name_of(entry), entry and entry.name_acronym, result.driver_number, entry and entry.team_name]
        end = [result.number_of_laps, result.duration, result.gap_to_leader, result.points, status]
        lines.append([result.position, *driver, grid.get(result.driver_number), *end])
    caveats = [] if lines else ["No result of this session is stored."]
    return session_answer(rows.session, results=table(columns, lines), caveats=caveats)


def laps(
    race: RaceWords,
    year: Year = None,
    session: SessionWords = "race",
    drivers: Drivers = (),
    first_lap: LapNumber = 1,
    last_lap: LapNumber = 999,
) -> dict[str, Any]:
    """Lap times with sectors, compound and tyre age. Without drivers: the best lap of each driver."""
    rows = load(choose_session(race, year, session))
    if not drivers:
        best = [min(timed, key=lambda lap: lap.lap_duration or 0) for timed in timed_laps(rows) if timed]
        chosen = sorted(best, key=lambda lap: lap.lap_duration or 0)
    else:
        cars = [find_car(name, session=rows.session.pk) for name in drivers]
        chosen = [lap for car in cars for lap in rows.laps_of.get(car, []) if first_lap <= lap.lap_number <= last_lap]
    lines = [[acronym_of(rows, lap.driver_number), *lap_line(lap)] for lap in chosen]
    caveats = [
        "not_clean_because is empty for a lap at racing speed on a free, dry track; compare pace by such laps alone.",
        "A lap time includes what fuel, traffic and tyres did; it is no measure of a car by itself.",
    ]
    return session_answer(rows.session, laps=table(("driver", *LAP_COLUMNS), lines), caveats=caveats)


def stints_and_stops(race: RaceWords, year: Year = None, session: SessionWords = "race", drivers: Drivers = ()) -> dict[str, Any]:
    """Tyre stints (compound, first and last lap, age of the set when fitted) and visits to the pit lane."""
    rows = load(choose_session(race, year, session))
    cars = {find_car(name, session=rows.session.pk) for name in drivers} or {entry.driver_number for entry in rows.entries}
    stints = [
        [
            acronym_of(rows, row.driver_number),
            row.stint_number,
            row.tyre_compound,
            row.lap_start,
            row.lap_end,
            row.tyre_age_at_start,
        ]
        for row in rows.stints
        if row.driver_number in cars
    ]
    stops = [
        [acronym_of(rows, row.driver_number), row.lap_number, row.seconds, row.stop_duration]
        for row in rows.pits
        if row.driver_number in cars
    ]
    return session_answer(
        rows.session,
        stints=table(("driver", "stint", "compound", "first_lap", "last_lap", "tyre_age_when_fitted"), stints),
        pit_lane=table(("driver", "lap", "seconds_in_the_pit_lane", "seconds_standing"), stops),
        caveats=[
            "A visit of more than 300 s is a red flag or the garage, not a stop; seconds_standing is null before OpenF1 had it."
        ],
    )


def session_quality(race: RaceWords, year: Year = None, session: SessionWords = "race") -> dict[str, Any]:
    """How far a session's data can be trusted: the grade of each collection, and what checks found, the gravest first."""
    chosen = choose_session(race, year, session)
    quality = getattr(chosen, "quality", None)
    if quality is None:
        return session_answer(chosen)
    grades = [[name, each["grade"], each.get("stored"), each.get("reason", "")] for name, each in quality.grades.items()]
    return session_answer(
        chosen,
        grade=quality.grade,
        collections=table(("collection", "grade", "rows", "what_is_lacking"), grades),
        counts={"errors": quality.errors, "warnings": quality.warnings, "notes": quality.notes},
        findings=shortened(quality.findings[:FINDINGS]),
    )


def name_of(entry: EntryRow | None) -> str | None:
    return (entry.person or entry.full_name) if entry else None


def acronym_of(rows: SessionRows, car: int) -> str:
    entry = rows.entry_of.get(car)
    return (entry.name_acronym if entry else None) or str(car)


def timed_laps(rows: SessionRows) -> list[list[LapRow]]:
    """The laps with a time that was not deleted, by car."""
    return [[lap for lap in driven if lap.lap_duration and not lap.deleted] for driven in rows.laps_of.values()]


def lap_line(lap: LapRow) -> list[Any]:
    reason = "deleted by race control" if lap.deleted else lap.excluded
    sectors = [lap.duration_sector_1, lap.duration_sector_2, lap.duration_sector_3]
    return [lap.lap_number, lap.lap_duration, *sectors, lap.tyre_compound, lap.tyre_age, lap.stint_number, reason]


TOOLS = (find_sessions, session_results, laps, stints_and_stops, session_quality)
