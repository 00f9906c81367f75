"""Sessions that upstream withdraws, sessions of race weekends that it does not list, and scopes that match nothing."""

import pytest

from mirror.jobs import result_of
from mirror.models import Reject
from mirror.planning import Scope
from mirror.tests.test_pipeline import Season, lap, meeting, run, session
from mirror.tests.upstream import answer
from races.models import Race, Session
from telemetry.models import Lap

pytestmark = pytest.mark.django_db

NEWEST = "2023-04-03T11:30:00+00:00"
ALL = ("meetings", "sessions", "laps")


def season_of_three(**options):
    """The two weekends, and a newer one with session 31."""
    upstream = Season(**options)
    upstream.rows["meetings"].append(meeting(3, start=NEWEST))
    upstream.rows["sessions"].append(session(31, 3, start=NEWEST))
    upstream.rows["laps"].append(lap(31, 3, 4))
    return upstream


def withdraw(upstream, race):
    for collection in ALL:
        upstream.rows[collection] = [row for row in upstream.rows[collection] if row["meeting_key"] != race]


def latest(client, collection="sessions", key="session_key"):
    response = client.get(f"/v1/{collection}?session_key=latest")
    return {row[key] for row in response.json()} if response.status_code == 200 else response.status_code


@pytest.mark.parametrize("scope", [Scope(seasons=(2023,)), Scope(races=(3,)), Scope(sessions=(31,)), Scope()])
def test_latest_is_the_newest_session_that_upstream_still_lists(client, scope):
    upstream = season_of_three()
    run(upstream)
    assert latest(client) == {31}
    withdraw(upstream, 3)
    run(upstream, scope=scope)
    assert latest(client) == latest(client, "laps") == {22}
    assert Lap.objects.filter(session=31).exists()
    run(season_of_three(), scope=scope)
    assert latest(client) == latest(client, "laps") == {31}


def test_an_answer_from_the_cache_does_not_outlive_the_withdrawal(client):
    upstream = season_of_three()
    run(upstream)
    etag = client.get("/v1/sessions?session_key=latest")["ETag"]
    withdraw(upstream, 3)
    run(upstream)
    assert client.get("/v1/sessions?session_key=latest", headers={"If-None-Match": etag}).status_code == 200


def test_a_withdrawn_session_says_so_over_rest(api):
    upstream = season_of_three()
    run(upstream)
    withdraw(upstream, 3)
    run(upstream)
    assert [row["session_id"] for row in api.get("/api/v1/sessions/?listed=false").json()["results"]] == [31]
    assert [row["race_id"] for row in api.get("/api/v1/races/?listed=false").json()["results"]] == [3]


def test_an_invalid_row_takes_its_stored_session_off_no_list(client):
    upstream = season_of_three()
    run(upstream)
    upstream.rows["sessions"][-1] |= {"date_start": "soon"}
    run(upstream)
    assert latest(client) == {31}


def test_a_failed_list_withdraws_nothing(client):
    run(season_of_three())
    upstream = season_of_three(refuse=lambda c, filters: answer({"detail": "No."}, 400) if c == "sessions" else None)
    run(upstream)
    assert latest(client) == {31}


def test_a_dry_run_withdraws_nothing(client):
    upstream = season_of_three()
    run(upstream)
    withdraw(upstream, 3)
    run(upstream, dry_run=True)
    assert latest(client) == {31}


def test_a_pruned_weekend_is_gone_in_one_sync():
    upstream = season_of_three()
    run(upstream)
    withdraw(upstream, 3)
    run(upstream, prune=True)
    assert not Race.objects.filter(pk=3).exists()
    assert not Session.objects.filter(pk=31).exists()


# --- a listed session of an unlisted meeting --------------------------------------------------------------------------


def unlisted_meeting():
    upstream = season_of_three()
    upstream.rows["meetings"].pop()
    upstream.rows["sessions"][-1] |= {"location": "Yas Island", "circuit_short_name": "Yas Marina Circuit", "circuit_key": 70}
    return upstream


