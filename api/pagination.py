"""Pages of lists, in an envelope with the number of rows and pages.

A page by number is found by counting the rows before it, which takes the longer the later it is. Therefore from a depth on, lists
are read by cursor: the link to the next page changes over by itself.
"""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import EmptyPage, Page, Paginator
from django.db.models import QuerySet
from django.http import QueryDict
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response

from api import keyset
from api.links import canonical_url
from api.memory import Memory
from mirror.versions import Version

DEFAULT_SIZE = 100  # rows of a page
MAX_SIZE = 1000
DEEPEST = 100_000  # rows before a page that is asked for by number
PAGE_HELP = f"Page number; pages that begin after row {DEEPEST:,} are read by cursor."
CURSOR_HELP = "Where to read on: empty at first, then as in `next`. A late page takes no longer than an early one."

counts = Memory[int](largest=100, total=100_000)


class CountedOnce(Paginator):
    """Counts the rows of a list again only when something has changed since."""

    object_list: QuerySet

    def __init__(self, rows: QuerySet, size: int, *, version: Version | None) -> None:
        super().__init__(rows, size)
        self.version = version

    @cached_property
    def count(self) -> int:  # type: ignore[override]
        if self.version is None:
            return self.count_rows()
        question = repr((self.version, self.object_list.order_by().query.sql_with_params()))
        key = hashlib.blake2b(question.encode(), digest_size=16).hexdigest()
        number = counts.get(key)
        if number is None:
            number = self.count_rows()
            counts.put(key, number, 100)
        return number

    def count_rows(self) -> int:
        return self.object_list.count()


class Pages(PageNumberPagination):
    """`?page=2&page_size=500` (or `per_page`), or `?cursor=` and on by the links; the page is a slice that the caller reads."""

    parameters = ("page", "page_size", "per_page", "cursor")
    default_size, max_size = DEFAULT_SIZE, MAX_SIZE
    page: Any
    request: Any
    next_cursor: str | None = None  # of the page after this one, where it is read by cursor

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        self.request = request
        paginator = CountedOnce(queryset, self.get_page_size(request), version=getattr(view, "rows_version", None))
        if "cursor" in request.query_params:
            return self.page_by_cursor(paginator, request.query_params["cursor"])
        number = self.whole_number("page", default=1)
        if (number - 1) * paginator.per_page > DEEPEST:
            reason = f"Page {number} begins after row {DEEPEST:,}; ask with cursor= (empty at first) and follow `next`."
            raise ValidationError({"page": [reason]})
        try:
            self.page = paginator.page(number)
        except EmptyPage as error:
            raise NotFound(f"There is no page {number}; pages of {paginator.per_page} rows: {paginator.num_pages}.") from error
        self.display_page_controls = paginator.num_pages > 1
        if self.page.has_next() and number * paginator.per_page > DEEPEST:
            rows, terms = self.page.object_list, keyset.terms_of(queryset)
            last = rows.query.high_mark - 1
            [values] = queryset.order_by(*(term.expression() for term in terms)).values_list(*paths(terms))[last : last + 1]
            self.next_cursor = keyset.write_cursor(number + 1, terms, values)
        return self.page.object_list

    def page_by_cursor(self, paginator: CountedOnce, cursor: str) -> QuerySet:
        """The page that a cursor begins; an empty one begins the first."""
        if "page" in self.request.query_params:
            raise ValidationError({"page": ["A list is read by page or by cursor, not by both."]})
        terms = keyset.terms_of(paginator.object_list)
        rows, number = paginator.object_list.order_by(*(term.expression() for term in terms)), 1
        try:
            if cursor:
                number, values = keyset.read_cursor(cursor, terms)
                rows = keyset.read_on(rows, terms, values)
        except keyset.InvalidCursor as error:
            reason = f"{cursor!r} is no cursor of this list in this order; begin with an empty one and follow `next`."
            raise ValidationError({"cursor": [reason]}) from error
        size = paginator.per_page
        ends = [*rows.values_list(*paths(terms))[size - 1 : size + 1]]  # the last row of the page, and the one after it
        self.next_cursor = keyset.write_cursor(number + 1, terms, ends[0]) if len(ends) > 1 else None
        self.page = Page(rows[:size], number, paginator)
        self.display_page_controls = self.next_cursor is not None
        return self.page.object_list

    def get_page_size(self, request: Any) -> int:
        size = self.whole_number("page_size", default=self.default_size, maximum=self.max_size)
        return self.whole_number("per_page", default=size, maximum=self.max_size)

    def whole_number(self, name: str, *, default: int, maximum: int | None = None) -> int:
        """The value of a parameter as a whole number from 1 to `maximum`."""
        text = self.request.query_params.get(name)
        if text is None:
            return default
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
        if number < 1 or (maximum and number > maximum):
            raise ValidationError({name: [f"{text!r} is not a whole number from 1{f' to {maximum}' if maximum else ''}."]})
        return number

    def get_paginated_response(self, data: Any) -> Response:
        pages = self.page.paginator
        return Response(
            {
                "count": pages.count,
                "page": self.page.number,
                "pages": pages.num_pages,
                "page_size": pages.per_page,
                "next": self.get_next_link(),
                "previous": self.get_previous_link(),
                "results": data,
            }
        )

    def get_next_link(self) -> str | None:
        if self.next_cursor is not None:
            return self.link(cursor=self.next_cursor)
        by_number = "cursor" not in self.request.query_params
        return self.link(page=str(self.page.number + 1)) if by_number and self.page.has_next() else None

    def get_previous_link(self) -> str | None:
        by_number = "cursor" not in self.request.query_params
        return self.link(page=str(self.page.number - 1)) if by_number and self.page.has_previous() else None

    def link(self, **place: str) -> str:
        query = self.request.query_params.copy()
        for name in ("page", "cursor"):
            query.pop(name, None)
        query.update(place)
        return f"{canonical_url(self.request)}?{urlencode(list(query_pairs(query)))}"

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        properties = {
            "count": {"type": "integer", "minimum": 0, "description": "Number of matching rows on all pages."},
            "page": {"type": "integer", "minimum": 1, "description": "Number of this page."},
            "pages": {"type": "integer", "minimum": 1, "description": "Number of pages."},
            "page_size": {
                "type": "integer",
                "minimum": 1,
                "maximum": self.max_size,
                "description": "Maximum number of rows of a page.",
            },
            "next": {**link, "description": "The next page."},
            "previous": {**link, "description": "The page before."},
            "results": schema,
        }
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": self.max_size}
        return [
            {"name": "page", "in": "query", "description": PAGE_HELP, "schema": {"type": "integer", "minimum": 1}},
            {
                "name": "page_size",
                "in": "query",
                "description": "Rows per page.",
                "schema": {**size, "default": self.default_size},
            },
            {"name": "per_page", "in": "query", "description": "The same as page_size.", "schema": size},
            {
                "name": "cursor",
                "in": "query",
                "description": CURSOR_HELP,
                "schema": {"type": "string"},
                "allowEmptyValue": True,
            },
        ]


def query_pairs(query: QueryDict) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, values in query.lists() for value in values)


def paths(terms: list[keyset.Term]) -> list[str]:
    return [term.path for term in terms]
