"""Comparisons of one field combined by OpenF1's rules, and as conditions of the database.

Different fields are ANDed. Of one field, values it may equal, pairs of a lower and an upper bound, and bounds that found no
partner are ORed: `lap_number>=4&lap_number<=7&lap_number=20` is laps 4 to 7, and 20.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from itertools import chain
from typing import Any, NamedTuple

import msgspec
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func, Q, Value
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual
from django.db.models.sql.compiler import SQLCompiler

from api.openf1.query import Predicate
from api.tables.columns import Column

Bound = tuple[str, Any]  # (operator, value)

LOOKUPS = {">": GreaterThan, ">=": GreaterThanOrEqual, "<": LessThan, "<=": LessThanOrEqual}
NAMES = {operator: lookup.lookup_name for operator, lookup in LOOKUPS.items()}
NEVER = Q(pk__in=[])
MAX_NUMBER = 2**53  # beyond any number in a JSON value, and within what both databases take as a parameter


class Alternatives(NamedTuple):
    """The allowed values of one field: one of `values`, or within one of `ranges` (one or two bounds each)."""

    values: list[Any]
    ranges: list[list[Bound]]


def by_column(predicates: Iterable[Predicate]) -> dict[Column, Alternatives]:
    """The comparisons of each field, combined."""
    bounds: dict[Column, list[Bound]] = defaultdict(list)
    for column, op, value in predicates:
        bounds[column].append((op, value))
    return {column: combine(comparisons) for column, comparisons in bounds.items()}


def combine(comparisons: Iterable[Bound]) -> Alternatives:
    """Equal values, and bounds paired: the smallest lower bound with the nearest upper bound that is not below it, and so on.

    Numbers and texts, both of which one field may hold, are paired separately.
    """
    unique = list(dict.fromkeys(comparisons))
    bounds: dict[bool, list[Bound]] = defaultdict(list)
    for op, value in unique:
        if op != "=":
            bounds[isinstance(value, str)].append((op, value))
    values = [value for op, value in unique if op == "="]
    return Alternatives(values, list(chain.from_iterable(pair_bounds(same_type) for same_type in bounds.values())))


def pair_bounds(bounds: list[Bound]) -> list[list[Bound]]:
    """Pairs, and bounds without a partner; of bounds at one value, as `>4` and `>=4`, the last one finds its partner first."""
    last_first = bounds[::-1]
    lower = sorted((bound for bound in last_first if bound[0] in (">", ">=")), key=lambda bound: bound[1])
    upper = sorted((bound for bound in last_first if bound[0] in ("<", "<=")), key=lambda bound: bound[1])
    pairs = []
    for low in lower:
        high = next((bound for bound in upper if bound[1] >= low[1]), None)
        if high:
            upper.remove(high)
        pairs.append([low, high] if high else [low])
    return pairs + [[high] for high in upper]


def condition(predicates: Iterable[Predicate]) -> Q:
    """All comparisons of a query as one condition of the database."""
    return Q(*(any_of(column, alternatives) for column, alternatives in by_column(predicates).items()))


def any_of(column: Column, alternatives: Alternatives) -> Q:
    equal = equals(column, alternatives.values)
    within = [Q(*(compare(column, op, value) for op, value in bounds)) for bounds in alternatives.ranges]
    conditions = equal + within
    return Q(*conditions, _connector=Q.OR) if len(conditions) > 1 else conditions[0]


def equals(column: Column, values: list[Any]) -> list[Q]:
    """Conditions of which one must hold for the field to equal one of `values`."""
    if column.normalise:  # here, because a kept statement is run with the values as they are
        values = [column.normalise(value) for value in values]
    if column.is_json:
        return [Q(AnyElement(column.path, "=", v)) if v is not None else Q((f"{column.path}__isnull", True)) for v in values]
    conditions = []
    if None in values:
        conditions.append(Q((f"{column.path}__isnull", True)))
        values = [value for value in values if value is not None]
    if column.type is int:
        values = [int(value) for value in values if column.low <= value <= column.high and value == int(value)]
        if not values and not conditions:
            return [NEVER]
    if len(values) == 1:
        conditions.append(Q((column.path, values[0])))
    elif values:
        conditions.append(Q((f"{column.path}__in", values)))
    return conditions


def compare(column: Column, op: str, value: Any) -> Q:
    """One bound as a condition. Null is in no range."""
    if column.is_json:
        return Q(AnyElement(column.path, op, value))
    if column.type is int:
        return compare_integer(column, op, value)
    if column.type is str:
        return Q(LOOKUPS[op](ByteOrder(F(column.path)), Value(value)))
    return Q((f"{column.path}__{NAMES[op]}", value))


def compare_integer(column: Column, op: str, value: int | float) -> Q:
    """A bound of an integer column as an integer within the column's range: `> 2.5` is `>= 3`."""
    if math.isinf(value):
        is_true = (value < 0) == (op in (">", ">="))
        return Q((f"{column.path}__isnull", False)) if is_true else NEVER
    if op in (">", ">="):
        low = math.floor(value) + 1 if op == ">" else math.ceil(value)
        name, limit, outside, always = "gte", low, low > column.high, low <= column.low
    else:
        high = math.ceil(value) - 1 if op == "<" else math.floor(value)
        name, limit, outside, always = "lte", high, high < column.low, high >= column.high
    if outside:
        return NEVER
    return Q((f"{column.path}__isnull", False)) if always else Q((f"{column.path}__{name}", limit))


class ByteOrder(Func):
    """A text in the order of its bytes, as OpenF1 compares; PostgreSQL would follow the database's language."""

    template = "%(expressions)s"

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template='%(expressions)s COLLATE "C"', **context)


class AnyElement(Func):
    """Whether a JSON value compares true with a number or a text; of a list, whether any element does. Types never mix."""

    output_field = BooleanField()

    def __init__(self, path: str, op: str, value: int | float | str):
        super().__init__(F(path))
        self.op, self.value = op, value if isinstance(value, str) else max(-MAX_NUMBER, min(value, MAX_NUMBER))

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        types = "'text'" if isinstance(self.value, str) else "'integer', 'real'"
        text, parameters = compiler.compile(self.source_expressions[0])
        test = f"type IN ({types}) AND value {self.op} %s"
        return f"EXISTS (SELECT 1 FROM json_each({text}) WHERE {test})", [*parameters, self.value]  # noqa: S608 (no input in it)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        text, parameters = compiler.compile(self.source_expressions[0])
        path = f"$[*] ? (@ {'==' if self.op == '=' else self.op} $value)"
        variables = msgspec.json.encode({"value": self.value}).decode()
        return f"coalesce(jsonb_path_exists({text}::jsonb, %s::jsonpath, %s::jsonb), false)", [*parameters, path, variables]
