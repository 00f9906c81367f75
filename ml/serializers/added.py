"""A field that `RowSerializer.rows` adds to each row."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class AddedField(serializers.SerializerMethodField):
    """A read-only field whose values `rows` adds for all rows at once; `schema` is its OpenAPI schema."""

    def __init__(self, schema: Any, **options: Any) -> None:
        super().__init__(**options)
        extend_schema_field(schema)(self)  # type: ignore[type-var]  # works on an instance as on a class

    def bind(self, field_name: str, parent: Any) -> None:
        serializers.Field.bind(self, field_name, parent)  # without the method that SerializerMethodField would look for


FIGURES_SCHEMA = {"type": "object", "additionalProperties": {"type": "number"}}


def array_of(properties: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI schema of a list of objects."""
    return {"type": "array", "items": {"type": "object", "properties": properties}}
