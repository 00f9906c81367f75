"""MLflow's language of conditions: `metrics.mae < 0.3 and params.model = 'ridge'`, and `order_by`."""

import operator
import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

CLAUSE = re.compile(
    r"\s*(?:(?P<kind>\w+)\.)?(?P<name>`[^`]+`|\"[^\"]+\"|[\w.-]+)\s*(?P<op>!=|<=|>=|=|<|>|(?:NOT\s+)?I?LIKE)\s*"
    r"(?P<value>'[^']*'|\"[^\"]*\"|[-+.\w]+)\s*",
    re.IGNORECASE,
)
ORDER = re.compile(r"\s*(?:(?P<kind>\w+)\.)?(?P<name>`[^`]+`|[\w.-]+)(?:\s+(?P<way>ASC|DESC))?\s*", re.IGNORECASE)
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
KINDS = {
    "metrics": "metrics",
    "metric": "metrics",
    "params": "params",
    "param": "params",
    "parameters": "params",
    "tags": "tags",
    "tag": "tags",
}
Entity = dict[str, Any]  # a run or an experiment as `answers` makes it


class BadFilter(ValueError):
    """A condition that is not understood."""


def matching(rows: Iterable[Entity], text: str) -> list[Entity]:
    """The rows that meet all conditions."""
    conditions = [parse(clause) for clause in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if clause.strip()]
    return [row for row in rows if all(meets(value_of(row, kind, name), op, value) for kind, name, op, value in conditions)]


def parse(clause: str) -> tuple[str, str, str, str]:
    """(kind, name, operator, value) of a condition."""
    match = CLAUSE.fullmatch(clause)
    if not match:
        raise BadFilter(f"{clause!r} is no condition; write metrics.mae < 0.3, params.model = 'ridge' or tags.split = 'by_race'.")
    return match["kind"] or "", match["name"].strip('`"'), match["op"].upper(), match["value"].strip("'\"")


def value_of(row: Entity, kind: str, name: str) -> Any:
    """The value that a condition compares; None where the row has none."""
    info, data = row.get("info", row), row.get("data", row)
    group = KINDS.get(kind.lower())
    if group:
        return next((each["value"] for each in data.get(group, ()) if each["key"] == name), None)
    if kind and kind.lower() not in ("attributes", "attribute", "attr", "run"):
        raise BadFilter(f"There is nothing called {kind!r}; there are metrics, params, tags and attributes.")
    return info.get({"Run Name": "run_name", "created": "start_time"}.get(name, name))


def meets(value: Any, op: str, wanted: str) -> bool:
    if value is None:
        return False
    if op.endswith("LIKE"):
        text, pattern = str(value), wanted.replace("%", "*").replace("_", "?")
        if "ILIKE" in op:
            text, pattern = text.lower(), pattern.lower()
        return fnmatchcase(text, pattern) != op.startswith("NOT")
    if isinstance(value, int | float):
        try:
            return COMPARE[op](float(value), float(wanted))
        except ValueError:
            raise BadFilter(f"{wanted!r} is no number.") from None
    return COMPARE[op](str(value), wanted)


def ordered(rows: list[Entity], order_by: Iterable[str]) -> list[Entity]:
    """The rows by some columns, the first being the most important; rows without a value come last."""
    for text in reversed(list(order_by)):
        match = ORDER.fullmatch(text)
        if not match:
            raise BadFilter(f"{text!r} is no order; write metrics.mae ASC or attributes.start_time DESC.")
        kind, name = match["kind"] or "", match["name"].strip("`")
        with_value = [row for row in rows if value_of(row, kind, name) is not None]
        without = [row for row in rows if value_of(row, kind, name) is None]
        descending = (match["way"] or "").upper() == "DESC"
        rows = sorted(with_value, key=lambda row, k=kind, n=name: value_of(row, k, n), reverse=descending) + without  # type: ignore[misc]
    return rows
