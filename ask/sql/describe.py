"""The tables that SQL offers, in words: what a page shows beside the question, and what a program asks for first."""

from typing import NamedTuple

import msgspec
from django.core.exceptions import FieldDoesNotExist

from api.openf1.catalogue import Collection
from api.tables.columns import Column as StoredColumn
from ask.sql.files import SQL_TYPES, collections, columns_of

JSON_NOTE = "Text: a number, a text or a list; TRY_CAST(… AS DOUBLE) reads the numbers."


class Column(msgspec.Struct, frozen=True):
    name: str
    type: str
    about: str


class Table(msgspec.Struct, frozen=True):
    name: str
    about: str
    columns: list[Column]


class Join(NamedTuple):
    """How two tables belong together."""

    tables: str
    condition: str


JOINS = (
    Join("every table and sessions", "session_key"),
    Join("sessions and meetings", "meeting_key"),
    Join("laps, pit, results … and drivers", "session_key, driver_number"),
    Join("laps and stints", "session_key, driver_number, lap_number BETWEEN lap_start AND lap_end"),
    Join("starting_grid and the race", "meeting_key (the grid is filed under the qualifying)"),
)


def tables() -> list[Table]:
    """Every table with its columns, by name."""
    return [describe(collection) for _, collection in sorted(collections().items())]


def describe(collection: Collection) -> Table:
    about = " ".join((collection.model.__doc__ or "").split())
    return Table(collection.name, about, [describe_column(collection, column) for column in columns_of(collection)])


def describe_column(collection: Collection, column: StoredColumn) -> Column:
    about = JSON_NOTE if column.is_json else ""
    try:
        field = collection.model._meta.get_field(column.path)
    except FieldDoesNotExist:
        return Column(column.name, SQL_TYPES.get(column.type, "VARCHAR"), about)
    help_text = str(getattr(field, "help_text", ""))
    return Column(column.name, SQL_TYPES.get(column.type, "VARCHAR"), " ".join(filter(None, (help_text, about))))
