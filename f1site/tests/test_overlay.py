"""Upstream repairs its past: the diff shows exactly what it changed."""

import gzip
import json

import pytest

from conftest import SHARED
from mirror.client import from_settings
from mirror.models import SyncRun
from mirror.pipeline import sync
from mirror.planning import Scope

pytestmark = pytest.mark.django_db

REPAIRED, RACE = 9110, 9539  # sessions: one whose stints upstream repaired, one that got its first laps later


def recorded(collection, session):
    return json.loads(gzip.open(SHARED / "data" / collection / f"{session}.json.gz").read())


def write(folder, collection, name, rows):
    path = folder / collection / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows))


@pytest.fixture
def before_and_after(tmp_path, openf1):
    """Two upstreams, as stores of the replay: as it was, and as it is after the repair."""
    past, repair = tmp_path / "past", tmp_path / "repair"
    for collection in ("meetings", "sessions"):
        for year in (2023, 2024):
            write(past, collection, year, recorded(collection, year))
    for session in (REPAIRED, RACE):
        write(past, "drivers", session, recorded("drivers", session))
    write(past, "laps", RACE, [row for row in recorded("laps", RACE) if row["lap_number"] > 1])
    write(repair, "laps", RACE, [row for row in recorded("laps", RACE) if row["lap_number"] == 1])
    stints = recorded("stints", REPAIRED)
    write(past, "stints", REPAIRED, [row | {"lap_start": 13} if second_of_car_1(row) else row for row in stints])
    write(repair, "stints", REPAIRED, [row for row in stints if second_of_car_1(row)])
    module = openf1.module
    return module.Store(str(past)), module.Store(str(past), str(repair))


def second_of_car_1(row):
    return (row["driver_number"], row["stint_number"]) == (1, 2)


def test_the_diff_of_a_repaired_upstream_shows_exactly_the_repaired_rows(before_and_after, openf1, monkeypatch, api):
    def mirror():
        return sync(client=from_settings(), scope=Scope(sessions=(REPAIRED, RACE)), collections=("drivers", "stints", "laps"))

    past, present = before_and_after
    monkeypatch.setattr(openf1._server, "store", past)
    assert mirror().total["created"] > 1000
    monkeypatch.setattr(openf1._server, "store", present)
    report = mirror()
    first_laps = [row for row in recorded("laps", RACE) if row["lap_number"] == 1]
    assert report.collections["laps"]["created"] == len(first_laps) > 15
    assert (report.total["updated"], report.total["vanished"]) == (1, 0)
    run = SyncRun.objects.first()
    answer = api.get(f"/api/v1/sync-runs/{run.pk}/changes/").json()
    [piece] = answer["pieces"]
    assert (answer["updated"], answer["vanished"]) == (1, 0)
    assert (piece["collection"], piece["session_id"]) == ("stints", REPAIRED)
    key = {"session_id": REPAIRED, "driver_number": 1, "stint_number": 2}
    assert piece["changes"] == [{"key": key, "fields": {"lap_start": [13, 12]}}]

    monkeypatch.setattr(openf1._server, "store", past)
    report = mirror()
    assert (report.total["vanished"], report.total["updated"]) == (len(first_laps), 1)
    answer = api.get(f"/api/v1/sync-runs/{SyncRun.objects.first().pk}/changes/").json()
    gone = next(piece for piece in answer["pieces"] if piece["collection"] == "laps")
    assert gone["vanished"] == len(gone["changes"]) == len(first_laps)
    assert all(change["vanished"] and change["key"]["lap_number"] == 1 for change in gone["changes"])
