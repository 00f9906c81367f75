"""Fixtures for every app: clients of the REST API, and the recorded OpenF1 beside the checkout, served over HTTP.

Django is imported by the fixtures, not here: this file is read before it is set up.
"""

import importlib.util
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent / "shared" / "openf1"


@pytest.fixture(autouse=True)
def static_files_when_asked_for(settings):
    """Looking every one of them up when a client starts would take longer than most tests."""
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(autouse=True)
def as_often_as_it_likes(settings):
    """The site under test counts no requests; tests of limits set their own."""
    settings.THROTTLES = dict.fromkeys(settings.THROTTLES, "")


@pytest.fixture(autouse=True)
def rows_are_read():
    """Nothing is kept of a test before: once its changes are undone, the next begins with a version that it knew as well."""
    from api.kept import kept
    from api.pagination import counts

    kept.clear()
    counts.clear()
    for module, memory in (("pages.rows", "loaded"), ("pages.comparing", "kept")):
        if module in sys.modules:
            getattr(sys.modules[module], memory).clear()


@pytest.fixture(autouse=True)
def turns_end():
    """Long answers end with the test; a test that does not read an answer to its end leaves it open, as no server would."""
    yield
    from api.admission import EXPENSIVE, SQL, STREAMED, SYNCS

    for limit in (EXPENSIVE, SQL, STREAMED, SYNCS):
        limit.running.clear()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker, tmp_path_factory):
    """The database that is tested; its value is a copy of it as it begins, None where no test is marked django_db."""
    from django.db import connection

    from jobs.tests.processes import copy_of_tested

    if not re.search("^test_|memorydb", str(connection.settings_dict["NAME"])):
        yield
        return
    with django_db_blocker.unblock():
        copy = copy_of_tested(connection, tmp_path_factory.mktemp("migrated"))
    yield copy
    copy.drop()


@pytest.fixture(scope="session")
def migrated(django_db_setup):
    """A database with all tables and no rows: a template for those of processes, which need not migrate theirs."""
    assert django_db_setup, "mark the test django_db"
    return django_db_setup


@pytest.fixture
def api():
    """A REST client of somebody who is not logged in."""
    from rest_framework.test import APIClient

    return APIClient()


@pytest.fixture
def stranger(db):
    """A REST client with a token and no permission."""
    from django.contrib.auth.models import User

    return client_of(User.objects.create_user("stranger"))


@pytest.fixture
def editor(db):
    """A REST client with a token and every permission."""
    from django.contrib.auth.models import User

    return client_of(User.objects.create_superuser("editor"))


def client_of(user):
    from rest_framework.test import APIClient

    from api.logins.models import Token

    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.issue(user)[1]}")
    return client


class Replay:
    """`replay.py` on a free port of this machine: real recorded rows, answered as the hosted service does."""

    def __init__(self, module, data: Path = SHARED / "data"):
        self.module, self.folder = module, data
        self._server = module.Replay(0, module.Store(str(data)))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @contextmanager
    def options(self, *, limits: str = "", fail: float = 0.0, live: bool = False, seed: int = 0) -> Iterator[None]:
        """For the length of a `with`: rate limits ("3/1,30/60"), a share of broken answers, the lock during a session."""
        server = self._server
        server.limiter, server.fail, server.live = self.module.Limiter(limits), fail, live
        server.random.seed(seed)
        try:
            yield
        finally:
            server.limiter, server.fail, server.live = self.module.Limiter(""), 0.0, False

    @contextmanager
    def overlay(self, folder: Path) -> Iterator[None]:
        """For the length of a `with`: rows in <folder>/<collection>/*.json replace the recorded rows with the same key."""
        store, self._server.store = self._server.store, self.module.Store(str(SHARED / "data"), str(folder))
        try:
            yield
        finally:
            self._server.store = store

    @property
    def requests(self) -> Counter:
        """Requests per collection since `reset`, refused and failed ones included."""
        return Counter(self._server.requests)

    @property
    def statuses(self) -> Counter:
        """Answers per status ("200", "404", …, "cut", "dropped") since `reset`."""
        return Counter(self._server.statuses)

    def reset(self) -> None:
        self._server.clear()

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def replay() -> Iterator[Replay]:
    """The recorded OpenF1; tests that ask for it skip where the recording is not beside the checkout."""
    path = SHARED / "replay.py"
    if not path.exists():
        pytest.skip(f"the recorded OpenF1 rows are not at {SHARED}")
    spec = importlib.util.spec_from_file_location("openf1_replay", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server = Replay(module)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def openf1(settings, replay) -> Replay:
    """The site under test asks the recorded OpenF1, as fast as it likes."""
    settings.OPENF1_BASE_URL = replay.url
    settings.OPENF1_REQUESTS_PER_SECOND = settings.OPENF1_REQUESTS_PER_MINUTE = 0
    settings.OPENF1_USERNAME = settings.OPENF1_PASSWORD = ""
    replay.reset()
    return replay
