"""Serializer fields: values as the models hold them, with the bounds every database can store, and links.

Query parameters are read by the same fields as bodies (`value_field`), so that both refuse the same values in the same words.
"""

import math
import re
from typing import Any

from django.db import models
from django.db.backends.base.operations import BaseDatabaseOperations
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from mirror.fields import JSONText
from mirror.limits import Least, Most

PROVENANCE = ("source", "changed_at")  # of every mirrored row


class Limited(serializers.Field):
    """A field with the limits of its model field, which the value that a row has already may break: a row can be sent back."""

    default_error_messages = {"min_value": Least.message, "max_value": Most.message}

    def run_validators(self, value: Any) -> None:
        row = getattr(self.parent, "instance", None)
        if not (isinstance(row, models.Model) and getattr(row, str(self.source), None) == value):
            super().run_validators(value)


class Integer(Limited, serializers.IntegerField):
    """A whole number."""


class Number(Limited, serializers.FloatField):
    """A float; not NaN or infinity, which JSON does not have and databases treat differently."""

    default_error_messages = {"finite": "A finite number is required."}

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("finite")
        return value


class Moment(Limited, serializers.DateTimeField):
    """ISO 8601; UTC where no offset is given. A `+` that a query string turned into a blank is put back."""

    def to_internal_value(self, value: Any) -> Any:
        if isinstance(value, str):
            value = re.sub(r" (?=\d\d:?\d\d$)", "+", value) if "T" in value else value
        return super().to_internal_value(value)


@extend_schema_field({"nullable": True, "oneOf": [{"type": "array", "items": {}}, {"type": "number"}, {"type": "string"}]})
class JSONValue(Limited):
    """A list, number or text that is kept exactly as it came."""

    default_error_messages = {
        "kind": "A list, a number or a text is required.",
        "depth": "Lists cannot be nested more than {limit} deep.",
    }
    limit = 10  # levels; what is nested without bounds can be stored, but perhaps not read again

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, list | int | float | str) or isinstance(data, bool):
            self.fail("kind")
        if deeper(data, self.limit):
            self.fail("depth", limit=self.limit)
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class JSONInQuery(JSONValue):
    """The same, spelled as JSON text in a query parameter."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return super().to_internal_value(JSONText().clean(data, None))
        except RecursionError:
            self.fail("depth", limit=self.limit)


class Parent(serializers.PrimaryKeyRelatedField):
    """The key of the row this one belongs to, which must exist."""

    default_error_messages = {"does_not_exist": "There is no row with the key {pk_value}."}

    def __init__(self, **options: Any) -> None:
        if "queryset" in options:
            model = options["queryset"].model
            options["pk_field"] = value_field(model._meta.pk)
            options.setdefault("style", {"base_template": "input.html"})
        super().__init__(**options)


@extend_schema_field(OpenApiTypes.URI)
class Link(serializers.Field):
    """The URL of this row (no `source`), or of another whose key is at `source`."""

    def __init__(self, *, to: type[models.Model] | None = None, **options: Any) -> None:
        self.to = to
        options["read_only"] = True
        super().__init__(**options)

    def to_representation(self, value: Any) -> Any:  # links are made for many rows at once, see serializers.Plan
        raise NotImplementedError


def deeper(value: Any, limit: int) -> bool:
    """Whether lists and objects are nested more than `limit` levels deep."""
    if not isinstance(value, list | dict):
        return False
    return limit == 0 or any(deeper(item, limit - 1) for item in (value.values() if isinstance(value, dict) else value))


def columns(model: type[models.Model]) -> list[models.Field]:
    """A model's fields in the order they are shown: its key first, where it came from last."""
    return sorted(model._meta.concrete_fields, key=lambda field: (not field.primary_key, field.name in PROVENANCE))


def bounds(field: models.Field | Any) -> dict[str, Any]:
    """The integers that fit the column on every database; SQLite alone would take more."""
    low, high = BaseDatabaseOperations.integer_field_ranges[field.get_internal_type()]
    return {"min_value": low, "max_value": high}


def value_field(field: models.Field | Any, **options: Any) -> serializers.Field:
    """A serializer field that reads one value of a model field."""
    if isinstance(field, models.ForeignKey):
        return value_field(field.target_field, **options)
    if isinstance(field, models.IntegerField):
        options |= bounds(field)
    for model_field, serializer_field in VALUE_FIELDS.items():
        if isinstance(field, model_field):
            return serializer_field(**options)
    return serializers.CharField(trim_whitespace=False, **options)


VALUE_FIELDS: dict[type[models.Field], type[serializers.Field]] = {
    JSONText: JSONInQuery,
    models.BooleanField: serializers.BooleanField,
    models.IntegerField: serializers.IntegerField,
    models.FloatField: Number,
    models.DateTimeField: Moment,
    models.UUIDField: serializers.UUIDField,
}
