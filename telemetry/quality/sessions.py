"""Oddities of a session itself: its name, place, order and offset."""

from collections.abc import Iterator

from telemetry.quality.findings import NOTE, WARNING, Finding, check, join_words
from telemetry.quality.session_rows import SessionRows

# What sessions are called today; sprint shootouts (2023) and test days are from before the names were unified.
USUAL_NAMES = {"Practice 1", "Practice 2", "Practice 3", "Qualifying", "Sprint Qualifying", "Sprint", "Race"}


def of_session(rows: SessionRows, message: str) -> Finding:
    return Finding(message=message, rows={"sessions": [rows.session.pk]})


@check(NOTE, "session-order")
def session_id_out_of_order(rows: SessionRows) -> Iterator[Finding]:
    """The session before has a greater ID: IDs do not follow the calendar (China 2024 is 9673). Sort by date."""
    before = rows.surroundings.before.get(rows.session.pk, 0)
    if before > rows.session.pk:
        yield of_session(rows, f"The session before it has the greater ID {before}.")


@check(NOTE, "sprint-is-race")
def sprint_filed_as_race(rows: SessionRows) -> Iterator[Finding]:
    """A sprint has the session_type "Race": a grand prix is known by its name alone."""
    if rows.is_race and rows.session.session_name != "Race":
        yield of_session(rows, f"{rows.session.session_name} has session_type Race, as a grand prix has.")


@check(NOTE, "session-names")
def session_name_unusual(rows: SessionRows) -> Iterator[Finding]:
    """A name that is not, or no longer, in use elsewhere ("Sprint Shootout"), or days of a test called practices."""
    name = rows.session.session_name
    if name not in USUAL_NAMES:
        yield of_session(rows, f'"{name}" is not what such sessions are called elsewhere.')
    elif rows.session.is_test:
        yield of_session(rows, f'"{name}" is a day of a test.')


@check(NOTE, "places")
def place_spelt_differently(rows: SessionRows) -> Iterator[Finding]:
    """The country or name of a circuit is not that of its earlier sessions (Great Britain, United Kingdom)."""
    first = rows.surroundings.spellings.get(rows.session.circuit_key or -1)
    for what in ("country_name", "circuit_name", "location") if first else ():
        here, there = getattr(rows.session, what), getattr(first, what)
        if here and there and here != there:
            yield of_session(rows, f"{what} is {here}; it was {there} when the circuit was first used.")


@check(NOTE, "blanks")
def blanks_around_names(rows: SessionRows) -> Iterator[Finding]:
    """Names that begin or end in a blank are not equal to themselves elsewhere."""
    values = {name: value for name, value in rows.session._asdict().items() if isinstance(value, str) and value != value.strip()}
    if values:
        yield of_session(rows, f"Blanks around {join_words(name.rpartition('__')[2] for name in values)}.")


@check(WARNING, "offset-is-text")
def gmt_offset_missing(rows: SessionRows) -> Iterator[Finding]:
    """The local time of a session is unknown: announced restarts of a stopped race cannot be placed."""
    if not rows.session.gmt_offset:
        yield of_session(rows, "gmt_offset is missing, so that announced restarts cannot be placed.")


@check(WARNING, "session-without-rows")
def session_without_rows(rows: SessionRows) -> Iterator[Finding]:
    """A session is over, was not cancelled, and nothing is stored of it."""
    session = rows.session
    over = session.date_end is not None and session.date_end < rows.now
    stored = [
        rows.entries,
        rows.laps,
        rows.stints,
        rows.pits,
        rows.results,
        rows.grid,
        rows.messages,
        rows.weather,
        *rows.counts.values(),
    ]
    if over and not session.is_cancelled and not any(stored):
        yield of_session(rows, "Nothing is stored of it.")
