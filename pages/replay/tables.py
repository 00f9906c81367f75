"""What a replay shows besides the rows of its session, brought in with them."""

from functools import cache

from api.queries import Tables, columns, parameter
from pages.replay.story import OvertakeRow, PlaceRow
from races.models import Circuit, Session
from telemetry.models import Overtake, Position, SampleFile

LINE = ("circuit_id", "length", "sector_1", "sector_2", "centre_line", "samples")


@cache
def replay_tables() -> Tables:
    """Places, overtakes, the files of location, and the circuit with its line, where one is known."""
    number = parameter("session")
    circuit = Session.objects.filter(pk=number).order_by().values("circuit_key")
    return {
        "places": (PlaceRow, Position.objects.filter(session=number)),
        "overtakes": (OvertakeRow, Overtake.objects.filter(session=number)),
        "files": (
            columns(SampleFile, "driver_number", "name", "sha256"),
            SampleFile.objects.filter(session=number, collection="location"),
        ),
        "circuits": (columns(Circuit, *LINE), Circuit.objects.filter(pk__in=circuit)),
    }
