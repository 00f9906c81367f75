"""Rows of any model, made up from its fields: a new model needs no factory of its own."""

import datetime
from typing import Any

from django.db import models

from mirror.fields import JSONText
from mirror.limits import FORMATS, FormatKind, format_of, limits_of

FIRST = datetime.datetime(2023, 3, 5, 15, 0, 0, 123000, tzinfo=datetime.UTC)


def make(model: type[models.Model], number: int = 1, **given: Any) -> Any:
    """A stored row with a value in every field; rows of different numbers differ in all that can differ."""
    return model._default_manager.create(**values(model, number, **given))


def values(model: type[models.Model], number: int = 1, **given: Any) -> dict[str, Any]:
    """{field: value} of such a row; its parents are stored."""
    made = dict(given)
    for field in model._meta.concrete_fields:
        if field.name not in made and f"{field.name}_id" not in made and not isinstance(field, models.AutoField):
            made[field.name] = parent(field, number) if isinstance(field, models.ForeignKey) else value(field, number)
    return made


def parent(field: models.ForeignKey, number: int) -> Any:
    """The parent of that number, made when there is none."""
    model: Any = field.related_model
    key = value(model._meta.pk, number)
    return model._default_manager.filter(pk=key).first() or make(model, number)


def value(field: Any, number: int) -> Any:
    """What a field holds in the row of that number."""
    made: Any
    match field:
        case models.Field(choices=[_, *_] as choices):
            made = choices[number % len(choices)][0]
        case models.JSONField(name="centre_line"):
            made = {"x": [0.0, 100.0, 100.0], "y": [0.0, 0.0, 100.0 + number], "z": [0.0, 1.0, 2.0]}
        case JSONText() | models.JSONField():
            made = [2048, None, number]
        case models.BooleanField():
            made = number % 2 == 0
        case models.IntegerField():
            made = limited(field, 2000 + number)
        case models.FloatField():
            made = limited(field, number + 0.5)
        case models.DateTimeField():
            made = FIRST + datetime.timedelta(days=number)
        case models.SlugField():
            made = f"{field.name}_{number}"
        case _:
            made = text(field, number)
    return made


def text(field: Any, number: int) -> str:
    """A text of the field's format, or with its name where that is not too long."""
    if found := format_of(field):
        return written(found.kind, number)
    return f"{field.name} {number:03}" if not field.max_length or field.max_length >= 20 else f"{number:03}"


def written(kind: FormatKind, number: int) -> str:
    """A text of a format."""
    texts = {
        FORMATS["colour"]: f"{number:06}",
        FORMATS["code"]: "".join(chr(65 + number // step % 26) for step in (676, 26, 1)),
        FORMATS["offset"]: f"{number % 14:02}:00:00",
        FORMATS["address"]: f"https://example.org/{number:03}",
        FORMATS["track states"]: str(1 + number % 7),
    }
    return texts[kind]


def limited(field: Any, number: Any) -> Any:
    """The number, or one within the limits of the field, that still differs as far as they allow."""
    least, most = limits_of(field)
    if least is None or least <= number <= most:
        return number
    return least + number % (most - least + 1 if isinstance(number, int) else most - least)
