"""Values of filters on closed sets: keys, seasons, names and states. One that no row can have is refused, with the valid ones."""

from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models

from mirror.feeds import collection_name, select_feeds
from mirror.limits import ClosedText, limits_of, squash

PEOPLE = "people"  # the collection of corrections of drivers as persons, which is no feed
MAX_LISTED = 20
MAX_COMPARED = 1_000  # texts of a column that a value is compared with, whatever the case of its letters


class UnknownValue(ValueError):
    """A value that no row of the site has."""


def register(*names: str, check: Callable[[models.Field, list[Any]], list[Any]]) -> None:
    """Let an upper layer check the values of the fields with these names."""
    CHECKS.update(dict.fromkeys(names, check))


def spell_values(column: models.Field, values: list[Any], known: Iterable[str] = ()) -> list[Any]:
    """The values as the rows spell them, which can be more where rows differ in case; UnknownValue for one that none has.

    `known` are the values that a field can have, should no row have one yet. Any text is free in a TextField alone.
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
    if isinstance(column, models.CharField):
        return spell_texts(column, values, stored=stored_texts(column, values))
    return check_limits(column, values)


def check_limits(column: models.Field, values: list[Any]) -> list[Any]:
    """The values, each of which is within the limits of its field, or stored all the same, as upstream's may be."""
    least, most = limits_of(column)
    beyond = [value for value in values if least is not None and not least <= value <= most]
    if beyond:
        check_stored(column, beyond)
    return values


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
        least, most = limits_of(column)
        limits = "" if least is None else f" It is between {least} and {most}."
        raise UnknownValue(f"No row has the {column.verbose_name} '{missing[0]}'.{limits}")
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
        names = sorted(known)
        names = names if len(names) <= MAX_LISTED else names_like(value, {name.lower(): [name] for name in names})
        raise UnknownValue(f"There is no {column.verbose_name} {value!r}. {list_valid(names)}".strip())
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


def stored_texts(column: models.Field, values: list[str]) -> list[str]:
    """The texts that rows have; of very many only those that are among the values, and none where all values are known."""
    if isinstance(column, ClosedText) and all(column.normalise(value) in column.known for value in values):
        return []
    rows = column.model._default_manager.order_by().values_list(column.name, flat=True).distinct()
    texts = [*rows[: MAX_COMPARED + 1]]
    return texts if len(texts) <= MAX_COMPARED else [*rows.filter(**{f"{column.name}__in": values})]


def user_names(user: Any, rows: models.QuerySet, path: str) -> set[str]:
    """The names of users that a user may know of: of those in rows that are shown, the own one, and for the staff all."""
    if user.is_staff:
        return set(get_user_model()._default_manager.values_list("username", flat=True))
    return {*rows.order_by().values_list(path, flat=True).distinct(), user.username}


def spell_texts(column: models.Field, values: list[str], *, stored: Iterable[str | None]) -> list[str]:
    """The values as they are spelt among `stored`, which rows have."""
    spellings: dict[str, list[str]] = {}
    for text in filter(None, stored):
        spellings.setdefault(text.lower(), []).append(text)
    return [spelling for value in values for spelling in spell_text(column, value, spellings=spellings)]


def spell_text(column: models.Field, value: str, *, spellings: dict[str, list[str]]) -> list[str]:
    if isinstance(column, ClosedText) and (text := column.normalise(value)) in column.known:
        return [text]
    if value.lower() in spellings:
        return spellings[value.lower()]
    known = column.known if isinstance(column, ClosedText) else names_like(value, spellings)
    raise UnknownValue(f"No row has the {column.verbose_name} {value!r}. {list_valid(known)}".strip())


def names_like(value: str, spellings: dict[str, list[str]]) -> list[str]:
    """Names that rows have: those that look like a value, or all where they are few."""
    near = get_close_matches(value.lower(), spellings, n=3, cutoff=0.6)
    names = near or (spellings if len(spellings) <= MAX_LISTED else [])
    return [spellings[name][0] for name in names]


CHECKS: dict[str, Callable[[models.Field, list[Any]], list[Any]]] = {  # by the name of the field
    "year": check_years,
    "collection": spell_collections,
    **dict.fromkeys(("country_key", "circuit_key", "team_key", "digest"), check_stored),
}


def list_valid(names: Collection[str] | Any) -> str:
    names = list(names)
    return f"There {'are' if len(names) > 1 else 'is'}: {', '.join(names)}." if names else ""
