"""Admin pages of race weekends and sessions, and the buttons that sync them."""

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action

from f1site.openf1.admin import EmptyIsNull, MirroredAdmin, badge, list_url, page_url
from f1site.openf1.client import from_settings
from f1site.openf1.models import Counts, Source, SyncRun
from f1site.openf1.pipeline import Report, Scope, sync
from races.models import Place, Race, Session

SHOWN_ERRORS = 5  # as messages; the page of the run has the rest
PLACE = (
    ("location", "country_name", "country_code", "country_key"),
    ("circuit_name", "circuit_key", "gmt_offset"), "is_cancelled",
)  # fmt: skip


class SessionRow(forms.ModelForm):
    """A session in the table on its weekend's page."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["session_id"].widget.attrs["readonly"] = True


class SessionInline(EmptyIsNull, TabularInline):
    model = Session
    form = SessionRow
    fields = ("session_id", "session_name", "session_type", "date_start")
    extra = 0
    can_delete = False  # with all its laps: that is asked for on the session's own page
    show_change_link = True


@admin.register(Race)
class RaceAdmin(MirroredAdmin):
    icon = "flag"
    list_display = ("race_name", "year", "day", "location", "country_name", "circuit_name", "state", "race_id", "source")
    list_filter = ("year", "is_cancelled", "circuit_type", "source")
    date_hierarchy = "date_start"
    ordering = ("-date_start", "-race_id")
    search_fields = ("race_name", "official_name", "location", "country_name", "circuit_name", "year__exact", "race_id__exact")
    fieldsets = (
        (None, {"fields": ("race_id", ("race_name", "year"), "official_name", ("date_start", "date_end"))}),
        ("Place", {"fields": PLACE}),
        ("More", {"fields": (("meeting_code", "circuit_type"), ("circuit_image", "circuit_info_url"), "country_flag")}),
    )
    inlines = (SessionInline,)
    actions = ("sync_from_openf1",)
    actions_list = ("sync_latest",)
    client = staticmethod(from_settings)

    @admin.display(description="from", ordering="date_start")
    def day(self, race):
        return race.date_start and race.date_start.date()

    @admin.display(description="state", ordering="is_cancelled")
    def state(self, race):
        return cancelled(race)

    def save_formset(self, request, form, formset, change):
        """A session that is added to its weekend's table takes place there."""
        for row in formset.extra_forms:
            for field in Place._meta.fields:
                if field.name not in row.fields:
                    setattr(row.instance, field.name, getattr(form.instance, field.name))
        super().save_formset(request, form, formset, change)

    @admin.action(description="Sync from OpenF1", permissions=["change"])
    def sync_from_openf1(self, request, queryset):
        """Everything of the selected weekends, while the person waits."""
        races = tuple(queryset.exclude(source=Source.DEMO).values_list("pk", flat=True))
        if len(races) < queryset.count():
            self.message_user(request, "OpenF1 knows nothing of the demo season's races; they were left out.", messages.WARNING)
        if races:
            self.sync(request, Scope(races=races))

    @action(
        description="Sync the latest weekend",
        url_path="sync-latest",
        icon="sync",
        permissions=["change"],
        dialog={
            "title": "Sync the latest weekend",
            "description": "Asks OpenF1 for the newest race weekend and everything of it. This takes some seconds.",
            "form_class": None,
            "form_submit_text": "Sync",
        },
    )
    def sync_latest(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        self.sync(request, Scope(latest=True))
        url = list_url(Race)
        return HttpResponse(headers={"HX-Redirect": url}) if "HX-Request" in request.headers else HttpResponseRedirect(url)

    def sync(self, request: HttpRequest, scope: Scope) -> None:
        """Sync while the person waits, tell how it went, and note in the run's history who started it."""
        report = sync(client=self.client(attempts=3), scope=scope, force=True)
        run = get_object_or_404(SyncRun, pk=report.run_id)
        self.log_addition(request, run, "Started in the admin.")
        link = format_html('<a class="underline" href="{}">Sync {}</a>', page_url(run), run.pk)
        level = messages.WARNING if report.errors else messages.SUCCESS
        self.message_user(request, format_html("{}: {}", link, told(report)), level)
        for text in list(dict.fromkeys(str(error) for error in report.errors))[:SHOWN_ERRORS]:
            self.message_user(request, f"OpenF1: {text}", messages.ERROR)


@admin.register(Session)
class SessionAdmin(MirroredAdmin):
    icon = "timer"
    list_display = ("session_name", "race", "session_type", "date_start", "location", "state", "session_id", "source")
    list_filter = ("year", "session_name", "session_type", ("race", AutocompleteSelectFilter), "is_cancelled", "source")
    list_select_related = ("race",)
    date_hierarchy = "date_start"
    ordering = ("-date_start", "-session_id")
    search_fields = ("session_name", "race__race_name", "location", "circuit_name", "year__exact", "session_id__exact")
    autocomplete_fields = ("race",)
    fieldsets = (
        (None, {"fields": ("session_id", ("race", "year"), ("session_name", "session_type"), ("date_start", "date_end"))}),
        ("Place", {"fields": PLACE}),
    )
    inlines: list[type[TabularInline]] = []  # later apps append theirs: `drivers` the entries

    @admin.display(description="state", ordering="is_cancelled")
    def state(self, session):
        return cancelled(session)


def short(race: Race) -> str:
    """A race's name where there is little room: "Monaco GP"."""
    return race.race_name.replace("Grand Prix", "GP")


def cancelled(place: Place) -> str:
    return badge("cancelled", "warning") if place.is_cancelled else ""


def told(report: Report) -> str:
    """How a sync went, in words; the rare counts only when there are any."""
    total, always = report.total, ("created", "updated", "unchanged")
    counts = [f"{total[name]:,} {name}" for name in Counts.NAMES if name in always or total[name]]
    weekends = f"{report.races} race weekend{'' if report.races == 1 else 's'}"
    return f"{weekends}, {report.requests} requests: {', '.join(counts)}."
