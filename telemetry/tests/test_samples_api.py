"""Samples and traces over HTTP."""

import io
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from drivers.models import Driver, Entry
from mirror.models import Source
from races.models import Session
from telemetry.models import Lap, SampleFile
from telemetry.samples import files
from telemetry.tests.test_samples import Upstream, mirror

pytestmark = pytest.mark.django_db

CAR = {"session_id": 10, "driver_number": 4}


@pytest.fixture(autouse=True)
def mirrored(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    upstream = Upstream()
    for number, row in enumerate(upstream.rows["car_data"]):
        row["speed"] = number
    mirror(upstream)


def test_pages_follow_each_other_to_the_last_sample(api):
    speeds, url = [], "/api/v1/car-data/?session_id=10&driver_number=4&page_size=20"
    while url:
        page = api.get(url).json()
        speeds += [row["speed"] for row in page["results"]]
        url = page["next"]
    assert speeds == list(range(52))


def test_conditions_are_those_of_every_list(api):
    def speeds(query):
        return [row["speed"] for row in api.get(f"/api/v1/car-data/?session_id=10&driver_number=4&{query}").json()["results"]]

    assert speeds("speed__gte=50") == speeds("speed>=50") == [50, 51]
    assert speeds("speed=3&speed=5") == speeds("speed__in=3,5") == [3, 5]
    assert speeds("date__gte=2023-03-05T15:00:00Z&date__lt=2023-03-05T15:00:01Z") == [4, 5]
    assert speeds("drs__isnull=true") == []


def test_session_and_car_are_named_in_words(api):
    driver = Driver.objects.create(driver_id="lando_norris", full_name="Lando Norris")
    Entry.objects.update_or_create(session_id=10, driver_number=4, defaults={"driver": driver, "name_acronym": "NOR"})
    pages = [
        api.get(f"/api/v1/car-data/?{query}&page_size=2").json()
        for query in ("session_id=10&driver_number=4", "session=10&driver=NOR", "session_id=10&driver=norris")
    ]
    assert pages[0]["results"] == pages[1]["results"] == pages[2]["results"] != []
    assert [row["speed"] for row in api.get(pages[1]["next"]).json()["results"]] == [2, 3]


def test_columns_are_chosen(api):
    car = "/api/v1/car-data/?session_id=10&driver_number=4&fields=speed,rpm"
    assert list(api.get(car).json()["results"][0]) == ["speed", "rpm"]
    assert b"".join(api.get(f"{car}&format=csv")).startswith(b"speed,rpm\r\n0,")
    assert pq.read_table(io.BytesIO(api.get(f"{car}&format=parquet").content)).column_names == ["speed", "rpm"]
    assert "Did you mean 'speed'?" in api.get(f"{car},sped").json()["fields"][0]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("driver_number=4", "session_id"),
        ("session_id=10", "driver_number"),
        ("session_id=10&driver_number=x", "driver_number"),
        ("session_id=10&driver=nobody", "driver"),
        ("session_id=10&driver_number=4&driver=4", "driver"),
        ("race=nowhere&driver=4", "race"),
        ("session_id=10&race=1&driver=4", "race"),
        ("session_id=10&driver_number=4&sped=1", "sped"),
        ("session_id=10&driver_number=4&speed__gte=fast", "speed__gte"),
        ("session_id=10&driver_number=4&page_size=0", "page_size"),
    ],
)
def test_what_is_missing_or_wrong_is_named(api, query, name):
    answer = api.get(f"/api/v1/car-data/?{query}")
    assert (answer.status_code, list(answer.json())) == (400, [name])


def test_samples_that_are_not_here_are_404_with_the_command_that_brings_them(api):
    answer = api.get("/api/v1/location/", {"session_id": 10, "driver_number": 99})
    assert answer.status_code == 404
    assert "sync_openf1 location --session 10" in answer.json()["detail"]


def test_a_whole_file_comes_as_csv_and_as_parquet(api):
    text = b"".join(api.get("/api/v1/location/", CAR | {"format": "csv"}).streaming_content).decode().splitlines()
    assert (text[0], len(text)) == ("date,x,y,z", 53)
    answer = api.get("/api/v1/location/", CAR | {"format": "parquet"})
    assert pq.read_table(io.BytesIO(answer.getvalue())).num_rows == 52
    some = api.get("/api/v1/location/", CAR | {"format": "parquet", "x__gte": 0})
    assert pq.read_table(io.BytesIO(some.content))["x"].to_pylist() == [100 * n for n in range(48)]


