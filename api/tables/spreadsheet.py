"""CSV that spreadsheets read as it is meant: UTF-8 with a byte order mark, and local dates without T and offset."""

import codecs
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from api.tables import writers
from api.tables.columns import Column, Columns

EXCEL = "With `format=csv`, for spreadsheets: a byte order mark, and dates in UTC (1) or of a time zone (Europe/Berlin)."


class Convert(Protocol):
    """Converts the values of a column, of dates to local ones."""

    def __call__(self, column: Column, values: Iterable, *, zone: ZoneInfo) -> Iterable: ...


def read_zone(text: str) -> ZoneInfo | None:
    """The time zone that the value of `excel` names, UTC for 1; None where it is off. ValueError for one that is not known."""
    if text.lower() in ("", "0", "false"):
        return None
    try:
        return ZoneInfo("UTC" if text.lower() in ("1", "true") else text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"There is no time zone {text!r}; 1 is UTC, others have names like Europe/Berlin.") from error


def write_csv(columns: Columns, chunks: writers.Chunks, convert: Convert, *, zone: ZoneInfo) -> Iterator[bytes]:
    return chain([codecs.BOM_UTF8], writers.write_csv(columns, chunks, partial(convert, zone=zone)))
