"""FastF1's laps by session, from a folder of CSV files or from the library."""

from collections.abc import Collection, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from races.models import Session
from telemetry.fastf1 import library
from telemetry.fastf1.names import name_of, name_of_file
from telemetry.fastf1.reading import LapRow, read_laps


class Table(NamedTuple):
    """The laps of one session, or the reason why there are none: `skipped`, or `error` for a failure."""

    name: str
    session: Session | None = None
    laps: list[LapRow] = []
    origin: str = ""
    skipped: str = ""
    error: str = ""


def from_folder(folder: Path, sessions: Collection[Session]) -> Iterator[Table]:
    """Yield the tables of a folder for these sessions; files of sessions that are not stored are skipped with a reason."""
    selected = {name_of(session): session for session in sessions}
    stored = {name_of(session) for session in Session.objects.select_related("race")}
    for path in sorted(path for path in folder.iterdir() if path.name.endswith((".csv", ".csv.gz"))):
        try:
            name = name_of_file(path.name)
        except ValueError as error:
            yield Table(path.name, error=str(error))
            continue
        if name.testing:
            yield Table(path.name, skipped="testing")
        elif name not in stored:
            yield Table(path.name, skipped="no such session is stored; sync it with sync_openf1")
        elif name in selected:
            yield read_table(path, selected[name], origin=path.name)


def read_table(path: Path, session: Session, *, origin: str) -> Table:
    try:
        return Table(path.name, session, read_laps(path), origin)
    except (ValueError, OSError) as error:
        return Table(path.name, error=str(error))


def from_library(sessions: Collection[Session]) -> Iterator[Table]:
    """Yield the tables that the FastF1 library loads, from its cache or the network."""
    loadable = [session for session in sessions if not name_of(session).testing]
    yield from (Table(str(session), skipped="testing") for session in sessions if session not in loadable)
    by_id = {session.pk: session for session in loadable}
    with TemporaryDirectory(prefix="fastf1") as folder:
        for result in library.load(loadable, folder=Path(folder)):
            session = by_id[result["session_id"]]
            if result["error"]:
                yield Table(str(session), error=result["error"])
            else:
                table = read_table(Path(result["file"]), session, origin=f"FastF1 {result['version']}")
                yield table._replace(name=str(session))
