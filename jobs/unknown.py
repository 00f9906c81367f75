"""Refusal of names that a body, a query or the parameters of a job may not have."""

from collections.abc import Iterable
from typing import Any

from rest_framework.exceptions import ValidationError


def refuse_unknown(data: Any, known: Iterable[str], *, noun: str = "field", valid: Iterable[str] | None = None) -> None:
    """ValidationError for each key of a dict that is not known; it lists the `valid` names, by default all that are known."""
    if isinstance(data, dict) and (unknown := [str(name) for name in data if name not in known]):
        names = ", ".join(known if valid is None else valid) or "none"
        raise ValidationError({name: [f"There is no such {noun}; valid are: {names}."] for name in unknown})
