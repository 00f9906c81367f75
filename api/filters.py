"""Filters of lists; an unknown parameter is refused, never ignored.

Every model field has filters without being listed anywhere::

    class LapFilter(ModelFilter):
        class Meta:
            model = Lap

`?driver_number=1` and `?driver_number=1&driver_number=44`, `__gt __gte __lt __lte __in __isnull` and, on text, `__icontains`;
also `?lap_duration>=90` and its siblings, see `parameters`.
"""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.utils.datastructures import MultiValueDict
from rest_framework import filters, serializers
from rest_framework.exceptions import ValidationError

from api.closed import UnknownValue, spell_texts, spell_values, user_names
from api.fields import ordered_columns, value_field, value_schema
from api.parameters import FORMAT_PARAMETERS, conditions, split_values
from api.selecting import describe_include
from api.tables.spreadsheet import EXCEL
from mirror.fields import JSONText

LOOKUPS = {  # {lookup: its meaning in the documentation}
    "exact": "is this",
    "gt": "is greater",
    "gte": "is this or greater",
    "lt": "is less",
    "lte": "is this or less",
    "in": "is one of these, separated by commas",
    "isnull": "has no value (true) or has one (false)",
    "icontains": "contains this text, ignoring case",
}


Meaning = Callable[[models.QuerySet], models.QuerySet]  # narrows the rows of a list


