"""The columns of a table: their names, types and bounds, read from model fields."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import msgspec
from django.db import models

from mirror.mapping import expected

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str  # in the file
    path: str  # the ORM path from the table's model: `session__race_id`
    type: Any  # bool, int, float, str, datetime, or Any: a JSON value (number, text or list) kept as text
    low: int = 0  # bounds of what an int column can hold
    high: int = 0
    key: str = ""  # the model field with the same value as one number, for sorting JSON values
    normalise: Callable[[Any], Any] | None = None  # of texts of a closed set: the known spelling of a value

    @property
    def is_json(self) -> bool:
        return self.type is Any

    @property
    def is_datetime(self) -> bool:
        return self.type is datetime.datetime


Columns = Sequence[Column]


def make_column(field: models.Field, *, name: str = "", path: str = "", key: str = "") -> Column:
    """The column of a model field: Python type of its values and, of integers, the bounds that its feed validates them by."""
    name = name or field.name
    path = path or name
    if isinstance(field, models.JSONField):
        return Column(name, path, Any, key=key)
    kind = expected(field)
    if type(None) in get_args(kind):
        kind = next(option for option in get_args(kind) if option is not type(None))
    low = high = 0
    if get_origin(kind) is Annotated:
        kind, *notes = get_args(kind)
        for note in notes:
            if isinstance(note, msgspec.Meta) and note.ge is not None and note.le is not None:
                low, high = int(note.ge), int(note.le)
    return Column(name, path, kind, low, high, key, getattr(field, "normalise", None))


def arrow_type(column: Column, *, integer_bits: tuple[int, ...] = (32, 64)) -> "pa.DataType":
    """The Arrow type of a column: integers by the smallest of `integer_bits` that holds the bounds, datetimes in microseconds.

    JSON values, which may be numbers, texts and lists in one column, stay text.
    """
    import pyarrow as pa

    if column.is_datetime:
        return pa.timestamp("us", tz="UTC")
    if column.type is int:
        bits = next((n for n in integer_bits if column.low >= -(2 ** (n - 1)) and column.high < 2 ** (n - 1)), integer_bits[-1])
        return {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[bits]
    return {bool: pa.bool_(), float: pa.float64()}.get(column.type, pa.string())


def arrow_schema(columns: Columns) -> "pa.Schema":
    import pyarrow as pa

    return pa.schema([(column.name, arrow_type(column)) for column in columns])
