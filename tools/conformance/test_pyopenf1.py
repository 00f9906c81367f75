"""pyopenf1 0.1.3: httpx, asyncio, strict frozen models."""

import asyncio
from functools import partial
from typing import get_type_hints

import pyopenf1.client
import pytest
from pyopenf1 import AsyncOpenF1Client
from pyopenf1.exceptions import NotFoundError

from mirror import SITE, agree, rows_of

BY_SESSION = {
    "drivers": ("drivers", "get_drivers"),
    "laps": ("timing", "get_laps"),
    "intervals": ("timing", "get_intervals"),
    "position": ("timing", "get_positions"),
    "race_control": ("race", "get_race_control"),
    "pit": ("race", "get_pit_stops"),
    "stints": ("race", "get_stints"),
    "overtakes": ("race", "get_overtakes"),
    "championship_drivers": ("championship", "get_drivers_championship"),
    "championship_teams": ("championship", "get_teams_championship"),
    "session_result": ("results", "get_session_results"),
    "weather": ("weather", "get_weather"),
    "team_radio": ("team_radio", "get_team_radio"),
    "sessions": ("sessions", "get_sessions"),
}


def ask(part: str, method: str, **filters):
    async def call():
        async with AsyncOpenF1Client(base_url=f"{SITE}/v1", max_per_second=100, max_per_minute=1000, max_retries=1) as client:
            return await getattr(getattr(client, part), method)(**filters)

    return asyncio.run(call())


def check(collection: str, call: tuple[str, str], **filters) -> None:
    rows = rows_of(f"{collection}?empty=list&" + "&".join(f"{name}={value}" for name, value in filters.items()))
    if not rows:
        with pytest.raises(NotFoundError):
            ask(*call, **filters)
        return
    part, method = call
    api = getattr(AsyncOpenF1Client, part).fget.__annotations__["return"]
    model = get_type_hints(getattr(getattr(pyopenf1.client, api), method))["return"].__args__[0]
    agree(partial(ask, *call, **filters), model, rows)


@pytest.mark.parametrize("collection", BY_SESSION)
def test_every_endpoint_of_a_session(collection, session):
    check(collection, BY_SESSION[collection], session_key=session)


@pytest.mark.parametrize(("collection", "method"), [("car_data", "get_car_data"), ("location", "get_location")])
def test_samples_of_a_car(collection, method, session, car):
    check(collection, ("telemetry", method), session_key=session, driver_number=car)


def test_meetings(race):
    check("meetings", ("sessions", "get_meetings"), year=race["year"])
    check("meetings", ("sessions", "get_meetings"), meeting_key=race["meeting_key"])


def test_the_grid_of_the_qualifying(race):
    qualifying = rows_of(f"sessions?meeting_key={race['meeting_key']}&session_name=Qualifying")[0]
    check("starting_grid", ("results", "get_starting_grid"), session_key=qualifying["session_key"])


@pytest.mark.parametrize("collection", ["championship_drivers", "championship_teams"])
def test_the_standings_after_a_later_race(collection):
    session = rows_of(f"{collection}?position_start>=1&limit=1&order_by=-session_key")[0]["session_key"]
    places = ask(*BY_SESSION[collection], session_key=session, **{"position_start>=": 1})
    assert [row.position_current for row in places] == sorted(row.position_current for row in places)


def test_results_of_those_who_were_classified(session):
    answers = ask("results", "get_session_results", session_key=session, **{"position>=": 1})
    assert [result.position for result in answers] == [*range(1, len(answers) + 1)]


def test_an_operator_in_the_name_of_a_parameter(session, car):
    samples = rows_of(f"car_data?session_key={session}&driver_number={car}&speed>=250&empty=list")
    if samples:
        assert len(ask("telemetry", "get_car_data", session_key=session, driver_number=car, speed_gte=250)) == len(samples)
    places = ask("timing", "get_positions", session_key=session, **{"position<": 3})
    assert {row.position for row in places} == {1, 2, 3}  # `<` in a name and the `=` after it are `<=`


def test_nothing_found_is_the_clients_own_error():
    with pytest.raises(NotFoundError):
        ask("drivers", "get_drivers", session_key=1)


def test_rows_become_a_data_frame(session):
    from pyopenf1.ext.pandas import to_dataframe

    frame = to_dataframe(ask("weather", "get_weather", session_key=session))
    assert len(frame) == len(rows_of(f"weather?session_key={session}"))
