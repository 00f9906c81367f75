"""SQL over recorded rows: the examples with their answers, the API, the page, and files that follow the rows."""

import csv
import io
import json
from urllib.parse import urlencode

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from ask.sql import chart, files, running
from ask.sql.examples import EXAMPLES
from ask.sql.running import Column
from mirror import editing
from mirror.models import PieceVersion
from telemetry.models import Lap

pytestmark = [pytest.mark.django_db, pytest.mark.once]

# The first rows of each example's answer in the sessions that are synced for the tests, and how many rows it has.
ANSWERS = {
    "How fast was each team's quickest trip through the pit lane in Bahrain 2024?": (
        [["Ferrari", 23.8, "e8002d"], ["Mercedes", 24.0, "27f4d2"]],
        10,
    ),
    "Which undercuts worked in Bahrain 2024?": ([["STR", "GAS", 9, 12], ["STR", "OCO", 9, 10]], 8),
    "Who gained most places from grid to flag in 2024?": ([["ZHO, Sakhir", 17, 11, 6], ["MAG, Sakhir", 15, 12, 3]], 10),
    "Which races had the most overtakes?": ([["2023 Zandvoort", 517], ["2024 Sakhir", 414]], 3),
    "Who won how many races in 2023?": ([["Max VERSTAPPEN", 1]], 1),
    "How many points did each team score in the races and sprints of 2024?": (
        [["Ferrari", 67.0, "e8002d"], ["Red Bull Racing", 52.0, "3671c6"]],
        10,
    ),
    "Who drove the fastest lap of each race of 2024?": ([["Sakhir", "VER", 92.608, 39], ["Monte Carlo", "HAM", 74.165, 63]], 2),
    "How fast was each car through the speed trap in Bahrain 2024?": ([["HUL", 332, "b6babd"], ["SAI", 332, "e8002d"]], 20),
    "What was the longest stint on each compound in the races of 2024?": (
        [["HARD", 78, "NOR", "Monte Carlo"], ["MEDIUM", 78, "RUS", "Monte Carlo"]],
        3,
    ),
    "How did lap times change with the age of the tyres in Bahrain 2024?": ([[1, 96.454, "HARD"], [2, 96.713, "HARD"]], 42),
    "How far apart were team-mates on the grids of 2024?": (
        [["Kick Sauber", 0.001, 1, "52e252"], ["Haas F1 Team", 0.027, 1, "b6babd"]],
        10,
    ),
    "Which teams retired most often in 2023?": ([["Alfa Romeo", 1, 2], ["Ferrari", 1, 2]], 10),
    "How far ahead of his team-mate was Verstappen, lap by lap, in Bahrain 2024?": ([[2, 2.8], [3, 3.0]], 56),
    "In which races of 2023 did it rain?": ([["Zandvoort", 23.0]], 1),
    "Where was the track hottest in 2024?": ([["Monte Carlo", 50.0], ["Sakhir", 26.5]], 2),
    "How often was the safety car deployed in each race of 2023?": ([["Zandvoort", 1]], 1),
    "Whose lap times were deleted most often in 2024?": ([["Lando NORRIS", 4], ["Daniel RICCIARDO", 3]], 10),
    "Who led how many laps in Monaco 2024?": ([["LEC", 77]], 1),
    "Who was how much of the race at full throttle in Bahrain 2024?": ([["SAI", 53.5, "e8002d"], ["LEC", 51.3, "e8002d"]], 4),
    "What was everybody's ideal lap in qualifying in Singapore 2023, and what did they lose to it?": (
        [["SAI", 90.984, 90.962, 0.022], ["RUS", 91.056, 91.056, 0.0]],
        20,
    ),
}


def rows_of(sql):
    answer = running.run(sql)
    return msgspec.json.decode(answer.body)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.question)
def test_the_examples_have_these_answers(recorded, example):
    rows = rows_of(example.sql)
    first, count = ANSWERS[example.question]
    assert rows[: len(first)] == first
    assert len(rows) == count


def test_there_are_twenty_examples_and_each_fits_into_an_address():
    assert len(EXAMPLES) == len(ANSWERS) == 20
    assert max(len(urlencode({"q": example.sql.strip()})) for example in EXAMPLES) < 3_500


