"""Results, grids and standings as OpenF1 sends them."""

import pytest

from drivers.feeds import ChampionshipDriverFeed, ChampionshipTeamFeed, SessionResultFeed, StartingGridFeed
from drivers.models import ChampionshipDriver, ChampionshipTeam, Driver, Entry, SessionResult, StartingGrid
from mirror.changes import apply
from mirror.tests.upstream import openf1_rows
from races.tests.weekends import weekend

pytestmark = pytest.mark.django_db


def store(feed, *rows, session=10):
    rows = [{"meeting_key": 1, "session_key": session} | row for row in rows]
    return apply(feed, rows, {"session_key": session}, source="openf1")


def result(number, gap, duration=90.0, **more):
    row = {"position": 1, "driver_number": number, "number_of_laps": 50, "dnf": False, "dns": False, "dsq": False}
    return row | {"duration": duration, "gap_to_leader": gap} | more


MIXED = [
    0,
    0.0,
    25.0,
    5.123,
    "+1 LAP",
    "+2 LAPS",
    [0.302, 0.221, 0.0],
    [0.659, None, None],
    [None, None, None],
    None,
    1e22,
    -0.001,
]


def test_gaps_and_durations_come_back_exactly_as_they_went_in():
    weekend("Race")
    store(SessionResultFeed(), *(result(number, value, value) for number, value in enumerate(MIXED)))
    rows = openf1_rows(SessionResultFeed(), SessionResult.objects.order_by("pk"))
    assert [(repr(row["gap_to_leader"]), repr(row["duration"])) for row in rows] == [(repr(v), repr(v)) for v in MIXED]
    assert [repr(row.gap_to_leader) for row in SessionResult.objects.order_by("pk")] == list(map(repr, MIXED))


def test_gaps_are_sorted_and_filtered_as_numbers():
    weekend("Race")
    gaps = {1: 0, 4: "+1 LAP", 16: 25.0, 44: 5.123, 63: [0.7, 9.5, None]}
    store(SessionResultFeed(), *(result(number, gap) for number, gap in gaps.items()))
    known = SessionResult.objects.filter(gap_to_leader_seconds__isnull=False).order_by("gap_to_leader_seconds")
    assert list(known.values_list("driver_number", flat=True)) == [1, 44, 63, 16]
    assert SessionResult.objects.get(gap_to_leader_seconds__gt=9.6).driver_number == 16
    assert SessionResult.objects.get(gap_to_leader="+1 LAP").driver_number == 4


def test_the_number_follows_when_upstream_changes_a_gap():
    weekend("Race")
    store(SessionResultFeed(), result(4, "+1 LAP"))
    changes = store(SessionResultFeed(), result(4, 88.25))
    assert changes.log[0]["fields"]["gap_to_leader"] == ["+1 LAP", 88.25]
    assert SessionResult.objects.get().gap_to_leader_seconds == 88.25
    without = result(4, 0, position=2)
    del without["gap_to_leader"]
    store(SessionResultFeed(), without)
    assert SessionResult.objects.values_list("position", "gap_to_leader", "gap_to_leader_seconds").get() == (2, 88.25, 88.25)


def test_a_whole_number_that_becomes_a_float_is_no_change():
    weekend("Race")
    store(SessionResultFeed(), result(4, 0))
    assert store(SessionResultFeed(), result(4, 0.0)).counts["unchanged"] == 1


def test_a_penalty_changes_the_result_and_points_may_be_absent():
    weekend("Race")
    store(SessionResultFeed(), result(4, 0, points=25.0), result(81, 1.0, position=2))
    changes = store(SessionResultFeed(), result(4, None, None, position=None, points=None, dsq=True), result(81, 0, points=25.0))
    assert changes.counts["updated"] == 2
    assert list(SessionResult.objects.values_list("driver_number", "position", "points", "dsq")) == [
        (81, 1, 25.0, False),
        (4, None, None, True),
    ]


def test_the_grid_of_a_race_and_of_a_sprint_is_found_though_it_belongs_to_their_qualifying():
    shootout, sprint, qualifying, race = weekend("Sprint Shootout", "Sprint", "Qualifying", "Race")
    (other,) = weekend("Qualifying", race_id=2)
    store(StartingGridFeed(), {"position": 1, "driver_number": 81, "lap_duration": 90.1}, session=shootout.pk)
    grid = [{"position": place, "driver_number": number, "lap_duration": None} for place, number in ((2, 81), (1, 4), (None, 16))]
    store(StartingGridFeed(), *grid, session=qualifying.pk)
    store(StartingGridFeed(), {"position": 1, "driver_number": 44, "lap_duration": 90.1}, session=other.pk)
    assert [row.driver_number for row in StartingGrid.objects.for_race(race)] == [4, 81, 16]
    assert [row.driver_number for row in StartingGrid.objects.for_race(sprint)] == [81]
    assert not StartingGrid.objects.for_race(qualifying).exists()


def test_results_point_at_people():
    weekend("Race")
    driver = Driver.objects.create(pk="lando_norris", full_name="Lando Norris")
    Entry.objects.create(session_id=10, driver_number=4, driver=driver)
    standing = {"position_start": 1, "position_current": 1, "points_start": 0.0, "points_current": 25.0}
    store(SessionResultFeed(), result(4, 0))
    store(StartingGridFeed(), {"position": 1, "driver_number": 4})
    store(ChampionshipDriverFeed(), {"driver_number": 4} | standing)
    assert driver.sessionresults.count() == driver.startinggrids.count() == driver.championshipdrivers.count() == 1
    assert ChampionshipDriver.objects.get().points_current == 25.0


def team(name, place, *, start=None):
    return {"team_name": name, "position_start": start, "position_current": place, "points_start": None, "points_current": 10.0}


def test_teams_are_known_by_name_and_nameless_ones_by_their_place():
    weekend("Race")
    rows = [team("McLaren", 1, start=2), team(None, 2, start=1), team(None, 3, start=3), team(None, 4)]
    assert store(ChampionshipTeamFeed(), *rows).counts["created"] == 4
    assert store(ChampionshipTeamFeed(), *rows).counts["unchanged"] == 4
    moved = [team("McLaren", 2, start=2), team(None, 1, start=1), *rows[2:]]
    changes = store(ChampionshipTeamFeed(), *moved)
    assert (changes.counts["updated"], changes.counts["vanished"]) == (2, 0)
    assert list(ChampionshipTeam.objects.values_list("team_name", "position_current")) == [
        (None, 1),
        ("McLaren", 2),
        (None, 3),
        (None, 4),
    ]