def test_csv_and_ndjson_spell_dates_as_json_does(api):
    dates = [row["date"] for row in api.get("/api/v1/location/", CAR).json()["results"]]
    assert dates[:2] == ["2023-03-05T14:59:58.100000Z", "2023-03-05T14:59:58.600000Z"]
    lines = api.get("/api/v1/location/", CAR | {"format": "csv"}).getvalue().decode().split("\r\n")
    assert [line.split(",")[0] for line in lines[1:-1]] == dates
    assert lines[1] == f"{dates[0]},-400,4,7"
    rows = api.get("/api/v1/location/", CAR | {"format": "ndjson", "x": 100}).getvalue().splitlines()
    assert rows == [b'{"date":"2023-03-05T15:00:00.600000Z","x":100,"y":-1,"z":7}']


def test_the_trace_of_a_lap_has_distance_and_position(api):
    lap = Lap.objects.get(driver_number=4, lap_number=2)
    body = api.get(f"/api/v1/laps/{lap.pk}/telemetry/").json()
    assert (body["lap_number"], len(body["samples"])) == (2, 20)
    assert body["samples"][0] | {"date": ""} == {
        "date": "",
        "time": 0.0,
        "distance": 0.0,
        "speed": 24,
        "rpm": 11000,
        "n_gear": 5,
        "throttle": 100,
        "brake": 0,
        "drs": 0,
        "x": 2000,
        "y": -20,
        "z": 7,
    }


def test_figures_per_lap_are_listed_and_can_be_taken_over_by_a_person(api, editor):
    row = api.get("/api/v1/telemetry/", CAR | {"lap_number": 1}).json()["results"][0]
    assert (row["samples"], row["source"]) == (20, "openf1")
    changed = editor.patch(row["url"], {"avg_speed": 111.0}).json()
    assert (changed["avg_speed"], changed["source"]) == (111.0, "manual")


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-9])], ids=["gone", "cut"])
def test_a_damaged_file_is_503_with_its_name_and_the_command_that_fetches_it(api, damage, tmp_path):
    name = files.path("car_data", 10, 4)
    damage(tmp_path / name)
    lap = Lap.objects.get(driver_number=4, lap_number=2)
    asked = [("/api/v1/car-data/", CAR | {"format": kind}) for kind in ("json", "csv", "ndjson", "parquet")]
    for path, query in [*asked, ("/api/v1/car-data/", CAR | {"speed__gte": 1}), (f"/api/v1/laps/{lap.pk}/telemetry/", {})]:
        answer = api.get(path, query)
        assert answer.status_code == 503
        assert name in answer.json()["detail"]
        assert "manage.py sync_openf1 car_data --session 10 fetches it again" in answer.json()["detail"]
    assert len(api.get("/api/v1/car-data/", CAR | {"driver_number": 16}).json()["results"]) == 52


def test_a_spreadsheet_gets_samples_with_a_byte_order_mark_and_its_own_time(api):
    query = CAR | {"format": "csv", "fields": "date,speed"}
    lines = b"".join(api.get("/api/v1/car-data/", query | {"excel": "Europe/Berlin"})).decode().splitlines()
    assert lines[0] == "\ufeffdate,speed"
    [first, *_] = b"".join(api.get("/api/v1/car-data/", query)).decode().splitlines()[1:]
    moment = datetime.fromisoformat(first.partition(",")[0]).astimezone(ZoneInfo("Europe/Berlin"))
    assert lines[1] == f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03},0"
    assert api.get("/api/v1/car-data/", CAR | {"format": "parquet", "fields": "speed", "excel": "1"}).status_code == 400


def test_samples_of_the_demo_season_come_from_the_demo_season(api, tmp_path):
    Session.objects.filter(pk=10).update(source=Source.DEMO)
    (tmp_path / files.path("car_data", 10, 4)).unlink()
    assert api.get("/api/v1/car-data/", CAR).json()["detail"].endswith("is missing; manage.py load_demo fetches it again")
    SampleFile.objects.all().delete()
    lap = Lap.objects.get(driver_number=4, lap_number=2)
    for path, query in (("/api/v1/car-data/", CAR), (f"/api/v1/laps/{lap.pk}/telemetry/", {})):
        detail = api.get(path, query).json()["detail"]
        assert detail.endswith("the demo season has samples of one race only, which `manage.py load_demo` brings in.")
