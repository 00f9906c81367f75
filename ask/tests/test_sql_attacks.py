"""What a hostile question meets: the program that answers questions reads its tables and nothing else, within limits."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ask.sql import running, worker_path

pytestmark = pytest.mark.once

SECRET = "the-team-radio-of-1950"
LAPS = {"laps": "SELECT * FROM read_parquet(['sql/laps/2024.parquet'])"}


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """A folder with one table, and beside it files that are nobody's business."""
    folder = tmp_path_factory.mktemp("media")
    (folder / "sql" / "laps").mkdir(parents=True)
    pq.write_table(pa.table({"lap_number": [1, 2, 3], "lap_duration": [97.2, None, 96.1]}), folder / "sql/laps/2024.parquet")
    (folder / "secret.csv").write_text(f"word\n{SECRET}\n")
    (folder / "sql" / "laps" / "link.csv").symlink_to(folder / "secret.csv")
    return folder


def question_for(media, sql, *, form="json", **limits):
    question = {
        "sql": sql,
        "format": form,
        "folder": str(media),
        "views": LAPS,
        "folders": ["sql/laps/"],
        "seconds": 5,
        "memory_mb": 512,
        "rows": 100_000,
        "bytes": 2**26,
        "zone": "",
    }
    return question | limits


@pytest.fixture
def ask(media):
    """Ask the program as the site does; gives (head, body)."""
    return lambda sql, **options: running.ask_worker(json.dumps(question_for(media, sql, **options)).encode())


def test_a_question_is_answered(ask):
    head, body = ask("SELECT count(*) AS laps, min(lap_duration) FROM laps")
    assert head["columns"][0] == {"name": "laps", "type": "BIGINT"}
    assert json.loads(body) == [[3, 96.1]]


