"""OpenF1-python-client 1.0.3: requests, operators in parameter names, pydantic models, a login."""

import pytest
from openf1_client import OpenF1Client
from openf1_client.errors import OpenF1NotFoundError

from mirror import LOGIN, SITE, rows_of

ENDPOINTS = {
    "car_data",
    "drivers",
    "intervals",
    "laps",
    "location",
    "meetings",
    "overtakes",
    "pit",
    "position",
    "race_control",
    "sessions",
    "session_result",
    "starting_grid",
    "stints",
    "team_radio",
    "weather",
}
OF_ONE_CAR = {"car_data", "location"}


@pytest.fixture
def client():
    with OpenF1Client(base_url=f"{SITE}/v1", token_url=f"{SITE}/token", max_retries=0) as client:
        yield client


def scope(endpoint: str, race: dict, car: int) -> dict[str, int]:
    if endpoint in ("meetings", "starting_grid"):  # a grid belongs to the qualifying
        return {"meeting_key": race["meeting_key"]}
    return {"session_key": race["session_key"]} | ({"driver_number": car} if endpoint in OF_ONE_CAR else {})


def question(endpoint: str, filters: dict[str, int]) -> str:
    return f"{endpoint}?empty=list&" + "&".join(f"{name}={value}" for name, value in filters.items())


@pytest.mark.parametrize("endpoint", sorted(ENDPOINTS))
def test_every_endpoint_gives_the_rows_as_models(client, endpoint, race, car):
    filters = scope(endpoint, race, car)
    rows = rows_of(question(endpoint, filters))
    if not rows:
        with pytest.raises(OpenF1NotFoundError):
            getattr(client, endpoint).list(**filters)
        return
    answers = getattr(client, endpoint).list(**filters)
    assert len(answers) == len(rows)
    assert type(answers[0]).model_validate(rows[0]) == answers[0]


def test_every_endpoint_has_rows_somewhere(client):
    for endpoint in ENDPOINTS:
        assert rows_of(f"{endpoint}?limit=1")


def test_filters_with_operators_mean_what_they_say(client, session):
    answers = client.laps.list(session_key=session, lap_number={">=": 3, "<=": 5})
    assert {lap.lap_number for lap in answers} == {3, 4, 5}
    fast = client.laps.list_raw(session_key=session, st_speed={">=": 300})
    assert fast == rows_of(f"laps?session_key={session}&st_speed>=300")


def test_filters_with_dates(client, race):
    begin, end = race["date_start"], race["date_end"]
    answers = client.weather.list_raw(session_key=race["session_key"], date={">=": begin, "<=": end})
    assert answers == rows_of(f"weather?session_key={race['session_key']}&date>={begin}&date<={end}")


def test_first_and_count(client, session):
    assert client.drivers.count(session_key=session) == len(rows_of(f"drivers?session_key={session}"))
    assert client.drivers.first(session_key=session).session_key == session


@pytest.mark.parametrize("endpoint", ["drivers", "laps", "race_control"])
def test_csv(client, endpoint, session):
    rows = rows_of(f"{endpoint}?session_key={session}")
    parsed = list(getattr(client, endpoint).list_csv_parsed(session_key=session))
    assert len(parsed) == len(rows)
    assert parsed[0].keys() == rows[0].keys()
    assert [row["driver_number"] for row in parsed] == [str(row["driver_number"] or "") for row in rows]


def test_a_login_works_and_its_token_is_used():
    with OpenF1Client(*LOGIN, base_url=f"{SITE}/v1", token_url=f"{SITE}/token") as client:
        assert client.is_authenticated
        assert client.config.has_token
        assert client.meetings.list(year={">=": 2022})


def test_nothing_found_is_the_clients_own_error(client):
    with pytest.raises(OpenF1NotFoundError) as nothing:
        client.laps.list(session_key=1)
    assert "No results found." in str(nothing.value)


def test_latest(client):
    assert client.sessions.first(session_key="latest").session_key == rows_of("sessions?session_key=latest")[0]["session_key"]
