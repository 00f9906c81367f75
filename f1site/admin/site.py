"""The admin as a whole: its sidebar and its front page."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from mirror.admin import RowAdmin, SyncRunAdmin, list_url, page_url
from mirror.models import Mirrored, SyncRun

# {title: labels of apps} of the sidebar. Models follow in the order of their admin.py; any other app gets its own group.
GROUPS = {
    "Season": ("races",),
    "Drivers": ("drivers",),
    "On track": ("telemetry",),
    "Learning": ("ml",),
    "Sync": ("openf1", "live"),
    "Background work": ("jobs", "django_celery_beat"),
    "Access": ("auth", "logins", "admin"),
}
API = [
    {"title": "API documentation", "icon": "menu_book", "link": "/api/docs/"},
    {"title": "Browse the API", "icon": "api", "link": "/api/v1/"},
]
SHOWN_RUNS = 5  # on the front page

admin.site.index_title = "Overview"
admin.site.index_template = "admin/dashboard.html"


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The links of the sidebar: every model that the user may see, by group, then the API."""
    grouped: dict[str, list[dict[str, Any]]] = {title: [] for title in GROUPS}
    titles = {label: title for title, labels in GROUPS.items() for label in labels}
    for model, page in visible_pages(request).items():
        title = titles.get(model._meta.app_label) or str(model._meta.app_config.verbose_name)
        grouped.setdefault(title, []).append({"title": title_of(model, page), "icon": page.icon, "link": list_url(model)})
    groups = [{"title": title, "items": items, "separator": True} for title, items in grouped.items() if items]
    return [*groups, {"title": "API", "items": [dict(item) for item in API], "separator": True}]


def visible_pages(request: HttpRequest) -> dict[type[Model], RowAdmin]:
    """{model: its admin page} of those that the user may open."""
    pages = cast(dict[type[Model], RowAdmin], admin.site._registry)
    return {model: page for model, page in pages.items() if page.has_view_permission(request)}


def title_of(model: type[Model], page: RowAdmin) -> str:
    return page.title or str(model._meta.verbose_name_plural).capitalize()


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The context of the front page: the number of rows of each mirrored model, and the last syncs."""
    pages = visible_pages(request)
    runs = SyncRun.objects.all()[:SHOWN_RUNS] if SyncRun in pages else []
    run_page = cast(SyncRunAdmin, admin.site.get_model_admin(SyncRun))
    return context | {
        "cards": [
            {
                "name": title_of(model, page),
                "icon": page.icon,
                "url": list_url(model),
                "count": f"{model._default_manager.count():,}",
            }
            for model, page in pages.items()
            if issubclass(model, Mirrored)
        ],
        "runs": [
            (
                run,
                page_url(run),
                run_page.status(run),
                run_page.asked_for(run),
                run_page.rows(run),
                run_page.duration(run),
            )
            for run in runs
        ],
        "links": API,
    }
