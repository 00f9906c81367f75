"""Converters turn the values of one column into what a format writes, a whole column at once.

`stored_…` convert values as `api.openf1.rows` reads them from the database: datetimes as OpenF1's text, booleans as 1 and 0, JSON
values as their text. `python_…` convert Python objects, as the REST API has them.
"""

import datetime
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from api.tables.columns import Column, arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

Converter = Callable[[Column, Iterable], Iterable]
BOOLEANS = {1: True, 0: False, None: None}


def stored_to_json(column: Column, values: Iterable) -> Iterable:
    if column.type is bool:
        return map(BOOLEANS.get, values)
    if column.is_json:  # spliced in as it is stored
        return [None if value is None else msgspec.Raw(value) for value in values]
    return values


def stored_to_openf1_csv(column: Column, values: Iterable) -> Iterable:
    """As OpenF1 writes CSV: Python's spelling of booleans, null and lists, and a blank between date and time."""
    if column.type is bool:
        return map(BOOLEANS.get, values)
    if column.is_datetime:
        return "\n".join([value or "" for value in values]).replace("T", " ").split("\n")
    if column.is_json:
        return spell_as_python(values)
    return values


def spell_as_python(values: Iterable[str | None]) -> list[Any]:
    """JSON values as CSV shows the Python values: numbers, lists of numbers and nulls as they are spelled, all others decoded."""
    cells = list(values)
    column = "\n".join([cell or "" for cell in cells])  # JSON text has no line breaks
    if '"' in column or "e" in column or "{" in column:  # texts, true and false, exponents, objects
        return [cell and msgspec.json.decode(cell) for cell in cells]
    return column.replace(",", ", ").replace("null", "None").split("\n")


def stored_to_portable_csv(column: Column, values: Iterable) -> Iterable:
    """As `stored_to_openf1_csv`, but lists are JSON, which other programs can read."""
    if column.is_json:
        return [msgspec.json.decode(value) if value and value[0] == '"' else value for value in values]
    return stored_to_openf1_csv(column, values)


def stored_to_spreadsheet(column: Column, values: Iterable, *, zone: datetime.tzinfo) -> Iterable:
    """As `stored_to_portable_csv`, but dates are local ones."""
    if not column.is_datetime:
        return stored_to_portable_csv(column, values)
    return to_local([value and datetime.datetime.fromisoformat(value) for value in values], zone)


def to_local(moments: Iterable[Any], zone: datetime.tzinfo) -> list[str | None]:
    """Moments as spreadsheets read them, to the millisecond: 2024-03-02 16:03:42.341"""
    return [each and each.astimezone(zone).replace(tzinfo=None).isoformat(" ", "milliseconds") for each in moments]


def stored_to_arrow(column: Column, values: Iterable) -> "pa.Array":
    import pyarrow as pa

    if column.is_datetime:
        return pa.array(values, pa.string()).cast(arrow_type(column))
    return pa.array(map(BOOLEANS.get, values) if column.type is bool else values, arrow_type(column))


def python_to_json(column: Column, values: Iterable) -> Iterable:
    return values


def python_to_csv(column: Column, values: Iterable) -> list[Any]:
    """As in JSON, but null is empty and text has no quotes of its own."""
    return [csv_cell(value) for value in values]


def python_to_spreadsheet(column: Column, values: Iterable, *, zone: datetime.tzinfo) -> list[Any]:
    """As `python_to_csv`, but dates are local ones."""
    return to_local(values, zone) if column.is_datetime else python_to_csv(column, values)


def csv_cell(value: Any) -> Any:
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    text = msgspec.json.encode(value).decode()
    return text.strip('"') if isinstance(value, datetime.datetime) else text


def python_to_arrow(column: Column, values: Iterable) -> "pa.Array":
    import pyarrow as pa

    if column.is_json:
        values = [None if value is None else msgspec.json.encode(value).decode() for value in values]
    return pa.array(values, arrow_type(column))
