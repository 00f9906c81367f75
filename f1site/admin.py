"""The admin as a whole: its sidebar, its front page, who may log in, and what was edited by whom."""

from typing import cast

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from rest_framework.authtoken.admin import TokenAdmin as DRFTokenAdmin
from rest_framework.authtoken.models import TokenProxy
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from mirror.admin import LogAdmin, RowAdmin, SyncRunAdmin, badge, list_url, page_url
from mirror.models import Mirrored, SyncRun

# Sidebar: title, the apps in it. Models follow in the order of their admin.py; an app that is not here gets a group of its own.
GROUPS = {
    "Season": ("races",),
    "Drivers": ("drivers",),
    "On track": ("telemetry",),
    "Learning": ("ml",),
    "Sync": ("openf1",),
    "Background work": ("jobs", "django_celery_beat"),
    "Access": ("auth", "authtoken", "admin"),
}
API = [
    {"title": "API documentation", "icon": "menu_book", "link": "/api/docs/"},
    {"title": "Browse the API", "icon": "api", "link": "/api/v1/"},
]
KINDS = {1: ("added", "success"), 2: ("changed", "info"), 3: ("deleted", "danger")}
RUNS = 5  # on the front page

admin.site.index_title = "Overview"
admin.site.index_template = "admin/dashboard.html"
admin.site.unregister([User, Group, TokenProxy])


def sidebar(request: HttpRequest) -> list[dict]:
    """Every model the person may see, by group, then the API."""
    grouped: dict[str, list[dict]] = {title: [] for title in GROUPS}
    titles = {label: title for title, labels in GROUPS.items() for label in labels}
    for model, page in visible(request).items():
        title = titles.get(model._meta.app_label) or str(model._meta.app_config.verbose_name)
        grouped.setdefault(title, []).append({"title": name_of(model, page), "icon": page.icon, "link": list_url(model)})
    groups = [{"title": title, "items": items, "separator": True} for title, items in grouped.items() if items]
    return [*groups, {"title": "API", "items": [dict(item) for item in API], "separator": True}]


def visible(request: HttpRequest) -> dict[type[Model], RowAdmin]:
    """{model: its admin page} of those that the person may open."""
    pages = cast(dict[type[Model], RowAdmin], admin.site._registry)
    return {model: page for model, page in pages.items() if page.has_view_permission(request)}


def name_of(model: type[Model], page: RowAdmin) -> str:
    return page.title or str(model._meta.verbose_name_plural).capitalize()


def dashboard(request: HttpRequest, context: dict) -> dict:
    """What the front page shows: how many rows of each kind there are, and how the last syncs went."""
    pages = visible(request)
    runs = SyncRun.objects.all()[:RUNS] if SyncRun in pages else []
    page_of_run = cast(SyncRunAdmin, admin.site.get_model_admin(SyncRun))
    return context | {
        "cards": [
            {
                "name": name_of(model, page),
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
                page_of_run.status(run),
                page_of_run.asked_for(run),
                page_of_run.rows(run),
                page_of_run.duration(run),
            )
            for run in runs
        ],
        "links": API,
    }


@admin.register(User)
class UserAdmin(DjangoUserAdmin, RowAdmin):
    icon = "person"
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, RowAdmin):
    icon = "group"


@admin.register(TokenProxy)
class TokenAdmin(DRFTokenAdmin, RowAdmin):
    """Keys for the API. A key is shown on its own page only."""

    icon = "key"
    list_display = ("user", "created")
    list_select_related = ("user",)
    autocomplete_fields = ("user",)


@admin.register(LogEntry)
class LogEntryAdmin(LogAdmin):
    icon = "history"
    title = "Edits"
    list_display = ("action_time", "user", "kind", "content_type", "link", "message")
    list_display_links = ("action_time",)
    list_filter = ("action_flag", ("user", AutocompleteSelectFilter), "content_type")
    list_select_related = ("user", "content_type")
    date_hierarchy = "action_time"
    search_fields = ("object_repr", "change_message", "user__username")
    fields = ("action_time", "user", "kind", "content_type", "link", "message")

    @admin.display(description="what was done", ordering="action_flag")
    def kind(self, entry):
        return badge(*KINDS[entry.action_flag])

    @admin.display(description="row", ordering="object_repr")
    def link(self, entry):
        url = None if entry.is_deletion() else entry.get_admin_url()
        return format_html('<a class="text-link" href="{}">{}</a>', url, entry.object_repr) if url else entry.object_repr

    @admin.display(description="message")
    def message(self, entry):
        return entry.get_change_message()
