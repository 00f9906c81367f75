"""Answers that no upstream should give: each costs at most its own row or piece, never the sync."""

import gzip
import json
from typing import get_args, get_origin

import pytest
import requests
from django.db.models import BooleanField

from drivers.models import SessionResult
from mirror.errors import BadRequest, BadResponse, Unavailable
from mirror.feeds import registry
from mirror.mapping import accepted
from mirror.models import Reject, SyncRun
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.tests.test_pipeline import Season, lap, run
from mirror.tests.upstream import Clock, Script, answer, client
from races.models import Race, Session
from telemetry.models import Lap

pytestmark = pytest.mark.django_db


def body(row):
    return json.dumps([row]).encode()


BODIES = {
    "not UTF-8": b'[{"session_key": 11, "meeting_key": 1, "driver_number": 4, "lap_number": 1, "note": "\xff\xfe"}]',
    "Latin-1": '[{"session_key": 11, "team": "Räikkönen"}]'.encode("latin-1"),
    "UTF-16": '[{"session_key": 11}]'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf[{"session_key": 11}]',
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'[{"a":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}]",
    "a deep value": b'[{"session_key": 11, "segments_sector_1": ' + b"[" * 500 + b"]" * 500 + b"}]",
    "not a number": b'[{"session_key": 11, "lap_duration": NaN}]',
    "infinity": b'[{"session_key": 11, "lap_duration": Infinity}]',
    "beyond a double": b'[{"session_key": 11, "lap_duration": 1e999}]',
    "5000 digits": b'[{"session_key": 11, "lap_duration": ' + b"9" * 5_000 + b"}]",
    "half a surrogate": b'[{"session_key": 11, "note": "\\ud800"}]',
    "a bare NUL": b"\x00",
    "null": b"null",
    "true": b"true",
    "a number": b"5",
    "a text": b'"laps"',
    "an object": b'{"laps": []}',
    "rows of rows": b"[[{}]]",
    "nulls for rows": b"[null, null]",
    "cut off": b'[{"session_key": 11, "driver_nu',
    "cut compressed": gzip.compress(b"[]" * 1_000, mtime=0)[:20],
    "nothing": b"",
    "blanks": b"   \n",
    "HTML": b"<html>502</html>",
    "JSON twice": b"[][]",
    "comments": b"[] // no rows",
}

ROWS = {
    "no date": {"date_start": "yesterday"},
    "a date beyond all": {"date_start": "9999-12-31T23:59:59-14:00"},
    "a date before all": {"date_start": "0001-01-01T00:00:00+14:00"},
    "the last date": {"date_start": "9999-12-31T23:59:59+00:00"},
    "a 30th of February": {"date_start": "2023-02-30T10:00:00+00:00"},
    "a leap second": {"date_start": "2016-12-31T23:59:60+00:00"},
    "an offset of days": {"date_start": "2023-03-05T10:00:00+99:99"},
    "a date as a number": {"date_start": 1_678_010_000},
    "a date as a list": {"date_start": ["2023-03-05T10:00:00+00:00"]},
    "session as a list": {"session_key": [11]},
    "session as an object": {"session_key": {"key": 11}},
    "session as a text": {"session_key": "eleven"},
    "session as null": {"session_key": None},
    "a huge session": {"session_key": 10**300},
    "car as a list": {"driver_number": [4]},
    "a car that is true": {"driver_number": True},
    "a negative car": {"driver_number": -4},
    "a huge lap": {"lap_number": 10**300},
    "the lap after all": {"lap_number": 10_000},
    "half a lap": {"lap_number": 1.5},
    "a time of 0": {"lap_duration": 0},
    "a negative time": {"lap_duration": -5},
    "a negative sector": {"duration_sector_1": -3},
    "a time of ages": {"lap_duration": 1e300},
    "a huge whole time": {"lap_duration": 10**300},
    "a time as a text": {"lap_duration": "90.5"},
    "segments as a text": {"segments_sector_1": "abc"},
    "segments as an object": {"segments_sector_1": {"1": 2048}},
    "segments with texts": {"segments_sector_1": [2048, "2049"]},
    "segments with fractions": {"segments_sector_1": [2048.5]},
    "segments that are true": {"segments_sector_1": [True]},
    "segments in segments": {"segments_sector_1": [[2048]]},
    "huge segments": {"segments_sector_1": [10**300]},
    "a NUL where no text is": {"lap_duration": "\x00"},
}


@pytest.mark.parametrize("content", BODIES.values(), ids=BODIES)
def test_an_answer_that_is_no_list_of_rows_fails_its_piece_and_no_other(content):
    upstream = Season(refuse=lambda c, filters: answer(content) if filters == {"meeting_key": "1"} else None)
    report = run(upstream, asker=client(upstream, attempts=2))
    assert [type(error) for error in report.errors] == [BadResponse]
    assert set(Lap.objects.values_list("session__race", flat=True)) == {2}
    assert SyncRun.objects.get().state == SyncRun.State.FAILED


