"""OpenF1's open-source server keeps one row per key, the last one that came, and its keys of moments do not name the session.

Which recorded rows it would therefore lack: these differences show when this site is compared with it, and not with the hosted
service. The keys are those of `unique_key` in its module of each collection; milliseconds of moments count.
"""

import json
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from api.openf1.differences import DIFFERENCES

KEYS = {
    "championship_drivers": ("session_key", "driver_number"),
    "championship_teams": ("session_key", "team_name"),
    "intervals": ("date", "driver_number"),
    "laps": ("session_key", "lap_number", "driver_number"),
    "overtakes": ("date", "overtaking_driver_number", "overtaken_driver_number"),
    "pit": ("session_key", "lap_number", "driver_number"),
    "position": ("date", "driver_number"),
    "race_control": ("date", "driver_number", "lap_number", "category", "flag", "scope", "sector"),
    "stints": ("session_key", "stint_number", "driver_number"),
    "team_radio": ("date", "driver_number"),
    "weather": ("date",),
}
OWN_SESSION, OTHER_SESSION, REPEAT = "a row of its session", "a row of another session", "a row that repeats it"
NAMED = {  # in the table of differences
    OWN_SESSION: "rows of one key",
    OTHER_SESSION: "rows of two sessions at one moment",
    REPEAT: "one row of each",
}


def part(name: str, value: Any) -> Any:
    """A part of a key: of a moment the milliseconds."""
    return int(datetime.fromisoformat(value).timestamp() * 1000) if name == "date" and value else value


def replaced(collection: str, rows: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """(by what, row) of each row that the open server would not have."""
    last: dict[tuple, dict[str, Any]] = {}
    found = []
    for row in rows:
        key = tuple(part(name, row.get(name)) for name in KEYS[collection])
        if key in last:
            before = last[key]
            kind = REPEAT if before == row else OWN_SESSION if before["session_key"] == row["session_key"] else OTHER_SESSION
            found.append((kind, before))
        last[key] = row
    return found


def test_the_table_names_every_kind_of_row_that_the_open_server_lacks(replay):
    store = replay.module.Store(str(replay.folder))
    kinds = {collection: dict(Counter(kind for kind, _ in replaced(collection, store.load(collection)))) for collection in KEYS}
    assert {collection: found for collection, found in kinds.items() if found} == {
        "pit": {OWN_SESSION: 10},
        "position": {OWN_SESSION: 17, OTHER_SESSION: 1910},
        "race_control": {REPEAT: 91},
        "weather": {OTHER_SESSION: 215},
    }
    for kind, name in NAMED.items():
        request = DIFFERENCES[name].request
        named = {collection for collection, found in kinds.items() if kind in found and kind != REPEAT}
        assert all(f"`{collection}`" in request for collection in named), name


@pytest.mark.django_db
def test_the_rows_that_the_open_server_lacks_are_answered_here(both, client):
    checked = 0
    for collection in KEYS:
        for kind, row in replaced(collection, both.module.public(both.store.load(collection))):
            if kind == REPEAT:
                continue
            url = f"/v1/{collection}?session_key={row['session_key']}"
            if "driver_number" in row:
                url += f"&driver_number={row['driver_number']}"
            body = json.loads(client.get(url).getvalue())
            moment = datetime.fromisoformat(row["date"])
            assert any(
                datetime.fromisoformat(each["date"]) == moment and all(each[name] == row[name] for name in row if name != "date")
                for each in body
            ), (collection, row)
            checked += 1
    assert checked > 50