class QueryValues(forms.Widget):
    """Reads all values of a repeated parameter."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return data.getlist(name)


class ValuesField(forms.Field):
    """One or more values of a model field, each validated like a value in a body."""

    widget = QueryValues

    def __init__(self, *, reader: serializers.Field, lookup: str, **options: Any) -> None:
        self.reader, self.lookup = reader, lookup
        super().__init__(**options)

    def clean(self, texts: list[str]) -> list[Any]:
        numbers = isinstance(self.reader, serializers.IntegerField | serializers.FloatField)  # none of which has a comma
        if self.lookup == "in" or (self.lookup == "exact" and numbers):
            texts = self.split(texts)
        elif self.lookup != "exact" and len(texts) > 1:
            raise forms.ValidationError("Give this only once.")
        return [self.parse(text) for text in texts]

    def split(self, texts: list[str]) -> list[str]:
        try:
            return split_values(texts)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def parse(self, text: str) -> Any:
        if text == "":
            raise forms.ValidationError("A value is missing; to find rows without one, use __isnull=true.")
        try:
            return self.reader.run_validation(text)
        except ValidationError as error:
            raise forms.ValidationError([f"{text!r}: {reason}" for reason in error.detail]) from error


class Condition(django_filters.Filter):
    """Compares a field of the model or of a parent row with the values of a parameter."""

    field_class = ValuesField

    def __init__(self, *, path: str, column: models.Field, lookup: str):
        self.column = column
        reader = serializers.BooleanField() if lookup == "isnull" else value_field(column)
        super().__init__(path, lookup, label=path, reader=reader, lookup=lookup)

    def filter(self, queryset: models.QuerySet, values: list[Any]) -> models.QuerySet:
        if self.lookup_expr == "isnull" and is_empty_text(self.column):
            missing = models.Q(**{self.field_name: ""}) | models.Q(**{f"{self.field_name}__isnull": True})
            return queryset.filter(missing if values[0] else ~missing)
        if self.lookup_expr == "in" or len(values) > 1:
            return queryset.filter(**{f"{self.field_name}__in": values})
        return queryset.filter(**{f"{self.field_name}__{self.lookup_expr}": values[0]})


class ModelFilter(django_filters.FilterSet):
    """A filter for every field of `Meta.model` but those in `Meta.exclude`, and for fields of parent rows:
    `related` is {parameter: path to the field}. `words` is {parameter: its description} of what is not compared with a field.
    `closed` is {parameter: gives the values that the field can have}; one that neither they nor a row have is refused."""

    related: ClassVar[dict[str, str]] = {}
    words: ClassVar[dict[str, str]] = {}
    closed: ClassVar[dict[str, Callable[[], Iterable[str]]]] = {}
    base_filters: dict[str, Condition]
    paths: ClassVar[dict[str, str]]  # {parameter: ORM path} of all fields to filter and order by

    @classmethod
    def get_filters(cls) -> dict[str, Condition]:
        if cls._meta.model is None:
            return {}
        own = [column.attname for column in ordered_columns(cls._meta.model)]
        cls.paths = {name: name for name in own if name not in (cls._meta.exclude or ())} | cls.related
        conditions = {}
        for name, path in cls.paths.items():
            column = column_at(cls._meta.model, path)
            for lookup in supported_lookups(column):
                conditions[cls.get_filter_name(name, lookup)] = Condition(path=path, column=column, lookup=lookup)
        return conditions

    @classmethod
    def read_words(cls, parameters: MultiValueDict, *, keys: dict[str, Any]) -> Meaning:
        """Take the words out of the parameters and say what they mean; `keys` are those in the URL of a nested list.

        An upper layer that lists `words` overrides this.
        """
        return lambda queryset: queryset

    def __init__(self, data: Any, queryset: models.QuerySet, **options: Any) -> None:
        # Set up only the filters in use: a list has over a hundred, a request a handful.
        self.base_filters = {name: self.base_filters[name] for name in data}
        super().__init__(data, queryset, **options)

    def spell_values(self) -> None:
        """Spell the values of closed sets as rows do; ValidationError for those that no row can have."""
        unknown, values = {}, self.form.cleaned_data
        for name, condition in self.base_filters.items():
            if condition.lookup_expr in ("exact", "in"):
                try:
                    values[name] = self.spell(condition, values[name])
                except UnknownValue as error:
                    unknown[name] = [str(error)]
        if unknown:
            raise ValidationError(unknown)

    def spell(self, condition: Condition, values: list[Any]) -> list[Any]:
        path = condition.field_name
        if condition.column.name == "username":
            return spell_texts(condition.column, values, stored=user_names(self.request.user, self.queryset, path))
        return spell_values(condition.column, values, self.closed.get(path, tuple)())


def is_empty_text(column: models.Field) -> bool:
    """Whether a row without a value has an empty text in the column, where others have null."""
    return column.blank and not column.null and isinstance(column, models.CharField | models.TextField)


def column_at(model: type[models.Model], path: str) -> models.Field:
    """The model field that an ORM path like "session__race_id" leads to."""
    *parents, name = path.split(LOOKUP_SEP)
    for parent in parents:
        model = model._meta.get_field(parent).related_model  # type: ignore[assignment]
    return next(field for field in model._meta.concrete_fields if name in (field.attname, field.name))


def supported_lookups(column: models.Field) -> list[str]:
    """The lookups that a field supports."""
    if isinstance(column, JSONText | models.JSONField):
        return ["exact", "isnull"]
    text = isinstance(column, models.CharField | models.TextField)
    return [lookup for lookup in LOOKUPS if lookup != "icontains" or text]


class StrictFilterBackend(filters.BaseFilterBackend):
    """Applies the view's `filterset_class`; an unknown parameter is a 400 that lists the valid ones."""

    def filter_queryset(self, request: Any, queryset: models.QuerySet, view: Any) -> models.QuerySet:
        parameters = conditions(request.query_params)
        others = list_parameters(view)
        for name in others:
            parameters.pop(name, None)
        meaning = view.filterset_class.read_words(parameters, keys=getattr(view, "kwargs", {}))
        valid = view.filterset_class.base_filters
        unknown = {name: [describe_unknown(name, view.filterset_class, others)] for name in parameters if name not in valid}
        if unknown:
            raise ValidationError(unknown)
        filterset = view.filterset_class(parameters, queryset, request=request)
        if not filterset.is_valid():
            raise ValidationError({name: list(errors) for name, errors in filterset.errors.items()})
        filterset.spell_values()
        return meaning(filterset.qs)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Equality is a parameter for every field; the comparisons, six times as many, are properties of one more."""
        conditions = view.filterset_class.base_filters
        equal = [describe_filter(name, condition) for name, condition in conditions.items() if condition.lookup_expr == "exact"]
        others = {name: condition for name, condition in conditions.items() if condition.lookup_expr != "exact"}
        words = [
            {"name": name, "in": "query", "description": about, "schema": {"type": "string", "minLength": 1}}
            for name, about in view.filterset_class.words.items()
        ]
        include = [describe_include(view.included)] if view.included else []
        excel = {"name": "excel", "in": "query", "description": EXCEL, "schema": {"type": "string"}}
        return [*include, excel, *words, *equal, describe_comparisons(others)]


def list_parameters(view: Any) -> set[str]:
    """The parameters of a list other than filters."""
    names = {*FORMAT_PARAMETERS, "ordering", "fields", *view.paginator.parameters, *(["include"] if view.included else [])}
    return names | {"search"} if view.search_fields else names


def describe_unknown(name: str, filterset: type[ModelFilter], others: set[str]) -> str:
    """The error message for an unknown parameter: the nearest name and all valid ones."""
    others = others | filterset.words.keys()
    close = get_close_matches(name, [*filterset.base_filters, *others], n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    operators = ", ".join(f"__{lookup}" for lookup in LOOKUPS if lookup != "exact")
    return (
        f"There is no such parameter.{guess} Valid are {', '.join(sorted(others))}, and the fields "
        f"{', '.join(sorted(filterset.paths))}, each also with {operators} where that makes sense."
    )


def describe_filter(name: str, condition: Condition) -> dict[str, Any]:
    """The OpenAPI description of a filter for equality."""
    description = condition.column.help_text or f"The {condition.column.verbose_name}."
    return {"name": name, "in": "query", "description": str(description), "schema": value_schema(condition.extra["reader"])}


def describe_comparisons(conditions: dict[str, Condition]) -> dict[str, Any]:
    """The OpenAPI description of all other filters: properties of one parameter, each sent under its own name."""
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
