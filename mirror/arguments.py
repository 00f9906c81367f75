"""Values of the command line, checked so that a wrong one is named and not handed to the database."""

import math
from argparse import ArgumentTypeError

MAX_NUMBER = 2**31 - 1  # what a column of keys or of seasons holds


def whole_number(text: str) -> int:
    """A key or a season."""
    try:
        value = int(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text[:40]!r} is no whole number") from error
    if abs(value) > MAX_NUMBER:
        raise ArgumentTypeError(f"{text[:40]} is out of range; the greatest possible value is {MAX_NUMBER}")
    return value


def finite_number(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text[:40]!r} is no number") from error
    if not (math.isfinite(value) and value >= 0):
        raise ArgumentTypeError(f"{text[:40]} is out of range; a finite number from 0 on is wanted")
    return value
