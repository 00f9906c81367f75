"""Serve the collection, for import into Postman by its address."""

from collections.abc import Mapping, Sequence
from functools import cache

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from api.postman.collection import build_collection
from api.postman.operations import Json


@require_safe
def postman_collection(request: HttpRequest, session_kinds: Mapping[str, Sequence[str]]) -> JsonResponse:
    """Answer with the collection of this site's REST API; `session_kinds` is that of `build_collection`."""
    collection = build_collection(public_schema(), session_kinds=session_kinds)
    return JsonResponse(collection, json_dumps_params={"indent": 1, "ensure_ascii": False})


@cache
def public_schema() -> Json:
    """Return the OpenAPI description; generating it takes a second, so once per process."""
    return SchemaGenerator().get_schema(public=True)
