"""The phases of a qualifying, and which of its laps count."""

from datetime import datetime
from typing import NamedTuple

from pages.rows import LapRow, SessionRows
from races.messages import flag_of, normalise_message

SAME = 0.0005  # s, within which two times are one
NAMES = {"Qualifying": "Q", "Sprint Qualifying": "SQ", "Sprint Shootout": "SQ"}


class Phase(NamedTuple):
    """A part of a qualifying from the opening of the pit exit to the chequered flag, or until it is not resumed."""

    name: str
    start: datetime
    end: datetime  # of the time on the clock; laps that began before are driven to their end


def opens_phase(flag: str | None, text: str | None) -> bool:
    """Whether a message of race control opens the pit exit: at the beginning of a phase, and after a red flag."""
    return flag_of(flag, text) == "GREEN" and "PIT EXIT OPEN" in normalise_message(text)


def ends_phase(flag: str | None, text: str | None) -> bool:
    """Whether a message of race control ends a phase: by the chequered flag, or after a red one for good."""
    return flag_of(flag, text) == "CHEQUERED" or "WILL NOT BE RESUMED" in normalise_message(text)


def phases(rows: SessionRows) -> list[Phase]:
    """Q1, Q2 and Q3 by race control's messages; a single one over all laps where they are not stored."""
    letter = NAMES.get(rows.session.session_name, "Q")
    found: list[Phase] = []
    moments = [lap.date_start for lap in rows.laps if lap.date_start]
    start = None
    for message in rows.messages:
        if message.date is None:
            continue
        if start is None and opens_phase(message.flag, message.message):
            start = message.date  # later ones resume the phase after a red flag
        elif ends_phase(message.flag, message.message):
            if start is None and not found:
                start = min((at for at in moments if at < message.date), default=None)  # its opening was not sent
            if start is not None:
                found.append(Phase(f"{letter}{len(found) + 1}", start, message.date))
            start = None
    if not found and moments:
        found = [Phase(rows.session.session_name or "", min(moments), max(moments))]
    return found


def phase_of(lap: LapRow, found: list[Phase]) -> int | None:
    """The place in the list of the phase in which a lap began; None before the first."""
    begun = [number for number, phase in enumerate(found) if lap.date_start and phase.start <= lap.date_start]
    return begun[-1] if begun else None


def official_best(rows: SessionRows, car: int, phase: int) -> float | None:
    """A car's time in a phase by the result."""
    result = rows.result_of.get(car)
    times = result.duration if result and isinstance(result.duration, list) else []
    return times[phase] if phase < len(times) else None


def is_deleted(lap: LapRow, phase: int, rows: SessionRows) -> bool:
    """Whether a timed lap does not count: race control deleted it, or the result has a slower one for its phase."""
    official = official_best(rows, lap.driver_number, phase)
    return lap.deleted or (official is not None and (lap.lap_duration or 0.0) < official - SAME)
