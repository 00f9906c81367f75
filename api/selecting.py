"""Which columns of a list are answered: `?fields=lap_number,lap_duration` only those, `?include=team_name` others beside its own.

A viewset offers what can be included::

    class LapViewSet(SyncedViewSet):
        included = {"stint_number": Included((make_column(...),), "The stint of the lap.", LapQuerySet.with_stint)}
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from django.db import models
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from api.tables.columns import Column

ALL = "all"
OFFERED: dict[type[models.Model], "Mapping[str, Included]"] = {}  # what can be included in the rows of a model


@dataclass(frozen=True)
class Included:
    """Columns that the rows of a list have only when they are asked for."""

    columns: tuple[Column, ...]
    about: str
    annotate: Callable[[Any], models.QuerySet]  # adds the columns to a queryset


@dataclass(frozen=True)
class Selection:
    """The columns to add to the rows of a list, and the fields to keep: all where none are named."""

    included: tuple[Included, ...] = field(default=())
    fields: tuple[str, ...] = field(default=())

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(column for each in self.included for column in each.columns)

    def annotate(self, queryset: models.QuerySet) -> models.QuerySet:
        for each in self.included:
            queryset = each.annotate(queryset)
        return queryset

    def keep(self, row: dict[str, Any]) -> dict[str, Any]:
        return {name: row[name] for name in self.fields} if self.fields else row


def offer(model: type[models.Model], included: Mapping[str, Included]) -> None:
    """Let the rows of a model be asked for with further columns, over /v1 as well."""
    OFFERED[model] = included


def offered(model: type[models.Model]) -> Mapping[str, Included]:
    return OFFERED.get(model, {})


def read_selection(request: Request, *, names: Collection[str], included: Mapping[str, Included]) -> Selection:
    """The selection that a query asks for; `names` are the rows' own fields. ValidationError for an unknown name."""
    wanted = read_names(request, "include")
    if ALL in wanted:
        wanted = [*included]
    check_names("include", wanted, [*included, ALL])
    chosen = tuple(included[name] for name in wanted)
    fields = read_names(request, "fields")
    check_names("fields", fields, [*names, *(column.name for each in chosen for column in each.columns)])
    return Selection(chosen, tuple(fields))


def read_names(request: Request, parameter: str) -> list[str]:
    """The names in a parameter, separated by commas or in several of it, each once."""
    texts = request.query_params.getlist(parameter)
    return list(dict.fromkeys(name.strip() for text in texts for name in text.split(",")))


def check_names(parameter: str, names: list[str], valid: list[str]) -> None:
    """ValidationError for a name that is not valid."""
    for name in names:
        if name not in valid:
            close = get_close_matches(name, valid, n=1)
            guess = f" Did you mean {close[0]!r}?" if close else ""
            raise ValidationError({parameter: [f"There is no field {name!r}.{guess} Valid are: {', '.join(valid)}."]})


def pick_fields(rows: Sequence[Mapping[str, Any]], text: str) -> list[dict[str, Any]]:
    """Rows with only the fields that are named in a text, separated by commas; with all where it is empty."""
    names = list(dict.fromkeys(name.strip() for name in text.split(","))) if text else []
    if rows:
        check_names("fields", names, list(dict.fromkeys(name for row in rows for name in row)))
    return [{name: row.get(name) for name in names} if names else dict(row) for row in rows]


def describe_include(included: Mapping[str, Included]) -> dict[str, Any]:
    """The OpenAPI description of `include`."""
    about = "; ".join(f"`{name}`: {each.about}" for name, each in included.items())
    return {
        "name": "include",
        "in": "query",
        "description": f"Columns to add, separated by commas; `{ALL}` for all of them. {about}",
        "schema": {"type": "array", "items": {"type": "string", "enum": [*included, ALL]}, "minItems": 1},
        "explode": False,
        "style": "form",
    }
