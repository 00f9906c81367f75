"""Rows that are not stored: each is kept once, for as long as it is refused, and told."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from f1site.management.commands import sync_openf1
from mirror.models import Reject
from mirror.planning import Scope
from mirror.tests.test_pipeline import Season, lap, run, session
from mirror.tests.upstream import client as client_of
from telemetry.models import Lap
from telemetry.quality.report import check_sessions

pytestmark = pytest.mark.django_db


def with_bad_rows():
    upstream = Season()
    upstream.rows["laps"] += [lap(11, 1, "four"), lap(11, 1, 5, lap_duration="fast"), lap(99, 1, 4)]
    upstream.rows["sessions"].append(session("x", 1))
    return upstream


def reasons():
    return sorted(Reject.objects.values_list("reason", flat=True))


@pytest.mark.parametrize("force", [False, True])
def test_a_reject_is_stored_once_with_the_first_and_the_last_time_it_was_seen(force):
    run(with_bad_rows())
    before = {reject.pk: reject for reject in Reject.objects.all()}
    assert len(before) == 4
    report = run(with_bad_rows(), force=force)
    after = {reject.pk: reject for reject in Reject.objects.all()}
    assert after.keys() == before.keys()
    for pk, reject in after.items():
        assert reject.first_seen == before[pk].first_seen
        assert reject.last_seen > before[pk].last_seen
        assert reject.run_id == report.run_id


def test_equal_rows_of_one_answer_are_one_reject():
    upstream = Season()
    upstream.rows["laps"] += [lap(11, 1, "four")] * 3
    assert run(upstream).total["rejected"] == 3
    assert Reject.objects.count() == 1


def test_a_reject_goes_when_the_row_is_accepted_or_no_longer_sent():
    upstream = with_bad_rows()
    run(upstream)
    upstream.rows["laps"] = [row for row in upstream.rows["laps"] if row["driver_number"] != "four"]
    upstream.rows["laps"][-2]["lap_duration"] = 91.0
    upstream.rows["sessions"][-1] = session(99, 1)
    run(upstream)
    assert not Reject.objects.exists()
    assert Lap.objects.filter(session=11, driver_number=5, lap_duration=91.0).exists()
    assert Lap.objects.filter(session=99).exists()


def test_a_reject_goes_also_when_another_scope_brings_the_row():
    upstream = with_bad_rows()
    run(upstream)
    upstream.rows["sessions"][-1] = session(99, 1)
    run(upstream, scope=Scope(sessions=(99,)))
    assert not Reject.objects.filter(session_id=99).exists()
    assert Reject.objects.filter(session_id=11).count() == 2


def test_a_sync_of_other_rows_leaves_rejects_alone():
    run(with_bad_rows())
    run(with_bad_rows(), scope=Scope(races=(2,)))
    assert Reject.objects.count() == 4


@pytest.mark.parametrize("key", [[11], {"a": 1}, "11", None, 1e300, True])
def test_a_session_key_of_another_type_is_a_reject(key):
    upstream = Season()
    upstream.rows["laps"].append(lap(key, 1, 4))
    upstream.rows["sessions"].append(session(key, 1))
    upstream.rows["sessions"].append(session(77, key))
    report = run(upstream)
    assert report.errors == []
    assert report.collections["sessions"]["rejected"] == 2
    assert report.collections["laps"] == {"created": 12, "rejected": 1}


def test_a_row_with_characters_that_no_database_holds_is_a_reject():
    upstream = Season()
    upstream.rows["sessions"].append(session(98, 1) | {"session_name": "nul \x00 and \\u0000"})
    run(upstream)
    [reject] = Reject.objects.filter(collection="sessions")
    assert reject.row["session_name"] == "nul \ufffd and \\u0000"


def test_rejects_are_served_with_filters(api):
    run(with_bad_rows())
    [row] = api.get("/api/v1/rejects/?collection=laps&session_id=99").json()["results"]
    assert (row["race_id"], row["driver_number"], row["row"]["lap_number"]) == (1, 4, 1)
    assert "lists no such session" in row["reason"]
    assert row["first_seen"] <= row["last_seen"]
    assert api.get(row["url"]).json() == row
    assert api.get("/api/v1/rejects/?collection=sessions").json()["count"] == 1
    assert api.delete(row["url"]).status_code in (401, 403, 405)


def test_rows_of_unlisted_sessions_are_found_in_all_collections_until_their_session_is_listed():
    upstream = with_bad_rows()
    stint = {"session_key": 98, "meeting_key": 1, "driver_number": 1, "stint_number": 1}
    upstream.rows["stints"] = [stint, stint | {"stint_number": 2}]
    collections = ("meetings", "sessions", "stints", "laps")

    def found():
        findings = [finding for report in check_sessions() for finding in report.findings]
        return [finding.message for finding in findings if finding.check == "rows_of_unlisted_sessions"]

    run(upstream, *collections)
    assert [message.split(", which")[0] for message in found()] == [
        "3 rows of this weekend (2 of stints and 1 of laps) belong to sessions 98 and 99"
    ]
    upstream.rows["sessions"][-1] = session(99, 1)
    run(upstream, *collections)
    assert [message.split(", which")[0] for message in found()] == ["2 rows of this weekend (2 of stints) belong to session 98"]
    upstream.rows["sessions"].append(session(98, 1))
    run(upstream, *collections)
    assert found() == []


@pytest.fixture
def command(monkeypatch):
    """`sync_openf1` with an invented upstream; returns what it prints."""

    def call(upstream, *arguments):
        monkeypatch.setattr(sync_openf1, "from_settings", lambda **options: client_of(upstream))
        out = StringIO()
        call_command("sync_openf1", *arguments, stdout=out)
        return out.getvalue()

    return call


@pytest.mark.parametrize("times", [1, 2])
def test_the_command_tells_keys_and_reasons_of_the_first_ten_rejects_and_how_many_there_are(command, times):
    upstream = Season()
    upstream.rows["laps"] += [lap(11, 1, "four", lap_number=number) for number in range(1, 13)]
    for _ in range(times):
        printed = command(upstream, "meetings", "sessions", "laps", "--season", "2023")
    lines = [line for line in printed.splitlines() if "not stored" in line]
    assert len(lines) == 11
    assert lines[0] == (
        "laps: not stored: session_key 11, driver_number four, lap_number 1: Expected `int`, got `str` - at `$.driver_number`"
    )
    assert lines[-1] == "12 rows from OpenF1 are not stored; see /api/v1/rejects/ or the rejects in the admin."


def test_the_command_has_rejects_in_its_json(command):
    report = json.loads(command(with_bad_rows(), "meetings", "sessions", "laps", "--season", "2023", "--json"))
    assert report["ok"]
    assert report["rejects"][-1]["key"] == {"session_key": 99, "driver_number": 4, "lap_number": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("laps", "--session", "1"), "lists no session 1"),
        (("--race", "99999"), "lists no race 99999"),
        (("--season", "2019"), "no race weekend of season 2019"),
    ],
)
def test_the_command_fails_when_nothing_matches(command, arguments, message):
    with pytest.raises(CommandError, match=message):
        command(Season(), *arguments)
