"""Admin pages of race weekends and sessions, and the buttons that sync a weekend."""

from collections.abc import Callable
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action

from jobs import queue
from jobs.wording import plural
from mirror.admin import (
    MirroredAdmin,
    RowInline,
    StoredValuesForm,
    ask_first,
    badge,
    list_url,
    page_url,
    redirect_after_dialog,
)
from mirror.client import from_settings
from mirror.models import Counts, Source, SyncRun
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.reporting import Report
from races.models import Place, Race, Session

SAMPLES = ("car_data", "location")  # collections
SHOWN_ERRORS = 5  # as messages; the page of the run lists all
Column = Callable[[Any], str]
PLACE = (
    ("location", "country_name", "country_code", "country_key"),
    ("circuit_name", "circuit_key", "gmt_offset"),
    "is_cancelled",
)


class SessionForm(StoredValuesForm):
    """A session in the table on the page of its race weekend."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["session_id"].widget.attrs["readonly"] = True


class SessionInline(RowInline):
    model = Session
    form = SessionForm
    fields = ("session_id", "session_name", "session_type", "date_start")
    can_delete = False  # laps would go with it, so the session's own page asks for confirmation
    show_change_link = True


@admin.register(Race)
class RaceAdmin(MirroredAdmin):
    icon = "flag"
    list_display = ("race_name", "year", "day", "location", "country_name", "circuit_name", "state", "page", "race_id", "source")
    list_filter = ("year", "is_cancelled", "listed", "circuit_type", "source")
    date_hierarchy = "date_start"
    ordering = ("-date_start", "-race_id")
    search_fields = ("race_name", "official_name", "location", "country_name", "circuit_name", "year__exact", "race_id__exact")
    fieldsets = (
        (None, {"fields": ("race_id", ("race_name", "year"), "official_name", ("date_start", "date_end"), "slug")}),
        ("Place", {"fields": PLACE}),
        ("More", {"fields": (("meeting_code", "circuit_type"), ("circuit_image", "circuit_info_url"), "country_flag")}),
    )
    inlines = (SessionInline,)
    actions = ("sync_from_openf1",)
    actions_list = ("sync_latest",)
    actions_detail = ("sync_weekend",)
    client = staticmethod(from_settings)

    @admin.display(description="from", ordering="date_start")
    def day(self, race: Race) -> date | None:
        return race.date_start.date() if race.date_start else None

    @admin.display(description="state", ordering="is_cancelled")
    def state(self, race: Race) -> str:
        return state_badge(race)

    @admin.display(description="page")
    def page(self, race: Race) -> str:
        return page_link(race)

    def view_on_site(self, race: Race) -> str:
        return race.get_absolute_url()

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save the table of sessions; a new session takes the place of its race weekend."""
        for row in formset.extra_forms:
            for field in Place._meta.fields:
                if field.name not in row.fields:
                    setattr(row.instance, field.name, getattr(form.instance, field.name))
        super().save_formset(request, form, formset, change)

    @admin.action(description="Sync from OpenF1", permissions=["change"])
    def sync_from_openf1(self, request: HttpRequest, queryset: QuerySet[Race]) -> HttpResponse | None:
        """Sync all collections of the selected race weekends."""
        races = tuple(queryset.exclude(source=Source.DEMO).values_list("pk", flat=True))
        if len(races) < queryset.count():
            self.message_user(request, "The races of the demo season are not in OpenF1; they were left out.", messages.WARNING)
        if races:
            return self.sync(request, Scope(races=races))
        return None

    @action(
        description="Sync the latest weekend",
        url_path="sync-latest",
        icon="sync",
        permissions=["change"],
        dialog=ask_first(
            "Sync the latest weekend",
            "Asks OpenF1 for the newest race weekend and everything of it. This takes some seconds.",
            "Sync",
        ),
    )
    def sync_latest(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        return self.sync(request, Scope(latest=True)) or redirect_after_dialog(request, list_url(Race))

    def has_sync_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Weekends of the demo season, which OpenF1 does not have, have no button."""
        is_real = object_id is None or Race.objects.filter(pk=object_id).exclude(source=Source.DEMO).exists()
        return is_real and self.has_change_permission(request)

    @action(
        description="Sync from OpenF1",
        url_path="sync-weekend",
        icon="sync",
        permissions=["sync"],
        dialog=ask_first(
            "Sync this weekend",
            "Asks OpenF1 for everything of it but samples. Manual changes are kept. This takes some seconds.",
            "Sync",
        ),
    )
    def sync_weekend(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        race = get_object_or_404(Race, pk=object_id)
        return self.sync(request, Scope(races=(race.pk,))) or redirect_after_dialog(request, page_url(race))

    def sync(self, request: HttpRequest, scope: Scope) -> HttpResponse | None:
        """Queue a sync and redirect to its progress; without a worker sync at once and show the outcome as messages.

        The history of the job, or else of the run, notes who started it.
        """
        if queue.has_worker():
            parameters: dict[str, Any] = {"latest": True} if scope.latest else {"races": list(scope.races)}
            description = "the latest weekend" if scope.latest else f"race {', '.join(map(str, scope.races))}"
            return queue_sync(self, request, parameters | {"force": True}, description)
        report = sync(client=self.client(attempts=3), scope=scope, force=True)
        run = get_object_or_404(SyncRun, pk=report.run_id)
        self.log_addition(request, run, "Started in the admin.")
        link = format_html('<a class="underline" href="{}">Sync {}</a>', page_url(run), run.pk)
        level = messages.WARNING if report.errors else messages.SUCCESS
        self.message_user(request, format_html("{}: {}", link, describe_report(report)), level)
        for text in list(dict.fromkeys(str(error) for error in report.errors))[:SHOWN_ERRORS]:
            self.message_user(request, f"OpenF1: {text}", messages.ERROR)
        return None


@admin.register(Session)
class SessionAdmin(MirroredAdmin):
    icon = "timer"
    list_display = ("session_name", "race", "session_type", "date_start", "location", "state", "page", "session_id", "source")
    list_filter = ("year", "session_name", "session_type", ("race", AutocompleteSelectFilter), "is_cancelled", "listed", "source")
    list_select_related = ("race",)
    date_hierarchy = "date_start"
    ordering = ("-date_start", "-session_id")
    search_fields = ("session_name", "race__race_name", "location", "circuit_name", "year__exact", "session_id__exact")
    autocomplete_fields = ("race",)
    fieldsets = (
        (
            None,
            {"fields": ("session_id", ("race", "year"), ("session_name", "session_type"), ("date_start", "date_end"), "slug")},
        ),
        ("Place", {"fields": PLACE}),
    )
    actions_detail = ("fetch_samples",)
    inline_classes: ClassVar[list[type[Any]]] = []
    columns: ClassVar[list[Column]] = []
    annotations: ClassVar[dict[str, F]] = {}

    @classmethod
    def register_inline(cls, inline: type[RowInline]) -> type[RowInline]:
        """Class decorator with which other apps add a table to the page of a session."""
        cls.inline_classes.append(inline)
        return inline

    def get_inlines(self, request: HttpRequest, obj: Session | None) -> list[type[Any]]:
        return self.inline_classes

    @classmethod
    def register_column(cls, **annotations: F) -> Callable[[Column], Column]:
        """Decorator with which other apps add a column to the list of sessions, and annotations that it is computed from."""

        def add(column: Column) -> Column:
            cls.annotations |= annotations
            cls.columns.append(column)
            return column

        return add

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        names = [*super().get_list_display(request)]
        place = names.index("session_id")
        return [*names[:place], *self.columns, *names[place:]]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return super().get_queryset(request).annotate(**self.annotations)

    @admin.display(description="state", ordering="is_cancelled")
    def state(self, session: Session) -> str:
        return state_badge(session)

    @admin.display(description="page")
    def page(self, session: Session) -> str:
        return page_link(session)

    def view_on_site(self, session: Session) -> str:
        return session.get_absolute_url()

    def has_fetch_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Sessions of the demo season, which OpenF1 does not have, have no button."""
        is_real = object_id is None or Session.objects.filter(pk=object_id).exclude(source=Source.DEMO).exists()
        return is_real and self.has_change_permission(request)

    @action(
        description="Fetch samples",
        url_path="fetch-samples",
        icon="speed",
        permissions=["fetch"],
        dialog=ask_first(
            "Fetch the samples of this session",
            "Asks OpenF1 for speed, pedals, gears and positions of every car: about 40 requests, which take two minutes or more.",
            "Fetch",
        ),
    )
    def fetch_samples(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Queue a job that syncs the samples of all cars; too long for a request, so without a worker the command is named."""
        session = get_object_or_404(Session, pk=object_id)
        if queue.has_worker():
            parameters = {"sessions": [session.pk], "collections": [*SAMPLES]}
            return queue_sync(self, request, parameters, f"samples of session {session.pk}")
        advice = f"No worker runs here. This brings them in: manage.py sync_openf1 {' '.join(SAMPLES)} --session {session.pk}"
        self.message_user(request, advice, messages.WARNING)
        return redirect_after_dialog(request, page_url(session))


def queue_sync(pages: MirroredAdmin, request: HttpRequest, parameters: dict[str, Any], description: str) -> HttpResponse:
    """Queue a sync for the workers, and redirect to the page that shows its progress."""
    job = queue.add("sync", parameters, description=description, owner=request.user)
    pages.log_addition(request, job, "Started in the admin.")
    link = format_html('<a class="underline" href="{}">{}</a>', page_url(job), job)
    pages.message_user(request, format_html("A worker does it: {}.", link), messages.INFO)
    return redirect_after_dialog(request, page_url(job))


def page_link(row: Any) -> str:
    """A link to the page that people look at."""
    return format_html('<a class="text-link" href="{}">open</a>', row.get_absolute_url()) if row.slug else ""


def state_badge(place: Race | Session) -> str:
    text = "cancelled" if place.is_cancelled else "" if place.listed else "not listed"
    return badge(text, "warning") if text else ""


def describe_report(report: Report) -> str:
    """The counts of a sync as a sentence; rare ones such as rejected rows only if they are not zero."""
    total, always = report.total, ("created", "updated", "unchanged")
    counts = [f"{total[name]:,} {name}" for name in Counts.NAMES if name in always or total[name]]
    weekends, requests = plural(report.races, "race weekend"), plural(report.requests, "request")
    return f"{weekends}, {requests}: {', '.join(counts)}."
