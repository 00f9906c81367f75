"""What values a field can hold: limits of numbers and moments, shapes of JSON values, formats of texts, and closed sets.

Models declare them on their fields. Everything else reads them from there: REST and the admin refuse what breaks them, the
mapping rejects upstream's rows that break a hard limit, and a check of the quality report names the stored rows that break
the others.
"""

import datetime
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.deconstruct import deconstructible

UTC = datetime.UTC
FIRST_MOMENT = datetime.datetime(1950, 1, 1, tzinfo=UTC)  # the year of the first world championship
LAST_MOMENT = datetime.datetime(2100, 1, 1, tzinfo=UTC)
# Outside these years adding a lap's time to a moment, or changing its time zone, can leave what a datetime can hold.
HARD_YEARS = range(1900, 2200)
MAX_SECONDS = 10_000_000_000  # 300 years: with more, a moment plus a duration is no moment any more
POSITIVE_SECONDS = (0.001, MAX_SECONDS)  # hard limits: times are measured to a millisecond, and none is 0
SECONDS = (0, MAX_SECONDS)
LAPS = (None, 9_999)  # hard limits of numbers of laps: charts and models have a place for every lap up to the last
MAX_KEY = 2**31 - 1  # of OpenF1's numbers of races, sessions, countries and circuits
MAX_NUMBER = 10**15  # of codes and decimal numbers
LAPS_BEHIND = r"\+[0-9]{1,4} LAPS?"  # a gap of laps
NO_NUL = r"^[^\x00]*$"  # PostgreSQL stores no text with the NUL character


@deconstructible
class Least(MinValueValidator):
    """The least value a person may enter; upstream's rows below `hard` (where given) are rejected, others kept and named."""

    message = "%(show_value)s is too little: the least possible value is %(limit_value)s."

    def __init__(self, limit_value: Any, hard: Any = None):
        super().__init__(limit_value)
        self.hard = hard


@deconstructible
class Most(MaxValueValidator):
    """The greatest value a person may enter; upstream's rows above `hard` (where given) are rejected, others kept and named."""

    message = "%(show_value)s is too much: the greatest possible value is %(limit_value)s."

    def __init__(self, limit_value: Any, hard: Any = None):
        super().__init__(limit_value)
        self.hard = hard


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf


def is_time(value: Any) -> bool:
    return value is None or is_number(value)


def is_gap(value: Any) -> bool:
    return is_time(value) or (isinstance(value, str) and re.fullmatch(LAPS_BEHIND, value) is not None)


def is_code(value: Any) -> bool:
    return value is None or (type(value) is int and abs(value) <= MAX_NUMBER)


@dataclass(frozen=True)
class Kind:
    """A kind of JSON value."""

    description: str
    possible: Callable[[Any], bool]  # whether a value, or an item of a list, can be
    accepted: Any  # the type of the values that are stored when upstream sends them, if no text has a NUL
    only_lists: bool = False
    has_texts: bool = True

    def allows(self, value: Any) -> bool:
        return all(map(self.possible, value)) if isinstance(value, list) else not self.only_lists and self.possible(value)

    def accepts(self, value: Any) -> bool:
        """Whether upstream's value is stored."""
        try:
            msgspec.convert(value, self.accepted)
        except msgspec.ValidationError:
            return False
        return not has_nul(value)


def has_nul(value: Any) -> bool:
    """Whether a text, or one in a list, has the NUL character. (In msgspec 0.22 a type of lists and of a pattern crashes.)"""
    return any(isinstance(text, str) and "\0" in text for text in (value if isinstance(value, list) else [value]))


Code = Annotated[int, msgspec.Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]
Gap = Code | float | str
KINDS = {
    "mini-sectors": Kind(
        "a list of whole numbers, with null for what is unknown", is_code, list[Code | None], only_lists=True, has_texts=False
    ),
    "times": Kind("a number of seconds, or a list of such numbers and null", is_time, Gap | list[Gap | None]),
    "gaps": Kind(
        'a number of seconds, "+1 LAP", "+2 LAPS" and so on, or a list of them and null', is_gap, Gap | list[Gap | None]
    ),
}


@deconstructible
class Shape:
    """What a JSON value has to look like, and the limits of the numbers in it."""

    def __init__(self, kind: str, least: float | None = None, most: float | None = None):
        self.kind, self.least, self.most = KINDS[kind], least, most

    def __call__(self, value: Any) -> None:
        if not self.kind.allows(value):
            raise ValidationError(f"{abbreviate(value)} is not {self.kind.description}.", code="shape")
        numbers = filter(is_number, value if isinstance(value, list) else [value])
        for number in numbers if self.least is not None else ():
            Least(self.least)(number)
            Most(self.most)(number)

    def is_storable(self, value: Any) -> bool:
        """Whether upstream's value is stored, even if people could not enter it."""
        return self.kind.accepts(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shape) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.kind, self.least, self.most))


@dataclass(frozen=True)
class FormatKind:
    """A format of texts; the pattern means the same to Python, SQLite and PostgreSQL."""

    pattern: str
    description: str


