"""Rows of an invented session in which nothing is wrong, for tests that put one fault into it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from telemetry.quality import rows as kinds
from telemetry.quality.session_rows import SessionRows
from telemetry.quality.surroundings import Appearance, SessionPlace, Surroundings

START = datetime(2024, 11, 3, 14, 0, tzinfo=UTC)
LAP = 90.0  # seconds
IN_LAP, OUT_LAP = 3, 4
WORDS = {1: ("Ada", "Alpha", "ALP"), 16: ("Bea", "Beta", "BET")}


def session(**changes) -> kinds.SessionRow:
    row = kinds.SessionRow(
        pk=500,
        race_id=50,
        session_name="Race",
        session_type="Race",
        year=2024,
        date_start=START,
        date_end=START + timedelta(hours=2),
        gmt_offset="01:00:00",
        is_cancelled=False,
        listed=True,
        circuit_key=7,
        country_name="Somewhere",
        circuit_name="Ring",
        location="Town",
        race__race_name="Some Grand Prix",
        race__official_name="SOME GRAND PRIX 2024",
        race__listed=True,
    )
    return row._replace(**changes)


def entry(car, **changes) -> kinds.EntryRow:
    first, last, acronym = WORDS.get(car, ("Cleo", "Gamma", "GAM"))
    row = kinds.EntryRow(
        pk=1000 + car,
        driver_number=car,
        driver_id=f"{first}_{last}".lower(),
        full_name=f"{first} {last.upper()}",
        first_name=first,
        last_name=last,
        broadcast_name=f"{first[0]} {last.upper()}",
        name_acronym=acronym,
        team_name="Team",
        team_colour="AABBCC",
        headshot_url="https://example.org/1.png",
        country_code="SOM",
    )
    return row._replace(**changes)


def lap(car, number, **changes) -> kinds.LapRow:
    """A lap of 90 s, every lap joining the one before, no two in the same sectors; car 16 is a tenth slower in the last."""
    seconds = LAP + (0.1 if car == 16 else 0)
    row = kinds.LapRow(
        pk=car * 100 + number,
        driver_number=car,
        lap_number=number,
        date_start=START + timedelta(minutes=3, seconds=(number - 1) * seconds),
        lap_duration=seconds,
        duration_sector_1=round(30 - number / 10, 1),
        duration_sector_2=round(30 + number / 10, 1),
        duration_sector_3=seconds - 60,
        i1_speed=280,
        i2_speed=290,
        st_speed=300,
        is_pit_out_lap=number == OUT_LAP,
        segments_1="[2049]",
        segments_2="[2049]",
        segments_3="[2049]",
    )
    return row._replace(**changes)


def stint(car, number, **changes) -> kinds.StintRow:
    first, last, compound = (1, IN_LAP, "MEDIUM") if number == 1 else (OUT_LAP, 6, "HARD")
    return kinds.StintRow(car * 10 + number, car, number, first, last, compound, 0)._replace(**changes)


def pit(car, **changes) -> kinds.PitRow:
    row = kinds.PitRow(car, car, START + timedelta(minutes=7), IN_LAP, 22.5, 22.5, 2.5)
    return row._replace(**changes)


def result(car, **changes) -> kinds.ResultRow:
    place = 1 if car == 1 else 2
    row = kinds.ResultRow(
        pk=car,
        driver_number=car,
        position=place,
        number_of_laps=6,
        points=25.0 if place == 1 else 18.0,
        dnf=False,
        dns=False,
        dsq=False,
        duration=540.0 if place == 1 else 540.6,
        gap_to_leader=0 if place == 1 else 0.6,
    )
    return row._replace(**changes)


def driver_standing(car, **changes) -> kinds.DriverStandingRow:
    """Car 1 leads the standings by 32 points to 18 after the race."""
    driver_id = entry(car).driver_id
    row = (
        kinds.DriverStandingRow(1, car, driver_id, 7, 32, 1) if car == 1 else kinds.DriverStandingRow(2, car, driver_id, 0, 18, 2)
    )
    return row._replace(**changes)


def team_standing(**changes) -> kinds.TeamStandingRow:
    return kinds.TeamStandingRow(1, "Team", "Team", 7, 50, 1)._replace(**changes)


def message(text, minutes=0.0, **changes) -> kinds.MessageRow:
    row = kinds.MessageRow(int(minutes * 60), START + timedelta(minutes=minutes), None, None, None, text, "Other", None, None)
    return row._replace(**changes)


def race(**changes) -> SessionRows:
    """Two cars, six laps, one stop each, and not a single fault."""
    cars = (1, 16)
    rows = SessionRows(
        session(),
        Surroundings(),
        START + timedelta(days=1),
        entries=[entry(car) for car in cars],
        laps=[lap(car, number) for car in cars for number in range(1, 7)],
        stints=[stint(car, number) for car in cars for number in (1, 2)],
        pits=[pit(car) for car in cars],
        results=[result(car) for car in cars],
        messages=[
            message("GREEN LIGHT - PIT EXIT OPEN", flag="GREEN", scope="Track"),
            message("CHEQUERED FLAG", 12.1, flag="CHEQUERED", scope="Track"),
        ],
        weather=[kinds.WeatherRow(minute, START + timedelta(minutes=minute)) for minute in range(-5, 15)],
        driver_standings=[driver_standing(car) for car in cars],
        team_standings=[team_standing()],
        last_places=[kinds.LastPlace(pk, car, pk) for pk, car in enumerate(cars, start=1)],
        counts={"position": {1: 1, 16: 1}, "intervals": {1: 9, 16: 9}, "overtakes": {16: 1}, "team_radio": {1: 1}},
        pieces=[piece(name) for name in ("drivers", "laps", "stints", "pit")],
    )
    return replace(rows, **changes)


def practice(**changes) -> SessionRows:
    """The same laps in a session that is no race: its pit rows carry the number of the out-lap."""
    rows = race(
        session=session(session_name="Practice 1", session_type="Practice"),
        pits=[pit(car, lap_number=OUT_LAP) for car in (1, 16)],
        results=[result(car, points=None, duration=90.0) for car in (1, 16)],
        driver_standings=[],
        team_standings=[],
        counts={"position": {1: 1, 16: 1}, "intervals": {}, "overtakes": {}, "team_radio": {1: 1}},
    )
    return replace(rows, **changes)


def qualifying(**changes) -> SessionRows:
    times = [90.0, None, None]
    rows = practice(
        session=session(session_name="Qualifying", session_type="Qualifying"),
        results=[result(car, points=None, duration=times, gap_to_leader=times) for car in (1, 16)],
        grid=[kinds.GridRow(1, 1, 1), kinds.GridRow(2, 16, 2)],
        messages=[message("CHEQUERED FLAG", 12.1, flag="CHEQUERED", scope="Track", qualifying_phase=3)],
    )
    return replace(rows, **changes)


def piece(collection, **changes) -> kinds.PieceRow:
    return kinds.PieceRow(collection, None, True, 0, 0, 0, 0, 0)._replace(**changes)


def with_lap(car, number, rows=None, **changes) -> SessionRows:
    """A race in which one lap is different."""
    rows = rows or race()
    key = (car, number)
    return replace(
        rows, laps=[row._replace(**changes) if (row.driver_number, row.lap_number) == key else row for row in rows.laps]
    )


def with_stint(car, number, rows=None, **changes) -> SessionRows:
    """A race in which one stint is different."""
    rows = rows or race()
    key = (car, number)
    return replace(
        rows, stints=[row._replace(**changes) if (row.driver_number, row.stint_number) == key else row for row in rows.stints]
    )


def with_pit(car, rows=None, **changes) -> SessionRows:
    rows = rows or race()
    return replace(rows, pits=[row._replace(**changes) if row.driver_number == car else row for row in rows.pits])


def with_standing(car, rows=None, **changes) -> SessionRows:
    rows = rows or race()
    standings = [row._replace(**changes) if row.driver_number == car else row for row in rows.driver_standings]
    return replace(rows, driver_standings=standings)


def with_entry(car, rows=None, **changes) -> SessionRows:
    rows = rows or race()
    return replace(rows, entries=[row._replace(**changes) if row.driver_number == car else row for row in rows.entries])


def with_result(car, rows=None, **changes) -> SessionRows:
    rows = rows or race()
    return replace(rows, results=[row._replace(**changes) if row.driver_number == car else row for row in rows.results])


def outing(**changes) -> Appearance:
    """Where car 1's driver was in the session before."""
    return Appearance(499, 2024, "ada_alpha", 1, "ALP", "Team", "AABBCC")._replace(**changes)


def after(**changes) -> Surroundings:
    """A session before this one, in which car 1's driver was a little different."""
    return Surroundings(previous_appearances={(500, "ada_alpha"): outing(**changes)})


def venue(**changes) -> Surroundings:
    """The circuit's first session, spelt differently."""
    first = SessionPlace(400, 40, 2023, START, 7, "Somewhere", "Ring", "Town")._replace(**changes)
    return Surroundings(spellings={7: first})
