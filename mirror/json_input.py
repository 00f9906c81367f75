"""JSON that people and programs send: one limit of size and one of nesting, wherever it comes in.

What is within them can be stored, read, copied and shown everywhere; libraries and databases set in at depths of their own.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from django.conf import settings

MAX_DEPTH = 20  # levels of lists and objects


class NotJSON(ValueError):
    """A text that is no JSON."""


class TooDeep(ValueError):
    """A JSON text with too many levels; `fields` names the fields of its object that have them."""

    def __init__(self, fields: Iterable[str] = ()) -> None:
        super().__init__(f"lists and objects are nested more than {MAX_DEPTH} deep")
        self.fields = [*fields]


def parse_json(text: bytes) -> Any:
    """Parse JSON; ValueError says in words why it is refused, NotJSON that it is none."""
    if len(text) > (limit := settings.DATA_UPLOAD_MAX_MEMORY_SIZE):
        raise ValueError(f"it is larger than {limit:,} bytes; MAX_BODY_BYTES sets the limit")
    try:
        value = msgspec.json.decode(text)
    except RecursionError as error:
        raise TooDeep from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJSON(f"it is not valid JSON: {error}") from error
    if is_deeper(value, MAX_DEPTH):
        fields = value.items() if isinstance(value, dict) else ()
        raise TooDeep(fields=[name for name, item in fields if is_deeper(item, MAX_DEPTH - 1)])
    return value


def is_deeper(value: Any, limit: int) -> bool:
    """Whether lists and objects are nested more than `limit` levels deep."""
    level = [value]
    for _ in range(limit + 1):
        level = [item for parent in level for item in children(parent)]
    return bool(level)


def has_nul(value: Any) -> bool:
    """Whether a text in a value, or a name in it, has the NUL character, which PostgreSQL cannot store."""
    if isinstance(value, str):
        return "\0" in value
    return any(map(has_nul, children(value))) or (isinstance(value, dict) and any(map(has_nul, value)))


def children(value: Any) -> Iterable[Any]:
    """The items of a list, the values of an object; of anything else nothing."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
