"""The client against every way OpenF1 is known to answer."""

from urllib.parse import unquote

import pytest
import requests

from mirror.client import from_settings
from mirror.errors import BadRequest, BadResponse, Locked, TooLarge, Unavailable
from mirror.pace import Pace
from mirror.tests.upstream import NOTHING, Clock, Script, answer, client

pytestmark = pytest.mark.once

ROW = {"session_key": 9539, "driver_number": 1}
LIVE = answer({"detail": "Live F1 session in progress. Global API access is restricted."}, 401)
HTML = answer(b"<html><h1>502 Bad Gateway</h1></html>", 502, Content_Type="text/html")


def test_rows_come_back_as_sent_and_filters_go_out_in_openf1s_spelling():
    upstream = Script(answer([ROW]))
    assert client(upstream).rows("laps", {"session_key": 9539, "driver_number>=": 10}) == [ROW]
    assert upstream.asked[0].url == "http://upstream/v1/laps?session_key=9539&driver_number%3E=10"


def test_an_offset_in_a_date_reaches_upstream_unharmed():
    upstream = Script(answer([ROW]))
    client(upstream).rows("laps", {"date_start<": "2023-03-05T15:00:00+00:00"})
    assert unquote(upstream.asked[0].url).endswith("date_start<2023-03-05T15:00:00+00:00")


def test_no_results_found_is_an_empty_list():
    assert client(Script(answer(NOTHING, 404))).rows("laps", {}) == []


def test_another_404_is_an_error_that_quotes_upstream():
    with pytest.raises(BadRequest, match="404: Not Found"):
        client(Script(answer({"detail": "Not Found"}, 404))).rows("nosuch", {})


@pytest.mark.parametrize(
    "trouble",
    [
        requests.ConnectionError("connection dropped"),
        requests.ReadTimeout("no byte for 60 s"),
        requests.exceptions.ChunkedEncodingError("body broke off"),
        HTML,
        answer(b"<html>maintenance</html>", 200, Content_Type="text/html"),
        answer(b'[{"session_key":9539,"driver_nu'),
        answer(b""),
        answer({"not": "rows"}),
        answer([1, 2]),
        answer({"detail": "Rate limit exceeded."}, 429),
    ],
    ids=["dropped", "timeout", "cut", "502", "html", "broken", "empty", "object", "numbers", "429"],
)
def test_passing_trouble_is_tried_again(trouble):
    upstream = Script(trouble, answer([ROW]))
    asker = client(upstream)
    assert asker.rows("laps", {}) == [ROW]
    assert asker.sent == 2


def test_waits_between_tries_grow_and_are_told():
    clock, told = Clock(), []
    with pytest.raises(Unavailable, match="502"):
        client(Script(*[HTML] * 4), clock=clock, attempts=4, notice=told.append).rows("laps", {})
    assert clock.now == 1_000 + 0.5 + 1 + 2
    assert len(told) == 3
    assert "trying again in 2.0 s" in told[-1]


def test_retry_after_is_obeyed():
    clock = Clock()
    client(Script(answer({}, 429, Retry_After="17"), answer([ROW])), clock=clock).rows("laps", {})
    assert clock.now == 1_017


def test_nonsense_to_the_end_is_a_bad_response():
    with pytest.raises(BadResponse, match="is no JSON"):
        client(Script(answer(b"<html>"), answer(b"<html>")), attempts=2).rows("laps", {})


def test_too_much_data_is_not_asked_for_again():
    asker = client(Script(answer({"detail": "Too much data requested."}, 422)))
    with pytest.raises(TooLarge, match="Too much data"):
        asker.rows("car_data", {})
    assert asker.sent == 1


def test_a_session_on_track_locks_and_says_what_that_means():
    with pytest.raises(Locked, match="history is closed to anonymous users until about 30 minutes after it"):
        client(Script(LIVE)).rows("laps", {})


def test_waiting_for_the_lock_comes_back_when_it_is_lifted():
    clock, told = Clock(), []
    asker = client(Script(LIVE, LIVE, answer([ROW])), clock=clock, wait_for_lock=True, notice=told.append)
    assert asker.rows("laps", {}) == [ROW]
    assert clock.now == 1_600
    assert "a session is on track" in told[0]


def test_a_login_sends_a_token_and_renews_it_when_it_expires():
    token = answer({"access_token": "first", "expires_in": "3600"})
    upstream = Script(token, answer([ROW]), answer({}, 401), answer({"access_token": "second"}), answer([ROW]))
    asker = client(upstream, username="ada", password="secret")
    assert asker.rows("laps", {}) == asker.rows("laps", {}) == [ROW]
    assert upstream.asked[0].url == "http://upstream/token"
    assert upstream.asked[0].body == "username=ada&password=secret"
    assert [r.headers.get("Authorization") for r in upstream.asked[1::3]] == ["Bearer first", "Bearer second"]


def test_a_refused_login_names_the_user_and_not_the_password():
    with pytest.raises(BadRequest, match="user 'ada'") as caught:
        client(Script(answer({"detail": "no"}, 403)), username="ada", password="secret").rows("laps", {})
    assert "secret" not in str(caught.value)


def test_the_pace_is_never_exceeded_however_long_answers_take():
    clock = Clock()
    pace = Pace((3, 1), (30, 60), clock=clock, sleep=clock.sleep)
    arrivals = []
    for number in range(100):
        pace.wait()
        clock.now += 0.01 * (number % 7)  # the request travels
        arrivals.append(clock.now)
        clock.now += 0.02 * (number % 3)  # the answer travels
        pace.answered()
    for count, seconds in ((3, 1), (30, 60)):
        assert all(later - earlier >= seconds for earlier, later in zip(arrivals, arrivals[count:], strict=False))
    assert clock.now < 1_000 + 60 * 4  # and no slower than it need be


def test_a_pace_of_nought_never_waits():
    clock = Clock()
    pace = Pace((0, 1), (0, 60), clock=clock, sleep=clock.sleep)
    for _ in range(100):
        pace.wait()
        pace.answered()
    assert clock.now == 1_000


def test_settings_give_the_anonymous_pace_and_a_login_lifts_it(settings):
    settings.OPENF1_USERNAME = ""
    assert [rule[:2] for rule in from_settings().pace.rules] == [(3, 1), (30, 60)]
    settings.OPENF1_USERNAME = "ada"
    assert [rule[:2] for rule in from_settings().pace.rules] == [(6, 1), (60, 60)]
