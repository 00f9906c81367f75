"""A model field for OpenF1's lists."""

from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import models

from mirror.json_input import parse_json


class JSONText(models.TextField):
    """A JSON value (list, number, string) stored as compact text, so that every database returns exactly what was stored.

    PostgreSQL's jsonb would rewrite numbers and spacing, and text can be copied into an answer without being parsed.
    """

    _pyi_private_set_type: Any  # any JSON value, where a type checker would expect text
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else msgspec.json.decode(value)

    def to_python(self, value: Any) -> Any:
        """Parse the JSON text of a form; any other value is returned as it is."""
        if not isinstance(value, str):
            return value
        try:
            return parse_json(value.encode())
        except ValueError as error:
            raise ValidationError(f"{value!r} is not JSON: {error}.") from error

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def value_from_object(self, obj: models.Model) -> Any:
        value = super().value_from_object(obj)
        return None if value is None else msgspec.json.encode(value).decode()

    def value_to_string(self, obj: models.Model) -> Any:
        return self.value_from_object(obj)
