"""Match the names of sessions in FastF1 and in OpenF1."""

import re
from typing import NamedTuple

from anyascii import anyascii

from races.models import Session

SHORT_NAMES = {
    "FP1": "Practice 1",
    "FP2": "Practice 2",
    "FP3": "Practice 3",
    "Q": "Qualifying",
    "S": "Sprint",
    "SQ": "Sprint Qualifying",
    "SS": "Sprint Shootout",
    "R": "Race",
}
SYNONYMS = {"Sprint Shootout": "Sprint Qualifying"}  # a sprint qualifying was called shootout in 2023
FILE_NAME = re.compile(r"(?P<year>\d{4})-\d\d-\d\d_(?P<rest>.+?)\.csv(\.gz)?")
FILE_EXAMPLE = "2024-03-02_Bahrain_Grand_Prix_Race.csv (or .csv.gz)"


class SessionName(NamedTuple):
    """A session's normalised name, which is equal for both sources."""

    year: int
    race: str
    session: str

    @property
    def testing(self) -> bool:
        return "testing" in self.race


def normalise(year: int, race_name: str, session_name: str) -> SessionName:
    """The normalised name: without accents, case and punctuation, and with abbreviations of sessions expanded."""
    name = SHORT_NAMES.get(session_name.upper(), session_name)
    return SessionName(year, re.sub(r"\W", "", anyascii(race_name).casefold()), SYNONYMS.get(name, name).casefold())


def name_of_file(name: str) -> SessionName:
    """The session's name from the name of a file; raises ValueError if it has another form."""
    match = FILE_NAME.fullmatch(name)
    rest = match["rest"].replace("_", " ") if match else ""
    endings = sorted([*SHORT_NAMES, *SHORT_NAMES.values(), "Day 1", "Day 2", "Day 3"], key=len, reverse=True)
    ending = next((ending for ending in endings if rest.casefold().endswith(f" {ending.casefold()}")), None)
    if match is None or ending is None:
        raise ValueError(f"the file name does not identify a session; an example of one that does: {FILE_EXAMPLE}")
    return normalise(int(match["year"]), rest[: -len(ending)], ending)


def name_of(session: Session) -> SessionName:
    return normalise(session.year, session.race.race_name, session.session_name)
