"""What the right side of a comparison means: read by the type of the field it is compared with, so `MON` stays a country code."""

import math
from datetime import datetime
from typing import Any

from api.openf1 import moments
from api.openf1.catalogue import Column

NULL = None  # `x=null`
WANTED = {bool: "true or false", int: "a number", float: "a number", datetime: "a date", str: "a text without NUL"}
FLAGS = {"true": True, "1": True, "false": False, "0": False}


def cast(column: Column, op: str, text: str, *, now: datetime) -> list[tuple[str, Any]]:
    """The comparisons that `op` with `text` means, usually one; ValueError, saying what is wanted, for what is no value."""
    if text == "null" and op == "=":
        return [("=", NULL)]
    try:
        if column.moment:
            return moments.bounds(op, moments.read(text, now=now))
        return [(op, plain(column, text))]
    except ValueError as error:
        raise ValueError(f"{text!r} is not {WANTED.get(column.type, WANTED[str])}") from error


def plain(column: Column, text: str) -> Any:
    if column.type is bool:
        if text.lower() not in FLAGS:
            raise ValueError
        return FLAGS[text.lower()]
    if column.type is int:
        return number(text)
    if column.type is float:
        return real(text)
    if "\0" in text:  # PostgreSQL knows no such text
        raise ValueError
    if column.mixed:
        try:
            return number(text)
        except ValueError:
            return text
    return text


def real(text: str) -> float:
    """By Python's rules (`007`, `1_0`, `1e3`, `inf`); NaN is not a value to compare with."""
    value = float(text)
    if math.isnan(value):
        raise ValueError
    return value


def number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return real(text)