@pytest.mark.parametrize("fault", ROWS.values(), ids=ROWS)
def test_a_row_with_an_impossible_value_is_rejected_and_the_others_go_in(fault):
    upstream = Season()
    upstream.rows["laps"].insert(0, lap(11, 1, 44) | fault)
    report = run(upstream)
    assert not report.errors
    assert (report.collections["laps"]["created"], report.total["rejected"]) == (12, 1)
    assert Reject.objects.get().reason


@pytest.mark.parametrize("value", [10**400, [1.5, 10**400], True, [[1]], {"gap": 1}, "+1\0LAP", ["+1\0LAP"]], ids=repr)
@pytest.mark.parametrize("field", ["gap_to_leader", "duration"])
def test_a_result_with_an_impossible_time_or_gap_is_rejected_and_told_by_its_shape(field, value):
    row = {"session_key": 11, "meeting_key": 1, "driver_number": 4, "position": 1}
    upstream = Season(session_result=[row | {field: value}, row | {"driver_number": 16}])
    report = run(upstream, "meetings", "sessions", "session_result")
    assert not report.errors
    assert SessionResult.objects.values_list("driver_number", flat=True).get() == 16
    assert Reject.objects.get().reason.startswith(f"{field}: ")
    assert "is not a number of seconds" in Reject.objects.get().reason


@pytest.mark.parametrize("collection", registry())
def test_no_type_that_rows_are_checked_against_has_lists_and_a_pattern(collection):
    """msgspec 0.22 takes the one for the other in its memory, and crashes some time later."""
    for field in registry()[collection].columns:
        kinds = [get_origin(kind) or kind for kind in (accepted(field), *get_args(accepted(field)))]
        patterns = [note for kind in get_args(accepted(field)) for note in get_args(kind) if getattr(note, "pattern", None)]
        assert not (list in kinds and patterns), field.name


@pytest.mark.parametrize("key", [[1], {"a": 1}, "one", None, 10**300, -1], ids=str)
@pytest.mark.parametrize("collection", ["meetings", "sessions"])
def test_a_race_or_session_with_a_key_that_is_none_is_rejected(collection, key):
    upstream = Season()
    upstream.rows[collection].append(upstream.rows[collection][0] | {"session_key": 5, "meeting_key": key})
    report = run(upstream)
    assert not report.errors
    assert Lap.objects.count() == 12
    assert report.total["rejected"] == (key != -1)


@pytest.mark.parametrize("collection", ["meetings", "sessions"])
@pytest.mark.parametrize("date", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", [], 0], ids=str)
def test_a_race_or_session_at_an_impossible_moment_is_rejected(collection, date):
    upstream = Season()
    key = {"meetings": "meeting_key", "sessions": "session_key"}[collection]
    upstream.rows[collection].append(upstream.rows[collection][0] | {key: 5, "date_start": date})
    report = run(upstream)
    assert not report.errors
    assert (Race.objects.count(), Session.objects.count(), Lap.objects.count()) == (2, 4, 12)
    assert report.total["rejected"] == 1


@pytest.mark.parametrize(
    ("collection", "field"),
    [(c, f.name) for c, feed in registry().items() for f in feed.columns if isinstance(f, BooleanField)],
)
def test_a_null_for_yes_or_no_is_a_field_that_was_not_sent(collection, field):
    """A session of which nobody has said whether it is cancelled would be lost with all its rows."""
    upstream = Season(session_result=[{"session_key": 11, "meeting_key": 1, "driver_number": 4, "position": 1}])
    collections = ("meetings", "sessions", "laps", "session_result")
    assert not run(upstream, *collections).total["rejected"]
    for value in (True, None):
        for row in upstream.rows[collection]:
            row[field] = value
        assert not run(upstream, *collections).total["rejected"]
        assert set(registry()[collection].model.objects.values_list(field, flat=True)) == {True}
    registry()[collection].model.objects.all().delete()
    assert not run(upstream, *collections, force=True).total["rejected"]
    assert set(registry()[collection].model.objects.values_list(field, flat=True)) == {False}


def test_a_nul_in_a_name_or_text_that_is_not_stored_does_no_harm():
    upstream = Season()
    upstream.rows["laps"].append(lap(11, 1, "a\0b") | {"no\0te": "c\0d"})
    report = run(upstream)
    assert (report.total["rejected"], Lap.objects.count()) == (1, 12)
    assert "\0" not in str(Reject.objects.values_list("row", "reason").get())
    assert report.as_dict()["unknown_fields"] == {"laps": ["no\ufffdte"]}


def test_of_a_field_that_a_row_has_twice_the_last_value_counts():
    upstream = Season(
        refuse=lambda c, filters: (
            answer(b'[{"session_key": 11, "driver_number": 4, "lap_number": 1, "lap_duration": 80.0, "lap_duration": 90.0}]')
            if filters == {"meeting_key": "1"}
            else None
        )
    )
    run(upstream)
    assert Lap.objects.get(session=11).lap_duration == 90.0


@pytest.mark.parametrize("header", ["0", "²", "٣", "-1", "1e3", "nan", "inf", "", "Wed, 21 Oct 2020 07:28:00 GMT", "soon", "900"])
def test_a_retry_after_that_makes_no_sense_costs_at_most_a_quarter_of_an_hour(header):
    clock, upstream = Clock(), Script(answer({}, 429, Retry_After=header), answer([{"a": 1}]))
    assert client(upstream, clock=clock).rows("laps", {}) == [{"a": 1}]
    assert 1_000 < clock.now <= 1_900


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("10800", "before 20"),
        ("901", "before 20"),
        ("9" * 400, "the end of time"),
        ("Wed, 21 Oct 2999 07:28:00 GMT", "2999-10-21 07:28"),
    ],
    ids=lambda text: text[:12],
)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_retry_after_beyond_the_bound_fails_the_piece_with_the_moment_and_no_other(header, told, status):
    refusal = answer({}, status, Retry_After=header)
    upstream = Season(refuse=lambda c, filters: refusal if filters == {"meeting_key": "1"} else None)
    clock = Clock()
    report = run(upstream, asker=client(upstream, clock=clock))
    assert [type(error) for error in report.errors] == [Unavailable]
    assert told in str(report.errors[0])
    assert clock.now == 1_000
    assert set(Lap.objects.values_list("session__race", flat=True)) == {2}


