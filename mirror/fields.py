"""A model field for OpenF1's lists."""

from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import models


class JSONText(models.TextField):
    """A JSON value (list, number, string) kept as compact text: it comes back exactly as it went in, on every database.

    PostgreSQL's jsonb would rewrite numbers and spacing, and text can be spliced into an answer without being parsed.
    """

    _pyi_private_set_type: Any  # any JSON value, where a type checker would expect text
    _pyi_private_get_type: Any

    def from_db_value(self, value, expression, connection):
        return None if value is None else msgspec.json.decode(value)

    def to_python(self, value):
        """Form input: JSON text becomes the value it spells; anything else already is one."""
        if not isinstance(value, str):
            return value
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ValidationError(f"{value!r} is not JSON: {error}.") from error

    def get_prep_value(self, value):
        return None if value is None else msgspec.json.encode(value).decode()

    def value_from_object(self, obj):
        value = super().value_from_object(obj)
        return None if value is None else msgspec.json.encode(value).decode()

    def value_to_string(self, obj):
        return self.value_from_object(obj)