ATTACKS = [
    "SELECT * FROM read_csv('{media}/secret.csv')",
    "SELECT * FROM read_csv('secret.csv')",
    "SELECT * FROM 'secret.csv'",
    "SELECT * FROM 'sql/laps/../../secret.csv'",
    "SELECT * FROM read_csv('sql/laps/link.csv')",
    "SELECT * FROM read_text('{media}/secret.csv')",
    "SELECT * FROM read_blob('/proc/self/environ')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM parquet_metadata('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM read_duckdb('/etc/passwd')",
    "SELECT * FROM glob('*')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM query('SELECT * FROM read_csv(''secret.csv'')')",
    "SELECT * FROM read_parquet('http://127.0.0.1:9/laps.parquet')",
    "SELECT * FROM read_parquet('s3://bucket/laps.parquet')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_settings()",
    "SELECT value FROM system.main.DuckDB_Settings()",
    'SELECT value FROM "duckdb_settings"()',
    "SELECT * FROM duckdb_extensions()",
    "SELECT * FROM duckdb_temporary_files()",
    "SELECT * FROM duckdb_databases",
    "SELECT * FROM pragma_database_size()",
    "SELECT * FROM pg_catalog.pg_settings",
    "FROM 'pg_settings'",
    "SELECT current_setting('allowed_directories')",
    "SELECT 'allowed_directories'.current_setting() FROM laps",
    "EXPLAIN ANALYZE SELECT current_setting('allowed_directories')",
    "SELECT * FROM query('SELECT * FROM duckdb_' || 'settings()')",
    "FROM query/* */('SELECT * FROM duckdb_' || 'settings()')",
    'FROM system.main."query" ($$SELECT 1$$)',
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "SELECT getenv('HOME')",
    "SELECT * FROM question",
    "SELECT * FROM enable_logging()",
    "COPY laps TO '{media}/copy.csv'",
    "COPY laps TO 'sql/laps/copy.csv'",
    "COPY (SELECT 1) TO '/dev/stdout'",
    "ATTACH '{media}/new.db'",
    "ATTACH 'sql/laps/new.db' AS new",
    "EXPORT DATABASE 'sql/laps'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET memory_limit = '64GB'",
    "RESET lock_configuration",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "CALL enable_logging('QueryLog')",
    "CHECKPOINT",
    "USE memory",
    "CREATE TABLE mine AS SELECT 1",
    "CREATE MACRO sum(x) AS 1",
    "DROP VIEW laps",
    "INSERT INTO laps VALUES (4, 90)",
    "DELETE FROM laps",
    "PREPARE mine AS SELECT 1",
    "BEGIN",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW laps",
    "",
    "--",
    "SELECT * FROM laps WHERE",
    "SELECT ?",
]
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import msgspec, worker
questions = msgspec.json.decode(sys.stdin.buffer.read(), type=list[worker.Question])
answers = [worker.respond(question) for question in questions]
sys.stdout.buffer.write(msgspec.json.encode([(head, body.decode()) for head, body in answers]))
"""


@pytest.fixture(scope="module")
def attacked(media):
    """{attack: (head, body)}: each in a database of its own, all in one process, which is faster."""
    before = sorted(media.rglob("*"))
    questions = [question_for(media, sql.format(media=media)) for sql in ATTACKS]
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, worker_path().rpartition("/")[0]],
        input=json.dumps(questions).encode(),
        capture_output=True,
    )
    assert sorted(media.rglob("*")) == before
    return dict(zip(ATTACKS, json.loads(run.stdout), strict=True))


@pytest.mark.parametrize("sql", ATTACKS)
def test_what_does_more_than_read_the_tables_is_refused(attacked, sql):
    head, body = attacked[sql]
    assert head["error"], sql
    assert body == ""
    assert SECRET not in head["error"]


@pytest.mark.parametrize(
    ("sql", "limits", "reason"),
    [
        (
            "SELECT count(*) FROM range(1000000000) a, range(1000000000) b",
            {"seconds": 1},
            "longer than 1 seconds|more than 512 MB",
        ),
        (
            "SELECT a.range FROM range(100000000) a JOIN range(100000000) b ON a.range < b.range ORDER BY 1",
            {"seconds": 1},
            "longer than 1 seconds|more than 512 MB",
        ),
        ("SELECT list(range) FROM range(500000000)", {"memory_mb": 64, "seconds": 30}, "more than 64 MB"),
        ("SELECT repeat('x', 100000) FROM range(2000)", {"bytes": 2**20}, "larger than 1 MB"),
    ],
)
def test_what_takes_too_much_is_ended(ask, sql, limits, reason):
    head, _ = ask(sql, **limits)
    assert re.search(reason, head["error"])


def test_json_says_that_rows_are_missing_and_a_file_is_refused(ask):
    head, body = ask("SELECT * FROM range(5000)", rows=2500)
    assert (head["rows"], head["truncated"], len(json.loads(body))) == (2500, True, 2500)
    for form in ("csv", "parquet"):
        head, _ = ask("SELECT * FROM range(5000)", rows=2500, form=form)
        assert head["error"] == "The answer has more than 2,500 rows; aggregate, or add LIMIT 2500."
    head, body = ask("SELECT * FROM range(2500)", rows=2500)
    assert (head["rows"], head["truncated"]) == (2500, False)


def test_values_of_every_kind_become_json_csv_and_parquet(ask):
    sql = (
        "SELECT 1.5::DECIMAL(4, 2) AS d, 'NaN'::DOUBLE AS n, [1, 2] AS l, {'a': 1} AS s, MAP {1: 'x'} AS m, "
        "TIMESTAMPTZ '2024-03-02 15:00Z' "
        "AS t, DATE '2024-03-02' AS day, INTERVAL 90 SECOND AS i, '1.5'::BLOB AS b, true AS yes, NULL AS nothing, "
        "'0123456789abcdef0123456789abcdef'::UUID AS u"
    )
    _, body = ask(sql)
    [row] = json.loads(body)
    assert row[:7] == [1.5, None, [1, 2], {"a": 1}, {"1": "x"}, "2024-03-02T15:00:00Z", "2024-03-02"]
    head, body = ask(sql, form="csv")
    assert head["rows"] == 1
    assert body.decode().splitlines()[1].startswith('1.50,,"[1,2]"')
    head, body = ask(f"SELECT * EXCLUDE (i) FROM ({sql})", form="parquet")  # noqa: S608 - a test
    assert pq.read_table(pa.BufferReader(body)).num_rows == 1
    head, _ = ask("SELECT 1 AS a, 2 AS a", form="parquet")
    assert "the same name" in head["error"]
    head, _ = ask("SELECT INTERVAL 90 SECOND", form="parquet")
    assert "interval" in head["error"]


def test_the_process_knows_nothing_of_the_site(ask, media, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", SECRET)
    head, _ = ask("SELECT string_agg(name || value, ' ') FROM duckdb_settings() WHERE value IS NOT NULL")
    assert head["error"].startswith("duckdb_settings is not answered here: it tells of the machine")


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW TABLES",
        "DESCRIBE laps",
        "SELECT * FROM duckdb_columns()",
        "SELECT * FROM pragma_table_info('laps')",
        "SELECT 'a query' AS query",
        "SELECT lap_number AS query FROM laps ORDER BY query",
    ],
)
def test_what_tells_of_the_tables_is_answered(ask, media, sql):
    head, body = ask(sql)
    assert head["rows"]
    assert str(media) not in body.decode()


def test_after_a_killed_process_the_next_question_is_answered(ask):
    begun = threading.Event()
    processes = []
    popen = subprocess.Popen

    class Noticed(popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            processes.append(self)
            begun.set()

    def kill():
        begun.wait(10)
        os.kill(processes[0].pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", Noticed)
        killer.start()
        with pytest.raises(running.WorkerDied):
            ask("SELECT count(*) FROM range(1000000000) a, range(1000) b")
    killer.join()
    assert ask("SELECT count(*) FROM laps")[1] == b"[[3]]"


def test_a_process_that_does_not_end_is_ended(monkeypatch, tmp_path):
    stuck = tmp_path / "stuck.py"
    stuck.write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(running, "worker_path", lambda: str(stuck))
    monkeypatch.setattr(running, "SECONDS", 0.2)
    monkeypatch.setattr(running, "START_SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(running.Refused, match="takes longer"):
        running.ask_worker(b"{}")
    assert time.monotonic() - began < 30


def test_the_program_can_write_no_file(tmp_path):
    program = (
        f"import sys; sys.path.insert(0, {str(worker_path().rpartition('/')[0])!r}); import worker; worker.limit_process()\n"
        f"open({str(tmp_path / 'x')!r}, 'w').write('x' * 100000)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "File too large" in run.stderr
