"""The viewsets of entities. An entity needs a queryset and a line in the router::

    class StintViewSet(SyncedViewSet):
        queryset = Stint.objects.all()

Its serializer and its filters have every field of the model. A viewset names a `serializer_class` or a `filterset_class` only
to add to that.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.core.exceptions import ValidationError as InvalidKey
from django.db import IntegrityError, models, transaction
from django.http import HttpResponseBase
from django.utils.text import capfirst
from rest_framework import status, viewsets
from rest_framework.exceptions import MethodNotAllowed, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils import formatting

from api import admission, history
from api.conditional import asks_for_latest, conditional
from api.errors import Conflict
from api.filters import ModelFilter
from api.formats import (
    FILES,
    BrowsableRenderer,
    FileRenderer,
    JSONRenderer,
    ParquetRenderer,
    file_response,
    split_rows,
    write_file,
)
from api.ranges import file_of, is_partial, respond
from api.selecting import Included, read_selection
from api.serializers import RowSerializer
from api.tables.columns import Columns
from mirror import editing, versions
from mirror.feeds import Feed


class EntityViewSet(viewsets.GenericViewSet):
    """List, retrieve, create, change and delete the rows of a model."""

    queryset: models.QuerySet
    serializer_class: type[RowSerializer]
    serializer_base: type[RowSerializer] = RowSerializer  # of the serializer that is derived from the model
    filterset_class: type[ModelFilter] | None
    filterset_base: type[ModelFilter] = ModelFilter  # of the filters that are derived from the model
    paginator: Any
    included: Mapping[str, Included] = {}  # columns that `?include=` adds
    modified_field = ""  # the time of a row's last change, for tables that no feed writes
    parent: str | None = None  # foreign key to the parent row in the URL of a nested list; set by the router

    def __init_subclass__(cls, **options: Any) -> None:
        """Derive the serializer and the filters that a viewset does not name from its model: `StintSerializer`, `StintFilter`."""
        super().__init_subclass__(**options)
        if "queryset" not in vars(cls):
            return
        model = cls.queryset.model
        if "serializer_class" not in vars(cls):
            meta = type("Meta", (), {"model": model, "fields": "__all__"})
            cls.serializer_class = type(f"{model.__name__}Serializer", (cls.serializer_base,), {"Meta": meta})
        if "filterset_class" not in vars(cls):
            meta = type("Meta", (), {"model": model})
            cls.filterset_class = type(f"{model.__name__}Filter", (cls.filterset_base,), {"Meta": meta})

    @property
    def model(self) -> type[models.Model]:
        return self.queryset.model

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        if not hasattr(self, request.method.lower()):  # before authentication, so that it is not a 401
            raise MethodNotAllowed(request.method)
        super().initial(request, *args, **kwargs)

    def get_renderers(self) -> list[Any]:
        renderers: Sequence[Any] = (JSONRenderer, *(FILES if self.action == "list" else ()), BrowsableRenderer)
        return [renderer() for renderer in renderers]

    def get_view_name(self) -> str:
        """The title of a browsable page."""
        if self.detail:
            return " ".join([capfirst(str(self.model._meta.verbose_name)), *getattr(self, "kwargs", {}).values()])
        return capfirst(str(self.model._meta.verbose_name_plural))

    def get_view_description(self, html: bool = False) -> str:
        description = self.model.__doc__ or ""
        return formatting.markup_description(description) if html else description

    @property
    def search_fields(self) -> Sequence[str]:
        """The model's text fields whose names end in "name"; a subclass may list others."""
        texts = (field.name for field in self.model._meta.concrete_fields if isinstance(field, models.CharField))
        return [name for name in texts if name.endswith("name")]

    def get_queryset(self) -> models.QuerySet:
        queryset = super().get_queryset()
        if self.parent is None:
            return queryset
        related: Any = self.model._meta.get_field(self.parent).related_model
        return queryset.filter(**{self.parent: self.kwargs[related._meta.pk.name]})

    def find_parent(self) -> Any:
        """The parent row in the URL of a nested list; raises NotFound. None for a list that is not nested."""
        if self.parent is None:
            return None
        related: Any = self.model._meta.get_field(self.parent).related_model
        return get_row_or_404(related._default_manager.all(), self.kwargs[related._meta.pk.name])

    def get_object(self, *, lock: bool = False) -> Any:
        queryset = self.get_queryset().select_for_update(no_key=True) if lock else self.get_queryset()
        return get_row_or_404(queryset, self.kwargs[self.model._meta.pk.name])

    # Reading

    def version(self) -> versions.Version | None:
        """The version of the tables that answers are made from, for the ETag; None if answers have no ETag."""
        if self.modified_field:
            return versions.everything().with_also(versions.of_table(self.model, self.modified_field))
        return versions.everything() if self.model in Feed.by_model else None

    @conditional
    def list(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.find_parent()
        if not self.is_expensive(request):
            return self.list_rows(request)
        with admission.turn(admission.EXPENSIVE, request):
            return self.list_rows(request)

    def is_expensive(self, request: Any) -> bool:
        """Whether a list is of rows of sessions, and neither a session nor a race bounds it."""
        of_sessions = any(column.name == "session" for column in self.model._meta.fields)
        return of_sessions and not self.parent and not request.query_params.keys() & {"session_id", "race_id", "race"}

    def list_rows(self, request: Any) -> HttpResponseBase:
        queryset: Any = self.filter_queryset(self.get_queryset())
        serializer = self.selecting_serializer(request)
        renderer = request.accepted_renderer
        if isinstance(renderer, FileRenderer):
            if request.query_params.keys() & set(self.paginator.parameters):
                queryset = self.paginate_queryset(queryset)
            return self.list_file(request, serializer.selected_columns(), split_rows(serializer.file_rows(queryset)))
        page = self.paginate_queryset(queryset)
        # As bytes at once: a response stands in a circle with its view, and as objects the rows would be there until the garbage
        # collector comes, which then takes a quarter of a second in which nobody is answered.
        return self.get_paginated_response(msgspec.Raw(msgspec.json.encode([*serializer.selected_rows(page)], enc_hook=str)))

    def list_file(self, request: Any, columns: Columns, rows: Any) -> HttpResponseBase:
        """The rows as a file; of Parquet also its size or a part of it, where the version says that it is the same file."""
        renderer = request.accepted_renderer
        pieces = write_file(request, renderer, columns, rows)
        response = file_response(renderer, pieces, filename=str(self.model._meta.verbose_name_plural))
        version = self.version()
        if not isinstance(renderer, ParquetRenderer) or version is None or asks_for_latest(request):
            return response
        response.headers["Accept-Ranges"] = "bytes"
        if not is_partial(request):
            return response
        file = file_of(repr((request.build_absolute_uri(), version)), lambda: pieces)
        return respond(request, file, dict(response.items()))

    @conditional
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.selecting_serializer(request)
        row = self.get_object()
        return Response(next(iter(serializer.selected_rows(self.queryset.model._default_manager.filter(pk=row.pk)))))

    def selecting_serializer(self, request: Request) -> Any:
        """The serializer of rows with the columns that the query asks for."""
        serializer: Any = self.get_serializer()
        serializer.selection = read_selection(request, names=serializer.fields.keys(), included=self.included)
        return serializer

    # Writing: each in one transaction with its log entry; `mirror.editing` keeps the change against later syncs

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=self.add_parent(request.data))
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            row = self.save(serializer)
            history.log_addition(request.user, row)
        body = serializer.to_representation(row)
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": body["url"]})

    def add_parent(self, data: Any) -> Any:
        """Add the parent in the URL to a body; raises ValidationError if the body names another parent."""
        parent = self.find_parent()
        if parent is None or not isinstance(data, dict):
            return data
        name = f"{self.parent}_id"
        if str(data.get(name, parent.pk)) != str(parent.pk):
            raise ValidationError({name: [f"The URL says {parent.pk}, the body {data[name]!r}."]})
        return data | {name: parent.pk}

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the fields in the body and leave the others; PUT and PATCH do the same."""
        with transaction.atomic():
            row = self.get_object(lock=True)
            serializer = self.get_serializer(row, data=request.data, partial=True)
            serializer.is_valid(raise_exception=True)
            old = {name: getattr(row, name) for name in serializer.validated_data}
            self.save(serializer)
            changed = {name: value for name, value in old.items() if getattr(row, name) != value}
            history.log_change(request.user, row, changed)
        return Response(serializer.to_representation(row))

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with transaction.atomic():
            row = self.get_object(lock=True)
            detail = f"{self.model._meta.verbose_name} '{row.pk}' is deleted."
            history.log_deletion(request.user, row)
            editing.delete(row, user=request.user)
        return Response({"detail": detail[0].upper() + detail[1:]})

    def save(self, serializer: Any) -> Any:
        """Store the row; raises Conflict, which names the key, if another row has its key."""
        try:
            with transaction.atomic():
                return serializer.save()
        except IntegrityError as error:
            raise conflict_error(serializer) from error


class ReadOnlyViewSet(EntityViewSet):
    """List and retrieve only: rows that the site itself writes."""

    http_method_names = ["get", "head", "options"]


def get_row_or_404(queryset: models.QuerySet, key: Any) -> Any:
    """The row with this primary key; raises NotFound."""
    try:
        row = queryset.filter(pk=key).first()
    except InvalidKey:  # not a UUID
        row = None
    if row is None:
        raise NotFound(f"There is no {queryset.model._meta.verbose_name} '{key}'.")
    return row


def conflict_error(serializer: Any) -> Conflict:
    """The error for a row that could not be stored; names the key if another row has it."""
    model = serializer.Meta.model
    constraints = [c for c in model._meta.constraints if isinstance(c, models.UniqueConstraint)]
    names = constraints[0].fields if constraints else (model._meta.pk.name,)
    key = {name: serializer.validated_data.get(name, getattr(serializer.instance, name, None)) for name in names}
    if not model._default_manager.filter(**key).exists():
        return Conflict()
    parts = [f"{name}_id {value.pk}" if isinstance(value, models.Model) else f"{name} {value}" for name, value in key.items()]
    return Conflict(f"There is a {model._meta.verbose_name} with {', '.join(parts)} already.")
