"""What goes in and comes out: JSON, CSV, pages for persons."""

import csv
import io
import json
import tracemalloc

import pytest

from api.tables.columns import Column
from api.tables.writers import write_csv
from api.tests.factories import make, values
from races.models import Race, Session
from telemetry.models import Lap

pytestmark = pytest.mark.django_db


def test_times_are_utc_and_numbers_keep_their_type(api):
    lap = make(Lap, 1)
    [row] = api.get("/laps").json()["results"]
    assert (row["date_start"], row["lap_duration"], row["lap_number"]) == ("2023-03-06T15:00:00.123000Z", 1.5, lap.lap_number)
    assert row["segments_sector_1"] == [2048, None, 1]


def test_whoever_accepts_nothing_we_have_gets_json(api):
    answer = api.get("/races", HTTP_ACCEPT="application/xml")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_csv_can_be_asked_for_by_header(api):
    make(Race)
    answer = api.get("/races", HTTP_ACCEPT="text/csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="races.csv"'
    assert answer.getvalue().decode().splitlines()[0].startswith("race_id,")


def test_what_the_address_asks_for_wins_over_the_header(api):
    """Clients send Accept: application/json with everything; they were answered with JSON, whatever the address said."""
    make(Race)
    answer = api.get("/races?format=csv", HTTP_ACCEPT="application/json")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.getvalue().decode().splitlines()[0].startswith("race_id,")


def test_a_refused_csv_is_json(api):
    answer = api.get("/races?format=csv&nosuch=1")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/json")
    assert list(json.loads(answer.content)) == ["nosuch"]


def test_csv_has_all_rows_that_match_in_order(api):
    for number in range(1, 121):
        make(Race, number)
    lines = api.get("/races?format=csv&race_id>2010&ordering=-race_id").getvalue().decode().splitlines()
    assert [line.split(",")[0] for line in lines] == ["race_id", *map(str, range(2120, 2010, -1))]


def test_a_csv_of_many_rows_is_sent_bit_by_bit_in_constant_memory(api):
    first = make(Lap, 1)
    common = values(Lap, 1, session=first.session, driver=first.driver)

    def peak(rows: int) -> int:
        Lap.objects.bulk_create(Lap(**common | {"lap_number": n}) for n in range(Lap.objects.count() + 3_000, rows + 3_000))
        tracemalloc.start()
        answer = api.get("/laps?format=csv")
        sent = sum(1 for _ in answer.streaming_content)
        assert sent > rows / 1_000
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(7_500) < 1.2 * peak(2_500)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b'{"year": NaN}',
        b'{"year": Infinity}',
        b'{"year": 1e999}',
        b"\xff\xfe",
        b'"\\ud800"',
        b"[" * 100_000,
    ],
)
def test_what_is_no_json_is_refused(editor, body):
    answer = editor.post("/races", body, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x"])
def test_a_body_of_another_type_is_refused(editor, kind):
    answer = editor.post("/races", b"race_id=1", content_type=kind)
    assert (answer.status_code, list(answer.json())) == (415, ["detail"])


def test_a_body_that_is_too_large_is_refused(editor, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    answer = editor.post("/races", {"race_id": 1, "race_name": "x" * 1_000})
    assert (answer.status_code, list(answer.json())) == (413, ["detail"])


@pytest.mark.parametrize("levels", [11, 500, 800])
def test_lists_nested_too_deep_to_be_read_again_are_refused(editor, levels):
    lap = make(Lap)
    deep = "[" * levels + "]" * levels
    answer = editor.patch(f"/laps/{lap.pk}", f'{{"segments_sector_1": {deep}}}', content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (400, ["segments_sector_1"])
    asked = editor.get("/laps", {"segments_sector_1": deep * 3})
    assert (asked.status_code, list(asked.json())) == (400, ["segments_sector_1"])
    assert editor.get("/laps", {"segments_sector_1": "[" * 100_000}).status_code == 400


def test_a_page_for_a_person_shows_the_same_rows(api):
    session = make(Session)
    page = api.get("/api/v1/sessions/", HTTP_ACCEPT="text/html").content.decode()
    assert "<title>Sessions" in page
    assert session.session_name in page
    assert "Log in" in page


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet"])
def test_a_page_without_rows_is_a_file_of_its_kind_all_the_same(api, kind):
    answer = api.get("/api/v1/laps/", {"format": kind, "page_size": 10})
    assert answer.status_code == 200
    assert kind in answer["Content-Type"]


@pytest.mark.parametrize(("levels", "status"), [(16, 0), (22, 400), (500, 400), (900, 400), (100_000, 400)])
def test_json_from_outside_has_one_limit_of_nesting(admin_client, levels, status):
    """In what is stored as it is sent: parameters of runs, settings of jobs, arguments of schedules."""
    deep = '{"a":[' * (levels // 2) + "1" + "]}" * (levels // 2)
    experiment = admin_client.post("/api/v1/experiments/", {"name": f"n{levels}", "owner": "a"}, content_type="application/json")
    run = {"experiment_id": experiment.json()["id"], "model": "m", "split": "s", "dataset_sha256": "0" * 64}
    bodies = {
        "/api/v1/runs/": json.dumps(run | {"params": {"p": "DEEP"}}).replace('"DEEP"', deep),
        "/api/v1/jobs/": '{"kind": "train", "parameters": {"settings": {"p": DEEP}}}'.replace("DEEP", deep),
    }
    for path, body in bodies.items():
        answer = admin_client.post(path, body, content_type="application/json")
        assert answer.status_code == (status or (202 if "jobs" in path else 201)), answer.content
        if status:
            assert "nested more than 20 deep" in str(answer.json())
            assert levels >= 900 or next(iter(answer.json())) in ("params", "parameters")
    form = {"name": "x", "regtask": "f1site.jobs.take_up", "args": "[]", "kwargs": deep, "interval": "1", "enabled": "on"}
    page = admin_client.post("/admin/django_celery_beat/periodictask/add/", form)
    assert ("nested more than 20 deep" in page.content.decode()) == bool(status)


@pytest.mark.parametrize("params", [{"a": "x\0"}, {"a\0": 1}, {"a": [{"b\0": 1}]}, {"a": {"b": ["\0"]}}], ids=repr)
def test_nul_is_refused_in_json_that_is_stored_as_it_is_sent(admin_client, params):
    experiment = admin_client.post("/api/v1/experiments/", {"name": "n", "owner": "a"}, content_type="application/json")
    run = {"experiment_id": experiment.json()["id"], "model": "m", "split": "s", "dataset_sha256": "0" * 64}
    answer = admin_client.post("/api/v1/runs/", run | {"params": params}, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (400, ["params"])
    job = {"kind": "train", "parameters": {"settings": params}}
    answer = admin_client.post("/api/v1/jobs/", job, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (400, ["parameters"])


AWKWARD = [
    None,
    "",
    "plain",
    'said "go"',
    "a,b",
    "two\nlines",
    "two\rlines",
    " spaces ",
    "é",
    0,
    -3,
    93.0,
    5e-05,
    1e22,
    True,
    [1, None, 2],
]


@pytest.mark.parametrize("width", [1, 2, 5])
def test_csv_has_the_lines_that_csv_writer_writes(width):
    columns = [Column(f"column {number},", "", str) for number in range(width)]
    rows = [
        tuple(AWKWARD[(start + step * number) % len(AWKWARD)] for number in range(width))
        for start in range(16)
        for step in (1, 3)
    ]
    expected = io.StringIO(newline="")
    csv.writer(expected).writerows([[column.name for column in columns], *rows])
    written = b"".join(write_csv(columns, [rows[:7], rows[7:]], lambda column, values: values))
    assert written == expected.getvalue().encode()


def test_csv_without_rows_has_the_names():
    assert b"".join(write_csv([Column("a", "", str)], [])) == b"a\r\n"
