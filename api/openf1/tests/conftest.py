"""The same rows on both sides: recorded and generated ones in a folder, served by the replay, and synced into this site."""

import gzip
import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from api.openf1.answers import answers
from api.openf1.catalogue import Collection, find_collection
from conftest import SHARED, Replay
from mirror.client import from_settings
from mirror.feeds import registry
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.storage import FileStorage
from mirror.values import extract_number
from telemetry.samples.storage import tables

MEETINGS = (1143, 1219, 1229)
RACE = {"session_key": 9472, "meeting_key": 1229}
CARS = (1, 4, 16)


@pytest.fixture(scope="module")  # the rows are there for all tests while it lasts
def both(replay, tmp_path_factory, django_db_setup, django_db_blocker) -> Iterator[SimpleNamespace]:
    """`module`: replay.py; `store`: its rows; the database holds the same."""
    folder = tmp_path_factory.mktemp("both")
    for collection, feed in registry().items():
        write(folder / "data" / collection, once(feed, [*recorded(collection), *generated(collection)]))
    module: ModuleType = replay.module
    server = Replay(module, folder / "data")
    server.start()
    here = {"MEDIA_ROOT": str(folder / "media"), "OPENF1_BASE_URL": server.url}
    pace = {"OPENF1_REQUESTS_PER_SECOND": 0, "OPENF1_REQUESTS_PER_MINUTE": 0, "OPENF1_USERNAME": "", "OPENF1_PASSWORD": ""}
    with django_db_blocker.unblock(), override_settings(**here, **pace):
        collections = [name for name, feed in registry().items() if not isinstance(feed.storage, FileStorage)]
        report = sync(client=from_settings(), scope=Scope(races=MEETINGS), collections=collections)
        sync(client=from_settings(), scope=Scope(sessions=(RACE["session_key"],)), collections=["car_data", "location"])
        assert not report.errors
        yield SimpleNamespace(module=module, store=module.Store(str(folder / "data")))
        call_command("flush", interactive=False, verbosity=0)
    server.stop()


def recorded(collection: str) -> list[dict[str, Any]]:
    """The recorded rows of a few race weekends; samples, which are too many, aside."""
    if collection in ("car_data", "location"):
        return []
    rows = []
    for path in sorted((SHARED / "data" / collection).glob("*.json.gz")):
        with gzip.open(path) as file:
            rows += [row for row in json.load(file) if row["meeting_key"] in MEETINGS]
    return rows


def generated(collection: str) -> list[dict[str, Any]]:
    """Rows of the collections of which nothing, or too much, is recorded."""
    dice = random.Random(collection)
    start = datetime.fromisoformat("2024-03-02T15:00:00+00:00")
    ticks = [start + timedelta(milliseconds=270 * n) for n in range(200)]
    if collection == "car_data":
        levels = {"rpm": 12_000, "speed": 330, "n_gear": 8, "throttle": 104, "brake": 104, "drs": 14}
        return [car(c, date=t.isoformat()) | {k: dice.randrange(v + 1) for k, v in levels.items()} for c in CARS for t in ticks]
    if collection == "location":
        return [car(c, date=t.isoformat()) | {k: dice.randrange(-900, 900) for k in "xyz"} for c in CARS for t in ticks]
    if collection == "intervals":
        gaps = [None, 0, 0.5, 1.0, 12.345, "+1 LAP", "+2 LAPS"]
        moments = [(t, c) for t in ticks for c in CARS]
        return [car(c, date=t.isoformat(), gap_to_leader=dice.choice(gaps), interval=dice.choice(gaps)) for t, c in moments]
    places = list(enumerate(("Red Bull Racing", "Ferrari", None), start=1))
    numbers = {"position_current": None, "points_current": 25.0, "position_start": None, "points_start": 0.5}
    if collection == "championship_drivers":
        return [car(c) | numbers | {"position_current": 3 - n} for n, c in enumerate(CARS)]
    if collection == "championship_teams":
        return [RACE | numbers | {"team_name": name, "position_start": place} for place, name in places]
    return []


