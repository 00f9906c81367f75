"""Columns that are joined to laps: `?include=`, and `?fields=`."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from api.tests.factories import make
from drivers.models import Driver, Entry
from races.models import Session
from telemetry.lap_columns import INCLUDED
from telemetry.models import Interval, Lap, Position, Stint

pytestmark = pytest.mark.django_db

START = datetime(2024, 3, 2, 15, 0, tzinfo=UTC)
JOINED = {
    "name_acronym": "LEC",
    "team_name": "Ferrari",
    "tyre_compound": "SOFT",
    "tyre_age": 4,
    "stint_number": 1,
    "position": 2,
    "gap_to_leader": 1.5,
    "clean": True,
    "excluded": "",
}


@pytest.fixture
def session():
    """A session in which car 16 drives eight laps of 90 s, the first without a time, on tyres that were three laps old."""
    session = make(Session)
    driver = Driver.objects.create(driver_id="charles_leclerc", full_name="Charles Leclerc")
    Entry.objects.create(session=session, driver_number=16, driver=driver, name_acronym="LEC", team_name="Ferrari")
    car = {"session": session, "driver": driver, "driver_number": 16}
    sectors = {f"duration_sector_{number}": 30 for number in (1, 2, 3)}
    for number in range(1, 9):
        begin = START + timedelta(seconds=90 * (number - 1))
        Lap.objects.create(**car, **sectors, lap_number=number, date_start=begin, lap_duration=None if number == 1 else 90)
    Stint.objects.create(**car, stint_number=1, lap_start=1, lap_end=8, tyre_compound="SOFT", tyre_age_at_start=3)
    for seconds, place in ((-600, 1), (100, 2), (200, 3)):
        Position.objects.create(**car, date=START + timedelta(seconds=seconds), position=place)
    for seconds, gap in ((20, 0.7), (170, 1.5), (181, "+1 LAP")):
        Interval.objects.create(**car, date=START + timedelta(seconds=seconds), gap_to_leader=gap)
    return session


def test_a_lap_has_the_columns_that_are_asked_for(api, session):
    first, second, third, fourth, *_ = api.get(f"/api/v1/laps/?session_id={session.pk}&include=all").json()["results"]
    assert {name: second[name] for name in JOINED} == JOINED
    assert (first["position"], first["gap_to_leader"], first["excluded"], first["clean"]) == (1, 0.7, "first lap", False)
    assert (third["gap_to_leader"], third["position"], third["tyre_age"]) == ("+1 LAP", 3, 5)
    assert fourth["gap_to_leader"] is None  # not measured during the lap


@pytest.mark.parametrize("url", ["/api/v1/laps/", "/v1/laps"])
def test_where_no_gap_was_measured_the_laps_tell_it(client, session, url):
    """Also of lapped cars; one wrong time or start makes nobody the leader, and without any nothing is told."""
    Interval.objects.all().delete()
    for car, first, lap in ((1, -1.25, 89.5), (4, 60, 100)):
        for number in range(1, 9):
            begin = START + timedelta(seconds=first + lap * (number - 1))
            make(
                Lap,
                number=car * 100 + number,
                session=session,
                driver_number=car,
                lap_number=number,
                date_start=begin,
                lap_duration=lap,
            )
    Lap.objects.filter(driver_number=4, lap_number=3).update(lap_duration=1)
    Lap.objects.filter(driver_number=4, lap_number=6).update(date_start=START)
    Lap.objects.filter(driver_number=1, lap_number__gt=6).delete()
    Lap.objects.filter(driver_number=16, lap_number=8).update(lap_duration=None)

    def gaps(car):
        answer = client.get(f"{url}?session_id={session.pk}&driver_number={car}&include=gap_to_leader").json()
        laps = answer["results"] if "api" in url else answer
        return [lap["gap_to_leader"] for lap in sorted(laps, key=lambda lap: lap["lap_number"])]

    assert gaps(16) == [None] * 8  # the leader of no race
    Session.objects.filter(pk=session.pk).update(session_name="Race")
    assert gaps(1) == [0] * 6
    assert gaps(16) == [1.75, 2.25, 2.75, 3.25, 3.75, 4.25, 0, None]
    assert gaps(4)[1:4] == [82.25, 92.75, 103.25]


def test_what_is_included_alone_says_the_same(api, session):
    for name in INCLUDED:
        row = api.get(f"/api/v1/laps/?session_id={session.pk}&lap_number=2&include={name}").json()["results"][0]
        assert row[name] == JOINED[name]
        assert not (JOINED.keys() - {name, "excluded"}) & row.keys()


@pytest.mark.parametrize("form", ["csv", "parquet", "ndjson"])
def test_files_have_the_columns_too(api, session, form):
    url = f"/api/v1/laps/?session_id={session.pk}&format={form}&include=clean,team_name&fields=lap_number,excluded,team_name"
    body = b"".join(api.get(url))
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(body.decode())))
        assert rows[1] == {"lap_number": "2", "excluded": "", "team_name": "Ferrari"}
    elif form == "parquet":
        rows = pq.read_table(io.BytesIO(body)).to_pylist()
        assert rows[0] == {"lap_number": 1, "excluded": "first lap", "team_name": "Ferrari"}
    else:
        assert body.startswith(b'{"lap_number":1,"excluded":"first lap","team_name":"Ferrari"}\n')


def test_queries_do_not_grow_with_laps_and_columns(api, session, django_assert_num_queries):
    for query in ("lap_number=2&include=team_name", "include=all"):
        with django_assert_num_queries(5):
            assert api.get(f"/api/v1/laps/?session_id={session.pk}&{query}").status_code == 200


def test_fields_are_chosen_of_lists_and_rows(api, session):
    assert api.get("/api/v1/sessions/?fields=session_id,url").json()["results"] == [
        {"session_id": session.pk, "url": f"http://testserver/api/v1/sessions/{session.pk}/"}
    ]
    assert api.get(f"/api/v1/sessions/{session.pk}/?fields=session_id").json() == {"session_id": session.pk}
    lap = Lap.objects.get(lap_number=1)
    assert api.get(f"/api/v1/laps/{lap.pk}/?fields=excluded&include=clean").json() == {"excluded": "first lap"}


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("fields=lap_nummer", "fields", "There is no field 'lap_nummer'. Did you mean 'lap_number'?"),
        ("fields=clean", "fields", "There is no field 'clean'."),
        ("include=team", "include", "There is no field 'team'. Did you mean 'team_name'?"),
    ],
)
def test_an_unknown_field_is_named(api, session, query, field, message):
    answer = api.get(f"/api/v1/laps/?{query}")
    assert answer.status_code == 400
    assert answer.json()[field][0].startswith(message)


def test_openf1s_laps_include_the_same(client, session):
    laps = client.get(f"/v1/laps?session_id={session.pk}&include=all&lap_number=2,3")
    assert "ETag" not in laps.headers  # entries, stints and checks change without a change of laps
    second, third = laps.json()
    assert {name: second[name] for name in JOINED} == JOINED
    assert (third["gap_to_leader"], third["position"]) == ("+1 LAP", 3)
    query = f"session_key={session.pk}&include=clean,team_name&fields=lap_number,excluded,team_name,clean"
    text = client.get(f"/v1/laps?{query}&csv=true").content.decode()
    assert text.splitlines()[:2] == ["lap_number,excluded,team_name,clean", "1,first lap,Ferrari,False"]
    table = pq.read_table(io.BytesIO(client.get(f"/v1/laps?{query}&format=parquet").content))
    assert table.to_pylist()[1] == {"lap_number": 2, "excluded": "", "team_name": "Ferrari", "clean": True}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("laps?include=teams", "include: laps cannot include 'teams'; it can: name_acronym, team_name,"),
        ("stints?include=clean", "include: stints cannot include 'clean'; it can: nothing."),
        ("laps?include=clean&raw=true", "include: OpenF1's own values (raw) have nothing included"),
    ],
)
def test_openf1s_collections_say_what_they_can_include(client, db, query, message):
    answer = client.get(f"/v1/{query}")
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(message)