@pytest.mark.parametrize("scope", [Scope(seasons=(2023,)), Scope(races=(3,)), Scope(sessions=(31,))])
def test_a_session_of_an_unlisted_meeting_is_synced_with_a_race_made_from_its_own_fields(client, scope):
    report = run(unlisted_meeting(), scope=scope)
    assert (report.errors, report.total["rejected"]) == ([], 0)
    race = Race.objects.get(pk=3)
    assert (race.race_name, race.circuit_name, race.circuit_key, race.year) == ("Yas Island", "Yas Marina Circuit", 70, 2023)
    assert race.date_start.isoformat() == NEWEST
    assert (race.listed, race.source) == (False, "openf1")
    assert Lap.objects.filter(session=31).exists()
    assert latest(client) == {31}


def test_a_race_made_from_its_sessions_becomes_the_listed_one():
    run(unlisted_meeting())
    run(season_of_three())
    race = Race.objects.get(pk=3)
    assert (race.race_name, race.listed) == ("Grand Prix 3", True)


def test_a_race_made_from_its_sessions_is_neither_pruned_nor_counted_as_vanished():
    run(unlisted_meeting())
    for collections in (ALL, ("meetings",)):
        report = run(unlisted_meeting(), *collections, prune=True)
        assert report.total["vanished"] == 0
    assert Race.objects.filter(pk=3).exists()


def test_no_race_is_made_when_the_list_of_races_cannot_be_had():
    upstream = unlisted_meeting()
    upstream.refuse = lambda c, filters: answer({"detail": "No."}, 400) if filters.get("meeting_key") == "3" else None
    report = run(upstream, "meetings", "sessions")
    assert len(report.errors) == 1
    assert not Race.objects.filter(pk=3).exists()


def test_a_new_session_brings_its_race_along_when_only_sessions_are_synced():
    run(Season())
    run(season_of_three(), "sessions")
    race = Race.objects.get(pk=3)
    assert (race.race_name, race.listed) == ("Grand Prix 3", True)


def test_rows_of_a_listed_session_that_has_not_begun_are_stored():
    upstream = season_of_three()
    upstream.rows["sessions"].append(session(32, 3, start="2099-03-03T11:30:00+00:00"))
    upstream.rows["laps"].append(lap(32, 3, 4))
    assert run(upstream).total["rejected"] == 0
    assert Lap.objects.filter(session=32).exists()


# --- nothing matched --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        (Scope(sessions=(1,)), "OpenF1 lists no session 1, and none is stored here; after `sync_openf1 sessions`"),
        (Scope(races=(99999,)), "OpenF1 lists no race 99999, and none is stored here; after `sync_openf1 meetings`"),
        (Scope(seasons=(2019,)), "OpenF1 has no race weekend of season 2019; its seasons begin with 2023"),
        (Scope(races=(1, 99999)), "OpenF1 lists no race 99999"),
    ],
)
@pytest.mark.parametrize("collections", [ALL, ("laps",), ("meetings",)])
def test_a_scope_that_matches_nothing_is_an_error_that_says_what_to_do(scope, message, collections):
    report = run(Season(), *collections, scope=scope)
    [error] = report.errors
    assert message in str(error)
    assert Lap.objects.exists() == (1 in scope.races and "laps" in collections)
    with pytest.raises(Exception, match=r"1 failed; first: OpenF1 (lists|has) no"):
        result_of(report)


def test_a_season_without_a_calendar_is_no_error_when_all_are_synced():
    assert run(Season(), scope=Scope()).errors == []


def test_an_upstream_without_anything_is_an_error_when_all_are_synced():
    upstream = Season()
    upstream.rows = {}
    assert "OpenF1 has no race weekend of season 2023" in str(run(upstream, scope=Scope()).errors[0])


def test_a_session_that_a_person_deleted_is_named_as_that(editor):
    run(Season())
    assert editor.delete("/api/v1/sessions/21/").status_code == 200
    [error] = run(Season(), scope=Scope(sessions=(21,))).errors
    assert "a person deleted session 21 here" in str(error)
    assert not Reject.objects.exists()
    assert run(Season()).total["rejected"] == 0
