"""Which session a table of FastF1's is about: seasons, race weekends and sessions in its names and in OpenF1's."""

import re
from typing import NamedTuple

from anyascii import anyascii

from races.models import Session

SHORT = {
    "FP1": "Practice 1",
    "FP2": "Practice 2",
    "FP3": "Practice 3",
    "Q": "Qualifying",
    "S": "Sprint",
    "SQ": "Sprint Qualifying",
    "SS": "Sprint Shootout",
    "R": "Race",
}
SAME = {"Sprint Shootout": "Sprint Qualifying"}  # its name in 2023; a weekend has one of them at most
FILE = re.compile(r"(?P<year>\d{4})-\d\d-\d\d_(?P<rest>.+?)\.csv(\.gz)?")
FILE_FORM = "2024-03-02_Bahrain_Grand_Prix_Race.csv (or .csv.gz)"


class Place(NamedTuple):
    """What both sources call a session, in a form in which the two are equal."""

    year: int
    race: str
    session: str

    @property
    def testing(self) -> bool:
        return "testing" in self.race


def place(year: int, race_name: str, session_name: str) -> Place:
    """Accents, case and punctuation do not count; short names of sessions are as good as long ones."""
    name = SHORT.get(session_name.upper(), session_name)
    return Place(year, re.sub(r"\W", "", anyascii(race_name).casefold()), SAME.get(name, name).casefold())


def place_of_file(name: str) -> Place:
    """The session that a file is about, from its name; ValueError where it does not tell."""
    match = FILE.fullmatch(name)
    rest = match["rest"].replace("_", " ") if match else ""
    endings = sorted([*SHORT, *SHORT.values(), "Day 1", "Day 2", "Day 3"], key=len, reverse=True)
    ending = next((ending for ending in endings if rest.casefold().endswith(f" {ending.casefold()}")), None)
    if match is None or ending is None:
        raise ValueError(f"the name does not tell which session it is; one that does: {FILE_FORM}")
    return place(int(match["year"]), rest[: -len(ending)], ending)


def place_of(session: Session) -> Place:
    return place(session.year, session.race.race_name, session.session_name)
