"""The right side of a comparison, cast by the type of the field it is compared with, so that `MON` stays a country code."""

import math
from datetime import datetime
from typing import Any

from api.openf1 import dates
from api.tables.columns import Column

NULL = None  # `x=null`
EXPECTED = {bool: "true or false", int: "a number", float: "a number", datetime: "a date", str: "a text without NUL"}
FLAGS = {"true": True, "1": True, "false": False, "0": False}


def cast(column: Column, op: str, text: str, *, now: datetime) -> list[tuple[str, Any]]:
    """The comparisons that `op` with `text` means, usually one; ValueError, saying what is expected, for an invalid value."""
    if text == "null" and op == "=":
        return [("=", NULL)]
    try:
        if column.is_datetime:
            return dates.bounds(op, dates.parse_date(text, now=now))
        return [(op, cast_value(column, text))]
    except ValueError as error:
        raise ValueError(f"{text!r} is not {EXPECTED.get(column.type, EXPECTED[str])}") from error


def cast_value(column: Column, text: str) -> Any:
    if column.type is bool:
        if text.lower() not in FLAGS:
            raise ValueError
        return FLAGS[text.lower()]
    if column.type is int:
        return parse_number(text)
    if column.type is float:
        return parse_float(text)
    if "\0" in text:  # PostgreSQL cannot store or compare it
        raise ValueError
    if column.is_json:
        try:
            return parse_number(text)
        except ValueError:
            return text
    return text


def parse_float(text: str) -> float:
    """By Python's rules (`007`, `1_0`, `1e3`, `inf`); NaN is not a value to compare with."""
    value = float(text)
    if math.isnan(value):
        raise ValueError
    return value


def parse_number(text: str) -> int | float:
    """A number; beyond what any column holds as a float, infinity where it is too large for that, as both compare alike."""
    try:
        value = int(text)
    except ValueError:
        return parse_float(text)
    return value if abs(value) < 2**63 else parse_float(text)
