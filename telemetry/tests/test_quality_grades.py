"""How complete the collections of a session are said to be."""

from datetime import UTC, datetime

import pytest

from mirror.feeds import Feed
from telemetry.quality.completeness import (
    CollectionGrade,
    Grade,
    grade_collection,
    grade_collections,
    grade_session,
    graded_feeds,
    incomplete_collections,
)
from telemetry.quality.session_rows import LOADED
from telemetry.tests.quality import message, piece, practice, qualifying, race, session, with_lap, with_stint

pytestmark = pytest.mark.once


def grade(collection, rows):
    graded = grade_collections(rows)[collection]
    return graded.grade.value, graded.reason


def session_grade(rows):
    return grade_session(grade_collections(rows))


def without(rows, collection):
    """The same session with nothing of a collection."""
    if collection in LOADED:
        setattr(rows, LOADED[collection], [])
    else:
        rows.counts = {**rows.counts, collection: {}}
    return rows


@pytest.mark.parametrize("rows", [race(), practice(), qualifying()], ids=["race", "practice", "qualifying"])
def test_a_session_with_all_that_upstream_can_have_is_complete(rows):
    assert session_grade(rows) == "complete"


@pytest.mark.parametrize("collection", [feed.collection for feed in graded_feeds() if feed.by_default])
def test_what_upstream_should_have_is_missing_where_it_is_not_there(collection):
    rows = without(qualifying() if collection == "starting_grid" else race(), collection)
    assert grade(collection, rows)[0] == "missing"
    assert session_grade(rows) == "partial"


def test_a_collection_without_a_grader_of_its_own_is_missing_until_rows_are_stored():
    class TyreSetFeed(Feed):
        collection = "tyre_sets"

    assert grade_collection(TyreSetFeed(), race()) == CollectionGrade(Grade.MISSING, 0, "never synced")
    rows = race(counts={**race().counts, "tyre_sets": {1: 3}})
    assert grade_collection(TyreSetFeed(), rows) == CollectionGrade(Grade.COMPLETE, 3)


@pytest.mark.parametrize("collection", ["intervals", "overtakes", "championship_drivers", "championship_teams", "starting_grid"])
def test_what_upstream_never_has_of_a_practice_is_not_missing(collection):
    assert grade(collection, practice())[0] == "not provided"


def test_there_are_no_pit_rows_before_spain_2023():
    early = session(year=2023, date_start=datetime(2023, 5, 28, tzinfo=UTC))
    assert grade("pit", race(session=early, pits=[])) == ("not provided", "pit rows begin with Spain 2023")
    assert grade("pit", race(session=session(year=2023, date_start=datetime(2023, 6, 4, tzinfo=UTC)), pits=[]))[0] == "missing"


def test_tests_have_no_radio():
    test_day = practice(session=session(session_name="Practice 1", session_type="Practice", race__race_name="Pre-Season Testing"))
    assert grade("team_radio", without(test_day, "team_radio"))[0] == "not provided"


def test_a_sprint_in_which_nobody_stopped_has_all_its_pit_rows():
    rows = race(pits=[], stints=[stint for stint in race().stints if stint.stint_number == 1])
    assert grade("pit", rows) == ("complete", "no car stopped")


def test_nothing_is_provided_of_a_cancelled_session_and_not_yet_of_a_coming_one():
    nothing = {"laps": [], "entries": [], "stints": [], "pits": [], "results": [], "messages": [], "weather": []}
    nothing |= {"driver_standings": [], "team_standings": [], "counts": {name: {} for name in race().counts}}
    assert session_grade(race(**nothing, session=session(is_cancelled=True))) == "not provided"
    assert session_grade(race(**nothing, session=session(year=2022))) == "not provided"
    assert session_grade(race(**nothing, session=session(date_start=datetime(2030, 1, 1, tzinfo=UTC)))) == "not yet"
    assert session_grade(race(**nothing)) == "missing"


def test_a_missing_collection_says_whether_it_was_synced():
    assert grade("laps", race(laps=[], pieces=[])) == ("missing", "never synced")
    assert grade("laps", race(laps=[], pieces=[piece("laps")])) == ("missing", "upstream sends none")
    assert grade("laps", race(laps=[], pieces=[piece("laps", ok=False)])) == ("missing", "never synced")


def test_samples_count_only_once_they_were_asked_for():
    assert grade("car_data", race())[0] == "missing"
    assert session_grade(race()) == "complete"
    assert not incomplete_collections(grade_collections(race()))


@pytest.mark.parametrize(
    ("collection", "rows", "reason"),
    [
        ("drivers", race(entries=race().entries[:1]), "No entry of car 16."),
        (
            "laps",
            race(laps=[lap for lap in race().laps if lap.lap_number != 4]),
            "Car 1 has 5 laps; its result says 6. And 1 more.",
        ),
        ("stints", with_stint(16, 1, lap_start=None), "No first or last lap of a stint of car 16."),
        ("stints", race(stints=race().stints[:2]), "No stint of car 16."),
        ("pit", race(pits=race().pits[:1]), "Lap 4 of car 16 is an out-lap without a pit row."),
        ("weather", race(weather=race().weather[:10]), "It ends before the session."),
        ("weather", race(weather=race().weather[14:]), "It begins after the session."),
        ("race_control", race(messages=[message("DRS ENABLED")]), "No chequered flag."),
        ("position", race(counts={**race().counts, "position": {1: 3}}), "No position of car 16."),
        ("session_result", race(results=race().results[:1]), "No result of car 16."),
        ("starting_grid", qualifying(grid=qualifying().grid[1:]), "Places of the grid are missing."),
    ],
)
def test_a_collection_with_something_missing_is_partial_and_says_what(collection, rows, reason):
    assert grade(collection, rows) == ("partial", reason)


def test_a_lap_without_a_time_leaves_the_laps_complete():
    assert grade("laps", with_lap(1, 6, lap_duration=None, duration_sector_3=None))[0] == "complete"


def test_the_grade_of_a_session_is_that_of_all_its_collections():
    def of(*values):
        return grade_session({str(n): CollectionGrade(Grade(value), 0) for n, value in enumerate(values)})

    assert of("complete", "not provided") == "complete"
    assert of("complete", "missing") == of("partial", "complete") == of("not yet", "complete") == "partial"
    assert of("missing", "not provided") == "missing"
    assert of("not provided") == "not provided"
