"""Fixtures: the sessions that the clients ask for."""

import pytest

from mirror import SESSIONS, rows_of


@pytest.fixture(params=SESSIONS)
def session(request) -> int:
    return request.param


@pytest.fixture
def race(session) -> dict:
    return rows_of(f"sessions?session_key={session}")[0]


@pytest.fixture
def car(session) -> int:
    """The number of a car that has laps."""
    return rows_of(f"laps?session_key={session}&limit=1")[0]["driver_number"]
