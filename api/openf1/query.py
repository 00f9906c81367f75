"""The query string parsed by OpenF1's rules: comparisons of fields with values, and the options of this API."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from api import selecting
from api.openf1 import values
from api.openf1.catalogue import Collection
from api.selecting import Included
from api.tables import spreadsheet
from api.tables.columns import Column
from api.tables.writers import FORMATS

OPTIONS = ("csv", "format", "fields", "include", "order_by", "limit", "offset", "empty", "raw", "excel")
COMPARISON = re.compile(r"([^<>=]*)(>=|<=|=|>|<)(.*)", re.DOTALL)
OPERATOR_IN_VALUE = re.compile(r"(>=|<=|>|<)(.*)", re.DOTALL)
LATEST = ("session_key", "meeting_key")
OTHER_NAMES = {"session_id": "session_key", "race_id": "meeting_key"}  # as /api/v1/ calls them
MAX_COMPARISONS = 200  # of a query: OpenF1's longest question, the sessions of a season, has 120
NO_KEY = -1  # `latest` before the first session

Latest = Callable[[str], int | None]  # the session_key or meeting_key of the latest session


class BadQuery(Exception):
    """A query string that cannot be answered; the message is for the client."""


class Predicate(NamedTuple):
    column: Column
    op: str
    value: Any


@dataclass(frozen=True, kw_only=True)
class Query:
    """A parsed query to one collection."""

    collection: Collection
    predicates: tuple[Predicate, ...] = ()
    fields: tuple[Column, ...] = ()  # what each row shows
    included: tuple[Included, ...] = ()  # where those come from that the collection has not of its own
    order_by: tuple[tuple[Column, bool], ...] = ()  # (column, descending), before OpenF1's own order
    offset: int = 0
    limit: int | None = None
    format: str = "json"
    empty_as_list: bool = False
    raw: bool = False
    zone: ZoneInfo | None = None  # of dates in CSV for a spreadsheet

    @property
    def fingerprint(self) -> str:
        """The same text for queries that have the same answer."""
        predicates = [(column.name, op, value) for column, op, value in self.predicates]
        order = [(column.name, descending) for column, descending in self.order_by]
        fields = [column.name for column in self.fields]
        return repr(
            (self.collection.name, predicates, fields, order, self.offset, self.limit, self.format, self.empty_as_list, self.zone)
        )

    def values_of(self, name: str) -> set[Any] | None:
        """The values a field must equal; None when the query does not compare it, or not by equality alone."""
        comparisons = [(op, value) for column, op, value in self.predicates if column.name == name]
        return {value for _, value in comparisons} if comparisons and all(op == "=" for op, _ in comparisons) else None


def parse(text: str, collection: Collection, *, now: datetime, latest: Latest, empty_as_list: bool = False) -> Query:
    """Parse a raw query string; BadQuery names the part that is not valid."""
    predicates: list[Predicate] = []
    options: dict[str, str] = {}
    for name, op, value in split_comparisons(text):
        if name in OPTIONS and op == "=":
            options.setdefault(name, value)
        elif name in collection.columns:
            column = collection.columns[name]
            for comparison in split_value(column, op, value):
                predicates += cast_comparison(column, *comparison, collection, now=now, latest=latest)
        else:
            raise BadQuery(f"There is no field {name!r} in {collection.name}. {valid_names(collection)}")
        if len(predicates) > MAX_COMPARISONS:
            raise BadQuery(f"{name}: a query has {MAX_COMPARISONS} comparisons at most; ask several times.")
    format_ = check_choice(options.get("format", "csv" if is_on(options.get("csv", "")) else "json"), FORMATS, "format")
    included = parse_include(options.get("include"), collection)
    if included and is_on(options.get("raw", "")):
        raise BadQuery("include: OpenF1's own values (raw) have nothing included; leave one of the two out.")
    return Query(
        collection=collection,
        included=included,
        predicates=tuple(dict.fromkeys(predicates)),
        empty_as_list=check_choice(options.get("empty", "list" if empty_as_list else "404"), ("list", "404"), "empty") == "list",
        format=format_,
        raw=is_on(options.get("raw", "")),
        zone=parse_zone(options.get("excel", ""), format_),
        limit=parse_count(options["limit"], "limit") if "limit" in options else None,
        offset=parse_count(options.get("offset", "0"), "offset"),
        fields=parse_fields(options.get("fields"), collection, included, alphabetical=format_ == "csv"),
        order_by=tuple(dict.fromkeys(parse_order(options.get("order_by", ""), collection))),
    )


def split_comparisons(text: str) -> Iterator[tuple[str, str, str]]:
    """(field, operator, value) of each parameter.

    URL encoding may have split the operator: `speed>` with the value `315` is `speed>=315`, and so is `speed>=` with `315`, which
    is what a program sends that keeps the operator in the name.
    """
    for key, value in parse_qsl(text, keep_blank_values=True):
        item = f"{key}={value}" if value else key
        match = COMPARISON.fullmatch(item)
        if match is None:
            raise BadQuery(f"There is no comparison in {item!r}: write field=value, or >=, <=, >, < in place of =.")
        name, op, operand = match.groups()
        if op in (">=", "<="):
            operand = operand.removeprefix("=")
        name = name.lower()
        yield OTHER_NAMES.get(name, name), op, operand


def split_value(column: Column, op: str, text: str) -> Iterator[tuple[str, str]]:
    """(operator, value) of a value: of `pit_duration=<=31` with the operator in it, of `driver_number=1,16` each in the list.

    A text may contain any character, and stays as it is, unless it is of a closed set; so do lists and dates with commas.
    """
    if op == "=" and column.type is not str and (match := OPERATOR_IN_VALUE.fullmatch(text)):
        op, text = match.groups()
    if op == "=" and (column.type in (int, float) or column.normalise):
        yield from ((op, part.strip()) for part in text.split(","))
    else:
        yield op, text


def cast_comparison(
    column: Column, op: str, text: str, collection: Collection, *, now: datetime, latest: Latest
) -> list[Predicate]:
    if text == "latest" and column.name in LATEST:
        key = latest(column.name)
        return [Predicate(column, "=", NO_KEY) if key is None else Predicate(column, op, key)]
    try:
        return [Predicate(column, *comparison) for comparison in values.cast(column, op, text, now=now)]
    except ValueError as error:
        raise BadQuery(f"{column.name}{op}{text}: {error}. {valid_names(collection)}") from None


def valid_names(collection: Collection) -> str:
    return f"Fields of {collection.name}: {', '.join(sorted(collection.columns))}. Options: {', '.join(OPTIONS)}."


def is_on(text: str) -> bool:
    """Whether an option is on, by OpenF1's rule for `csv`: anything but false and zero, `no` included."""
    if text.lower() == "false" or not text:
        return False
    try:
        return bool(values.parse_number(text))
    except ValueError:
        return True


