"""The query string as OpenF1 takes it apart: fields compared with values, and the options of this API."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from api.openf1 import values
from api.openf1.catalogue import Collection, Column

FORMATS = ("json", "csv", "ndjson", "parquet")
OPTIONS = ("csv", "format", "fields", "order_by", "limit", "offset", "empty", "raw")
COMPARISON = re.compile(r"([^<>=]*)(>=|<=|=|>|<)(.*)", re.DOTALL)
LATEST = ("session_key", "meeting_key")
NO_KEY = -1  # `latest` before the first session

Latest = Callable[[str], int | None]  # the session_key or meeting_key of the latest session


class BadQuery(Exception):
    """A question that cannot be answered; its text is for whoever asked."""


class Predicate(NamedTuple):
    column: Column
    op: str
    value: Any


@dataclass(frozen=True, kw_only=True)
class Query:
    """A question to one collection, understood."""

    collection: Collection
    predicates: tuple[Predicate, ...] = ()
    fields: tuple[Column, ...] = ()  # what each row shows
    order_by: tuple[tuple[Column, bool], ...] = ()  # (column, descending), before OpenF1's own order
    offset: int = 0
    limit: int | None = None
    format: str = "json"
    empty_as_list: bool = False
    raw: bool = False

    @property
    def fingerprint(self) -> str:
        """The same for questions that have the same answer."""
        predicates = [(column.name, op, value) for column, op, value in self.predicates]
        order = [(column.name, descending) for column, descending in self.order_by]
        fields = [column.name for column in self.fields]
        return repr((self.collection.name, predicates, fields, order, self.offset, self.limit, self.format, self.empty_as_list))

    def values_of(self, name: str) -> set[Any] | None:
        """The values a field must equal; None when it is not asked for, or otherwise than by equality."""
        asked = [(op, value) for column, op, value in self.predicates if column.name == name]
        return {value for _, value in asked} if asked and all(op == "=" for op, _ in asked) else None


def parse(text: str, collection: Collection, *, now: datetime, latest: Latest, empty_as_list: bool = False) -> Query:
    """Understand a raw query string; BadQuery names what cannot be."""
    predicates: list[Predicate] = []
    options: dict[str, str] = {}
    for name, op, value in terms(text):
        if name in OPTIONS and op == "=":
            options.setdefault(name, value)
        elif name in collection.columns:
            predicates += understand(collection.columns[name], op, value, collection, now=now, latest=latest)
        else:
            raise BadQuery(f"There is no field {name!r} in {collection.name}. {told(collection)}")
    format_ = chosen(options.get("format", "csv" if truthy(options.get("csv", "")) else "json"), FORMATS, "format")
    return Query(
        collection=collection,
        predicates=tuple(dict.fromkeys(predicates)),
        empty_as_list=chosen(options.get("empty", "list" if empty_as_list else "404"), ("list", "404"), "empty") == "list",
        format=format_,
        raw=truthy(options.get("raw", "")),
        limit=whole_number(options["limit"], "limit") if "limit" in options else None,
        offset=whole_number(options.get("offset", "0"), "offset"),
        fields=shown(options.get("fields"), collection, alphabetical=format_ == "csv"),
        order_by=tuple(sorting(options.get("order_by", ""), collection)),
    )


def terms(text: str) -> Iterator[tuple[str, str, str]]:
    """(field, operator, value) of each parameter. URL encoding may have torn the operator apart: `speed>` `315` is `speed>=315`,
    and `speed>=` `315` (how a program that keeps the operator in the name sends it) is the same."""
    for key, value in parse_qsl(text, keep_blank_values=True):
        item = f"{key}={value}" if value else key
        match = COMPARISON.fullmatch(item)
        if match is None:
            raise BadQuery(f"There is no comparison in {item!r}: write field=value, or >=, <=, >, < in place of =.")
        name, op, operand = match.groups()
        if op in (">=", "<="):
            operand = operand.removeprefix("=")
        yield name.lower(), op, operand


def understand(column: Column, op: str, text: str, collection: Collection, *, now: datetime, latest: Latest) -> list[Predicate]:
    if text == "latest" and column.name in LATEST:
        key = latest(column.name)
        return [Predicate(column, "=", NO_KEY) if key is None else Predicate(column, op, key)]
    try:
        return [Predicate(column, *comparison) for comparison in values.cast(column, op, text, now=now)]
    except ValueError as error:
        raise BadQuery(f"{column.name}{op}{text}: {error}. {told(collection)}") from None


def told(collection: Collection) -> str:
    return f"Fields of {collection.name}: {', '.join(sorted(collection.columns))}. Options: {', '.join(OPTIONS)}."


def truthy(text: str) -> bool:
    """Whether an option is on, by OpenF1's rule for `csv`: anything but false and zero, `no` included."""
    if text.lower() == "false" or not text:
        return False
    try:
        return bool(values.number(text))
    except ValueError:
        return True


def chosen(text: str, among: tuple[str, ...], option: str) -> str:
    if text not in among:
        raise BadQuery(f"{option}={text}: choose one of {', '.join(among)}.")
    return text


def whole_number(text: str, option: str) -> int:
    if not (text.isdecimal() and len(text) <= 15):
        raise BadQuery(f"{option}={text}: a number of rows, 0 or more, is wanted.")
    return int(text)


def shown(text: str | None, collection: Collection, *, alphabetical: bool) -> tuple[Column, ...]:
    """The fields asked for, in that order; all when none are, in OpenF1's order for a CSV file."""
    columns = collection.columns
    if text is None:
        return tuple(columns[name] for name in (sorted(columns) if alphabetical else columns))
    names = dict.fromkeys(name.strip().lower() for name in text.split(","))
    return tuple(named(name, "fields", collection) for name in names)


def sorting(text: str, collection: Collection) -> Iterator[tuple[Column, bool]]:
    for name in filter(None, (name.strip().lower() for name in text.split(","))):
        column = named(name.removeprefix("-"), "order_by", collection)
        if column.mixed and not column.key:
            raise BadQuery(f"order_by={name}: lists have no order.")
        yield column, name.startswith("-")


def named(name: str, option: str, collection: Collection) -> Column:
    if name not in collection.columns:
        raise BadQuery(f"{option}: there is no field {name!r} in {collection.name}. {told(collection)}")
    return collection.columns[name]
