"""What feeds read from their models."""

import msgspec
import pytest
from django.db import models

from mirror.feeds import registry
from mirror.values import digest, extract_number

pytestmark = pytest.mark.once

FEEDS = list(registry().values())
COLLECTIONS = [feed.collection for feed in FEEDS]


@pytest.mark.parametrize("feed", FEEDS, ids=COLLECTIONS)
def test_no_column_of_a_key_can_be_null(feed):
    """A null never conflicts, so a second sync would store the row again."""
    assert not [name for name in feed.key if feed.model._meta.get_field(name).null]


@pytest.mark.parametrize("feed", FEEDS, ids=COLLECTIONS)
def test_what_upstream_and_people_see_of_a_row_are_fields_of_the_model_and_each_once(feed):
    attributes = [field.attname for field in feed.model._meta.concrete_fields]
    assert set(feed.fields) <= set(attributes)
    assert len(set(feed.fields)) == len(feed.fields)
    assert len(set(feed.wire.values())) == len(feed.wire)


@pytest.mark.parametrize("feed", FEEDS, ids=COLLECTIONS)
def test_fields_that_are_computed_cannot_be_edited(feed):
    assert not [name for name in feed.derived if feed.model._meta.get_field(name).editable]


def test_only_rows_that_all_belong_to_a_car_are_asked_for_by_car():
    assert {feed.collection for feed in FEEDS if feed.by_car} == {
        "drivers",
        "stints",
        "laps",
        "pit",
        "position",
        "intervals",
        "team_radio",
        "session_result",
        "starting_grid",
        "championship_drivers",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.5, 1.5),
        (0, 0.0),
        ("+1 LAP", None),
        (None, None),
        ([91.6, 90.5, 89.7], 89.7),
        ([91.6, 90.5, None], 90.5),
        ([91.6, None, None], 91.6),
        ([None, None, None], None),
        ([], None),
        (msgspec.UNSET, msgspec.UNSET),
    ],
)
def test_the_number_in_a_mixed_column(value, expected):
    assert extract_number(value) == expected
    assert type(extract_number(value)) is type(expected)


def test_a_digest_fits_a_big_integer_and_tells_its_values_apart():
    low, high = models.BigIntegerField.MAX_BIGINT * -1 - 1, models.BigIntegerField.MAX_BIGINT
    digests = (
        [digest(n, None) for n in range(1_000)] + [digest(None, n) for n in range(1_000)] + [digest("a", "b"), digest("ab", "")]
    )
    assert len(set(digests)) == len(digests)
    assert all(low <= value <= high for value in digests)
    assert min(digests) < 0 < max(digests)
    assert digest(1, msgspec.UNSET) == digest(1, None)