def car(number: int, **more: Any) -> dict[str, Any]:
    return {**more, "driver_number": number, **RACE}


def once(feed, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each row once, the last of those with one key, as a sync keeps it, and with the fields that were added in later years."""
    added = {feed.wire[field.attname]: field.get_default() for field in feed.columns if field.has_default()}
    rows = [added | row for row in rows]
    if isinstance(feed.storage, FileStorage):
        return rows
    built, rejects = feed.build(rows)
    assert not rejects
    return list(dict(zip(map(feed.key_of, built), rows, strict=True)).values())


def write(folder: Path, rows: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True)
    (folder / "rows.json").write_text(json.dumps(rows))


@pytest.fixture
def laps() -> Collection:
    found = find_collection("laps")
    assert found
    return found


@pytest.fixture
def weekend(db) -> SimpleNamespace:
    """A race weekend with a qualifying and a race, and a few rows of each kind."""
    from drivers.models import ChampionshipDriver, Entry, SessionResult
    from races.models import Race, RaceControl, Session
    from telemetry.models import Interval, Lap

    at = datetime.fromisoformat("2024-03-02T15:00:00+00:00")
    race = Race.objects.create(race_id=1229, race_name="Bahrain Grand Prix", year=2024, date_start=at, country_code="BRN")
    place = {"race": race, "year": 2024, "location": "Sakhir"}
    qualifying = Session.objects.create(session_id=9471, session_name="Qualifying", date_start=at - timedelta(days=1), **place)
    grand_prix = Session.objects.create(session_id=9472, session_name="Race", date_start=at, **place)
    for number, acronym, country in ((1, "VER", "NED"), (16, "LEC", "MON"), (77, "BOT", None)):
        Entry.objects.create(session=grand_prix, driver_number=number, name_acronym=acronym, country_code=country)
        for lap in (1, 2, 3):
            Lap.objects.create(
                session=grand_prix,
                driver_number=number,
                lap_number=lap,
                lap_duration=90.0 + lap,
                st_speed=300 + lap,
                date_start=None if lap == 1 else at + timedelta(seconds=90 * lap, milliseconds=number),
                is_pit_out_lap=lap == 1,
                segments_sector_1=[2048, None, 2051] if lap > 1 else None,
            )
    for seconds, gap in enumerate((0, 12.345, "+1 LAP", None)):
        date = at + timedelta(seconds=seconds)
        measured = {"gap_to_leader": gap, "gap_to_leader_seconds": extract_number(gap)}
        Interval.objects.create(session=grand_prix, driver_number=16, date=date, **measured)
    SessionResult.objects.create(
        session=qualifying, driver_number=1, position=1, duration=[90.5, 89.9, 89.179], gap_to_leader=[0, 0.1, 0]
    )
    ChampionshipDriver.objects.create(session=grand_prix, driver_number=16, position_current=2, points_current=12)
    ChampionshipDriver.objects.create(session=grand_prix, driver_number=1, position_current=1, points_current=26.5)
    for number, (second, flag) in enumerate(((0, "GREEN"), (0, None), (5, "RED"))):
        RaceControl.objects.create(
            session=grand_prix, date=at + timedelta(seconds=second), flag=flag, message=f"MSG {number}", digest=number
        )
    return SimpleNamespace(race=race, qualifying=qualifying, grand_prix=grand_prix, start=at)


@pytest.fixture
def get(client):
    """Ask /v1; the rows, or the whole answer when it is none."""

    def ask(path: str, **headers: str):
        response = client.get(f"/v1/{path}", headers=headers)
        return json.loads(response.getvalue()) if response.status_code == 200 else response

    return ask


@pytest.fixture(autouse=True)
def nothing_kept():
    answers.clear()
    tables.clear()
