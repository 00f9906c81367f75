"""Ask a question in SQL: a process answers it within limits of time, memory and rows, and ends."""

import re
import subprocess
import sys
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from django.conf import settings

from ask.sql import worker_path
from ask.sql.files import FOLDER, collections, tables_for
from mirror.feeds import collection_name

SECONDS = 5.0  # that DuckDB may work on a question
MEMORY_MB = 512  # that it may use for it
ROWS = 100_000  # of an answer
ANSWER_BYTES = 2**26
LONGEST = 3_000  # characters of a question: it has to fit into an address
START_SECONDS = 4.0  # that a process may take to start and to write its answer besides
UNKNOWN_TABLE = re.compile(r"Catalog Error: Table with name (.+?) does not exist!")


class Refused(Exception):
    """A question that cannot be answered; the message is for the person who asked it."""


class WorkerDied(Exception):
    """The process that worked on the question is gone; another one answers the next."""


class Column(msgspec.Struct, frozen=True):
    name: str
    type: str  # as DuckDB calls it


class Answer(NamedTuple):
    """The answer to a question; `body` has the rows in the format that was asked for, in JSON as a list of lists."""

    columns: list[Column]
    rows: int
    truncated: bool
    as_of: datetime | None  # the last change of the rows that it was read from
    body: bytes


def run(sql: str, *, format_: str = "json", zone: str = "", rows: int = ROWS) -> Answer:
    """Answer a question, in CSV for a spreadsheet with dates of a time zone; Refused says what is wrong with it."""
    if len(sql) > LONGEST:
        raise Refused(f"The question has {len(sql):,} characters; {LONGEST:,} are read at most.")
    if "\0" in sql or not sql.strip():
        raise Refused("The question is empty: give it as q, for example q=SELECT count(*) FROM laps.")
    tables = tables_for(sql)
    root = Path(settings.MEDIA_ROOT)
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    question = {
        "sql": sql,
        "format": format_,
        "zone": zone,
        "folder": str(root.resolve()),
        "views": tables.views,
        "folders": tables.folders,
        "seconds": SECONDS,
        "memory_mb": MEMORY_MB,
        "rows": rows,
        "bytes": ANSWER_BYTES,
    }
    head, body = ask_worker(msgspec.json.encode(question))
    if "error" in head:
        raise Refused(name_tables(head["error"]))
    columns = msgspec.convert(head["columns"], list[Column])
    return Answer(columns, head["rows"], head["truncated"], tables.as_of, body)


def name_tables(reason: str) -> str:
    """Why there is no answer; of a table that there is not with the site's tables, where DuckDB proposes internal ones."""
    if not (match := UNKNOWN_TABLE.match(reason)):
        return reason
    names = [*collections()]
    near = get_close_matches(collection_name(match[1]), names, n=1)
    guess = f" Did you mean {near[0]}?" if near else ""
    return f"There is no table {match[1]}.{guess} There are: {', '.join(names)}."


def ask_worker(question: bytes) -> tuple[dict[str, Any], bytes]:
    """(head, body) of the answer of a new process, which gets nothing of this one's environment."""
    command = [sys.executable, "-I", worker_path()]
    try:
        process = subprocess.run(  # noqa: S603 - the command is fixed
            command, input=question, capture_output=True, timeout=SECONDS + START_SECONDS, env={}, check=False
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"This takes longer than {SECONDS:g} seconds; ask for less, by session_key for example.") from None
    head, _, body = process.stdout.partition(b"\n")
    if not head:
        raise WorkerDied("The process that worked on this question was ended by the system; ask for less.")
    return msgspec.json.decode(head), body
