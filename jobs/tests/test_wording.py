"""Numbers in sentences."""

import pytest

from jobs.wording import plural


@pytest.mark.parametrize(
    ("number", "nouns", "said"),
    [
        (0, ("lap",), "0 laps"),
        (1, ("lap",), "1 lap"),
        (1_200, ("lap",), "1,200 laps"),
        (1, ("entry", "entries"), "1 entry"),
        (2, ("correction was", "corrections were"), "2 corrections were"),
    ],
)
def test_a_number_agrees_with_its_noun(number, nouns, said):
    assert plural(number, *nouns) == said
