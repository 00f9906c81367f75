"""URLs of the entities.

A registered viewset has a list, rows, a list below each of its parents (`/races/{race_id}/sessions/`, from the model's foreign
keys) and the routes that sync it.
"""

from collections.abc import Iterator
from typing import Any

from django.db import models
from django.urls import URLPattern, URLResolver, re_path
from rest_framework.routers import SimpleRouter

from api.sync import SyncedAtOnceViewSet, SyncedViewSet


class Router(SimpleRouter):
    """The URLs of viewsets, each under the plural name of its entity; `extend` adds those of another app's router."""

    def extend(self, *others: "Router") -> None:
        for other in others:
            for prefix, viewset, basename in other.registry:
                self.register(prefix, viewset, basename)

    registry: Any  # [(prefix, EntityViewSet, basename)]

    def get_urls(self) -> list[URLPattern | URLResolver]:
        prefixes = {viewset.queryset.model: prefix for prefix, viewset, _ in self.registry}
        urls: list[URLPattern | URLResolver] = []
        for prefix, viewset, basename in self.registry:
            routes = [*sync_routes(prefix, viewset), *row_routes(prefix, viewset), *nested_routes(prefix, viewset, prefixes)]
            for path, name, methods, options in routes:
                view = viewset.as_view(methods, basename=basename, **options)
                urls.append(re_path(f"^{path}$", view, name=f"{basename}-{name}"))
        return urls


Route = tuple[str, str, dict[str, Any], dict]  # (pattern, end of its name, {method: action}, arguments of the view)


def key_pattern(model: type[models.Model]) -> str:
    """The regular expression for a model's primary key, as a group with its name: (?P<lap_id>-?[0-9]{1,19})"""
    key = model._meta.pk
    values = "-?[0-9]{1,19}" if isinstance(key, models.IntegerField) else "[-a-zA-Z0-9_]+"
    return f"(?P<{key.name}>{values})"


def row_routes(prefix: str, viewset: Any) -> Iterator[Route]:
    """The routes of the list, of a row, and of the viewset's `@action` methods."""
    one = f"{prefix}/{key_pattern(viewset.queryset.model)}"
    yield f"{prefix}/", "list", {"get": "list", "post": "create"}, {"detail": False}
    for action in viewset.get_extra_actions():
        yield (
            f"{one if action.detail else prefix}/{action.url_path}/",
            action.url_name,
            dict(action.mapping),
            {"detail": action.detail, **action.kwargs},
        )
    methods = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
    if issubclass(viewset, SyncedViewSet):
        methods["post"] = "sync_race"
    yield f"{one}/", "detail", methods, {"detail": True}


def sync_routes(prefix: str, viewset: Any) -> Iterator[Route]:
    if issubclass(viewset, SyncedViewSet):
        yield f"{prefix}/sync/(?P<race_id>-?[0-9]{{1,19}})/", "sync", {"post": "sync_race"}, {"detail": False}
    if issubclass(viewset, SyncedAtOnceViewSet):
        yield f"{prefix}/sync/", "sync", {"post": "sync_all"}, {"detail": False}


def nested_routes(prefix: str, viewset: Any, prefixes: dict[type[models.Model], str]) -> Iterator[Route]:
    """The routes of lists below each parent: foreign keys, except those with `related_name="+"`. Rows can be added there if the
    serializer accepts the parent's key (it is read-only where it is computed, as for the driver of a lap)."""
    fields = viewset.serializer_class().fields
    for column in viewset.queryset.model._meta.concrete_fields:
        parent = column.related_model
        if isinstance(column, models.ForeignKey) and parent in prefixes and not column.remote_field.hidden:
            methods = {"get": "list"}
            if "post" in viewset.http_method_names and not fields[column.attname].read_only:
                methods["post"] = "create"
            path = f"{prefixes[parent]}/{key_pattern(parent)}/{prefix}/"
            yield path, f"of-{column.name}", methods, {"detail": False, "parent": column.name}
