"""Pit stops, positions, intervals, overtakes and team radio as OpenF1 sends them."""

from collections import Counter

import pytest

from drivers.models import Driver, Entry
from drivers.people import assign_drivers_to_rows, merge
from mirror.changes import apply
from mirror.tests.upstream import openf1_rows
from races.tests.weekends import weekend
from telemetry.feeds import IntervalFeed, OvertakeFeed, PitFeed, PositionFeed, TeamRadioFeed
from telemetry.models import Interval, Overtake, Pit, Position, TeamRadio

pytestmark = pytest.mark.django_db

NOON = "2023-03-05T12:00:00+00:00"


@pytest.fixture(autouse=True)
def _race():
    weekend("Race")


def store(feed, *rows):
    rows = [{"meeting_key": 1, "session_key": 10} | row for row in rows]
    return Counter(apply(feed, rows, {"session_key": 10}, source="openf1").counts)


def pit(number=4, **more):
    return {"driver_number": number, "lap_number": 12, "date": NOON, "pit_duration": 22.5} | more


def test_a_pit_duration_that_upstream_corrects_is_an_update():
    store(PitFeed(), pit(), pit(81))
    assert store(PitFeed(), pit(pit_duration=None), pit(81)) == Counter(updated=1, unchanged=1)
    assert dict(Pit.objects.values_list("driver_number", "pit_duration")) == {4: None, 81: 22.5}


def test_fields_that_upstream_adds_later_come_to_the_pit_stops_that_are_there():
    store(PitFeed(), pit(lap_number=None))
    assert store(PitFeed(), pit(lane_duration=22.5, stop_duration=2.4)) == Counter(updated=1)
    assert Pit.objects.values_list("lap_number", "lane_duration", "stop_duration").get() == (12, 22.5, 2.4)


def test_two_stops_on_one_lap_are_two_and_one_without_a_moment_is_known_by_its_lap():
    rows = [pit(), pit(date="2023-03-05T12:01:00+00:00"), pit(date=None), pit(date=None, lap_number=13)]
    assert store(PitFeed(), *rows) == Counter(created=4)
    assert store(PitFeed(), *rows, pit()) == Counter(unchanged=4, folded=1)


def place(position, *, number=4, date=NOON):
    return {"driver_number": number, "date": date, "position": position}


def test_two_places_of_one_car_at_one_moment_are_both_kept():
    rows = [place(3), place(2), place(2, number=81), place(2)]
    assert store(PositionFeed(), *rows) == Counter(created=3, folded=1)
    assert list(Position.objects.values_list("driver_number", "position")) == [(4, 2), (4, 3), (81, 2)]


def gap(leader, ahead, *, number=4, date=NOON):
    return {"driver_number": number, "date": date, "gap_to_leader": leader, "interval": ahead}


def test_intervals_come_back_exactly_as_they_went_in_and_are_numbers_too():
    values = [(0, 0), (1.5, 1.5), (10.0, None), ("+1 LAP", 3.25), ("+1 LAP", "+1 LAP"), (None, None)]
    rows = [gap(*pair, number=number) for number, pair in enumerate(values)]
    assert store(IntervalFeed(), *rows) == Counter(created=6)
    back = openf1_rows(IntervalFeed(), Interval.objects.order_by("pk"))
    assert [repr((row["gap_to_leader"], row["interval"])) for row in back] == list(map(repr, values))
    assert set(Interval.objects.values_list("gap_to_leader_seconds", "interval_seconds")) == {
        (0.0, 0.0),
        (1.5, 1.5),
        (10.0, None),
        (None, 3.25),
        (None, None),
    }
    assert store(IntervalFeed(), *rows) == Counter(unchanged=6)


def test_different_intervals_of_one_car_and_moment_are_all_kept_and_each_can_be_corrected():
    rows = [gap(10.0, 1.0), gap(10.1, 1.0), gap(10.0, 1.0), gap(10.2, 1.0)]
    assert store(IntervalFeed(), *rows) == Counter(created=3, folded=1)
    assert list(Interval.objects.values_list("gap_to_leader", flat=True)) == [10.0, 10.1, 10.2]
    assert store(IntervalFeed(), gap(10.0, 1.0), gap(10.15, 1.0), gap(10.2, 1.0)) == Counter(updated=1, unchanged=2)
    assert store(IntervalFeed(), gap(10.0, 1.0)) == Counter(unchanged=1, vanished=2)


def overtake(one=4, other=81, **more):
    return {"overtaking_driver_number": one, "overtaken_driver_number": other, "date": NOON, "position": 3} | more


def enter(**people):
    for person, number in people.items():
        Driver.objects.get_or_create(pk=person, defaults={"full_name": person})
        Entry.objects.create(session_id=10, driver_number=number, driver_id=person)


def test_an_overtake_has_two_people():
    enter(lando_norris=4, oscar_piastri=81)
    assert store(OvertakeFeed(), overtake(), overtake(81, 4), overtake(4, 99)) == Counter(created=3)
    assert set(Overtake.objects.values_list("overtaking_driver", "overtaken_driver")) == {
        ("lando_norris", "oscar_piastri"),
        ("oscar_piastri", "lando_norris"),
        ("lando_norris", None),
    }
    assert store(OvertakeFeed(), overtake(position=2), overtake(81, 4), overtake(4, 99)) == Counter(updated=1, unchanged=2)


def test_rows_about_cars_find_their_people_when_entries_arrive_later_and_follow_repairs():
    store(OvertakeFeed(), overtake())
    store(PitFeed(), pit(), pit(81))
    enter(lando_norris=4, oscar_piastri=81)
    assign_drivers_to_rows(10)
    assert Overtake.objects.values_list("overtaking_driver", "overtaken_driver").get() == ("lando_norris", "oscar_piastri")
    assert set(Pit.objects.values_list("driver_number", "driver")) == {(4, "lando_norris"), (81, "oscar_piastri")}
    Entry.objects.filter(driver_number=81).delete()
    enter(pato_oward=81)
    Entry.objects.filter(driver_number=4).delete()
    assign_drivers_to_rows(10)
    assert Overtake.objects.values_list("overtaking_driver", "overtaken_driver").get() == (None, "pato_oward")
    assert set(Pit.objects.values_list("driver_number", "driver")) == {(4, None), (81, "pato_oward")}


def test_merged_people_keep_their_overtakes():
    enter(lando_norris=4, norris_lando=81)
    store(OvertakeFeed(), overtake(), overtake(81, 4))
    merge(Driver.objects.get(pk="lando_norris"), Driver.objects.filter(pk="norris_lando"))
    assert set(Overtake.objects.values_list("overtaking_driver", "overtaken_driver")) == {("lando_norris", "lando_norris")}


def test_a_recording_is_known_by_its_address_and_its_moment_can_come_later():
    first = {"driver_number": 4, "date": None, "recording_url": "https://radio.example/NOR_4_120000.mp3"}
    second = {"driver_number": 4, "date": None, "recording_url": "https://radio.example/NOR_4_120500.mp3"}
    assert store(TeamRadioFeed(), first, second) == Counter(created=2)
    assert store(TeamRadioFeed(), first | {"date": NOON}, second) == Counter(updated=1, unchanged=1)
    assert TeamRadio.objects.filter(date=NOON).get().recording_url.endswith("120000.mp3")
