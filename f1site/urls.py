"""The routes of the site."""

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularSwaggerSplitView

import ask.urls
import drivers.urls
import ml.urls
import races.urls
import telemetry.urls
from api import errors
from api.links import NAMESPACE
from api.logins.urls import router as logins
from api.postman.views import postman_collection
from api.root import RootView, SchemaView, favicon, healthz
from api.router import Router
from f1site.health import health, metrics, readyz
from ml.analysis import QUESTIONS
from pages import hubs

router = Router()
router.extend(races.urls.router, drivers.urls.router, telemetry.urls.router)

root = RootView.as_view(router=router)
samples = [path(f"{name}/", view.as_view(), name=name) for name, view in telemetry.urls.samples.items()]
laboratory = ml.urls.router
api = [
    path("", root, name="root"),
    *samples,
    *telemetry.urls.views,
    *router.urls,
    *races.urls.background.urls,
    *logins.urls,
    *laboratory.urls,
    *ml.urls.views,
    *ask.urls.views,
]
names = [
    *telemetry.urls.samples,
    "predict",
    "analysis",
    *(prefix for prefix, *_ in (*router.registry, *races.urls.background.registry, *logins.registry, *laboratory.registry)),
]


def front_page(request: HttpRequest) -> HttpResponseBase:
    """The site's address: the page for a browser, the API's root for a program."""
    wants_page = "text/html" in request.headers.get("Accept", "") and "format" not in request.GET
    return hubs.home(request) if wants_page else root(request)


urlpatterns = [
    path("", front_page, name="home"),
    path("", include("api.openf1.urls")),  # first, as it is requested most
    path("", include("pages.urls")),
    path("", include("ask.urls")),
    path("", include("live.urls")),
    path("admin/", admin.site.urls),
    path("healthz/", healthz, name="healthz"),
    path("readyz/", readyz, name="readyz"),
    path("health/", health, name="health"),
    path("metrics/", metrics, name="metrics"),
    path("favicon.ico", favicon, name="favicon"),
    path("", include("ml.tracker.urls")),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/postman.json", postman_collection, {"session_kinds": {name: each.kinds for name, each in QUESTIONS.items()}}),
    path(
        "api/docs/",
        SpectacularSwaggerSplitView.as_view(http_method_names=["get", "head"], template_name="f1site/docs.html"),
        name="docs",
    ),
    path("api/v1/", include((api, NAMESPACE))),
    path("", include((api, "unprefixed"))),
    re_path(rf"^(?:api|{'|'.join(names)})/(?:.*/)?$", errors.not_found),  # answers in JSON, also with DEBUG
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error
