"""Reading the query string: comparisons, values by the type of their field, options."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from api.openf1.catalogue import find_collection
from api.openf1.query import OPTIONS, BadQuery, parse, split_comparisons
from mirror.feeds import registry

NOW = datetime(2024, 6, 20, 12, tzinfo=UTC)
KEYS = {"session_key": 9472, "meeting_key": 1229}


def read(text, collection="laps", **options):
    return parse(text, find_collection(collection), now=NOW, latest=KEYS.get, **options)


def compared(text, collection="laps"):
    return [(column.name, op, value) for column, op, value in read(text, collection).predicates]


@pytest.mark.parametrize(
    "sent",
    [
        "st_speed>=315",
        "st_speed%3E%3D315",
        "st_speed%3E=315",
        "st_speed%3E%3D=315",
        "ST_SPEED>=315",
        "st_speed>=315&st_speed>=315",
    ],
)
def test_all_ways_to_send_at_least_are_the_same(sent):
    assert compared(sent) == [("st_speed", ">=", 315)]


@pytest.mark.parametrize(
    ("sent", "term"),
    [
        ("a=1", ("a", "=", "1")),
        ("a<1", ("a", "<", "1")),
        ("a%3C1", ("a", "<", "1")),
        ("a<=1", ("a", "<=", "1")),
        ("a>", ("a", ">", "")),
        ("a%3E%3D", ("a", ">=", "")),
        ("message=A>=B", ("message", "=", "A>=B")),
        ("a==1", ("a", "=", "=1")),
        ("a=%2B1%20LAP", ("a", "=", "+1 LAP")),
        ("A=x", ("a", "=", "x")),
    ],
)
def test_a_parameter_is_a_field_an_operator_and_a_value(sent, term):
    assert [*split_comparisons(sent)] == [term]


@pytest.mark.parametrize(
    ("sent", "collection", "meant"),
    [
        ("pit_duration=<=31", "pit", "pit_duration<=31"),
        ("pit_duration=%3E31", "pit", "pit_duration>31"),
        ("date=>2023-09-16", "pit", "date>2023-09-16"),
        ("gap_to_leader=<5", "intervals", "gap_to_leader<5"),
        ("driver_number=1,16", "pit", "driver_number=1&driver_number=16"),
        ("compound=HARD, MEDIUM", "stints", "compound=HARD&compound=MEDIUM"),
        ("driver_number=1,%2016", "pit", "driver_number=1&driver_number=16"),
        ("session_key=latest,7", "pit", "session_key=9472&session_key=7"),
        ("session_id=latest&race_id=1229", "pit", "session_key=9472&meeting_key=1229"),
        ("lap_duration=90.5,91", "laps", "lap_duration=90.5&lap_duration=91"),
    ],
)
def test_operators_and_lists_in_values_mean_what_they_say(sent, collection, meant):
    assert compared(sent, collection) == compared(meant, collection)


def test_a_text_stays_as_it_is():
    assert compared("message=<A,B", "race_control") == [("message", "=", "<A,B")]


def test_a_list_has_a_limit_and_no_gaps():
    with pytest.raises(BadQuery, match="200 comparisons at most"):
        read(f"driver_number={','.join(map(str, range(201)))}")
    with pytest.raises(BadQuery, match="driver_number="):
        read("driver_number=1,")


@pytest.mark.parametrize("sent", ["lap_duration", "lap_duration=", "csv"])
def test_a_parameter_without_a_comparison_is_refused(sent):
    with pytest.raises(BadQuery, match="There is no comparison"):
        read(sent)


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5), ("007", 7), ("1_0", 10), ("１２", 12), ("2.0", 2), ("1e3", 1000), ("inf", float("inf")), ("null", None)],
)
def test_numbers_are_read_by_pythons_rules(text, value):
    assert compared(f"lap_number={text}") == [("lap_number", "=", value)]


@pytest.mark.parametrize("text", ["MON", "MAR", "SAT", "April", "10:30", "1-2-3", "007", "true"])
def test_text_stays_text(text):
    assert compared(f"country_code={text}", "drivers") == [("country_code", "=", text)]


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "1"])
def test_truth_has_several_spellings(text):
    assert compared(f"is_pit_out_lap={text}") == [("is_pit_out_lap", "=", True)]


def test_a_field_of_numbers_and_texts_takes_both():
    assert compared("gap_to_leader=12.5&gap_to_leader=%2B1%20LAP", "intervals") == [
        ("gap_to_leader", "=", 12.5),
        ("gap_to_leader", "=", "+1 LAP"),
    ]


def test_a_day_is_from_midnight_to_midnight():
    day, next_day = datetime(2024, 3, 2, tzinfo=UTC), datetime(2024, 3, 3, tzinfo=UTC)
    assert compared("date_start=2024-03-02") == [("date_start", ">=", day), ("date_start", "<", next_day)]


def test_latest_is_a_key_for_keys_and_a_text_for_texts():
    assert compared("session_key=latest&meeting_key>=latest") == [("session_key", "=", 9472), ("meeting_key", ">=", 1229)]
    assert compared("session_name=latest", "sessions") == [("session_name", "=", "latest")]


def test_latest_before_the_first_session_is_no_session():
    query = parse("session_key>=latest", find_collection("laps"), now=NOW, latest=lambda name: None)
    assert [(op, value) for _, op, value in query.predicates] == [("=", -1)]


@pytest.mark.parametrize(
    ("sent", "collection"),
    [
        ("driver_number=VER", "laps"),
        ("driver_number=true", "laps"),
        ("lap_number=1,x", "laps"),
        ("lap_duration>=", "laps"),
        ("lap_duration=nan", "laps"),
        ("is_pit_out_lap=2", "laps"),
        ("rainfall=false", "weather"),
        ("date_start>=soon", "laps"),
        ("date_start=5", "laps"),
        ("lap_number>null", "laps"),
        ("message=%00", "race_control"),
        ("lap_number==2", "laps"),
    ],
)
def test_an_unusable_value_is_named_and_the_fields_are_listed(sent, collection):
    with pytest.raises(BadQuery) as refused:
        read(sent, collection)
    assert sent[:4] in str(refused.value)
    assert f"Fields of {collection}: {', '.join(sorted(find_collection(collection).columns))}." in str(refused.value)


@pytest.mark.parametrize(
    "sent", ["lap=7", "lap_number!=2", "_index=0", "speed>=300", "=5", "fields=lap", "order_by=-lap", "limit>=5"]
)
def test_an_unknown_field_is_named_and_the_fields_are_listed(sent):
    with pytest.raises(BadQuery, match=r"[Tt]here is no field") as refused:
        read(sent)
    assert "lap_duration" in str(refused.value)


@pytest.mark.parametrize(
    "sent", ["limit=-1", "limit=x", "offset=1.5", "format=xml", "empty=perhaps", "order_by=segments_sector_1"]
)
def test_an_option_that_makes_no_sense_is_refused(sent):
    with pytest.raises(BadQuery, match=sent.split("=")[0]):
        read(sent)


def test_options_are_read():
    query = read(
        "limit=5&offset=2&order_by=-lap_duration,lap_number&fields=lap_number,LAP_DURATION&raw=true&empty=list&format=ndjson"
    )
    assert (query.limit, query.offset, query.raw, query.empty_as_list, query.format) == (5, 2, True, True, "ndjson")
    assert [column.name for column in query.fields] == ["lap_number", "lap_duration"]
    assert [(column.name, descending) for column, descending in query.order_by] == [("lap_duration", True), ("lap_number", False)]


@pytest.mark.parametrize(
    ("text", "format_"), [("true", "csv"), ("1", "csv"), ("yes", "csv"), ("no", "csv"), ("false", "json"), ("0", "json")]
)
def test_csv_is_switched_on_by_whatever_is_neither_false_nor_zero(text, format_):
    assert read(f"csv={text}").format == format_


def test_what_the_site_says_of_empty_answers_can_be_said_otherwise_in_a_request():
    assert read("", empty_as_list=True).empty_as_list
    assert not read("empty=404", empty_as_list=True).empty_as_list


def test_no_option_has_the_name_of_a_field():
    fields = {name for collection in registry() for name in find_collection(collection).columns}
    assert not fields & {*OPTIONS}


def test_every_field_of_every_feed_can_be_asked_for():
    for collection, feed in registry().items():
        assert feed.openf1_fields <= find_collection(collection).columns.keys()


def test_questions_with_different_answers_have_different_fingerprints():
    asked = [
        "",
        "lap_number=1",
        "lap_number>=1",
        "lap_number=2",
        "limit=1",
        "offset=1",
        "fields=lap_number",
        "order_by=lap_number",
        "csv=1",
        "csv=1&excel=1",
        "csv=1&excel=Europe/Berlin",
    ]
    prints = sorted(read(text).fingerprint for text in asked)
    assert all(one != other for one, other in pairwise(prints))
    assert read("lap_number=1").fingerprint == read("LAP_NUMBER=01&format=json").fingerprint


def test_a_query_has_a_bounded_number_of_comparisons(client, db):
    sessions = "&".join(f"session_key={number}" for number in range(120))
    assert client.get(f"/v1/laps?{sessions}").status_code == 404
    for question in ("&".join(f"lap_number={number}" for number in range(260)), "lap_number>=1&" * 260 + "session_key=1"):
        answer = client.get(f"/v1/laps?{question}")
        assert answer.status_code == 400
        assert "lap_number: a query has 200 comparisons at most" in answer.json()["detail"]
