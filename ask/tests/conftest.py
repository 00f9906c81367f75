"""Recorded sessions to ask about, synced once for the tests of this package, gone before others run."""

from io import StringIO

import pytest
import requests
from django.core.management import call_command
from django.test import override_settings

from drivers.models import Driver, Team
from mirror.feeds import registry
from mirror.models import Correction, PieceState, PieceVersion, Reject, Source, SyncRun
from races.models import Race

SESSIONS = {
    9472: "the race in Bahrain 2024",
    9468: "the qualifying that its grid comes from",
    9523: "the race in Monaco 2024",
    9149: "the race in Zandvoort 2023, in the rain",
    9161: "the qualifying in Singapore 2023",
}
ROWS = ("drivers", "stints", "laps", "pit", "weather", "race_control", "overtakes", "session_result", "starting_grid")
CARS = (1, 11, 16, 55)  # whose samples are stored


@pytest.fixture(scope="package")
def recorded(django_db_setup, django_db_blocker, replay, tmp_path_factory):
    """The recorded rows of these sessions, and what the electronics of four cars said in Bahrain."""
    options = {"OPENF1_BASE_URL": replay.url, "OPENF1_REQUESTS_PER_SECOND": 0, "OPENF1_REQUESTS_PER_MINUTE": 0}
    options["MEDIA_ROOT"] = str(tmp_path_factory.mktemp("media"))
    with django_db_blocker.unblock(), override_settings(**options):
        sessions = [argument for session in SESSIONS for argument in ("--session", str(session))]
        call_command("sync_openf1", *ROWS, *sessions, stdout=StringIO())
        for number in CARS:
            scope = {"session_key": 9472, "driver_number": number}
            rows = requests.get(f"{replay.url}/car_data", params=scope, timeout=600).json()
            registry()["car_data"].storage.apply(rows, scope, source=Source.OPENF1, prune=False, write=True)
        yield
        for model in (Correction, PieceState, PieceVersion, Reject, SyncRun, Race, Driver, Team):
            model.objects.all().delete()
