"""Serializer fields for the values of model fields, within the bounds that every database can store, and for links.

Query parameters are validated by the same fields as bodies (`value_field`), so that both refuse the same values with the same
messages.
"""

import math
import re
from typing import Any, NoReturn

from django.db import models
from django.db.backends.base.operations import BaseDatabaseOperations
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from mirror.fields import JSONText
from mirror.json_input import MAX_DEPTH, has_nul, is_deeper
from mirror.limits import Least, Most

PROVENANCE_FIELDS = ("source", "changed_at")  # of every mirrored model


class LimitedField(serializers.Field):
    """A field that checks the limits of its model field, except for the row's present value, so that a row can be sent back."""

    default_error_messages = {"min_value": Least.message, "max_value": Most.message}

    def run_validators(self, value: Any) -> None:
        row = getattr(self.parent, "instance", None)
        if not (isinstance(row, models.Model) and getattr(row, str(self.source), None) == value):
            super().run_validators(value)


class LimitedIntegerField(LimitedField, serializers.IntegerField):
    """A whole number within the limits of its model field."""


class LimitedTextField(LimitedField, serializers.CharField):
    """A text of the format of its model field."""


class ChoiceField(serializers.ChoiceField):
    """A value of a closed set, in any case of its letters; the error for another one says which there are."""

    default_error_messages = {"invalid_choice": "There is no {input!r} here. There are: {valid}."}

    def to_internal_value(self, data: Any) -> Any:
        spellings = {each.lower(): each for each in self.choices if isinstance(each, str)}
        return super().to_internal_value(spellings.get(data.lower(), data) if isinstance(data, str) else data)

    def fail(self, key: str, **values: Any) -> NoReturn:
        super().fail(key, valid=", ".join(map(str, self.choices)), **values)


class FiniteFloatField(LimitedField, serializers.FloatField):
    """A finite float: JSON has no NaN or infinity, and databases treat them differently."""

    default_error_messages = {"finite": "A finite number is required."}

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("finite")
        return value


class UTCDateTimeField(LimitedField, serializers.DateTimeField):
    """An ISO 8601 date and time, in UTC unless it has an offset; restores a `+` that URL decoding turned into a space."""

    def to_internal_value(self, value: Any) -> Any:
        if isinstance(value, str):
            value = re.sub(r" (?=\d\d:?\d\d$)", "+", value) if "T" in value else value
        return super().to_internal_value(value)


@extend_schema_field({"nullable": True, "oneOf": [{"type": "array", "items": {}}, {"type": "number"}, {"type": "string"}]})
class JSONValueField(LimitedField):
    """A list, number or text, stored as it is sent."""

    default_error_messages = {
        "kind": "A list, a number or a text is required.",
        "depth": "Lists cannot be nested more than {limit} deep.",
    }

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, list | int | float | str) or isinstance(data, bool):
            self.fail("kind")
        if is_deeper(data, MAX_DEPTH):
            self.fail("depth", limit=MAX_DEPTH)
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class JSONQueryField(JSONValueField):
    """A `JSONValueField` written as JSON text in a query parameter."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(JSONText().clean(data, None))


class JSONTextField(serializers.Field):
    """Any JSON value, written as JSON text in a query parameter."""

    default_error_messages = {"nul": "The NUL character is not allowed."}

    def to_internal_value(self, data: Any) -> Any:
        value = JSONText().to_python(data)
        if has_nul(value):
            self.fail("nul")
        return value


class JSONObjectField(serializers.DictField):
    """An object with values of any kind, which is stored as JSON; the nesting of bodies is limited by their parser."""

    default_error_messages = {"nul": "The NUL character is not allowed in names and texts."}

    def to_internal_value(self, data: Any) -> Any:
        if has_nul(data):
            self.fail("nul")
        return super().to_internal_value(data)


class ParentField(serializers.PrimaryKeyRelatedField):
    """The primary key of a parent row, which must exist."""

    default_error_messages = {"does_not_exist": "There is no row with the key {pk_value}."}

    def __init__(self, **options: Any) -> None:
        if "queryset" in options:
            model = options["queryset"].model
            options["pk_field"] = value_field(model._meta.pk)
            options.setdefault("style", {"base_template": "input.html"})
        super().__init__(**options)


@extend_schema_field(OpenApiTypes.URI)
class LinkField(serializers.Field):
    """The URL of the row itself, or with `source` of the row whose key is stored there."""

    def __init__(self, *, to: type[models.Model] | None = None, **options: Any) -> None:
        self.to = to
        options["read_only"] = True
        super().__init__(**options)

    def to_representation(self, value: Any) -> Any:  # serializers.Plan makes the links of many rows at once
        raise NotImplementedError


def ordered_columns(model: type[models.Model]) -> list[models.Field]:
    """A model's fields in the order of the API: primary key first, provenance last."""
    return sorted(model._meta.concrete_fields, key=lambda field: (not field.primary_key, field.name in PROVENANCE_FIELDS))


def integer_bounds(field: models.Field | Any) -> dict[str, Any]:
    """The smallest and largest integer that the column holds on every database (SQLite itself would take more)."""
    low, high = BaseDatabaseOperations.integer_field_ranges[field.get_internal_type()]
    return {"min_value": low, "max_value": high}


def value_field(field: models.Field | Any, **options: Any) -> serializers.Field:
    """A serializer field that validates one value of a model field."""
    if isinstance(field, models.ForeignKey):
        return value_field(field.target_field, **options)
    if isinstance(field, models.IntegerField):
        options |= integer_bounds(field)
    for model_field, serializer_field in VALUE_FIELDS.items():
        if isinstance(field, model_field):
            return serializer_field(**options)
    return serializers.CharField(trim_whitespace=False, **options)


def value_schema(reader: serializers.Field) -> dict[str, Any]:
    """The OpenAPI schema of a value."""
    match reader:
        case serializers.BooleanField():
            return {"type": "boolean"}
        case serializers.IntegerField():
            return {"type": "integer", "minimum": reader.min_value, "maximum": reader.max_value}
        case serializers.FloatField():
            return {"type": "number"}
        case serializers.DateTimeField():
            return {"type": "string", "format": "date-time"}
        case serializers.UUIDField():
            return {"type": "string", "format": "uuid"}
    return {"type": "string", "minLength": 1}


VALUE_FIELDS: dict[type[models.Field], type[serializers.Field]] = {
    JSONText: JSONQueryField,
    models.JSONField: JSONTextField,
    models.BooleanField: serializers.BooleanField,
    models.IntegerField: serializers.IntegerField,
    models.FloatField: FiniteFloatField,
    models.DateTimeField: UTCDateTimeField,
    models.UUIDField: serializers.UUIDField,
}
