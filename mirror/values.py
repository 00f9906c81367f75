"""Conversions of single values: to and from JSON, to a number, to a digest for a key."""

from hashlib import blake2b
from typing import Any

import msgspec
from django.db import models


def to_json_value(value: Any) -> Any:
    """Convert a model field's value to what JSON can hold, as corrections store it: datetimes become text."""
    return msgspec.to_builtins(value)


def from_json_value(field: models.Field, value: Any) -> Any:
    """Convert a value that `to_json_value` gave back to the field's type; only datetimes differ."""
    return field.to_python(value) if isinstance(field, models.DateTimeField) and value is not None else value


def storable(value: Any) -> Any:
    """A JSON value as every database can store it: without the NUL character, which PostgreSQL refuses."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [storable(item) for item in value]
    return {storable(name): storable(item) for name, item in value.items()} if isinstance(value, dict) else value


def digest(*values: Any) -> int:
    """Hash values to a signed 64-bit integer, for a key of which they are too many, too long or sometimes null."""
    text = msgspec.json.encode([None if value is msgspec.UNSET else value for value in values])
    return int.from_bytes(blake2b(text, digest_size=8).digest(), signed=True)


def extract_number(value: Any) -> Any:
    """Extract the number from a value of a column of mixed types; None where there is none, UNSET stays UNSET.

    Of a list (one time per qualifying phase) it is the last element that is not null; a text ("+1 LAP") has none.
    """
    if isinstance(value, list):
        value = next((item for item in reversed(value) if item is not None), None)
    if value is msgspec.UNSET or isinstance(value, float):
        return value
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else None
