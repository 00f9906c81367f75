"""The command `sync_openf1`: what it is told to sync, and what it says meanwhile."""

import io
import socket
from collections import Counter
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper

from f1site.management.commands.sync_openf1 import chosen_scope, split_collections
from mirror.client import Client
from mirror.errors import Unavailable
from mirror.feeds import registry, select_feeds
from mirror.models import SyncRun
from mirror.pace import Pace
from mirror.pipeline import sync
from mirror.planning import Scope, Weekend
from mirror.reporting import Observer
from mirror.sync_output import SeasonObserver
from mirror.tests.upstream import Rows, client
from races.models import Race, Session

pytestmark = pytest.mark.django_db


@pytest.fixture
def weekends():
    """Monaco of two seasons, each with a qualifying and a race."""
    for year in (2023, 2024):
        start = datetime(year, 5, 26, tzinfo=UTC)
        race = Race.objects.create(race_id=year, year=year, race_name="Monaco Grand Prix", slug="monaco", date_start=start)
        for number, name in enumerate(("Qualifying", "Race")):
            key = year * 10 + number
            Session.objects.create(session_id=key, race=race, year=year, session_name=name, slug=name.lower(), date_start=start)


@pytest.mark.parametrize(
    ("season", "race", "session", "expected"),
    [
        (["2023", "2024"], [], [], Scope(seasons=(2023, 2024))),
        ([], ["1229", "1230"], [], Scope(races=(1229, 1230))),
        (["2024"], ["1229"], ["9472"], Scope(seasons=(2024,), races=(1229,), sessions=(9472,))),
        (["2024"], ["monaco"], [], Scope(races=(2024,))),
        ([], ["monaco"], [], Scope(races=(2023, 2024))),
        (["2024"], ["monaco"], ["race"], Scope(sessions=(20241,))),
        ([], ["monaco"], ["quali"], Scope(sessions=(20230, 20240))),
    ],
)
def test_a_scope_is_named_by_keys_or_words(weekends, season, race, session, expected):
    assert chosen_scope({"season": season, "race": race, "session": session, "session_name": [], "latest": False}) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--season", "x"], "--season: 'x' is no whole number"),
        (["--season", "2024", "--race", "monco"], "--race: There is no race weekend of 2024 called 'monco'. Did you mean"),
        (["--session", "quly"], "--session: There is no kind of session called 'quly'. Did you mean"),
        (["lapps"], "There is no collection 'lapps'. Did you mean 'laps'?"),
        (["rases"], "There is no collection 'rases'. Did you mean 'races'?"),
    ],
)
def test_what_cannot_be_synced_is_named(weekends, arguments, message):
    with pytest.raises(CommandError) as error:
        call_command("sync_openf1", *arguments, stdout=io.StringIO())
    assert message in str(error.value)


def test_collections_go_by_the_names_of_both_sites():
    assert [feed.collection for feed in select_feeds(["entries", "races", "pit"])] == ["meetings", "drivers", "pit"]
    assert select_feeds(["race-control"]) == [registry()["race_control"]]
    assert split_collections(["2024", "laps", "races"]) == (["2024"], ["laps", "races"])


def test_a_sync_without_a_terminal_has_a_line_for_each_collection_and_season(weekends):
    out = io.StringIO()
    observer = SeasonObserver(OutputWrapper(out))
    plan = [Weekend(1, "Monaco", year=2023), Weekend(2, "Monaco", year=2024)]
    feeds = [registry()["laps"], registry()["stints"]]
    with observer:
        observer.planned(plan, feeds)
        for weekend in plan:
            for feed in feeds:
                observer.fetching(feed, weekend)
                observer.piece_stored(feed, weekend, Counter(created=1_000, unchanged=234))
    lines = out.getvalue().splitlines()
    assert lines[0] == "2 race weekends, 2 collections"
    assert lines[1].startswith("2023 laps: 1,234 rows of 1 weekend, 1,000 created, 0 updated; 2 of 4 pieces, about 0 s left")
    assert [line.partition(":")[0] for line in lines[1:]] == ["2023 laps", "2023 stints", "2024 laps", "2024 stints"]
    assert lines[4].endswith("4 of 4 pieces")


def test_an_interrupted_sync_leaves_a_run_that_says_so():
    class Interrupted(Observer):
        def planned(self, weekends, feeds):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(client=client(Rows()), scope=Scope(seasons=(2023,), optional=True), observer=Interrupted())
    run = SyncRun.objects.get()
    assert (run.state, run.error) == ("interrupted", "It was interrupted; the same sync goes on from here.")


@pytest.fixture
def silent_port():
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def asked(port: int, **options) -> tuple[str, list[str]]:
    """(the error of a request to a port of this machine, what was said meanwhile)"""
    notices: list[str] = []
    upstream = Client(
        base_url=f"http://127.0.0.1:{port}/v1", pace=Pace(), notice=notices.append, sleep=lambda seconds: None, **options
    )
    with pytest.raises(Unavailable) as error:
        upstream.rows("meetings", {})
    return str(error.value), notices


def test_a_dead_upstream_is_told_at_once_with_the_reason(silent_port):
    error, notices = asked(silent_port, attempts=2, patience=0.05, timeout=(1, 0.3))
    assert error.endswith("cannot be reached: no answer within the time allowed")
    assert notices[0].endswith("has not answered for 0.05 s; waiting 0.3 s at most, then asking again")
    assert any("trying again in" in notice for notice in notices)


def test_a_refused_connection_is_told_at_once():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error, notices = asked(port, attempts=2, patience=5)
    assert error.endswith("the connection is refused; nothing listens there")
    assert notices == [f"{error}; trying again in 0.5 s"]