def test_the_rows_are_those_of_v1(recorded, client):
    query = "session_key=9472&driver_number=1&lap_number=39"
    [row] = client.get(f"/v1/laps?{query}").json()
    [values] = rows_of("SELECT lap_duration, st_speed, is_pit_out_lap FROM laps WHERE " + query.replace("&", " AND "))  # noqa: S608 - a test
    assert values == [row["lap_duration"], row["st_speed"], row["is_pit_out_lap"]]
    [[samples]] = rows_of("SELECT count(*) FROM car_data WHERE session_key = 9472 AND driver_number = 1")
    assert samples == 34_774


def test_every_table_of_the_description_is_there_with_its_columns(recorded, client):
    body = client.get("/api/v1/sql/").json()
    assert [row[0] for row in rows_of("SELECT name FROM (SHOW TABLES)")] == [table["name"] for table in body["tables"]]
    for table in body["tables"]:
        if table["name"] in ("laps", "car_data", "intervals", "meetings"):  # with files, samples, without rows, a list
            described = rows_of(f"SELECT column_name FROM (DESCRIBE {table['name']})")  # noqa: S608 - a test
            assert [name for [name] in described] == [column["name"] for column in table["columns"]]
    assert len(body["examples"]) == 20
    assert body["limits"] == {"seconds": 5.0, "memory_mb": 512, "rows": 100_000, "characters": 3_000}


def test_files_are_written_again_when_a_version_changes(recorded, admin_user, monkeypatch):
    monkeypatch.setattr(files, "FRESH_SECONDS", 0)
    sql = "SELECT lap_duration FROM laps WHERE session_key = 9523 AND driver_number = 16 AND lap_number = 40"
    with transaction.atomic():
        [[before]] = rows_of(sql)
        lap = Lap.objects.get(session_id=9523, driver_number=16, lap_number=40)
        lap.lap_duration = before + 1
        editing.edit(lap, user=admin_user)
        assert rows_of(sql) == [[before + 1]]
        transaction.set_rollback(True)
    assert rows_of(sql) == [[before]]


