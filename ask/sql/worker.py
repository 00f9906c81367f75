"""Answers one question by DuckDB: reads it from the standard input, writes the answer to the standard output, and ends.

It runs as a program of its own, without Django and without an environment. What it may read are the tables that the question
comes with; their folders are all of the file system that DuckDB can open. It writes nothing and knows no network.
"""

import csv
import datetime
import io
import os
import re
import resource
import sys
import threading
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import msgspec

BATCH = 250  # rows that are fetched and written together
ADDRESS_SPACE = 3 * 2**30  # bytes that the process may map, DuckDB's own memory and that of the answer
PROCESSOR_SECONDS = 30  # after which the system ends the process, should nobody else
READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
MACHINE = re.compile(  # what tells of DuckDB and its machine, and what runs SQL that is put together from texts
    r"\b(duckdb_(?!(?:columns|constraints|functions|keywords|schemas|tables|types|views)\b)\w+|pragma_(?!table_info\b)\w+"
    r"|pg_settings|current_setting|json_execute_serialized_sql|query(?=\"?\s*[(/-]))",
    re.IGNORECASE,
)
encoder = msgspec.json.Encoder(decimal_format="number")


class Question(msgspec.Struct):
    """A question, the tables it may read, and the limits of its answer."""

    sql: str
    format: str  # json, csv, parquet
    zone: str  # of dates in CSV for a spreadsheet; empty for all other answers
    folder: str  # that paths are relative to
    views: dict[str, str]
    folders: list[str]
    seconds: float
    memory_mb: int
    rows: int
    bytes: int


class Refused(Exception):
    """Why a question is not answered, in words for the person who asked it."""


class Answer:
    """The rows that are written so far."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.rows = 0
        self.truncated = False
        self.body = io.BytesIO()

    def take(self, rows: int) -> int:
        """How many of so many more rows fit into the answer. JSON says that rows are missing, a file could not."""
        taken = min(rows, self.question.rows - self.rows)
        if taken < rows:
            if self.question.format != "json":
                most = self.question.rows
                raise Refused(f"The answer has more than {most:,} rows; aggregate, or add LIMIT {most}.")
            self.truncated = True
        self.rows += taken
        return taken

    def write(self, piece: bytes) -> None:
        self.body.write(piece)
        if self.body.tell() > self.question.bytes:
            raise Refused(f"The answer is larger than {self.question.bytes // 2**20} MB; choose fewer columns or rows.")


def main() -> None:
    head, body = respond(msgspec.json.decode(sys.stdin.buffer.read(), type=Question))
    sys.stdout.buffer.write(msgspec.json.encode(head) + b"\n" + body)
    sys.stdout.buffer.flush()
    os._exit(0)  # without waiting for what DuckDB still has under way


def respond(question: Question) -> tuple[dict[str, Any], bytes]:
    """(head, body) of the answer; where there is none, the head has the `error`."""
    try:
        return answer(question)
    except Refused as refused:
        reason = str(refused)
    except duckdb.InterruptException:
        reason = f"This takes longer than {question.seconds:g} seconds; ask for less, by session_key for example."
    except (duckdb.OutOfMemoryException, MemoryError):
        reason = f"This needs more than {question.memory_mb} MB of memory; ask for less, by session_key for example."
    except (duckdb.Error, NotImplementedError, OverflowError, TypeError, ValueError) as error:
        reason = str(error).strip()
    return {"error": reason}, b""


def answer(question: Question) -> tuple[dict[str, Any], bytes]:
    os.chdir(question.folder)
    limit_process()
    connection = connect(question)
    check_reads_only(connection, question.sql)
    timer = threading.Timer(question.seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    result = connection.execute(question.sql)
    columns = [{"name": name, "type": str(kind)} for name, kind, *_ in result.description or []]
    output = Answer(question)
    WRITERS[question.format](result, output, [column["name"] for column in columns])
    timer.cancel()
    return {"columns": columns, "rows": output.rows, "truncated": output.truncated}, output.body.getvalue()


def limit_process() -> None:
    """Let the system refuse what DuckDB is set to refuse anyway: files that grow, endless memory and time."""
    for limit, value in (
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, ADDRESS_SPACE),
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS),
    ):
        resource.setrlimit(limit, (value, value))


def connect(question: Question) -> duckdb.DuckDBPyConnection:
    """An empty database in memory with the views of the question; nothing else can be opened, and no setting changed."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": 2,
            "memory_limit": f"{question.memory_mb}MB",
            "temp_directory": "",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",  # a name in FROM must not mean a variable of this program
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET allowed_directories = ?", [question.folders])
    for name, select in question.views.items():
        connection.execute(f"CREATE VIEW {name} AS {select}")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def check_reads_only(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refused unless the text is one statement that reads."""
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise Refused(f"There are {len(statements)} statements; one is answered.")
    kind = statements[0].type
    if kind == duckdb.StatementType.MULTI:
        raise Refused("A PIVOT names the values that become columns: PIVOT … ON driver_number IN (1, 16) USING …")
    if about := MACHINE.search(sql):
        raise Refused(f"{about[0]} is not answered here: it tells of the machine or runs other SQL; SHOW TABLES lists tables.")
    if kind not in READING:
        raise Refused(f"{kind.name} is not answered here, only what reads: SELECT, WITH, FROM, DESCRIBE, SUMMARIZE, EXPLAIN.")


def batches(result: duckdb.DuckDBPyConnection) -> Iterator[list[tuple]]:
    while rows := result.fetchmany(BATCH):
        yield rows


def write_json(result: duckdb.DuckDBPyConnection, output: Answer, names: list[str]) -> None:
    """The rows as a list of lists."""
    start = b"["
    for rows in batches(result):
        if taken := rows[: output.take(len(rows))]:
            output.write(start + encoder.encode(taken)[1:-1])
            start = b","
        if output.truncated:
            break
    output.write(b"]" if start == b"," else b"[]")


def write_csv(result: duckdb.DuckDBPyConnection, output: Answer, names: list[str]) -> None:
    zone = ZoneInfo(output.question.zone) if output.question.zone else None
    text = io.StringIO("\ufeff" if zone else "", newline="")
    text.seek(0, io.SEEK_END)
    writer = csv.writer(text)
    writer.writerow(names)
    for rows in batches(result):
        output.take(len(rows))
        writer.writerows([csv_cell(value, zone) for value in row] for row in rows)
        output.write(text.getvalue().encode())
        text.seek(0)
        text.truncate()
    output.write(text.getvalue().encode())


def csv_cell(value: Any, zone: ZoneInfo | None) -> Any:
    """As in JSON, but null (and NaN) is empty and text has no quotes of its own; with a time zone dates are local ones."""
    if zone and isinstance(value, datetime.datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return moment.astimezone(zone).replace(tzinfo=None).isoformat(" ", "milliseconds")
    if value != value:  # noqa: PLR0124 - so is NaN alone
        return None
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    return encoder.encode(value).decode().strip('"')


def write_parquet(result: duckdb.DuckDBPyConnection, output: Answer, names: list[str]) -> None:
    import pyarrow.parquet as pq

    reader: Any = result.to_arrow_reader(BATCH)
    if len(set(names)) < len(names):
        raise Refused("Two columns have the same name, which Parquet cannot have; rename one by AS.")
    file = io.BytesIO()
    with pq.ParquetWriter(file, reader.schema, compression="zstd") as writer:
        for batch in reader:
            output.take(batch.num_rows)
            writer.write_batch(batch)
    output.write(file.getvalue())


WRITERS = {"json": write_json, "csv": write_csv, "parquet": write_parquet}

if __name__ == "__main__":
    main()
