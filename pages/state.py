"""The state of a view: its query string and nothing else, so that a link is the picture."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from pages.rows import SessionRows


class BadState(ValueError):
    """A query parameter that a view does not take; the message names it, the value and what would do."""


class Laps(NamedTuple):
    """Laps from first to last, both included."""

    first: int
    last: int


def refuse_others(query: Iterable[str], known: Collection[str]) -> None:
    """BadState for a parameter that is not among the known ones."""
    for name in query:
        if name not in known:
            raise BadState(f"There is no parameter {name!r} here; this page takes {', '.join(known) or 'none'}.")


def inside(lap: int, window: Laps | None) -> bool:
    """Whether a lap is among those that were asked for."""
    return window is None or window.first <= lap <= window.last


class State:
    """The parameters of a request, each checked when it is read."""

    COMMON: tuple[str, ...] = ("format", "embed", "raw", "drivers")

    def __init__(self, query: Mapping[str, str], allowed: Iterable[str] = ()):
        refuse_others(query, (*self.COMMON, *allowed))
        self.query = query

    def choice(self, name: str, options: Iterable[str], default: str) -> str:
        value = self.query.get(name, "") or default
        options = list(options)
        if value not in options:
            raise BadState(f"{name}={value!r} is not offered; choose one of {', '.join(options)}.")
        return value

    def flag(self, name: str) -> bool:
        return self.choice(name, ("0", "1"), "0") == "1"

    def lap(self, first: int, last: int) -> int | None:
        """`lap=16`; None where no lap is named."""
        value = self.query.get("lap", "")
        if not value:
            return None
        if not (value.isascii() and value.isdecimal() and len(value) < 4 and first <= int(value) <= last):
            raise BadState(f"lap={value!r} cannot be asked about; write a number from {first} to {last}.")
        return int(value)

    def others(self, *names: str) -> list[tuple[str, str]]:
        """The parameters that a form keeps beside those of these names."""
        return [(name, value) for name, value in self.query.items() if name not in (*names, "format", "embed")]

    def laps(self, last: int) -> Laps | None:
        """`laps=5-40`; None for all of them."""
        value = self.query.get("laps", "")
        if not value:
            return None
        found = re.fullmatch(r"(\d{1,3})-(\d{1,3})", value)
        if not found or not 0 <= int(found[1]) < int(found[2]):
            raise BadState(
                f"laps={value!r} is no range of laps; write two numbers, the lower one first, e.g. laps=5-{max(last, 10)}."
            )
        return Laps(int(found[1]), int(found[2]))

    def cars(self, rows: SessionRows) -> list[int]:
        """`drivers=LEC,VER` (acronyms or car numbers) as car numbers; empty where nobody is named."""
        value = self.query.get("drivers", "")
        return [car_named(name.strip(), rows) for name in value.split(",") if name.strip()]


def car_named(name: str, rows: SessionRows, *, parameter: str = "drivers") -> int:
    """The number of the car that an acronym, a number or a driver's ID means in a session."""
    for entry in rows.entries:
        if name.upper() == (entry.name_acronym or "").upper() or name == str(entry.driver_number) or name == entry.driver_id:
            return entry.driver_number
    known = ", ".join(entry.name_acronym or str(entry.driver_number) for entry in rows.entries) or "nobody"
    raise BadState(f"{parameter}={name!r}: no driver of this session is called that; there are {known}.")
