"""openf1client 0.1.0: URLs built as text, models for OpenF1 as it was in 2023."""

from functools import partial
from typing import get_type_hints

import pytest
from openf1client.client import OpenF1Client

from mirror import SITE, agree, rows_of

METHODS = {
    "car_data": "get_car_data",
    "drivers": "get_drivers",
    "intervals": "get_intervals",
    "laps": "get_laps",
    "location": "get_locations",
    "meetings": "get_meetings",
    "pit": "get_pits",
    "position": "get_positions",
    "race_control": "get_race_control",
    "sessions": "get_sessions",
    "stints": "get_stints",
    "team_radio": "get_team_radios",
    "weather": "get_weather",
}


@pytest.fixture
def client():
    return OpenF1Client(base_url=f"{SITE}/v1")


def scope(collection: str, race: dict, car: int) -> dict[str, int]:
    if collection == "meetings":
        return {"meeting_key": race["meeting_key"]}
    of_one_car = collection in ("car_data", "location")
    return {"session_key": race["session_key"]} | ({"driver_number": car} if of_one_car else {})


@pytest.mark.parametrize("collection", METHODS)
def test_every_endpoint(client, collection, race, car):
    filters = scope(collection, race, car)
    call = partial(getattr(client, METHODS[collection]), **filters)
    rows = rows_of(f"{collection}?empty=list&" + "&".join(f"{name}={value}" for name, value in filters.items()))
    if not rows:
        with pytest.raises(TypeError):  # it takes {"detail": …} for rows
            call()
    else:
        agree(call, get_type_hints(call.func)["return"].__args__[0], rows)


def test_texts_are_filters_too(client, session):
    driver = rows_of(f"drivers?session_key={session}")[0]
    answers = client.get_drivers(session_key=session, full_name=driver["full_name"])
    assert [row.driver_number for row in answers] == [driver["driver_number"]]