FORMATS = {
    "colour": FormatKind("[0-9A-Fa-f]{6}", "six hexadecimal digits without #"),
    "code": FormatKind("[A-Z]{3}", "three capital letters"),
    "offset": FormatKind(
        "[+-]?((0?[0-9]|1[0-3]):[0-5][0-9](:[0-5][0-9])?|14:00(:00)?)", "hours and minutes up to 14:00, such as -04:00:00"
    ),
    "address": FormatKind("https?://[^/ \t\r\n][^ \t\r\n]*", "an address that begins with https:// or http://"),
    "track states": FormatKind("[1-7]+", "digits from 1 to 7"),
}


@deconstructible
class Format(RegexValidator):
    """What a text has to look like that a person enters; upstream's other texts are kept and named."""

    def __init__(self, name: str):
        self.kind = FORMATS[name]
        self.pattern = rf"^{self.kind.pattern}\Z"  # of whole texts, to Python and to databases
        super().__init__(self.pattern, code="format")

    def allows(self, value: str) -> bool:
        return re.search(self.pattern, value) is not None

    def __call__(self, value: str) -> None:
        if not self.allows(value):
            raise ValidationError(f"{abbreviate(value)} is not {self.kind.description}.", code=self.code)


def abbreviate(value: Any) -> str:
    """A value as an error message quotes it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def within(least: Any, most: Any, about: str, *, hard: tuple[Any, Any] | None = None) -> dict[str, Any]:
    """The options of a number's field: its validators, and a help text that ends with the limits.

    `hard` are the limits beyond which even upstream's rows are rejected: values that no one could mean.
    """
    low, high = hard or (None, None)
    limits = f"Between {least:,} and {most:,}." if isinstance(most, float) or most > 9_999 else f"Between {least} and {most}."
    return {"validators": [Least(least, low), Most(most, high)], "help_text": f"{about} {limits}".strip()}


def moment(about: str) -> dict[str, Any]:
    """The options of a datetime's field."""
    return {
        "validators": [Least(FIRST_MOMENT), Most(LAST_MOMENT)],
        "help_text": f"{about} Between {FIRST_MOMENT.year} and {LAST_MOMENT.year}.",
    }


def shaped(name: str, about: str, least: float | None = None, most: float | None = None) -> dict[str, Any]:
    """The options of a JSON value's field."""
    limits = "" if least is None else f" Between {least} and {most}."
    return {"validators": [Shape(name, least, most)], "help_text": f"{about}{limits}"}


def written(name: str, about: str = "") -> dict[str, Any]:
    """The options of a text's field: its validator, and a help text that ends with the format."""
    description = FORMATS[name].description
    return {"validators": [Format(name)], "help_text": f"{about} {description[0].upper()}{description[1:]}.".strip()}


class ClosedText(models.CharField):
    """A text from a closed set. Other spellings (case, blanks, signs, known synonyms) become the known one; texts that are not
    known at all are stored as they are, and named by a check.
    """

    def __init__(self, *args: Any, known: tuple[str, ...] = (), synonyms: dict[str, str] | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.known = known
        self.spellings = {squash(text): text for text in known} | {squash(a): b for a, b in (synonyms or {}).items()}

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """For migrations it is a CharField: what is known is no matter of the database."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def normalise(self, value: Any) -> Any:
        """The known spelling of a text; any other value as it is."""
        if not isinstance(value, str) or value in self.known:
            return value
        return self.spellings.get(squash(value), value)

    def to_python(self, value: Any) -> Any:
        return self.normalise(super().to_python(value))


def join_known(known: tuple[str, ...]) -> str:
    """The known texts as a help text lists them."""
    return f"{', '.join(known[:-1])} or {known[-1]}"


def squash(text: str) -> str:
    """A text without what spellings differ in: "Double_Yellow " and "DOUBLE YELLOW" are "doubleyellow"."""
    return re.sub(r"[\W_]+", "", text.casefold().replace("&", "and"))


def limits_of(field: models.Field) -> tuple[Any, Any]:
    """(least, most) of a field as its model declares them; None where there is no limit."""
    own = field._validators  # type: ignore[attr-defined] # without those that Django adds for the column
    least = next((v.limit_value for v in own if isinstance(v, Least)), None)
    return least, next((v.limit_value for v in own if isinstance(v, Most)), None)


def hard_limits_of(field: models.Field) -> tuple[Any, Any]:
    """(least, most) beyond which upstream's rows are rejected; None where there is no such limit."""
    own = field._validators  # type: ignore[attr-defined]
    least = next((v.hard for v in own if isinstance(v, Least)), None)
    return least, next((v.hard for v in own if isinstance(v, Most)), None)


def shape_of(field: models.Field) -> Shape | None:
    return next((v for v in field._validators if isinstance(v, Shape)), None)  # type: ignore[attr-defined]


def format_of(field: models.Field) -> Format | None:
    return next((v for v in field._validators if isinstance(v, Format)), None)  # type: ignore[attr-defined]
