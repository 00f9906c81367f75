"""Search and order of lists; what cannot be searched or ordered by is refused, never ignored."""

from typing import Any

from django.db import models
from django.db.models.expressions import OrderBy
from rest_framework import filters
from rest_framework.exceptions import ValidationError

from api.filters import column_at

MAX_WORDS = 20  # of a search, each of which looks through every name


class StrictSearch(filters.SearchFilter):
    """`?search=`: every word occurs in one of the view's search fields."""

    search_description = f"Words, at most {MAX_WORDS}; each must occur in one of the names of a row."

    def get_search_terms(self, request: Any) -> list[str]:
        try:
            words = super().get_search_terms(request)
        except ValidationError as error:
            raise ValidationError({"search": error.detail}) from error
        if len(words) > MAX_WORDS:
            raise ValidationError({"search": [f"These are {len(words)} words; search for at most {MAX_WORDS}."]})
        return words

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return super().get_schema_operation_parameters(view) if view.search_fields else []


class StrictOrdering(filters.BaseFilterBackend):
    """`?ordering=-lap_duration,lap_number`; ties are broken by key, and rows without a value come last on every database."""

    def filter_queryset(self, request: Any, queryset: models.QuerySet, view: Any) -> models.QuerySet:
        terms = list(
            dict.fromkeys(term.strip() for value in request.query_params.getlist("ordering") for term in value.split(","))
        )
        paths = view.filterset_class.paths
        unknown = [term for term in terms if term.removeprefix("-") not in paths]
        if unknown:
            reason = (
                f"Rows cannot be ordered by {', '.join(map(repr, unknown))}; valid are {', '.join(sorted(paths))}, also with a -."
            )
            raise ValidationError({"ordering": [reason]})
        if not terms:
            return queryset
        return queryset.order_by(*(ordering_term(term, paths[term.removeprefix("-")], queryset.model) for term in terms), "pk")

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        description = "Fields to sort by, separated by commas; a leading - sorts in descending order."
        choices = [sign + name for name in view.filterset_class.paths for sign in ("", "-")]
        schema = {"type": "array", "items": {"type": "string", "enum": choices}, "minItems": 1}
        return [
            {"name": "ordering", "in": "query", "description": description, "schema": schema, "explode": False, "style": "form"}
        ]


def ordering_term(term: str, path: str, model: type[models.Model]) -> OrderBy:
    """The ORDER BY expression of a term; without NULLS LAST for columns that have no nulls, so that an index can be used."""
    last = True if column_at(model, path).null else None
    return models.F(path).desc(nulls_last=last) if term.startswith("-") else models.F(path).asc(nulls_last=last)
