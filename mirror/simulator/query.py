"""OpenF1's filters: parse a query string and select the matching rows.

The rules are upstream's (values are cast by what they look like, types never coerce, null never matches, an unknown field matches
nothing), with dates in ISO 8601 only.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
TEXT_FIELDS = {"gmt_offset", "team_colour"}  # never read as numbers, which 009000 looks like
Predicate = tuple[str, Any]  # operator, value
Query = dict[str, list[Predicate]]  # by field


def parse(query: str) -> Query:
    """The conditions of a query string, by field; raises ValueError for a condition without an operator."""
    conditions: Query = {}
    for part in filter(None, query.split("&")):
        text = unquote_plus(part)
        sign = next((sign for sign in OPERATORS if sign in text), None)
        if sign is None:
            raise ValueError(f"No operator in '{text}'.")
        field, _, value = text.partition(sign)
        field = field.lower()
        conditions.setdefault(field, []).extend(expand_day(sign, value if field in TEXT_FIELDS else cast(value), value))
    return conditions


def cast(text: str) -> Any:
    """Upstream's guess at a value: boolean, integer, float, moment, text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return moment(text) or text


def moment(text: str) -> datetime | None:
    """A date in UTC, which is assumed for dates without an offset; None if the text is no date."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def expand_day(sign: str, value: Any, text: str) -> list[Predicate]:
    """The conditions equivalent to one: a date without a time of day stands for the whole day."""
    if not isinstance(value, datetime) or len(text) > len("2022-02-25"):
        return [(sign, value)]
    after = value + timedelta(days=1)
    whole_day = {"=": [(">=", value), ("<", after)], ">": [(">=", after)], "<=": [("<", after)]}
    return whole_day.get(sign, [(sign, value)])


def select(rows: Iterable[Mapping[str, Any]], conditions: Query) -> list[Mapping[str, Any]]:
    """The rows that match the conditions of every field; of one field, any value or range suffices."""
    alternatives = {field: group_alternatives(predicates) for field, predicates in conditions.items()}
    return [
        row
        for row in rows
        if all(any(all(matches(row.get(field), *p) for p in group) for group in groups) for field, groups in alternatives.items())
    ]


def group_alternatives(predicates: list[Predicate]) -> list[list[Predicate]]:
    """Conditions on one field as alternatives: each value, each lower bound with the nearest upper one, what is left over."""
    groups = [[p] for p in predicates if p[0] == "="]
    lower = sorted((p for p in predicates if p[0] in (">", ">=")), key=lambda p: p[1])
    upper = sorted((p for p in predicates if p[0] in ("<", "<=")), key=lambda p: p[1])
    for bound in lower:
        partner = next((p for p in upper if p[1] >= bound[1]), None)
        if partner:
            upper.remove(partner)
        groups.append([bound, partner] if partner else [bound])
    return groups + [[p] for p in upper]


def matches(value: Any, sign: str, operand: Any) -> bool:
    if isinstance(value, list):
        return any(matches(item, sign, operand) for item in value)
    if isinstance(operand, datetime) and isinstance(value, str):
        value = moment(value)
    return kind(value) == kind(operand) is not None and OPERATORS[sign](value, operand)


def kind(value: Any) -> type | None:
    """The type as which a value is compared; None for null, which never matches. A boolean is not a number."""
    if value is None:
        return None
    return float if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value)
