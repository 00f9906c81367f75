"""What a person calls a driver: "LEC", "leclerc", "charles_leclerc", "16"; and the driver or the car that these mean."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from drivers.models import Driver, DriverAlias, Entry
from races.slugs import slugify
from races.words import EXACT, PLACE, SLUG, Unclear, best_of, rank_words


class DriverName(NamedTuple):
    """A driver with the names that people use, and the number of the car."""

    driver_id: str
    name_acronym: str | None
    driver_number: int | None


def rank_driver(words: list[str], *, driver_id: str, acronym: str | None) -> int:
    """How well words meet the names of a driver: SLUG for the driver_id, PLACE for the acronym, EXACT for the last name."""
    name = driver_id.replace("_", "-").split("-")
    short = (acronym or "").lower()
    if words == name:
        return SLUG
    if words == [short]:
        return PLACE
    if words and words == name[-len(words) :]:
        return EXACT
    return rank_words(words, [*name, short]) if words else 0


def driver_names(sessions: Sequence[int] | None) -> list[DriverName]:
    """The drivers of sessions as they were entered there, or all; one row for each number and acronym that a driver had."""
    if sessions is None:
        rows: Iterable = Driver.objects.values_list(*DriverName._fields)
    else:
        entries = Entry.objects.filter(session__in=sessions).exclude(driver=None)
        rows = entries.order_by("driver_id").values_list(*DriverName._fields).distinct()
    return [DriverName(*row) for row in rows]


def find_drivers(text: str, *, sessions: Sequence[int] | None = None) -> list[DriverName]:
    """The driver that a text means, once for each number and acronym; Unclear for none or several.

    A text is the driver_id, the acronym, the last name, or the number in these `sessions` (without them: in any); of a number
    they can be several drivers.
    """
    if text.isascii() and text.isdecimal():
        return find_numbers(text, sessions=sessions)
    names = driver_names(sessions)
    words = slugify(text.replace("_", " ")).split("-")
    alias = DriverAlias.objects.filter(pk="_".join(words)).values_list("driver_id", flat=True).first()
    if alias:
        words = alias.replace("_", "-").split("-")
    met = best_of((name, rank_driver(words, driver_id=name.driver_id, acronym=name.name_acronym)) for name in names)
    people = [*dict.fromkeys(name.driver_id for name in met)]
    if len(people) > 1:
        raise Unclear("driver", f"{text!r} means several drivers.", people)
    if not people:
        where = "" if sessions is None else " in these sessions" if len(sessions) > 1 else " in this session"
        near = similar_drivers(words, names)
        acronyms = sorted({name.name_acronym for name in names if name.name_acronym})
        others = f" There are: {', '.join(acronyms)}." if acronyms and not near and len(sessions or ()) == 1 else ""
        raise Unclear("driver", f"There is no driver called {text!r}{where}.{others}", near)
    return met


def find_numbers(text: str, *, sessions: Sequence[int] | None) -> list[DriverName]:
    """The drivers of the cars with a number."""
    number = int(text) if len(text) < 5 else -1
    entries = Entry.objects.filter(driver_number=number)
    if sessions is not None:
        entries = entries.filter(session__in=sessions)
    met = [DriverName(key or "", *rest) for key, *rest in entries.order_by().values_list(*DriverName._fields).distinct()]
    if not met:
        where = "" if sessions is None else " in these sessions" if len(sessions) > 1 else " in this session"
        others = ""
        if sessions is not None and len(sessions) == 1:
            numbers = sorted({name.driver_number for name in driver_names(sessions) if name.driver_number is not None})
            others = f" There are: {', '.join(map(str, numbers))}." if numbers else ""
        raise Unclear("driver", f"There is no car {text}{where}.{others}")
    return met


def similar_drivers(words: list[str], names: list[DriverName]) -> list[str]:
    """The keys of drivers with a name like one of the words."""
    keys: dict[str, str] = {}
    for name in names:
        keys |= dict.fromkeys([*name.driver_id.split("_"), (name.name_acronym or "").lower()], name.driver_id)
    return [keys[near] for word in words for near in get_close_matches(word, keys, n=3, cutoff=0.65)]


def find_car(text: str, *, session: int) -> int:
    """The number of the car that a text means in a session."""
    numbers = sorted({name.driver_number for name in find_drivers(text, sessions=[session])} - {None}, key=str)
    if len(numbers) > 1:
        raise Unclear("driver", f"{text!r} drove several cars in this session.", map(str, numbers))
    return int(str(numbers[0]))
