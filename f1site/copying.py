"""Everything that one database holds, copied into another, of whatever kind the two are: SQLite or PostgreSQL."""

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

BATCH = 2_000  # rows held at once
TOLD = 100_000  # rows after which progress is told anew

Model = type[models.Model]
encoder = msgspec.json.Encoder(order="sorted", enc_hook=str)


class NotCopied(Exception):
    """The target is as it was; why, in words."""


@dataclass
class Sum:
    """How many rows, and a checksum of them that does not depend on their order."""

    rows: int = 0
    checksum: int = 0

    def add(self, row: Iterable[Any]) -> None:
        digest = blake2b(encoder.encode(row), digest_size=16).digest()
        self.rows, self.checksum = self.rows + 1, (self.checksum + int.from_bytes(digest)) % 2**128

    def __str__(self):
        return f"{self.rows:,} rows, checksum {self.checksum:032x}"


def copy(*, source: str, target: str, tell: Callable[[str], None] = lambda line: None) -> dict[str, Sum]:
    """Copy all tables between two connections with the same migrations applied; {table: its sum}.

    The source is read as it was at the beginning, and may be written to meanwhile. The target changes at the end or not at all:
    what it holds then is read back, and has to be what was sent. Rows that migrations made in the target are replaced.
    """
    ordered = in_order(stored_models())
    with snapshot(source), transaction.atomic(using=target):
        with connections[target].cursor() as cursor:
            for model in reversed(ordered):
                cursor.execute(f"DELETE FROM {table(model, target)}")  # noqa: S608 - no input
        sums, copied = {}, set[Model]()
        for model in ordered:
            sums[model._meta.db_table] = sent = copy_table(model, source=source, target=target, tell=tell)
            tell(f"{model._meta.db_table}: {sent}")
            copied.add(model)
            check_references(target, copied)
        compare(ordered, sums, target)
        with connections[target].cursor() as cursor:
            for statement in connections[target].ops.sequence_reset_sql(no_style(), ordered):
                cursor.execute(statement)
    return sums


def stored_models() -> list[Model]:
    found = apps.get_models(include_auto_created=True)
    return [model for model in found if model._meta.managed and not model._meta.proxy and not model._meta.swapped]


def parents(model: Model, *, required: bool = False) -> set[Model]:
    """The models that rows refer to; with `required` only where they cannot do without."""
    related = (field for field in model._meta.concrete_fields if field.is_relation and not (required and field.null))
    return {field.related_model for field in related if field.related_model is not model}  # type: ignore[misc]


def in_order(found: list[Model]) -> list[Model]:
    """Parents before children; where two refer to each other, only what is required counts."""
    before = {model: parents(model) for model in found}
    while True:
        try:
            return list(TopologicalSorter(before).static_order())
        except CycleError as error:
            before |= {model: parents(model, required=True) for model in error.args[1]}


def table(model: Model, using: str) -> str:
    return connections[using].ops.quote_name(model._meta.db_table)


@contextmanager
def snapshot(using: str) -> Iterator[None]:
    """Read the database as it is now for the length of a `with`, without keeping others from writing."""
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


def read(model: Model, using: str) -> Iterator[tuple]:
    names = [field.attname for field in model._meta.concrete_fields]
    return model._base_manager.using(using).order_by().values_list(*names).iterator(chunk_size=BATCH)


def copy_table(model: Model, *, source: str, target: str, tell: Callable[[str], None]) -> Sum:
    """Copy one table, told as it goes on; what was sent."""
    fields, sent, connection = model._meta.concrete_fields, Sum(), connections[target]
    normal = normaliser(model)

    def prepared() -> Iterator[tuple]:
        for row in read(model, source):
            sent.add(normal(row))
            if sent.rows % TOLD == 0:
                tell(f"{model._meta.db_table}: {sent.rows:,} rows so far")
            yield tuple(field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True))

    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    write = copy_in if connection.vendor == "postgresql" else insert
    try:
        write(f"{table(model, target)} ({names})", prepared(), width=len(fields), using=target)
    except DatabaseError as error:
        raise NotCopied(f"{model._meta.db_table}: the target refuses a row: {error}".strip()) from error
    return sent


def copy_in(into: str, rows: Iterator[tuple], *, width: int, using: str) -> None:
    connection = connections[using]
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(f"COPY {into} FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


def insert(into: str, rows: Iterator[tuple], *, width: int, using: str) -> None:
    statement = f"INSERT INTO {into} VALUES ({', '.join(['%s'] * width)})"  # noqa: S608 - no input
    with connections[using].cursor() as cursor:
        while batch := list(islice(rows, BATCH)):
            cursor.executemany(statement, batch)


def check_references(using: str, copied: set[Model]) -> None:
    """On PostgreSQL: check references as soon as all that is referred to is there, so that the server need not note them all."""
    if connections[using].vendor == "postgresql" and all(parents(model) <= copied for model in copied):
        with connections[using].cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def compare(ordered: list[Model], sums: dict[str, Sum], using: str) -> None:
    """Read back what the target holds; NotCopied where it is not what was sent."""
    differing = []
    for model in ordered:
        normal, got, sent = normaliser(model), Sum(), sums[model._meta.db_table]
        for row in read(model, using):
            got.add(normal(row))
        if got != sent:
            differing.append(f"{model._meta.db_table}: sent {sent}; the target has {got}")
    if differing:
        raise NotCopied("what the target holds is not what was sent: " + "; ".join(differing))


def normaliser(model: Model) -> Callable[[tuple], Iterable[Any]]:
    """A function that writes a row's JSON numbers in one way: PostgreSQL keeps their value, but not how they were written."""
    places = {place for place, field in enumerate(model._meta.concrete_fields) if isinstance(field, models.JSONField)}
    if not places:
        return lambda row: row
    return lambda row: [normal(value) if place in places else value for place, value in enumerate(row)]


def normal(value: Any) -> Any:
    match value:
        case dict():
            return {name: normal(item) for name, item in value.items()}
        case list():
            return [normal(item) for item in value]
        case float() if value.is_integer():
            return normal(int(value))
        case int() if abs(value) >= 2**63:
            return str(value)
    return value
