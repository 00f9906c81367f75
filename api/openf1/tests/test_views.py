"""/v1 over HTTP: methods, status codes, validators, compression, origins."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils.http import http_date, parse_http_date

from api.openf1 import compression, rows
from mirror import versions
from telemetry.models import Lap

pytestmark = pytest.mark.django_db

LAPS = "/v1/laps?session_key=9472"


def settled(collection="laps", session=9472):
    """A piece that changed a minute ago."""
    versions.touch(collection, session)
    minute_ago = datetime.now(UTC) - timedelta(minutes=1)
    versions.PieceVersion.objects.update(changed_at=minute_ago)
    return minute_ago


def test_get_and_post_give_the_same_answer(weekend, client):
    got, posted = client.get(LAPS), client.post(LAPS, {"driver_number": 1})
    assert (got.status_code, got.headers["Content-Type"]) == (200, "application/json")
    assert got.content == posted.content


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options"])
def test_other_methods_are_refused(weekend, client, method):
    response = getattr(client, method)(LAPS)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, POST, HEAD"
    assert response.json() == {"detail": "Method Not Allowed"}


@pytest.mark.parametrize("path", ["/V1/LAPS", "/v1/Laps", "/V1/laps"])
def test_the_path_may_be_in_any_case(weekend, client, path):
    assert len(client.get(path).json()) == 9


@pytest.mark.parametrize("path", ["/v1/laps/", "/v1", "/v1/laps/1"])
def test_what_is_no_collection_is_not_found(client, path):
    response = client.get(path)
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


def test_v1_lists_its_collections_with_addresses_and_fields(weekend, client):
    listed = {row["collection"]: row for row in client.get("/v1/").json()}
    assert {"laps", "meetings", "car_data", "session_result"} <= listed.keys()
    assert listed["laps"]["url"] == "http://testserver/v1/laps"
    [first, *_] = client.get(LAPS).json()
    assert set(first) == set(listed["laps"]["fields"])
    assert client.post("/v1/").status_code == 405


def test_an_unknown_collection_is_named_and_all_are_listed(client):
    response = client.get("/v1/nosuch")
    assert response.status_code == 404
    assert "'nosuch'" in response.json()["detail"]
    assert "championship_drivers" in response.json()["detail"]


def test_nothing_found_is_said_as_the_hosted_service_says_it(weekend, client, caplog):
    response = client.get("/v1/laps?lap_number=99")
    assert response.status_code == 404
    assert response.content == b'{"detail":"No results found."}'
    assert [record.levelname for record in caplog.records if record.name != "f1site.requests"] == []


def test_nothing_found_can_be_an_empty_list(weekend, client, settings):
    assert client.get("/v1/laps?lap_number=99&empty=list").content == b"[]"
    settings.OPENF1_EMPTY_AS_LIST = True
    response = client.get("/v1/laps?lap_number=99")
    assert (response.status_code, response.content) == (200, b"[]")
    assert client.get("/v1/laps?lap_number=99&empty=404").status_code == 404
    assert client.get("/v1/laps?lap_number=99&format=ndjson").content == b""


def test_a_bad_question_is_told_what_is_wrong(weekend, client):
    response = client.get("/v1/laps?lap=1")
    assert response.status_code == 400
    assert response.json()["detail"].startswith("There is no field 'lap' in laps. Fields of laps: date_start, driver_number,")


def test_an_etag_saves_the_rows_until_they_change(weekend, client, django_assert_num_queries):
    settled()
    tag = client.get(LAPS).headers["ETag"]
    with django_assert_num_queries(1):
        response = client.get(LAPS, headers={"If-None-Match": tag})
    assert (response.status_code, response.content, response.headers["ETag"]) == (304, b"", tag)
    versions.touch("laps", 9472)
    changed = client.get(LAPS, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


def test_a_change_of_another_session_leaves_the_etag_alone(weekend, client):
    tag = client.get(LAPS).headers["ETag"]
    versions.touch("laps", 9471)
    versions.touch("stints", 9472)
    assert client.get(LAPS).headers["ETag"] == tag
    assert client.get("/v1/laps").headers["ETag"] != client.get("/v1/laps?driver_number=1").headers["ETag"]


def test_last_modified_is_the_last_change_of_what_was_asked_for(weekend, client):
    changed_at = settled()
    response = client.get(LAPS)
    stamp = response.headers["Last-Modified"]
    assert parse_http_date(stamp) == int(changed_at.timestamp())
    assert client.get(LAPS, headers={"If-Modified-Since": stamp}).status_code == 304
    older = http_date(changed_at.timestamp() - 5)
    assert client.get(LAPS, headers={"If-Modified-Since": older}).status_code == 200
    assert client.post(LAPS, headers={"If-Modified-Since": stamp}).status_code == 200


def test_what_may_change_again_in_the_same_second_has_no_last_modified(weekend, client):
    versions.touch("laps", 9472)
    assert "Last-Modified" not in client.get(LAPS).headers


def test_the_same_question_is_answered_from_memory_until_the_rows_change(weekend, client, django_assert_num_queries):
    versions.touch("laps", 9472)
    first = client.get(LAPS)
    with django_assert_num_queries(1):
        assert client.get(LAPS).content == first.content
    Lap.objects.filter(lap_number=3).delete()
    versions.touch("laps", 9472)
    assert len(client.get(LAPS).json()) == 6


@pytest.mark.parametrize("chunk", [4_000, 2])
def test_answers_are_gzipped_when_that_is_asked_for(weekend, client, monkeypatch, chunk):
    monkeypatch.setattr(rows, "CHUNK", chunk)
    plain = client.get(LAPS)
    assert "Content-Encoding" not in plain.headers
    zipped = client.get(LAPS, headers={"Accept-Encoding": "gzip, deflate"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in zipped.headers["Vary"]
    assert gzip.decompress(zipped.getvalue()) == plain.getvalue()


@pytest.mark.parametrize(
    ("header", "wanted"), [("gzip", True), ("*", True), ("br, gzip;q=0.5", True), ("", False), ("gzip;q=0", False), ("br", False)]
)
def test_whether_gzip_is_wanted(header, wanted):
    assert compression.accepts_gzip(header) == wanted


def test_small_answers_are_not_worth_gzipping(weekend, client):
    response = client.get("/v1/laps?limit=1&fields=lap_number", headers={"Accept-Encoding": "gzip"})
    assert response.content == b'[{"lap_number":1}]'


def test_every_origin_may_read(weekend, client):
    response = client.get(LAPS, headers={"Origin": "https://example.org"})
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Access-Control-Allow-Origin" not in client.get(LAPS).headers


def test_a_preflight_is_answered_for_the_origin_that_asks(client):
    ask = {"Origin": "https://example.org", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "X-Own"}
    response = client.options(LAPS, headers=ask)
    assert response.status_code == 200
    told = {name: response.headers[f"Access-Control-{name}"] for name in ("Allow-Origin", "Allow-Headers", "Max-Age")}
    assert told == {"Allow-Origin": "https://example.org", "Allow-Headers": "X-Own", "Max-Age": "600"}
    assert "GET" in response.headers["Access-Control-Allow-Methods"]


def test_errors_can_be_read_by_every_origin_too(client):
    response = client.get("/v1/laps?lap=1", headers={"Origin": "https://example.org"})
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert json.loads(response.content)["detail"]


LONG = "9" * 400


@pytest.mark.parametrize("value", [LONG, f"-{LONG}", "9" * 5_000, "1e400"], ids=["long", "negative", "longer", "exponent"])
def test_a_number_of_any_length_is_compared(weekend, get, value):
    negative = value.startswith("-")
    for field in ("lap_number", "lap_duration", "segments_sector_1"):
        for operator in ("=", ">", ">=", "<", "<="):
            found = get(f"laps?{field}{operator}{value}&empty=list")
            expected = operator in (">", ">=") if negative else operator in ("<", "<=")
            assert bool(found) == expected, (field, operator)
            assert get(f"laps?{field}{operator}{value}&empty=list&raw=true") == found


@pytest.mark.parametrize("date", [f"10h{'9' * 29}m", f"10h{'9' * 400}m", f"{'9' * 400}-01-01", f"10:00:{'9' * 400}"])
def test_a_date_with_too_many_digits_is_refused(weekend, get, date):
    refused = get(f"laps?date_start={date}")
    assert refused.status_code == 400
    assert refused.json()["detail"].startswith("date_start=")


@pytest.mark.parametrize("field", ["lap_number>", "lap_duration<", "segments_sector_1=", "date_start>"])
def test_a_question_has_so_many_comparisons(weekend, get, field):
    values = [f"2024-03-02T15:00:00.{n:06}" if field == "date_start>" else str(n) for n in range(1_300)]
    refused = get("laps?" + "&".join(f"{field}{value}" for value in values))
    assert (refused.status_code, "a query has 200 comparisons at most" in refused.json()["detail"]) == (400, True)
    assert isinstance(get("laps?empty=list&" + "&".join(f"{field}{value}" for value in values[:200])), list)
