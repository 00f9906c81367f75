"""Race weekends and sessions on the command line, by key or by name."""

import pytest
from django.core.management import CommandError

from races.arguments import chosen_session, race_ids, session_ids
from races.models import Race, Session

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def monaco():
    """Monaco of two seasons, each with a qualifying and a race."""
    for year in (2023, 2024):
        race = Race.objects.create(race_id=year, year=year, race_name="Monaco Grand Prix", slug="monaco")
        for number, name in enumerate(("Qualifying", "Race")):
            Session.objects.create(session_id=year * 10 + number, race=race, year=year, session_name=name, slug=name.lower())


def test_one_session_is_chosen():
    assert chosen_session({"race": "monaco", "year": "2024", "session": "R"}) == 20241
    assert chosen_session({"race": None, "year": None, "session": "77"}) == 77  # whoever reads it says that it is not stored
    with pytest.raises(CommandError, match="--year: 'monaco' was held in several seasons"):
        chosen_session({"race": "monaco", "session": "race"})
    with pytest.raises(CommandError, match="Name the session: --session ID, or --race"):
        chosen_session({})


def test_several_are_named_by_keys_and_words():
    assert race_ids(["monaco", "1229"], years=[2024]) == [2024, 1229]
    assert race_ids(["monaco"], years=[]) == [2023, 2024]
    assert session_ids([9472], races=[], years=[]) == [9472]
    assert session_ids(["race", "9472"], races=["monaco"], years=[2023]) == [9472, 20231]
    assert session_ids([], races=["monaco"], years=[2024]) == [20240, 20241]
    assert session_ids([], races=[], years=[2024]) == []
    with pytest.raises(CommandError, match="--race: There is no race weekend called 'monco'"):
        race_ids(["monco"], years=[])
    with pytest.raises(CommandError, match=r"--session: .* is out of range"):
        session_ids(["9" * 20], races=[], years=[])
