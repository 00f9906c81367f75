"""What feeds read off their models, and the way back to OpenF1's rows."""

import msgspec
import pytest
from django.db import models

from mirror.changes import apply
from mirror.feeds import digest, number
from mirror.pipeline import registry
from races.tests.weekends import weekend
from telemetry.models import Lap

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
    assert number(value) == expected
    assert type(number(value)) is type(expected)


def test_a_digest_fits_a_big_integer_and_tells_its_values_apart():
    low, high = models.BigIntegerField.MAX_BIGINT * -1 - 1, models.BigIntegerField.MAX_BIGINT
    digests = (
        [digest(n, None) for n in range(1_000)] + [digest(None, n) for n in range(1_000)] + [digest("a", "b"), digest("ab", "")]
    )
    assert len(set(digests)) == len(digests)
    assert all(low <= value <= high for value in digests)
    assert min(digests) < 0 < max(digests)
    assert digest(1, msgspec.UNSET) == digest(1, None)


@pytest.mark.django_db
def test_rows_come_back_in_upstreams_names_and_spelling():
    weekend("Practice 1")
    row = {
        "meeting_key": 1,
        "session_key": 10,
        "driver_number": 4,
        "lap_number": 1,
        "date_start": "2023-03-05T10:00:00.125000+00:00",
        "lap_duration": 90.0,
        "i1_speed": 300,
        "duration_sector_1": 30.123,
        "duration_sector_2": None,
        "duration_sector_3": 29.0,
        "i2_speed": 280,
        "st_speed": None,
        "is_pit_out_lap": True,
        "segments_sector_1": [2048, None],
        "segments_sector_2": [],
        "segments_sector_3": None,
    }
    whole_second = row | {"lap_number": 2, "date_start": "2023-03-05T10:01:30+00:00"}
    feed = registry()["laps"]
    apply(feed, [row, whole_second], {"session_key": 10}, source="openf1")
    assert list(feed.unbuild(Lap.objects.order_by("pk"))) == [row, whole_second]
    assert list(feed.unbuild(Lap.objects.filter(lap_number=2))) == [whole_second]


@pytest.mark.django_db
def test_races_and_sessions_come_back_too():
    sprint, _ = weekend("Sprint", "Race")
    (race,) = registry()["meetings"].unbuild(type(sprint.race)._default_manager.all())
    assert (race["meeting_key"], race["meeting_name"], race["year"]) == (1, "Grand Prix 1", 2023)
    rows = list(registry()["sessions"].unbuild(type(sprint)._default_manager.all()))
    assert [(row["meeting_key"], row["session_key"], row["session_name"]) for row in rows] == [(1, 10, "Sprint"), (1, 11, "Race")]
    assert rows[1]["date_start"] == "2023-03-05T16:00:00+00:00"
    assert "race_id" not in rows[0]
    assert "session_id" not in rows[0]


@pytest.mark.django_db
def test_reading_back_takes_one_query(django_assert_num_queries):
    weekend("Practice 1")
    with django_assert_num_queries(1):
        list(registry()["laps"].unbuild(Lap.objects.filter(session=10)))
