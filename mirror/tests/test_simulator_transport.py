"""The invented season as a server: filters, status codes, and the real client in front of it."""

from datetime import datetime

import pytest
import requests

from mirror.errors import BadRequest, OpenF1Error, TooLarge
from mirror.simulator import Season, client
from mirror.simulator.transport import Simulator

pytestmark = pytest.mark.once

RACE = 990005
URL = "https://demo.invalid/v1"


@pytest.fixture(scope="module")
def asker():
    return client(Season())


@pytest.fixture(scope="module")
def get(asker):
    """get("laps?…"): the bare response, for what the client would never ask."""
    return lambda path: asker.session.get(f"{URL}/{path}")


def numbers(response):
    return sorted({row["driver_number"] for row in response.json()})


def test_answers_are_json_over_requests(get):
    response = get(f"laps?session_key={RACE}&lap_number=3")
    assert (response.status_code, response.reason, response.ok) == (200, "OK", True)
    assert response.headers["Content-Type"] == "application/json"
    assert response.request.method == "GET"
    assert {row["lap_number"] for row in response.json()} == {3}


def test_filters_of_different_fields_must_all_hold(asker):
    rows = asker.rows("laps", {"meeting_key": 900001, "session_key": RACE, "driver_number>=": 50, "driver_number<": 60})
    assert {row["driver_number"] for row in rows} == {50, 52}
    assert {row["session_key"] for row in rows} == {RACE}


def test_a_repeated_filter_means_any_of_its_values(get):
    assert numbers(get(f"laps?session_key={RACE}&driver_number=12&driver_number=50")) == [12, 50]


def test_a_gap_between_bounds_means_either_side(get):
    below_or_above = get(f"laps?session_key={RACE}&driver_number<4&driver_number>90")
    assert numbers(below_or_above) == [3, 94]


def test_operators_may_be_encoded(get):
    plain = get(f"laps?session_key={RACE}&lap_duration>=90").json()
    assert plain == get(f"laps?session_key={RACE}&lap_duration%3E%3D90").json()
    assert min(row["lap_duration"] for row in plain) >= 90


def test_null_never_matches_and_types_are_not_mixed(get):
    assert all(row["st_speed"] is not None for row in get(f"laps?session_key={RACE}&st_speed>=0").json())
    assert get(f"laps?session_key={RACE}&is_pit_out_lap=1").status_code == 404
    assert get(f"laps?session_key={RACE}&is_pit_out_lap=TRUE").status_code == 200


def test_gaps_can_be_asked_for_as_numbers_and_as_text(get):
    lapped = get("intervals?session_key=990025&gap_to_leader=%2B1%20LAP").json()
    assert {row["gap_to_leader"] for row in lapped} == {"+1 LAP"}
    far = get("intervals?session_key=990025&gap_to_leader>40").json()
    assert all(row["gap_to_leader"] > 40 for row in far)


def test_a_date_without_a_time_is_the_whole_day(get):
    of_day = get("sessions?date_start=2022-02-26").json()
    assert [row["session_name"] for row in of_day] == ["Practice 3", "Qualifying"]
    assert len(get("sessions?date_start>2022-02-26&meeting_key=900001").json()) == 1
    assert len(get("sessions?date_start<=2022-02-26&meeting_key=900001").json()) == 4


def test_a_window_of_dates_cuts_out_its_rows(asker):
    window = {"date>=": "2022-02-27T14:10:00", "date<": "2022-02-27T14:11:00+00:00"}
    rows = asker.rows("car_data", {"session_key": RACE, **window})
    assert len({row["driver_number"] for row in rows}) == 20
    begin, end = datetime.fromisoformat("2022-02-27T14:10:00+00:00"), datetime.fromisoformat("2022-02-27T14:11:00+00:00")
    assert all(begin <= datetime.fromisoformat(row["date"]) < end for row in rows)


def test_latest_is_the_last_race(asker):
    (session,) = asker.rows("sessions", {"session_key": "latest"})
    assert (session["session_key"], session["session_name"]) == (990025, "Race")
    assert {row["meeting_key"] for row in asker.rows("sessions", {"meeting_key": "latest"})} == {900003}


def test_no_rows_is_404_and_an_empty_list_for_the_client(asker, get):
    response = get("laps?session_key=9472")
    assert (response.status_code, response.json()) == (404, {"detail": "No results found."})
    assert asker.rows("laps", {"session_key": 9472}) == []
    assert asker.rows("laps", {"no_such_field": 1, "session_key": RACE}) == []
    assert asker.rows("car_data", {"session_key": 990001}) == []


@pytest.mark.parametrize("collection", ["car_data", "location"])
def test_samples_of_a_whole_session_are_refused(collection, asker):
    with pytest.raises(TooLarge, match="add driver_number"):
        asker.rows(collection, {"session_key": RACE})


def test_what_cannot_be_understood_is_an_error_and_no_crash(asker, get):
    assert get("laps/1").json() == {"detail": "Not Found"}
    assert get("laps?csv").json() == {"detail": "No operator in 'csv'."}
    assert get(f"laps?session_key={RACE}&lap_number>1&lap_number>x").status_code == 400
    assert asker.session.head(f"{URL}/laps").status_code == 405
    with pytest.raises(BadRequest):
        asker.rows("laps/1", {})


def test_a_collection_that_the_season_does_not_invent_has_no_rows(asker):
    assert asker.rows("tyre_sets", {"session_key": RACE}) == []


def test_only_its_own_address_is_answered():
    session = requests.Session()
    session.mount(URL, Simulator(Season(races=1)))
    assert session.get(f"{URL}/meetings").status_code == 200
    assert not isinstance(session.get_adapter("https://api.openf1.org/v1/laps"), Simulator)
    assert issubclass(TooLarge, OpenF1Error)


def test_the_client_needs_no_pace(asker):
    before = asker.sent
    for _ in range(5):
        asker.rows("meetings", {"year": 2022})
    assert asker.sent == before + 5
    assert asker.source == "demo"
