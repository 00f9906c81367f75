"""Keyset pages: a list is read on from the last row that was seen, so that a late page costs no more than the first."""

import base64
import binascii
from typing import Any, NamedTuple

import msgspec
from django.core.exceptions import ValidationError as InvalidValue
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy

from api.filters import column_at


class InvalidCursor(ValueError):
    """A cursor that this site has not made, or made for a list in another order."""


class Term(NamedTuple):
    """A column that a list is ordered by; rows without a value come last in both directions."""

    path: str
    descending: bool
    nullable: bool

    def expression(self) -> OrderBy:
        last = True if self.nullable else None
        return F(self.path).desc(nulls_last=last) if self.descending else F(self.path).asc(nulls_last=last)

    def is_equal(self, value: Any) -> Q:
        return Q(**{f"{self.path}__isnull": True}) if value is None else Q(**{self.path: value})

    def is_after(self, value: Any) -> Q | None:
        """The condition of rows that come later by this term alone; None if there are none."""
        if value is None:
            return None
        later = Q(**{f"{self.path}__{'lt' if self.descending else 'gt'}": value})
        return later | Q(**{f"{self.path}__isnull": True}) if self.nullable else later


def terms_of(queryset: QuerySet) -> list[Term]:
    """What a list is ordered by, the key last, which no two rows share."""
    model = queryset.model
    terms = [as_term(model, each) for each in (*(queryset.query.order_by or model._meta.ordering), "pk")]
    return list({term.path: term for term in reversed(terms)}.values())[::-1]


def as_term(model: Any, each: Any) -> Term:
    if isinstance(each, str):
        path, descending = each.removeprefix("-"), each.startswith("-")
    else:
        path, descending = each.expression.name, each.descending
    path = model._meta.pk.attname if path == "pk" else path
    return Term(path, descending, column_at(model, path).null)


def read_on(queryset: QuerySet, terms: list[Term], values: list[Any]) -> QuerySet:
    """The rows after the one with these values of the terms."""
    before, after = Q(), Q()
    for term, value in zip(terms, values, strict=True):
        later = term.is_after(value)
        if later is not None:
            after |= before & later
        before &= term.is_equal(value)
    first, value = terms[0], values[0]
    if not first.nullable:  # follows from `after`; databases find a range of an index by it
        after &= Q(**{f"{first.path}__{'lte' if first.descending else 'gte'}": value})
    try:
        return queryset.filter(after)
    except (InvalidValue, TypeError, ValueError) as error:
        raise InvalidCursor from error


def write_cursor(page: int, terms: list[Term], values: tuple[Any, ...]) -> str:
    """The text by which a client asks for the rows after one with these values, which make up this page."""
    parts = (page, [f"{'-' if term.descending else ''}{term.path}" for term in terms], values)
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).decode().rstrip("=")


def read_cursor(text: str, terms: list[Term]) -> tuple[int, list[Any]]:
    """(number of the page, values of the terms of the row before it); raises InvalidCursor."""
    try:
        content = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        page, names, values = msgspec.json.decode(content, type=tuple[int, list[str], list[str | int | float | bool | None]])
    except (binascii.Error, UnicodeError, msgspec.MsgspecError) as error:
        raise InvalidCursor from error
    if names != [f"{'-' if term.descending else ''}{term.path}" for term in terms] or len(values) != len(terms) or page < 2:
        raise InvalidCursor
    return page, values
