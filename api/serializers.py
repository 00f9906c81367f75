"""Serializers: rows to JSON and JSON to rows.

A serializer names its model and takes all of its fields::

    class StintSerializer(SessionRowSerializer):
        class Meta:
            model = Stint
            fields = "__all__"

REST framework validates bodies, but does not render rows: the fields are compiled into the columns of one query (`Plan`), and
each row becomes a dict without a model instance or a method call per field, which is 20 times as fast.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.validators import UniqueValidator

from api.fields import (
    ChoiceField,
    FiniteFloatField,
    JSONValueField,
    LimitedIntegerField,
    LimitedTextField,
    LinkField,
    ParentField,
    UTCDateTimeField,
    integer_bounds,
    ordered_columns,
)
from api.links import detail_prefix
from api.selecting import Selection
from api.tables.columns import Column, make_column
from jobs.unknown import refuse_unknown
from mirror import editing
from mirror.feeds import Feed
from mirror.fields import JSONText
from mirror.limits import limits_of

FIELDS = serializers.ModelSerializer.serializer_field_mapping


@dataclass(frozen=True)
class Plan:
    """The columns to read for a serializer's rows, and the fields made from each."""

    paths: tuple[str, ...]  # columns of the query, as values_list wants them
    values: tuple[tuple[str, int], ...]  # (field, index of its column)
    links: tuple[tuple[str, int, type[models.Model]], ...]  # (field, index of the key's column, model it leads to)

    @classmethod
    def from_serializer(cls, serializer: "RowSerializer") -> "Plan":
        paths: dict[str, int] = {}
        values, links = [], []
        for name, field in serializer.fields.items():
            if field.source == "*":  # added by the serializer's own `rows`
                continue
            index = paths.setdefault(path_of(field), len(paths))
            if isinstance(field, LinkField):
                links.append((name, index, field.to or serializer.Meta.model))
            else:
                values.append((name, index))
        return cls(tuple(paths), tuple(values), tuple(links))

    def with_columns(self, columns: Sequence[Column]) -> "Plan":
        """The plan with further columns of the query, each of which is a field."""
        first = len(self.paths)
        values = ((column.name, first + place) for place, column in enumerate(columns))
        return Plan((*self.paths, *(column.path for column in columns)), (*self.values, *values), self.links)

    def rows(self, queryset: models.QuerySet, request: Any) -> Iterator[dict[str, Any]]:
        """Yield the rows of a queryset as dicts of JSON values."""
        links = [(name, index, detail_prefix(request, model)) for name, index, model in self.links]
        names = [name for name, _ in self.values]
        indices = [index for _, index in self.values]
        in_order = indices == list(range(len(indices)))  # each column is one field, in order
        for cells in queryset.values_list(*self.paths):
            row = dict(zip(names, cells if in_order else [cells[index] for index in indices], strict=False))
            for name, index, prefix in links:
                key = cells[index]
                row[name] = None if key is None else f"{prefix}{key}/"
            yield row


def path_of(field: serializers.Field) -> str:
    """The ORM path to a field's value: "session.race_id" -> "session__race_id"; "pk" for a link to the row itself."""
    if isinstance(field, LinkField) and field.source == field.field_name:
        return "pk"
    path = str(field.source).replace(".", "__")
    return f"{path}_id" if isinstance(field, ParentField) else path


def field_at(model: type[models.Model], path: str) -> models.Field:
    """The model field that an ORM path leads to."""
    name, _, rest = path.partition("__")
    field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
    return field_at(field.related_model, rest) if rest else field


