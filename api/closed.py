"""Values of filters on closed sets: keys, seasons, names and states. One that no row can have is refused, with the valid ones."""

from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches
from typing import Any

from django.db import models

from mirror.feeds import collection_name, select_feeds
from mirror.limits import ClosedText, squash
from mirror.models import Mirrored

NAMES = ("name", "acronym", "code", "location", "slug")  # how the fields end that have names of people, teams and places
PEOPLE = "people"  # the collection of corrections of drivers as persons, which is no feed
MAX_LISTED = 20


class UnknownValue(ValueError):
    """A value that no row of the site has."""


def register(*names: str, check: Callable[[models.Field, list[Any]], list[Any]]) -> None:
    """Let an upper layer check the values of the fields with these names."""
    CHECKS.update(dict.fromkeys(names, check))


def spell_values(column: models.Field, values: list[Any], known: Iterable[str] = ()) -> list[Any]:
    """The values as the rows spell them, which can be more where rows differ in case; UnknownValue for one that none has.

    `known` are the values that a field can have, should no row have one yet.
    """
    if known:
        return [spelling for value in values for spelling in spell_known(column, value, known)]
    if column.remote_field or column.primary_key:
        return check_keys(column, values)
    if check := CHECKS.get(column.name):
        return check(column, values)
    choices = [key for key, _ in column.flatchoices] if column.choices else []
    if choices:
        return [spell_choice(column, value, choices=choices) for value in values]
    if isinstance(column, models.CharField) and (isinstance(column, ClosedText) or is_name(column)):
        return [spelling for value in values for spelling in spellings_of(column, value)]
    return values


def is_name(column: models.Field) -> bool:
    return (issubclass(column.model, Mirrored) and column.name.endswith(NAMES)) or column.name == "circuit_name"


def check_keys(column: models.Field, values: list[Any]) -> list[Any]:
    """The keys, all of which exist."""
    model: Any = column.related_model or column.model
    stored = set(model._default_manager.filter(pk__in=values).values_list("pk", flat=True))
    if missing := [value for value in values if value not in stored]:
        raise UnknownValue(f"There is no {model._meta.verbose_name} '{missing[0]}'.")
    return values


def check_stored(column: models.Field, values: list[Any]) -> list[Any]:
    """The values, all of which rows have."""
    stored = set(column.model._default_manager.filter(**{f"{column.name}__in": values}).values_list(column.name, flat=True))
    if missing := [value for value in values if value not in stored]:
        raise UnknownValue(f"No row has the {column.verbose_name} '{missing[0]}'.")
    return values


def check_years(column: models.Field, values: list[Any]) -> list[Any]:
    """The seasons, all of which have rows."""
    rows = column.model._default_manager.order_by()
    stored = set(rows.filter(year__in=values).values_list("year", flat=True).distinct())
    if missing := [value for value in values if value not in stored]:
        seasons = sorted(rows.values_list("year", flat=True).distinct())
        raise UnknownValue(f"There is no season {missing[0]} here. {list_valid(map(str, seasons))}")
    return values


def spell_choice(column: models.Field, value: Any, *, choices: list[Any]) -> Any:
    """The choice that a value is in any case of its letters."""
    if value in choices:
        return value
    spelling = {squash(str(choice)): choice for choice in choices}.get(squash(str(value)))
    if spelling is None:
        raise UnknownValue(f"There is no {column.verbose_name} {value!r}. {list_valid(map(str, choices))}")
    return spelling


def spell_known(column: models.Field, value: str, known: Iterable[str]) -> list[str]:
    """How a value is spelt that can be, or that rows have."""
    if value in known:
        return [value]
    rows = column.model._default_manager.order_by()
    stored = [*rows.filter(**{f"{column.name}__iexact": value}).values_list(column.name, flat=True).distinct()]
    spellings = stored or [each for each in known if squash(each) == squash(value)]
    if not spellings:
        raise UnknownValue(f"There is no {column.verbose_name} {value!r}. {list_valid(sorted(known))}")
    return spellings


def spell_collections(column: models.Field, values: list[Any]) -> list[Any]:
    """The names of collections that are called by any of their names; names that rows have stay as they are."""
    named = column.model._default_manager.filter(**{f"{column.name}__in": values}).values_list(column.name, flat=True)
    stored = {PEOPLE, *named}
    try:
        select_feeds([value for value in values if value not in stored])
    except ValueError as error:
        raise UnknownValue(str(error)) from error
    return [value if value in stored else collection_name(value) for value in values]


def spellings_of(column: models.Field, value: str) -> list[str]:
    """How rows spell a name or a text of a closed set."""
    if isinstance(column, ClosedText) and (text := column.normalise(value)) in column.known:
        return [text]
    rows = column.model._default_manager.order_by()
    if spellings := list(rows.filter(**{f"{column.name}__iexact": value}).values_list(column.name, flat=True).distinct()):
        return spellings
    known = column.known if isinstance(column, ClosedText) else names_like(column, value)
    raise UnknownValue(f"No row has the {column.verbose_name} {value!r}. {list_valid(known)}".strip())


def names_like(column: models.Field, value: str) -> list[str]:
    """Names that rows have: those that look like a value, or all where they are few."""
    names = [name for name in column.model._default_manager.order_by().values_list(column.name, flat=True).distinct() if name]
    lower = {name.lower(): name for name in names}
    near = [lower[name] for name in get_close_matches(value.lower(), lower, n=3, cutoff=0.6)]
    return near or (names if len(names) <= MAX_LISTED else [])


CHECKS: dict[str, Callable[[models.Field, list[Any]], list[Any]]] = {  # by the name of the field
    "year": check_years,
    "collection": spell_collections,
    **dict.fromkeys(("country_key", "circuit_key", "team_key"), check_stored),
}


def list_valid(names: Collection[str] | Any) -> str:
    names = list(names)
    return f"There {'are' if len(names) > 1 else 'is'}: {', '.join(names)}." if names else ""
