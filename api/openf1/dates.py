"""Dates in a query, parsed as OpenF1 parses them: everything dateutil accepts, in UTC.

Two interpretations differ from OpenF1's, where missing parts come from today: the parts that are finer than those given are the
first (`2023` is 2023-01-01, `2023-03` is 2023-03-01, `Sep` is 1 September of this year), and a number is a year or a date.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

from dateutil.parser import parse

PARTS = ("year", "month", "day", "hour")
ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
NUMBER = re.compile(r"[\d_.+-]+", re.ASCII)
NUMERIC_DATE = re.compile(
    r"[12]\d{3}(\d{4}(\d{6})?)?|\d{4}-\d\d?(-\d\d?)?|\d{4}\.\d\d?\.\d\d?|\d\d?[-.]\d\d?[-.]\d{1,4}", re.ASCII
)
# URL decoding turns the plus of an offset into a space: a time, a space, hours and minutes, which are no year.
LOST_PLUS = re.compile(r"(\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ((?:0\d|1[0-4]):?[0-5]\d)")
DAY = timedelta(days=1)


class ParsedDate(NamedTuple):
    value: datetime
    whole_day: bool  # no time was given: the whole day is meant


def parse_date(text: str, *, now: datetime) -> ParsedDate:
    """The date that `text` means at the time `now`; ValueError when it is not a date."""
    text = LOST_PLUS.sub(r"\1+\2", text) if " " in text else text
    try:
        if ISO.fullmatch(text):
            return ParsedDate(utc(datetime.fromisoformat(text)), whole_day=len(text) == 10)
        if NUMBER.fullmatch(text) and not NUMERIC_DATE.fullmatch(text):
            raise ValueError(f"{text!r} is not a date")
        return parse_partial(text, now)
    except ArithmeticError as error:  # of a date that is too late, or a part of one that has too many digits
        raise ValueError(f"{text!r} is out of range") from error


def parse_partial(text: str, now: datetime) -> ParsedDate:
    """Parse a date with missing parts: parsing it with two different defaults shows which parts are given."""
    one, other = (parse(text, default=default, tzinfos=zone) for default in (datetime(2000, 1, 1, 1), datetime(2004, 3, 2, 2)))
    given = [getattr(one, part) == getattr(other, part) for part in PARTS]
    today = datetime(now.year, now.month, now.day)
    coarsest = given.index(True) if True in given else len(PARTS)
    first: dict[str, Any] = {part: 1 for part, known in zip(PARTS[coarsest:3], given[coarsest:3], strict=True) if not known}
    return ParsedDate(utc(parse(text, default=today.replace(**first), tzinfos=zone)), whole_day=not given[3])


def zone(name: str | None, seconds: int | None) -> timezone:
    """dateutil's hook for time zones: an offset is used, an unknown name means UTC."""
    return UTC if seconds is None else timezone(timedelta(seconds=seconds))


def utc(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def bounds(op: str, date: ParsedDate) -> list[tuple[str, datetime]]:
    """The comparisons that `op` with this date means; a date without a time covers the whole day, in UTC."""
    day = date.value
    if not date.whole_day:
        return [(op, day)]
    try:
        next_day = day + DAY
    except OverflowError:
        next_day = datetime.max.replace(tzinfo=UTC)
    return {
        "=": [(">=", day), ("<", next_day)],
        ">": [(">=", next_day)],
        ">=": [(">=", day)],
        "<": [("<", day)],
        "<=": [("<", next_day)],
    }[op]
