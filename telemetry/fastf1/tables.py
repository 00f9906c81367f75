"""FastF1's laps session by session, from a folder of CSV files or from the library."""

from collections.abc import Collection, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from races.models import Session
from telemetry.fastf1 import library
from telemetry.fastf1.names import place_of, place_of_file
from telemetry.fastf1.reading import LapRow, read


class Table(NamedTuple):
    """The laps of one session; or why there are none, as `skipped` or, when that is a failure, as `error`."""

    name: str
    session: Session | None = None
    laps: list[LapRow] = []
    origin: str = ""
    skipped: str = ""
    error: str = ""


def from_folder(folder: Path, sessions: Collection[Session]) -> Iterator[Table]:
    """The files of a folder that are about these sessions, and those that are about none that is stored."""
    wanted = {place_of(session): session for session in sessions}
    stored = {place_of(session) for session in Session.objects.select_related("race")}
    for path in sorted(path for path in folder.iterdir() if path.name.endswith((".csv", ".csv.gz"))):
        try:
            place = place_of_file(path.name)
        except ValueError as error:
            yield Table(path.name, error=str(error))
            continue
        if place.testing:
            yield Table(path.name, skipped="testing")
        elif place not in stored:
            yield Table(path.name, skipped="no such session is stored; sync_openf1 brings sessions in")
        elif place in wanted:
            yield read_table(path, wanted[place], origin=path.name)


def read_table(path: Path, session: Session, *, origin: str) -> Table:
    try:
        return Table(path.name, session, read(path), origin)
    except (ValueError, OSError) as error:
        return Table(path.name, error=str(error))


def from_library(sessions: Collection[Session]) -> Iterator[Table]:
    """What the FastF1 library loads; it asks the network for what its cache does not have."""
    racing = [session for session in sessions if not place_of(session).testing]
    yield from (Table(str(session), skipped="testing") for session in sessions if session not in racing)
    by_id = {session.pk: session for session in racing}
    with TemporaryDirectory(prefix="fastf1") as folder:
        for answer in library.load(racing, folder=Path(folder)):
            session = by_id[answer["session_id"]]
            if answer["error"]:
                yield Table(str(session), error=answer["error"])
            else:
                table = read_table(Path(answer["file"]), session, origin=f"FastF1 {answer['version']}")
                yield table._replace(name=str(session))
