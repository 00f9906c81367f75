"""Pages of lists, in an envelope with the number of rows and pages."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import EmptyPage, Paginator
from django.http import QueryDict
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response

from api.links import canonical_url

DEFAULT_SIZE = 100  # rows of a page
MAX_SIZE = 1000


class Pages(PageNumberPagination):
    """`?page=2&page_size=500` (or `per_page`); the page is a slice of the queryset, which the caller reads."""

    parameters = ("page", "page_size", "per_page")
    default_size, max_size = DEFAULT_SIZE, MAX_SIZE
    page: Any
    request: Any

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        self.request = request
        paginator = Paginator(queryset, self.get_page_size(request))
        number = self.whole_number("page", default=1)
        try:
            self.page = paginator.page(number)
        except EmptyPage as error:
            raise NotFound(f"There is no page {number}; pages of {paginator.per_page} rows: {paginator.num_pages}.") from error
        self.display_page_controls = paginator.num_pages > 1
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
        return self.link(self.page.number + 1) if self.page.has_next() else None

    def get_previous_link(self) -> str | None:
        return self.link(self.page.number - 1) if self.page.has_previous() else None

    def link(self, number: int) -> str:
        query = self.request.query_params.copy()
        query["page"] = str(number)
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
            {"name": "page", "in": "query", "description": "Page number.", "schema": {"type": "integer", "minimum": 1}},
            {
                "name": "page_size",
                "in": "query",
                "description": "Rows per page.",
                "schema": {**size, "default": self.default_size},
            },
            {"name": "per_page", "in": "query", "description": "The same as page_size.", "schema": size},
        ]


def query_pairs(query: QueryDict) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, values in query.lists() for value in values)
