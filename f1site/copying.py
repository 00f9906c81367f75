"""Copy all tables from one database to another; each may be SQLite or PostgreSQL."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from hashlib import blake2b
from itertools import islice
from typing import Any

import msgspec
from django.apps import apps
from django.core.management.color import no_style
from django.db import DatabaseError, connections, models, transaction

from mirror.values import storable

MAX_RECURSION = 20_000
BATCH_ROWS = 2_000  # rows in memory at once
REPORT_ROWS = 100_000  # rows between two reports of progress

Model = type[models.Model]
encoder = msgspec.json.Encoder(order="sorted", enc_hook=str)


class NotCopied(Exception):
    """The copy was rolled back; str(error) says why."""


@dataclass
class Checksum:
    """The number of rows and a checksum that does not depend on their order."""

    rows: int = 0
    checksum: int = 0

    def add(self, row: Iterable[Any]) -> None:
        digest = blake2b(encoder.encode(row), digest_size=16).digest()
        self.rows, self.checksum = self.rows + 1, (self.checksum + int.from_bytes(digest)) % 2**128

    def __str__(self) -> str:
        return f"{self.rows:,} rows, checksum {self.checksum:032x}"


def copy(*, source: str, target: str, report: Callable[[str], None] = lambda line: None) -> dict[str, Checksum]:
    """Copy all tables between two connections with the same migrations applied; returns {table: checksum}.

    The source is read in one snapshot and may be written to meanwhile. The target changes in one transaction, which is committed
    only if the rows that are read back equal those that were sent. Rows that migrations created in the target are replaced.
    Raises NotCopied.
    """
    ordered = sort_by_references(stored_models())
    with deep_recursion(), snapshot(source), transaction.atomic(using=target):
        with connections[target].cursor() as cursor:
            for model in reversed(ordered):
                cursor.execute(f"DELETE FROM {table(model, target)}")  # noqa: S608 - no input
        sums, copied = {}, set[Model]()
        for model in ordered:
            sums[model._meta.db_table] = sent = copy_table(model, source=source, target=target, report=report)
            report(f"{model._meta.db_table}: {sent}")
            copied.add(model)
            check_references(target, copied)
        verify(ordered, sums, target)
        with connections[target].cursor() as cursor:
            for statement in connections[target].ops.sequence_reset_sql(no_style(), ordered):
                cursor.execute(statement)
    return sums


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Allow recursion deep enough for any JSON that is stored.

    Versions that did not limit its nesting stored what just fitted into Python's own limit, which leaves no room to copy it.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, MAX_RECURSION))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def stored_models() -> list[Model]:
    """All models with a table of their own."""
    candidates = apps.get_models(include_auto_created=True)
    return [model for model in candidates if model._meta.managed and not model._meta.proxy and not model._meta.swapped]


def parents(model: Model, *, required: bool = False) -> set[Model]:
    """The models that rows refer to; with `required` only those of references that cannot be null."""
    related = (field for field in model._meta.concrete_fields if field.is_relation and not (required and field.null))
    return {field.related_model for field in related if field.related_model is not model}  # type: ignore[misc]


def sort_by_references(models_to_sort: list[Model]) -> list[Model]:
    """Sort models so that each follows those it refers to; in a circle only references that cannot be null count."""
    before = {model: parents(model) for model in models_to_sort}
    while True:
        try:
            return list(TopologicalSorter(before).static_order())
        except CycleError as error:
            before |= {model: parents(model, required=True) for model in error.args[1]}


def table(model: Model, using: str) -> str:
    return connections[using].ops.quote_name(model._meta.db_table)


@contextmanager
def snapshot(using: str) -> Iterator[None]:
    """Read from one snapshot of the database during a `with`, without blocking writers."""
    connection = connections[using]
    if connection.in_atomic_block:
        yield
        return
    begin = "BEGIN" if connection.vendor == "sqlite" else "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
    with connection.cursor() as cursor:
        cursor.execute(begin)
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def read_rows(model: Model, using: str) -> Iterator[tuple]:
    names = [field.attname for field in model._meta.concrete_fields]
    return model._base_manager.using(using).order_by().values_list(*names).iterator(chunk_size=BATCH_ROWS)


def copy_table(model: Model, *, source: str, target: str, report: Callable[[str], None]) -> Checksum:
    """Copy one table and report the progress; returns the checksum of the rows that were sent."""
    fields, sent, connection = model._meta.concrete_fields, Checksum(), connections[target]
    normalise = row_normaliser(model)
    # SQLite stores the NUL character, which PostgreSQL does not have; earlier versions let it into JSON.
    row_of = without_nul if connection.vendor == "postgresql" else tuple

    def prepared_rows() -> Iterator[tuple]:
        for row in read_rows(model, source):
            values = row_of(row)
            sent.add(normalise(values))
            if sent.rows % REPORT_ROWS == 0:
                report(f"{model._meta.db_table}: {sent.rows:,} rows so far")
            yield tuple(field.get_db_prep_save(value, connection) for field, value in zip(fields, values, strict=True))

    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    write = copy_in if connection.vendor == "postgresql" else insert
    try:
        write(f"{table(model, target)} ({names})", prepared_rows(), width=len(fields), using=target)
    except DatabaseError as error:
        raise NotCopied(f"{model._meta.db_table}: the target refuses a row: {error}".strip()) from error
    return sent


def without_nul(row: tuple) -> tuple:
    return tuple(storable(value) for value in row)


def copy_in(into: str, rows: Iterator[tuple], *, width: int, using: str) -> None:
    connection = connections[using]
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(f"COPY {into} FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


def insert(into: str, rows: Iterator[tuple], *, width: int, using: str) -> None:
    statement = f"INSERT INTO {into} VALUES ({', '.join(['%s'] * width)})"  # noqa: S608 - no input
    with connections[using].cursor() as cursor:
        while batch := list(islice(rows, BATCH_ROWS)):
            cursor.executemany(statement, batch)


def check_references(using: str, copied: set[Model]) -> None:
    """On PostgreSQL, check references once all parents are copied, so that the server does not have to queue all checks."""
    if connections[using].vendor == "postgresql" and all(parents(model) <= copied for model in copied):
        with connections[using].cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def verify(ordered: list[Model], sums: dict[str, Checksum], using: str) -> None:
    """Read the target's rows and compare them with what was sent; raises NotCopied if they differ."""
    differing = []
    for model in ordered:
        normalise, got, sent = row_normaliser(model), Checksum(), sums[model._meta.db_table]
        for row in read_rows(model, using):
            got.add(normalise(row))
        if got != sent:
            differing.append(f"{model._meta.db_table}: sent {sent}; the target has {got}")
    if differing:
        raise NotCopied("what the target holds is not what was sent: " + "; ".join(differing))


def row_normaliser(model: Model) -> Callable[[tuple], Iterable[Any]]:
    """A function that rewrites equal JSON numbers of a row equally, as PostgreSQL keeps their value but not their notation."""
    json_columns = {index for index, field in enumerate(model._meta.concrete_fields) if isinstance(field, models.JSONField)}
    if not json_columns:
        return lambda row: row
    return lambda row: [normalise_json(value) if index in json_columns else value for index, value in enumerate(row)]


def normalise_json(value: Any) -> Any:
    """A JSON value in which 1.0 is written as 1, and integers beyond 64 bits as text."""
    match value:
        case dict():
            return {name: normalise_json(item) for name, item in value.items()}
        case list():
            return [normalise_json(item) for item in value]
        case float() if value.is_integer():
            return normalise_json(int(value))
        case int() if abs(value) >= 2**63:
            return str(value)
    return value