def test_the_bound_of_a_retry_after_is_a_setting(settings):
    settings.OPENF1_MAX_RETRY_AFTER = 7_200
    clock = Clock()
    client(Script(answer({}, 429, Retry_After="7200"), answer([{"a": 1}])), clock=clock).rows("laps", {})
    assert clock.now == 8_200


@pytest.mark.parametrize(
    "address",
    [
        "http://[::1/",
        "http://[",
        "//",
        "file:///etc/passwd",
        "http://upstream:99999999/",
        "http://\x00/",
        "http://ä" * 200,
        "gopher://x",
    ],
)
def test_a_redirect_to_nowhere_is_an_upstream_that_cannot_be_reached(address):
    upstream = Script(*[answer(b"", 302, Location=address)] * 2)
    upstream.answers += [requests.ConnectionError()] * 2  # where the address can be followed after all
    with pytest.raises(Unavailable, match="cannot be reached"):
        client(upstream, attempts=2).rows("laps", {})


@pytest.mark.parametrize(
    "kind", ["text/html; charset=nonsense", "text/html; charset=idna", "text/html; charset=utf-8\0", "\xff", ""]
)
@pytest.mark.parametrize("status", [200, 404, 418, 422, 500, 999])
def test_a_content_type_decides_nothing(kind, status):
    with pytest.raises((BadResponse, BadRequest, Unavailable)):
        client(Script(answer(b"\xff\xfe<html>\0", status, Content_Type=kind)), attempts=1).rows("laps", {})


@pytest.mark.parametrize("content", [*BODIES.values(), b'{"detail": [[[]]]}', b'{"detail": "a\\u0000b"}'], ids=repr)
@pytest.mark.parametrize("status", [404, 418, 422])
def test_a_refusal_is_told_whatever_its_body_is(content, status):
    with pytest.raises(BadRequest) as caught:
        client(Script(answer(content, status)), attempts=1).rows("laps", {})
    assert "\0" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "token",
    [[], ["a"], "token", {"access_token": 5}, {"access_token": ["a"]}, {"access_token": "a\r\nb"}, {"access_token": "ä"}, None],
)
def test_a_login_that_gives_no_usable_token_is_refused(token):
    with pytest.raises(BadRequest, match="gave user 'ada' no token"):
        client(Script(answer(token)), username="ada", password="secret").rows("laps", {})


def test_a_run_goes_on_after_a_redirect_to_nowhere():
    upstream = Season(
        refuse=lambda c, filters: answer(b"", 302, Location="http://[::1/") if filters == {"meeting_key": "1"} else None
    )
    report = sync(client=client(upstream, attempts=2), scope=Scope(seasons=(2023,)), collections=("meetings", "sessions", "laps"))
    assert [type(error) for error in report.errors] == [Unavailable]
    assert Lap.objects.count() == 6
