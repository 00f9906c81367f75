"""What a view consists of, before anybody draws it: the template, the JSON, the CSV and the tests read these structures.

Everything is in columns, ready for `msgspec`: seconds, laps and km/h as numbers, None where there is nothing.
"""

from collections.abc import Sequence
from typing import Any

import msgspec


class Car(msgspec.Struct, frozen=True, omit_defaults=True):
    """A car of the session, as charts draw it; the order of the list is the finishing order."""

    number: int
    acronym: str
    name: str
    team: str
    light: str  # `#rrggbb` on light paper
    dark: str
    dashed: bool = False  # the second car of a team
    place: int | None = None
    driver_id: str | None = None


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that happened to a car: a stop, the end of its race."""

    x: float
    kind: str  # stop, change (of tyres, under a red flag), out
    text: str


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """A car's values, one for each value of the chart's x."""

    car: int
    y: list[float | None]
    marks: list[Mark] = []
    letters: list[str] = []  # one per value: the compound's letter, in lower case where the lap is not a clean one


class Band(msgspec.Struct, frozen=True, omit_defaults=True):
    """A time in which the track was not free, on the lap axis of each car: it meets cars at different places of their laps."""

    kind: str  # safety car, virtual safety car, red flag, rain
    cars: dict[int, tuple[float, float]]


class Table(msgspec.Struct, frozen=True):
    """The same as rows: what a screen reader reads, what is downloaded as CSV."""

    columns: list[str]
    rows: list[list[Any]]
    numeric: list[bool]  # columns set in figures

    @classmethod
    def of(cls, columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[Any]]) -> "Table":
        """columns: (heading with its unit, whether it holds figures)"""
        return cls([name for name, _ in columns], [[*row] for row in rows], [numeric for _, numeric in columns])


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of the view's state that a person can choose, as the query string has it."""

    name: str
    label: str
    value: str
    options: list[tuple[str, str]]  # (value, text)


class Chart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A view of a session."""

    view: str
    title: str
    summary: str  # one sentence that says what there is to see
    table: Table
    x: list[float] = []
    x_label: str = ""
    y_label: str = ""
    reverse: bool = False  # the smallest y on top: places
    cars: list[Car] = []
    lines: list[Line] = []
    bands: list[Band] = []
    shown: list[int] = []  # car numbers whose lines are drawn at first
    choices: list[Choice] = []
    notes: list[str] = []  # what the chart rests on, and what it leaves out
    empty: str = ""  # in words, why there is nothing to see
    lacks_samples: bool = False  # whether samples of cars and their positions would show more
    data: dict[str, Any] = {}  # what else this view's drawing needs
