"""The admin page of a session's comparison with FastF1, and the button that accepts its proposals."""

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action

from jobs.wording import plural
from mirror.admin import LogAdmin, badge, page_url
from telemetry.fastf1.merging import accept_proposals
from telemetry.models import FastF1Comparison


def format_rows(rows: list[dict], template: str) -> str:
    """The rows as HTML lines, or "none"."""
    return format_html_join(mark_safe("<br>"), template, rows) if rows else "none"


@admin.register(FastF1Comparison)
class FastF1ComparisonAdmin(LogAdmin):
    icon = "compare_arrows"
    list_display = ("session", "openf1_laps", "fastf1_laps", "matched", "equal", "differing", "untimed_openf1", "compared_at")
    list_filter = ("session__year", "session__session_name", ("session__race", AutocompleteSelectFilter))
    list_select_related = ("session",)
    date_hierarchy = "session__date_start"
    ordering = ("-session__date_start", "-session_id")
    search_fields = ("session__location", "session__session_name", "session__race__race_name", "session__session_id__exact")
    fields = (
        ("session", "compared_at", "origin"),
        ("openf1_laps", "fastf1_laps", "matched", "openf1_match_rate", "fastf1_match_rate"),
        ("equal", "different", "untimed_openf1", "untimed_fastf1", "untimed_both"),
        ("compounds_equal", "compounds_different"),
        "times_that_differ",
        "proposed",
        "in_one_only",
    )
    readonly_fields = ("times_that_differ", "proposed", "in_one_only")
    actions_detail = ("take_proposals",)

    @admin.display(description="different", ordering="different")
    def differing(self, comparison: FastF1Comparison) -> str:
        return badge(str(comparison.different), "warning") if comparison.different else "0"

    @admin.display(description="lap times that differ")
    def times_that_differ(self, comparison: FastF1Comparison) -> str:
        return format_rows(comparison.differences, "car {driver_number}, lap {lap_number}: OpenF1 {openf1} s, FastF1 {fastf1} s")

    @admin.display(description="proposals: lap times that OpenF1 lacks")
    def proposed(self, comparison: FastF1Comparison) -> str:
        return format_rows(comparison.proposals, "car {driver_number}, lap {lap_number}: FastF1 {fastf1} s")

    @admin.display(description="laps of one source only")
    def in_one_only(self, comparison: FastF1Comparison) -> str:
        return format_rows(comparison.unmatched, "car {driver_number}, lap {lap_number}: {source}")

    def has_take_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Accepting proposals needs the permission to change laps."""
        return request.user.has_perm("telemetry.change_lap")

    @action(description="Take the proposals over", url_path="take-proposals", icon="rule", permissions=["take"])
    def take_proposals(self, request: HttpRequest, object_id: str) -> HttpResponse:
        comparison = get_object_or_404(FastF1Comparison, pk=object_id)
        laps = accept_proposals(comparison, user=request.user)
        for lap in laps:
            self.log_change(request, lap, "Lap time taken from FastF1.")
        self.message_user(request, f"{plural(len(laps), 'lap time')} taken over as corrections.", messages.SUCCESS)
        return HttpResponseRedirect(page_url(comparison))
