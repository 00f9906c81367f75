"""Conditions in a query string, in Django's spelling and in OpenF1's.

`lap_duration__gte=90`, `lap_duration>=90` and `lap_duration>90` are understood, percent-encoded or not. A program that builds its
query from {"lap_duration>": 90} sends `lap_duration%3E=90`, which is the encoded form of `>=` and is read as that.
"""

import re
from typing import Any

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import ValidationError

FORMAT_PARAMETERS = ("format", "excel")  # which say how an answer is written
MAX_VALUES = 200  # of one parameter
LOOKUPS = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}
OPERATOR_PATTERN = re.compile(r"(?P<field>\w+)(?P<operator>>=|<=|>|<)(?P<operand>.*)", re.DOTALL)


def conditions(query: QueryDict) -> MultiValueDict:
    """{parameter: values} of a query, with operators replaced by Django's lookups: "lap_duration>" -> "lap_duration__gte".

    ValidationError for a parameter that is given too often.
    """
    parameters: MultiValueDict = MultiValueDict()
    for name, values in query.lists():
        if len(values) > MAX_VALUES:
            raise ValidationError({name: [f"Give this {MAX_VALUES} times at most, not {len(values)} times."]})
        for value in values:
            parameters.appendlist(*condition(name, value))
    return parameters


def condition(name: str, value: str) -> tuple[str, str]:
    """(parameter, value) of a pair of the query string, which was split at its first `=`."""
    match = OPERATOR_PATTERN.fullmatch(name)
    if not match:
        return name, value
    field, operator, operand = match.groups()
    if operand:  # lap_duration>90: there was no `=` to split at, or it belongs to the operand
        return f"{field}__{LOOKUPS[operator]}", f"{operand}={value}" if value else operand
    return f"{field}__{LOOKUPS[operator[0] + '=']}", value


def drop_format(parameters: dict[str, Any]) -> dict[str, Any]:
    """Take away the parameters of a request that say how its answer is written; returns what is left."""
    for name in FORMAT_PARAMETERS:
        parameters.pop(name, None)
    return parameters


def split_values(texts: list[str]) -> list[str]:
    """The values of `__in`, separated by commas; ValueError where there are too many."""
    values = [part for text in texts for part in text.split(",")]
    if len(values) > MAX_VALUES:
        raise ValueError(f"Give {MAX_VALUES} values at most, not {len(values)}.")
    return values
