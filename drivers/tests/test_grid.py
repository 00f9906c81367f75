"""The grid of a race is filed under its qualifying."""

import pytest

from drivers.models import StartingGrid
from races.models import Race, Session

pytestmark = pytest.mark.django_db


def test_the_grid_of_a_race_is_found_below_the_race_and_below_its_qualifying(api):
    race = Race.objects.create(race_id=1, race_name="Somewhere Grand Prix", year=2023)
    names = {10: "Qualifying", 11: "Race", 12: "Practice 1"}
    for key, name in names.items():
        Session.objects.create(session_id=key, race=race, year=2023, session_name=name)
    StartingGrid.objects.create(session_id=10, driver_number=4, position=1)
    counts = {name: api.get(f"/api/v1/sessions/{key}/starting-grid/").json()["count"] for key, name in names.items()}
    assert counts == {"Qualifying": 1, "Race": 1, "Practice 1": 0}
