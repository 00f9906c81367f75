"""How a feed says which rows of its collection a session should have; the quality report grades sessions by it.

The rows and sessions that the functions are given are those of the app that grades (`telemetry.quality`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple


def no_reason(rows: Any) -> str:
    """The answer of a collection about which nothing special is known."""
    return ""


class Gap(NamedTuple):
    """Sessions of which upstream has never had rows of a collection."""

    applies: Callable[[Any], bool]  # to a session
    reason: str
    source: str  # where that is known from
    quirk: str = ""  # key of the known fault, in `telemetry.quality.quirks.QUIRKS`


@dataclass(frozen=True, kw_only=True)
class Grader:
    """How complete a collection of a session is; by default complete when there are rows, and missing when there are none."""

    lacking: Callable[[Any], str] = no_reason  # what is missing among the stored rows, as a sentence; "" when nothing is
    none_expected: Callable[[Any], str] = no_reason  # why a session is complete without rows; "" when it is not
    gaps: tuple[Gap, ...] = ()
