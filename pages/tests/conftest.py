"""Sessions to look at: two invented weekends, and recorded ones where ../shared is there. Loaded once, gone before others run."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.test import override_settings

from drivers.models import Driver, Team
from mirror.models import Correction, PieceState, PieceVersion, Reject, SyncRun
from races.models import Race, Session
from telemetry.calibrating import frame_of
from telemetry.models import SampleFile

RECORDED = {
    9472: "Bahrain 2024",
    9468: "the qualifying that its grid comes from",
    9523: "Monaco 2024, a red flag on lap 1",
    9161: "qualifying in Singapore 2023",
    9531: "Canada 2024, flags on lap 1",
    9496: "Japan 2024, a red flag on lap 1",
    7787: "Melbourne 2023, several red flags",
}


@pytest.fixture(scope="package")
def demo(django_db_setup, django_db_blocker, tmp_path_factory):
    """Two weekends of the demo season, checked."""
    with django_db_blocker.unblock(), override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media")):
        call_command("load_demo", "--races", "2", stdout=StringIO())
        call_command("check_data", stdout=StringIO())
        frame_of(Session.objects.get(pk=SampleFile.objects.values_list("session_id", flat=True)[0]))  # with its circuit
        yield
        call_command("load_demo", "--remove", stdout=StringIO())


@pytest.fixture
def race(demo, db):
    """The first race of the demo season."""
    return Session.objects.select_related("race", "quality").filter(session_name="Race").earliest("date_start")


@pytest.fixture(scope="package")
def recordings(django_db_setup, django_db_blocker, replay):
    """The recorded sessions, synced from the recorded OpenF1."""
    options = {"OPENF1_BASE_URL": replay.url, "OPENF1_REQUESTS_PER_SECOND": 0, "OPENF1_REQUESTS_PER_MINUTE": 0}
    with django_db_blocker.unblock(), override_settings(**options):
        sessions = [argument for session in RECORDED for argument in ("--session", str(session))]
        call_command("sync_openf1", *sessions, stdout=StringIO())
        yield
        forget_everything()


def forget_everything():
    """Delete all mirrored rows and the log of their syncs: tests that come after these begin with an empty database."""
    for model in (Correction, PieceState, PieceVersion, Reject, SyncRun, Race, Driver, Team):
        model.objects.all().delete()


@pytest.fixture
def recorded(recordings, db):
    """A recorded session by its number."""
    return lambda session_id: Session.objects.select_related("race", "quality").get(pk=session_id)