def test_files_of_earlier_states_are_deleted_later_but_not_at_once(recorded, monkeypatch, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    monkeypatch.setattr(files, "FRESH_SECONDS", 0)
    rows_of("SELECT count(*) FROM pit")
    [first] = tmp_path.glob("sql/pit/2024-*.parquet")
    PieceVersion.objects.filter(collection="pit", session_id=9472).update(stamp=1)
    rows_of("SELECT count(*) FROM pit")
    assert first.exists()
    monkeypatch.setattr(files, "SAME_MOMENT", -1)
    rows_of("SELECT count(*) FROM pit")
    assert not first.exists()
    assert len(list(tmp_path.glob("sql/pit/2024-*.parquet"))) == 1


def test_during_a_session_the_file_of_a_moment_ago_is_read(recorded, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    rows_of("SELECT count(*) FROM pit")
    PieceVersion.objects.filter(collection="pit", session_id=9472).update(stamp=1)
    rows_of("SELECT count(*) FROM pit")
    assert len(list(tmp_path.glob("sql/pit/2024-*.parquet"))) == 1


def test_an_empty_site_has_empty_tables(db, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    PieceVersion.objects.all().delete()
    assert rows_of("SELECT (SELECT count(*) FROM laps), (SELECT count(*) FROM car_data), (SELECT count(*) FROM pit)") == [
        [0, 0, 0]
    ]


# Over HTTP


def get(client, question, **query):
    return client.get("/api/v1/sql/", {"q": question, **query})


def test_the_api_answers_in_json_csv_and_parquet(recorded, client):
    sql = "SELECT driver_number, min(lap_duration) AS best FROM laps WHERE session_key = 9472 GROUP BY ALL ORDER BY best LIMIT 3"
    body = get(client, sql).json()
    assert body["columns"] == [{"name": "driver_number", "type": "INTEGER"}, {"name": "best", "type": "DOUBLE"}]
    assert body["rows"][0] == [1, 92.608]
    assert (body["row_count"], body["truncated"]) == (3, False)
    assert body["as_of"]
    rows = list(csv.reader(io.StringIO(get(client, sql, format="csv").content.decode())))
    assert rows[:2] == [["driver_number", "best"], ["1", "92.608"]]
    answer = get(client, sql, format="parquet")
    assert answer["Content-Disposition"] == 'attachment; filename="answer.parquet"'
    assert pq.read_table(pa.BufferReader(answer.content)).to_pylist()[0] == {"driver_number": 1, "best": 92.608}


def test_csv_for_spreadsheets_has_a_mark_and_local_dates(recorded, client):
    sql = "SELECT date_start, date_start::TIMESTAMP AS utc, lap_number FROM laps WHERE session_key = 9472 ORDER BY 3, 1 LIMIT 1"
    sheet = get(client, sql, format="csv", excel="Europe/Berlin").content.decode()
    local = "2024-03-02 16:03:42.341"
    assert sheet == f"\ufeffdate_start,utc,lap_number\r\n{local},{local},1\r\n"
    assert get(client, sql, excel="1").json() == {"excel": ["Only with format=csv."]}
    assert "no time zone 'Nowhere'" in get(client, sql, format="csv", excel="Nowhere").json()["excel"][0]


def test_the_api_says_what_is_wrong(db, client):
    assert "Did you mean" in get(client, "SELECT * FROM lapz, laps").json()["q"][0]
    assert get(client, "FROM lap").json()["q"][0].startswith("There is no table lap. Did you mean laps? There are: ")
    assert "Did you mean meetings?" in get(client, "FROM races").json()["q"][0]
    assert "PIVOT … ON driver_number IN" in get(client, "PIVOT laps ON driver_number USING min(lap_duration)").json()["q"][0]
    assert get(client, "DROP VIEW laps").json()["q"][0].startswith("DROP is not answered here")
    assert get(client, " ").json()["q"] == ["The question is empty: give it as q, for example q=SELECT count(*) FROM laps."]
    assert get(client, "SELECT 1" + " " * 3_000).json()["q"] == ["The question has 3,008 characters; 3,000 are read at most."]
    answer = get(client, "SELECT 1", sql="SELECT 1")
    assert answer.status_code == 400
    assert answer.json() == {"sql": ["There is no parameter 'sql' here; valid are: q, format, excel."]}
    assert get(client, "SELECT 1", format="xml").status_code == 400
    assert client.post("/api/v1/sql/", {"q": "SELECT 1"}).status_code in (401, 405)


def test_reads_are_counted(db, client, settings):
    settings.THROTTLES = settings.THROTTLES | {"reads": "1/day"}
    urls = ("/api/v1/sql/", "/sql/", "/api/v1/sql/")
    statuses = {client.get(url, REMOTE_ADDR="203.0.113.18").status_code for url in urls}
    assert statuses == {200, 429}


def test_a_setting_turns_it_off(db, client, settings):
    settings.SQL = False
    assert get(client, "SELECT 1").json() == {"detail": "SQL is turned off on this site (setting SQL)."}
    assert client.get("/sql/", HTTP_ACCEPT="text/html").status_code == 404


@pytest.fixture
def browser():
    return Client(HTTP_ACCEPT="text/html,*/*;q=0.8")


def test_the_page_shows_tables_and_examples(db, browser):
    html = browser.get("/sql/").content.decode()
    assert "<b>race_control</b>" in html
    assert all(example.question.replace("'", "&#x27;") in html for example in EXAMPLES)


def test_the_page_answers_with_a_chart_a_table_and_files(recorded, browser):
    html = browser.get("/sql/", {"q": EXAMPLES[0].sql}).content.decode()
    assert f"<h1>{EXAMPLES[0].question}".replace("'", "&#x27;") in html
    assert [drawing.count('<rect class="car-fill"') for drawing in html.split("<svg ")[1:]] == [
        10,
        10,
    ]  # of screens and of phones
    assert '<td class="r">23.8</td>' in html
    assert "format=parquet" in html
    html = browser.get("/sql/", {"q": EXAMPLES[0].sql, "chart": "none"}).content.decode()
    assert "<svg class" not in html


def test_the_page_shows_what_is_wrong_and_keeps_the_question(db, browser):
    answer = browser.get("/sql/", {"q": "SELECT '<b>' FORM laps"})
    assert answer.status_code == 400
    html = answer.content.decode()
    assert "Parser Error" in html
    assert "SELECT &#x27;&lt;b&gt;&#x27; FORM laps</textarea>" in html
    refusal = browser.get("/sql/", {"chart": "pie"}).content.decode()
    assert "chart=&#x27;pie&#x27; is not offered; choose one of auto, bars, lines, none." in refusal
    assert browser.get("/sql/", {"x": "1"}).status_code == 400


def test_an_embedded_answer_may_be_framed_and_nothing_else(recorded, browser):
    answer = browser.get("/sql/", {"q": EXAMPLES[0].sql, "embed": "1"})
    assert f"frame-ancestors {settings.EMBED_ANCESTORS}" in answer["Content-Security-Policy"]
    assert "<textarea" not in answer.content.decode()
    assert "frame-ancestors 'none'" in browser.get("/sql/")["Content-Security-Policy"]


# The chart, of rows alone

NAME, LAPS, AGE = Column("driver", "VARCHAR"), Column("laps", "BIGINT"), Column("age", "INTEGER")
TIME = Column("lap_duration", "DOUBLE")


@pytest.mark.once
def test_texts_with_numbers_become_bars_and_two_columns_of_numbers_lines():
    bars = chart.draw([NAME, LAPS], [["VER", 57], ["LEC", 50], ["ALO", None]])
    assert [(bar.label, bar.value) for bar in bars.bars] == [("VER", "57"), ("LEC", "50")]
    assert bars.bars[0].width > bars.bars[1].width > 0
    lines = chart.draw([AGE, LAPS], [[1, 90], [2, 91], [3, None], [4, 92.5]])
    assert [line.label for line in lines.lines] == ["laps"]
    assert lines.lines[0].path.count("L") == 2
    lines = chart.draw([AGE, LAPS, NAME], [[1, 90, "SOFT"], [2, 91, "SOFT"], [1, 92, "HARD"]])
    assert [line.label for line in lines.lines] == ["SOFT", "HARD"]
    moments = chart.draw(
        [Column("date", "TIMESTAMP WITH TIME ZONE"), LAPS], [["2024-03-02T15:00:00Z", 1], ["2024-03-02T16:00:00Z", 2]]
    )
    assert moments.x_ticks[0][0].startswith("15:")


@pytest.mark.once
@pytest.mark.parametrize("rows", [[], [[None, None]]])
@pytest.mark.parametrize("columns", [[NAME, LAPS], [AGE, LAPS], [NAME, NAME]])
def test_nothing_is_drawn_of_nothing(columns, rows):
    assert chart.draw(columns, rows) is None


@pytest.mark.once
def test_of_many_columns_no_chart_is_guessed():
    columns, row = [Column("session_key", "BIGINT"), LAPS, *[NAME] * 5], [9472, 57, *"abcde"]
    assert chart.draw(columns, [row, row]) is None
    assert chart.draw(columns, [row, row], "bars").kind == "bars"


@pytest.mark.once
def test_numbers_of_cars_name_lines_and_bars():
    car = Column("driver_number", "BIGINT")
    rows = [[lap, number, 90 + number] for lap in (1, 2) for number in (1, 16)]
    for columns, order in (([AGE, car, TIME], (0, 1, 2)), ([car, AGE, TIME], (1, 0, 2))):
        picture = chart.draw(columns, [[row[at] for at in order] for row in rows])
        assert (picture.kind, picture.x_label, picture.y_label) == ("lines", AGE.name, TIME.name)
        assert [line.label for line in picture.lines] == ["1", "16"]
    picture = chart.draw([car, LAPS], [[16, 57], [1, 50]])
    assert [(bar.label, bar.value) for bar in picture.bars] == [("16", "57"), ("1", "50")]


@pytest.mark.once
def test_a_chart_says_what_it_leaves_out():
    picture = chart.draw([NAME, LAPS], [[f"d{at}", at] for at in range(100)], "bars")
    assert len(picture.bars) == 40
    assert picture.note == "The first 40 of 100 rows are drawn."
    picture = chart.draw([AGE, LAPS, NAME], [[1, at, f"d{at}"] for at in range(20)], "lines")
    assert picture.note == "The first 12 of 20 lines are drawn."


@pytest.mark.once
def test_bars_have_the_colours_of_teams():
    picture = chart.draw(
        [NAME, LAPS, Column("team_colour", "VARCHAR")], [["VER", 57, "3671C6"], ["X", 1, None], ["Y", 1, '"><b>']]
    )
    assert picture.bars[0].colour.light == "#3671c6"
    assert {bar.colour for bar in picture.bars[1:]} == {chart.team_shades(None)}


@pytest.mark.once
def test_a_column_of_lists_is_no_number():
    assert not chart.is_number(Column("x", "INTEGER[]"))
    assert chart.is_number(Column("x", "DECIMAL(18,3)"))
    assert json.loads(msgspec.json.encode(chart.draw([NAME, LAPS], [["VER", 57]])))["kind"] == "bars"