class RowSerializer(serializers.ModelSerializer):
    """All fields of a model, with keys instead of parents (`session_id`), and links to the row and its parents."""

    instance: Any
    selection = Selection()  # of the columns that a query asks for; a view sets it
    url = LinkField(help_text="This row.")

    serializer_choice_field = ChoiceField
    serializer_field_mapping = FIELDS | {
        **{kind: LimitedIntegerField for kind, field in FIELDS.items() if field is serializers.IntegerField},
        **{kind: LimitedTextField for kind, field in FIELDS.items() if field is serializers.CharField},
        models.FloatField: FiniteFloatField,
        models.DateTimeField: UTCDateTimeField,
        JSONText: JSONValueField,
    }

    # Fields

    def get_default_field_names(self, declared_fields: Any, model_info: Any) -> list[str]:
        key, *others = ordered_columns(self.Meta.model)
        declared = [name for name, field in declared_fields.items() if not isinstance(field, LinkField)]
        links = [name for name, field in declared_fields.items() if isinstance(field, LinkField)]
        parents = [f"{column.name}_url" for column in others if isinstance(column, models.ForeignKey)]
        return list(dict.fromkeys([key.name, *declared, *(column.attname for column in others), *links, *parents]))

    def build_field(self, field_name: str, info: Any, model_class: Any, nested_depth: int) -> Any:
        for column in model_class._meta.concrete_fields:
            if isinstance(column, models.ForeignKey):
                if field_name == column.attname:
                    return ParentField, parent_options(column)
                if field_name == f"{column.name}_url":
                    help_text = f"The {column.related_model._meta.verbose_name}."
                    options = {"to": column.related_model, "source": column.attname, "help_text": help_text}
                    return LinkField, options | {"allow_null": column.null}
        return super().build_field(field_name, info, model_class, nested_depth)

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        kind, options = super().build_standard_field(field_name, model_field)
        unlimited = isinstance(model_field, models.IntegerField) and limits_of(model_field) == (None, None)
        if unlimited and not options.get("read_only"):
            options |= integer_bounds(model_field)
        feed = Feed.by_model.get(self.Meta.model)
        if feed and model_field.name in feed.derived:
            options = {"read_only": True, "help_text": model_field.help_text}
        if options.get("read_only"):
            return kind, options | {"allow_null": True} if model_field.null else options
        # A duplicate key is a conflict (409), which the database detects, not an invalid field (400).
        options["validators"] = [v for v in options.get("validators", []) if not isinstance(v, UniqueValidator)]
        return kind, options

    def get_uniqueness_extra_kwargs(self, field_names: Any, declared_fields: Any, extra_kwargs: Any) -> Any:
        return extra_kwargs, {}

    def get_validators(self) -> list[Any]:
        return []

    # From rows to JSON

    @classmethod
    @cache
    def plan(cls) -> Plan:
        return Plan.from_serializer(cls())

    @classmethod
    @cache
    def file_columns(cls) -> tuple[Column, ...]:
        """The columns of files: all fields but the links."""
        plan = cls.plan()
        model = cls.Meta.model
        return tuple(make_column(field_at(model, plan.paths[i]), name=name, path=plan.paths[i]) for name, i in plan.values)

    def selected_columns(self) -> tuple[Column, ...]:
        """The columns of a file with what the query asks for."""
        columns = {column.name: column for column in (*self.file_columns(), *self.selection.columns)}
        names = [name for name in self.selection.fields if name in columns] or [*columns]
        return tuple(columns[name] for name in names)

    def file_rows(self, queryset: models.QuerySet) -> Iterator[tuple]:
        """The rows of a queryset as tuples in the order of `selected_columns`, read in chunks."""
        paths = [column.path for column in self.selected_columns()]
        return iter(self.selection.annotate(queryset).values_list(*paths).iterator(chunk_size=2_000))

    def rows(self, queryset: models.QuerySet) -> Iterator[dict[str, Any]]:
        """The rows of a queryset as dicts of JSON values. A serializer with computed fields (SerializerMethodField) overrides
        this to add them to all rows at once."""
        plan = self.plan().with_columns(self.selection.columns)
        return plan.rows(self.selection.annotate(queryset), self.context["request"])

    def selected_rows(self, queryset: models.QuerySet) -> Iterator[dict[str, Any]]:
        """The rows of a queryset with the fields that the query asks for."""
        return map(self.selection.keep, self.rows(queryset))

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """One row as a dict of JSON values, read from the database."""
        row = next(iter(self.rows(type(instance)._default_manager.filter(pk=instance.pk))))
        return {name: value for name, value in row.items() if name in self.fields}

    # From JSON to rows: changes over REST become corrections, which later syncs keep

    def create(self, validated_data: dict[str, Any]) -> Any:
        return self.edit(self.Meta.model(), validated_data)  # type: ignore[misc]

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        return self.edit(instance, validated_data)

    def edit(self, row: Any, values: dict[str, Any]) -> Any:
        for name, value in values.items():
            setattr(row, name, value)
        editing.edit(row, user=self.context["request"].user, fields=values)
        return row

    def get_initial(self) -> dict[str, None]:
        """The initial values of a browsable form: the required fields."""
        return {name: None for name, field in self.fields.items() if field.required}

    def to_internal_value(self, data: Any) -> Any:
        refuse_unknown(data, self.fields, valid=(name for name, field in self.fields.items() if not field.read_only))
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        key = self.Meta.model._meta.pk.name  # type: ignore[attr-defined]
        if self.instance and attrs.pop(key, self.instance.pk) != self.instance.pk:
            raise ValidationError({key: [f"The key of a row cannot change; this one is {self.instance.pk}."]})
        return attrs


def parent_options(column: models.ForeignKey) -> dict[str, Any]:
    """The arguments of the serializer field for a foreign key."""
    options: dict[str, Any] = {"source": column.name, "help_text": column.help_text or f"Key of the {column.name}."}
    if column.null:
        options["allow_null"] = True
    if not column.editable:
        return options | {"read_only": True}
    options["queryset"] = column.related_model._default_manager.all()
    options["error_messages"] = {"does_not_exist": f"There is no {column.name} {{pk_value}}."}
    return options | {"required": False} if column.null else options


def validate_data(serializer_class: type[serializers.Serializer], data: Any, **context: Any) -> dict[str, Any]:
    """The validated values of a body or query; raises ValidationError, also for unknown fields."""
    serializer = serializer_class(data=data, context=context)
    refuse_unknown(data, serializer.fields)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data