def check_choice(text: str, among: Iterable[str], option: str) -> str:
    if text not in among:
        raise BadQuery(f"{option}={text}: choose one of {', '.join(among)}.")
    return text


def parse_zone(text: str, format_: str) -> ZoneInfo | None:
    try:
        zone = spreadsheet.read_zone(text)
    except ValueError as error:
        raise BadQuery(f"excel={text}: {error}") from error
    if zone and format_ != "csv":
        raise BadQuery("excel: only with csv=true or format=csv.")
    return zone


def parse_count(text: str, option: str) -> int:
    if not (text.isdecimal() and len(text) <= 15):
        raise BadQuery(f"{option}={text}: give a number of rows, 0 or more.")
    return int(text)


def parse_include(text: str | None, collection: Collection) -> tuple[Included, ...]:
    """What `include` adds to the rows."""
    if text is None:
        return ()
    offered = selecting.offered(collection.model)
    names = [*offered] if text == selecting.ALL else [*dict.fromkeys(name.strip().lower() for name in text.split(","))]
    if unknown := [name for name in names if name not in offered]:
        raise BadQuery(f"include: {collection.name} cannot include {unknown[0]!r}; it can: {', '.join(offered) or 'nothing'}.")
    return tuple(offered[name] for name in names)


def parse_fields(
    text: str | None, collection: Collection, included: tuple[Included, ...], *, alphabetical: bool
) -> tuple[Column, ...]:
    """The fields that `fields` names, in that order; without it all, sorted by name for CSV as OpenF1 does."""
    columns = collection.columns | {column.name: column for each in included for column in each.columns}
    if text is None:
        return tuple(columns[name] for name in (sorted(columns) if alphabetical else columns))
    names = [*dict.fromkeys(name.strip().lower() for name in text.split(","))]
    return tuple(columns[name] if name in columns else find_column(name, "fields", collection) for name in names)


def parse_order(text: str, collection: Collection) -> Iterator[tuple[Column, bool]]:
    for name in filter(None, (name.strip().lower() for name in text.split(","))):
        column = find_column(name.removeprefix("-"), "order_by", collection)
        if column.is_json and not column.key:
            raise BadQuery(f"order_by={name}: lists have no order.")
        yield column, name.startswith("-")


def find_column(name: str, option: str, collection: Collection) -> Column:
    if name not in collection.columns:
        raise BadQuery(f"{option}: there is no field {name!r} in {collection.name}. {valid_names(collection)}")
    return collection.columns[name]
