"""OpenF1's filters: what a query string asks for, and which rows it means.

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
UNCAST = {"gmt_offset", "team_colour"}  # 0090FF is no number
Predicate = tuple[str, Any]  # operator, value
Query = dict[str, list[Predicate]]  # by field


def parse(query: str) -> Query:
    """What a query string asks for; ValueError for a condition without an operator."""
    conditions: Query = {}
    for part in filter(None, query.split("&")):
        text = unquote_plus(part)
        sign = next((sign for sign in OPERATORS if sign in text), None)
        if sign is None:
            raise ValueError(f"No operator in '{text}'.")
        field, _, value = text.partition(sign)
        field = field.lower()
        conditions.setdefault(field, []).extend(expand_day(sign, value if field in UNCAST else cast(value), value))
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
    """A date in UTC, which it also is where it does not say."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def expand_day(sign: str, value: Any, text: str) -> list[Predicate]:
    """The conditions behind one: a date without a time of day is the whole day."""
    if not isinstance(value, datetime) or len(text) > len("2022-02-25"):
        return [(sign, value)]
    after = value + timedelta(days=1)
    whole = {"=": [(">=", value), ("<", after)], ">": [(">=", after)], "<=": [("<", after)]}
    return whole.get(sign, [(sign, value)])


def select(rows: Iterable[Mapping[str, Any]], conditions: Query) -> list[Mapping[str, Any]]:
    """The rows that fulfil every field's conditions; among those of one field, any value and any range will do."""
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


def matches(have: Any, sign: str, wanted: Any) -> bool:
    if isinstance(have, list):
        return any(matches(item, sign, wanted) for item in have)
    if isinstance(wanted, datetime) and isinstance(have, str):
        have = moment(have)
    return kind(have) == kind(wanted) is not None and OPERATORS[sign](have, wanted)


def kind(value: Any) -> type | None:
    """Values of one kind can be compared; null is of no kind, and a boolean is no number."""
    if value is None:
        return None
    return float if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value)
