"""Filters, search and order of lists; whatever is not understood is refused, never ignored.

Each model field can be filtered by, without being listed anywhere::

    class LapFilter(ModelFilter):
        class Meta:
            model = Lap

`?driver_number=1` and `?driver_number=1&driver_number=44`, `__gt __gte __lt __lte __in __isnull` and, on text, `__icontains`;
also `?lap_duration>=90` and its siblings, see `parameters`.
"""

from difflib import get_close_matches
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.db.models.expressions import OrderBy
from rest_framework import filters, serializers
from rest_framework.exceptions import ValidationError

from api.fields import columns, value_field
from api.parameters import conditions
from mirror.fields import JSONText

LOOKUPS = {  # what each means, for the documentation
    "exact": "is this",
    "gt": "is greater",
    "gte": "is this or greater",
    "lt": "is less",
    "lte": "is this or less",
    "in": "is one of these, separated by commas",
    "isnull": "has no value (true) or has one (false)",
    "icontains": "contains this text, whether in capitals or not",
}


class QueryValues(forms.Widget):
    """All values that a query gives a parameter."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return data.getlist(name)


class Values(forms.Field):
    """One or more values of a model field, each read as a body's would be."""

    widget = QueryValues

    def __init__(self, *, reader: serializers.Field, lookup: str, **options: Any) -> None:
        self.reader, self.lookup = reader, lookup
        super().__init__(**options)

    def clean(self, texts: list[str]) -> list[Any]:
        if self.lookup == "in":
            texts = [part for text in texts for part in text.split(",")]
        elif self.lookup != "exact" and len(texts) > 1:
            raise forms.ValidationError("Give this only once.")
        return [self.read(text) for text in texts]

    def read(self, text: str) -> Any:
        if text == "":
            raise forms.ValidationError("A value is missing; to find rows without one, use __isnull=true.")
        try:
            return self.reader.run_validation(text)
        except ValidationError as error:
            raise forms.ValidationError([f"{text!r}: {reason}" for reason in error.detail]) from error


class Condition(django_filters.Filter):
    """A model field, or one of a parent row, compared with the values of a parameter."""

    field_class = Values

    def __init__(self, *, path: str, column: models.Field, lookup: str):
        self.column = column
        reader = serializers.BooleanField() if lookup == "isnull" else value_field(column)
        super().__init__(path, lookup, label=path, reader=reader, lookup=lookup)

    def filter(self, queryset: models.QuerySet, values: list[Any]) -> models.QuerySet:
        if self.lookup_expr == "in" or len(values) > 1:
            return queryset.filter(**{f"{self.field_name}__in": values})
        return queryset.filter(**{f"{self.field_name}__{self.lookup_expr}": values[0]})


class ModelFilter(django_filters.FilterSet):
    """A filter for every field of `Meta.model` but those in `Meta.exclude`, and for fields of parent rows:
    `related` is {parameter: path to the field}."""

    related: ClassVar[dict[str, str]] = {}
    base_filters: dict[str, Condition]
    paths: ClassVar[dict[str, str]]  # {parameter: path} of all that can be filtered and ordered by

    @classmethod
    def get_filters(cls) -> dict[str, Condition]:
        if cls._meta.model is None:
            return {}
        own = [column.attname for column in columns(cls._meta.model)]
        cls.paths = {name: name for name in own if name not in (cls._meta.exclude or ())} | cls.related
        conditions = {}
        for name, path in cls.paths.items():
            column = column_at(cls._meta.model, path)
            for lookup in lookups(column):
                conditions[cls.get_filter_name(name, lookup)] = Condition(path=path, column=column, lookup=lookup)
        return conditions

    def __init__(self, data: Any, queryset: models.QuerySet, **options: Any) -> None:
        # Only the filters that are asked for are set up: a list has over a hundred, a request a handful.
        self.base_filters = {name: self.base_filters[name] for name in data}
        super().__init__(data, queryset, **options)


def column_at(model: type[models.Model], path: str) -> models.Field:
    """The model field that an ORM path like "session__race_id" leads to."""
    *parents, name = path.split(LOOKUP_SEP)
    for parent in parents:
        model = model._meta.get_field(parent).related_model  # type: ignore[assignment]
    return next(field for field in model._meta.concrete_fields if name in (field.attname, field.name))


def lookups(column: models.Field) -> list[str]:
    """The ways in which a field can be compared."""
    if isinstance(column, JSONText):
        return ["exact", "isnull"]
    text = isinstance(column, models.CharField | models.TextField)
    return [lookup for lookup in LOOKUPS if lookup != "icontains" or text]


