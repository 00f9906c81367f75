"""What upstream has is what the mirror has: recorded rows go in by a sync and come out again, field by field.

By default a few weekends that are rich in oddities; with F1_WHOLE_MIRROR=1 both recorded seasons.
"""

import gzip
import json
import os
from collections import Counter
from functools import cache

import pytest
from django.conf import settings
from django.db import transaction

from f1site.feeds import FEEDS
from mirror.client import Client
from mirror.pace import Pace
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.tests.upstream import Rows, client, openf1_rows

RECORDED = settings.BASE_DIR.parent / "shared" / "openf1" / "data"
WHOLE = os.environ.get("F1_WHOLE_MIRROR") == "1"
SEASONS = (2023, 2024)
# Tests with messages sent twice; an entry list with a junior grid mixed in; a sprint weekend with two places at one moment;
# a race with the newer fields of pit stops.
WEEKENDS = (1140, 1215, 1222, 1231)
COUNTS = {
    "meetings": 48,
    "sessions": 236,
    "drivers": 3_323,
    "stints": 13_195,
    "laps": 25_800,
    "pit": 9_674,
    "weather": 15_152,
    "race_control": 6_848,
    "position": 92_263,
    "intervals": 0,
    "overtakes": 9_345,
    "team_radio": 10_274,
    "session_result": 3_214,
    "starting_grid": 794,
    "championship_drivers": 0,
    "championship_teams": 0,
}

PARAMETERS = [pytest.param(feed, id=feed.collection) for feed in FEEDS if feed.collection in COUNTS]


def mirror(replay):
    scope = Scope(seasons=SEASONS) if WHOLE else Scope(races=WEEKENDS)
    return sync(client=Client(base_url=replay.url, pace=Pace()), scope=scope, collections=COUNTS, force=True)


@pytest.fixture(scope="module")
def mirrored(replay, django_db_setup, django_db_blocker):
    """The report of a sync into an empty database, which is emptied again after this module."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield mirror(replay)
        transaction.set_rollback(True)


@cache
def recorded(feed):
    """The rows upstream has of the mirrored weekends, in its order."""
    files = sorted(RECORDED.glob(f"{feed.collection}/*.json.gz"))
    rows = [row for file in files for row in json.loads(gzip.decompress(file.read_bytes()))]
    return rows if WHOLE else [row for row in rows if row["meeting_key"] in WEEKENDS]


def compared(feed, rows):
    """Rows as texts in which 0, 0.0 and "0" differ, of all fields that upstream ever sent in the collection."""
    sent = sorted(set().union(*recorded(feed)))
    return [json.dumps([row.get(name) for name in sent]) for row in rows]


def test_everything_went_in(mirrored):
    assert not mirrored.errors
    assert not any(mirrored.unknown_fields.values())
    assert mirrored.total == Counter(created=mirrored.total["created"], folded=91)
    assert mirrored.collections["race_control"]["folded"] == 91
    if WHOLE:
        assert {feed.collection: feed.model._default_manager.count() for feed in FEEDS if feed.collection in COUNTS} == COUNTS
        assert mirrored.requests == 2 * 2 + 14 * 48


@pytest.mark.parametrize("feed", PARAMETERS)
def test_every_row_comes_out_as_it_went_in(mirrored, feed):
    went_in = Counter(compared(feed, recorded(feed)))
    came_out = Counter(compared(feed, openf1_rows(feed, feed.model._default_manager.all())))
    if feed.collection == "race_control":  # upstream repeats messages, the mirror does not
        went_in = Counter(set(went_in))
    assert came_out == went_in


@pytest.mark.parametrize("feed", [p for p in PARAMETERS if p.id not in ("meetings", "sessions", "laps")])  # sorted by date
def test_rows_come_out_in_the_order_they_went_in(mirrored, feed):
    def by_session(rows):
        sessions = {}
        for row, text in zip(rows, compared(feed, rows), strict=True):
            sessions.setdefault(row["session_key"], {})[text] = None
        return {session: list(texts) for session, texts in sessions.items()}

    assert by_session(list(openf1_rows(feed, feed.model._default_manager.order_by("pk")))) == by_session(recorded(feed))


def test_a_second_sync_writes_nothing(mirrored, replay):
    again = mirror(replay)
    assert again.total == Counter(unchanged=mirrored.total["created"], folded=91)


@pytest.mark.django_db
def test_a_season_takes_two_requests_and_fourteen_per_weekend():
    races = range(1, 6)
    meetings = [{"meeting_key": race, "meeting_name": f"Grand Prix {race}", "year": 2023} for race in races]
    sessions = [
        {"meeting_key": race, "session_key": race * 10 + n, "session_name": f"Practice {n}", "year": 2023}
        for race in races
        for n in range(5)
    ]
    asker = client(Rows(meetings=meetings, sessions=sessions))
    report = sync(client=asker, scope=Scope(seasons=(2023,)), collections=COUNTS)
    assert asker.sent == report.requests == 2 + 14 * len(meetings)
