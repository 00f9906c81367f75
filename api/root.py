"""The front page: what this site is, as JSON for programs and as a page for persons. The API's description. A sign of life."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.formats import JSONRenderer
from api.links import NAMESPACE
from api.router import Router
from mirror.models import SyncRun

OTHERS = {  # what is linked besides the entities: {name: view}
    "car-data": f"{NAMESPACE}:car-data",
    "location": f"{NAMESPACE}:location",
    "analysis": f"{NAMESPACE}:analysis",
    "pit-visits": f"{NAMESPACE}:pit-visits",
    "predict": f"{NAMESPACE}:predict",
    **{f"strategy/{question}": f"{NAMESPACE}:strategy-{question}" for question in ("rejoin", "undercut", "forecast", "what-if")},
    "sql": f"{NAMESPACE}:sql",
    "mcp": "mcp",
    "experiments": f"{NAMESPACE}:experiment-list",
    "runs": f"{NAMESPACE}:run-list",
    "circuit-facts": f"{NAMESPACE}:circuitfact-list",
    "jobs": f"{NAMESPACE}:job-list",
    "v1": "openf1-root",
    "docs": "docs",
    "schema": "schema",
    "admin": "admin:index",
    "healthz": "healthz",
}


class Root(serializers.Serializer):
    """What this site is and what it serves."""

    name = serializers.CharField()
    version = serializers.CharField()
    links = serializers.DictField(child=serializers.URLField())


class Page(TemplateHTMLRenderer):
    """The same with the number of rows of each entity."""

    template_name = "f1site/root.html"

    def get_template_context(self, data: Any, renderer_context: Any) -> dict[str, Any]:
        view, request = renderer_context["view"], renderer_context["request"]
        entities = [
            {
                "name": prefix,
                "about": (viewset.queryset.model.__doc__ or "").split("\n")[0],
                "url": reverse(f"{NAMESPACE}:{basename}-list"),
                "count": viewset.queryset.count(),
            }
            for prefix, viewset, basename in view.router.registry
        ]
        last_sync = SyncRun.objects.exclude(ended_at=None).first()
        return {**data, "entities": entities, "last_sync": last_sync, "user": request.user}


class RootView(APIView):
    """Name, version and links."""

    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer, Page]
    router: Router = Router()  # whose entities are listed

    @extend_schema(operation_id="root", summary="What this site is and what it serves", responses=Root, tags=["site"])
    def get(self, request: Request) -> Response:
        lists = {prefix: reverse(f"{NAMESPACE}:{basename}-list") for prefix, _, basename in self.router.registry}
        paths = lists | {name: reverse(view) for name, view in OTHERS.items()}
        links = {name: request.build_absolute_uri(path) for name, path in paths.items()}
        body: dict[str, Any] = {"name": "F1 Stats", "version": settings.VERSION, "links": links}
        return Response(body)


class SchemaView(SpectacularAPIView):
    """The OpenAPI description. It is the same for everybody, and making it takes a second: once in each process."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        renderer: Any = type(request.accepted_renderer)
        return HttpResponse(written(renderer), content_type=f"{renderer.media_type}; charset=utf-8")


@cache
def written(renderer: Any) -> bytes:
    return renderer().render(SchemaGenerator().get_schema(public=True), renderer_context={})


@csrf_exempt
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok", "version": settings.VERSION})


ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#d3121d"/>'
    '<path d="M3 12 6 4h7l-1 2.5H8L7.5 8H11l-.9 2.3H6.7L6 12z" fill="#fff"/></svg>'
)


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """The favicon, which browsers request on their own."""
    return HttpResponse(ICON, content_type="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"})