class StrictFilterBackend(filters.BaseFilterBackend):
    """Applies the view's `filterset_class`; a parameter that nobody understands is a 400 which says what there is."""

    def filter_queryset(self, request: Any, queryset: models.QuerySet, view: Any) -> models.QuerySet:
        asked = conditions(request.query_params)
        others = own_parameters(view)
        for name in others:
            asked.pop(name, None)
        known = view.filterset_class.base_filters
        unknown = {name: [advice(name, view.filterset_class, others)] for name in asked if name not in known}
        if unknown:
            raise ValidationError(unknown)
        filterset = view.filterset_class(asked, queryset, request=request)
        if not filterset.is_valid():
            raise ValidationError({name: list(errors) for name, errors in filterset.errors.items()})
        return filterset.qs

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Equality is a parameter for every field; the comparisons, six times as many, are properties of one more."""
        known = view.filterset_class.base_filters
        equal = [parameter(name, condition) for name, condition in known.items() if condition.lookup_expr == "exact"]
        return [*equal, comparisons({name: condition for name, condition in known.items() if condition.lookup_expr != "exact"})]


def own_parameters(view: Any) -> set[str]:
    """Parameters of a list that are no filters."""
    names = {"format", "ordering", *view.paginator.parameters}
    return names | {"search"} if view.search_fields else names


def advice(name: str, filterset: type[ModelFilter], others: set[str]) -> str:
    """What to say to a parameter that does not exist."""
    close = get_close_matches(name, [*filterset.base_filters, *others], n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    operators = ", ".join(f"__{lookup}" for lookup in LOOKUPS if lookup != "exact")
    return (
        f"There is no such parameter.{guess} Valid are {', '.join(sorted(others))}, and the fields "
        f"{', '.join(sorted(filterset.paths))}, each also with {operators} where that makes sense."
    )


def parameter(name: str, condition: Condition) -> dict[str, Any]:
    """A filter as OpenAPI describes it."""
    about = condition.column.help_text or f"The {condition.column.verbose_name}."
    return {"name": name, "in": "query", "description": str(about), "schema": value_schema(condition.extra["reader"])}


def comparisons(conditions: dict[str, Condition]) -> dict[str, Any]:
    """All other filters as the properties of one parameter, each of which is sent under its own name."""
    lookups = "; ".join(f"`__{lookup}` {meaning}" for lookup, meaning in LOOKUPS.items() if lookup != "exact")
    properties = {
        name: {"type": "string", "minLength": 1} if condition.lookup_expr == "in" else value_schema(condition.extra["reader"])
        for name, condition in conditions.items()
    }
    return {
        "name": "comparisons",
        "in": "query",
        "description": f'Further parameters, e.g. {{"{next(iter(conditions))}": …}}. {lookups}.',
        "style": "form",
        "explode": True,
        "schema": {"type": "object", "properties": properties, "additionalProperties": False},
        "example": {},
    }


def value_schema(reader: serializers.Field) -> dict[str, Any]:
    match reader:
        case serializers.BooleanField():
            return {"type": "boolean"}
        case serializers.IntegerField():
            return {"type": "integer", "minimum": reader.min_value, "maximum": reader.max_value}
        case serializers.FloatField():
            return {"type": "number"}
        case serializers.DateTimeField():
            return {"type": "string", "format": "date-time"}
        case serializers.UUIDField():
            return {"type": "string", "format": "uuid"}
    return {"type": "string", "minLength": 1}


class StrictSearch(filters.SearchFilter):
    """`?search=`: every word occurs in one of the view's search fields."""

    search_description = "Words that all occur in the names of a row."

    def get_search_terms(self, request: Any) -> list[str]:
        try:
            return super().get_search_terms(request)
        except ValidationError as error:
            raise ValidationError({"search": error.detail}) from error

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return super().get_schema_operation_parameters(view) if view.search_fields else []


class StrictOrdering(filters.BaseFilterBackend):
    """`?ordering=-lap_duration,lap_number`; ties are broken by key, and rows without a value come last on every database."""

    def filter_queryset(self, request: Any, queryset: models.QuerySet, view: Any) -> models.QuerySet:
        terms = [term.strip() for value in request.query_params.getlist("ordering") for term in value.split(",")]
        paths = view.filterset_class.paths
        unknown = [term for term in terms if term.removeprefix("-") not in paths]
        if unknown:
            reason = (
                f"Rows cannot be ordered by {', '.join(map(repr, unknown))}; valid are {', '.join(sorted(paths))}, also with a -."
            )
            raise ValidationError({"ordering": [reason]})
        if not terms:
            return queryset
        return queryset.order_by(*(by(term, paths[term.removeprefix("-")], queryset.model) for term in terms), "pk")

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        about = "Fields to order by, separated by commas; with a - in front the other way round."
        choices = [sign + name for name in view.filterset_class.paths for sign in ("", "-")]
        schema = {"type": "array", "items": {"type": "string", "enum": choices}, "minItems": 1}
        return [{"name": "ordering", "in": "query", "description": about, "schema": schema, "explode": False, "style": "form"}]


def by(term: str, path: str, model: type[models.Model]) -> OrderBy:
    """What the database is to order by; where every row has a value its own order serves, and an index with it."""
    last = True if column_at(model, path).null else None
    return models.F(path).desc(nulls_last=last) if term.startswith("-") else models.F(path).asc(nulls_last=last)
