"""The admin page of a session's data quality: what was found, and links to the rows concerned."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action

from jobs.wording import plural
from mirror.admin import LogAdmin, ask_first, badge, list_url, page_url, redirect_after_dialog
from mirror.admin.display import display_value
from mirror.feeds import registry
from mirror.storage import FileStorage
from races.admin import SessionAdmin
from telemetry.models import SampleFile, SessionQuality
from telemetry.quality.applying import DoesNotFit, UnknownProposal, apply_proposals, key_text, may_apply
from telemetry.quality.checks import CHECKS
from telemetry.quality.completeness import graded_feeds
from telemetry.quality.findings import Severity
from telemetry.quality.report import check_sessions

GRADES = {"complete": "success", "partial": "warning", "missing": "danger", "not provided": "", "not yet": ""}
SEVERITIES = {"error": "danger", "warning": "warning", "note": "info"}
WHY = {check.name: check.description for check in CHECKS}


def rows_of(collection: str) -> type | None:
    """The model that has an admin page for the rows of a collection; samples are listed by file."""
    feed = registry().get(collection)
    model = SampleFile if feed and isinstance(feed.storage, FileStorage) else feed.model if feed else None
    return model if model and admin.site.is_registered(model) else None


def row_links(rows: dict[str, list[int]]) -> list[tuple[str, str]]:
    """(address, text) of the rows a finding concerns: the page of one, the list of several."""
    found = []
    for collection, keys in rows.items():
        model: Any = rows_of(collection)
        if model and keys:
            url = page_url(model(pk=keys[0])) if len(keys) == 1 else list_url(model, pk__in=",".join(map(str, keys)))
            name = model._meta.verbose_name if len(keys) == 1 else model._meta.verbose_name_plural
            found.append((url, f"{len(keys)} {name}"))
    return found


def describe_proposals(proposals: list[dict], user: Any) -> list[dict[str, Any]]:
    """Proposed corrections that the user may apply: their ID, what they change, and why."""
    return [
        {
            "proposal_id": proposal["proposal_id"],
            "what": f"{key_text(proposal)}: {proposal['field']} "
            f"{display_value(proposal['stored'])} → {display_value(proposal['value'])}",
            "why": proposal["why"],
        }
        for proposal in proposals
        if may_apply(user, proposal)
    ]


def describe_findings(findings: list[dict], user: Any) -> list[dict[str, Any]]:
    """Findings for people, with links to their rows and the proposals that the user may apply."""
    return [
        {
            "severity": badge(found["severity"], SEVERITIES[found["severity"]]),
            "message": found["message"],
            "check": found["check"],
            "why": WHY.get(found["check"], ""),
            "proposals": describe_proposals(found.get("proposals", []), user),
            "links": row_links(found["rows"]),
            "more": found["count"] - sum(map(len, found["rows"].values())),
        }
        for found in findings
    ]


def describe_grades(quality: SessionQuality) -> list[dict[str, Any]]:
    """The collections of a session, each with a link to its rows."""
    return [
        {
            "collection": collection,
            "url": list_url(model, session__session_id__exact=quality.session_id) if (model := rows_of(collection)) else "",
            "grade": badge(grade["grade"], GRADES[grade["grade"]]),
            "stored": f"{grade['stored']:,}",
            "reason": grade["reason"],
        }
        for collection in (feed.collection for feed in graded_feeds())
        if (grade := quality.grades.get(collection))
    ]


@SessionAdmin.register_column(**{f"quality_{name}": F(f"quality__{name}") for name in ("pk", "grade", "errors", "warnings")})
@admin.display(description="quality", ordering="-quality_errors")
def findings(session: Any) -> str:
    """The count of a session's gravest findings, or else its grade, as a link to its quality report."""
    if session.quality_pk is None:
        return ""
    counts = [(session.quality_errors, "error"), (session.quality_warnings, "warning")]
    badges = [(f"{count} {name}{'s' * (count > 1)}", SEVERITIES[name]) for count, name in counts if count]
    text, colour = badges[0] if badges else (session.quality_grade, GRADES[session.quality_grade])
    return format_html('<a href="{}">{}</a>', page_url(SessionQuality(pk=session.quality_pk)), badge(text, colour))


@admin.register(SessionQuality)
class SessionQualityAdmin(LogAdmin):
    icon = "verified"
    list_display = ("session", "how_complete", "error_count", "warning_count", "notes", "gravest", "checked_at")
    list_filter = ("grade", "session__year", "session__session_name", ("session__race", AutocompleteSelectFilter))
    list_select_related = ("session",)
    date_hierarchy = "session__date_start"
    ordering = ("-session__date_start", "-session_id")
    search_fields = ("session__location", "session__session_name", "session__race__race_name", "session__session_id__exact")
    fields = (("session", "checked_at"), ("how_complete", "errors", "warnings", "notes"))
    change_form_after_template = "admin/telemetry/quality.html"
    actions_list = ("check_all",)
    actions_detail = ("check_again",)

    def view_on_site(self, quality: SessionQuality) -> str:
        return quality.session.get_absolute_url()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        quality = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        if quality:
            context = {"collections": describe_grades(quality), "findings": describe_findings(quality.findings, request.user)}
            context["apply_url"] = reverse("admin:telemetry_sessionquality_apply_proposals", args=[quality.pk])
            context["left_out"] = quality.errors + quality.warnings + quality.notes - len(quality.findings)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def get_urls(self) -> list[Any]:
        view = require_POST(self.admin_site.admin_view(self.apply_proposals))
        apply = path("<int:object_id>/apply-proposals/", view, name="telemetry_sessionquality_apply_proposals")
        return [apply, *super().get_urls()]

    def apply_proposals(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Apply the proposals of the form; a user who may not change the rows gets 403."""
        quality = get_object_or_404(SessionQuality, pk=object_id)
        try:
            edited = apply_proposals(quality, request.POST.getlist("proposal"), user=request.user)
        except (UnknownProposal, DoesNotFit) as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            for row, field in edited:
                self.log_change(request, row, f"Proposed correction of {field} applied.")
            self.message_user(request, f"{plural(len(edited), 'correction')} applied.", messages.SUCCESS)
        return HttpResponseRedirect(page_url(quality))

    @admin.display(description="grade", ordering="grade")
    def how_complete(self, quality: SessionQuality) -> str:
        return badge(quality.get_grade_display(), GRADES[quality.grade])

    @admin.display(description="errors", ordering="errors")
    def error_count(self, quality: SessionQuality) -> str:
        return badge(str(quality.errors), "danger") if quality.errors else ""

    @admin.display(description="warnings", ordering="warnings")
    def warning_count(self, quality: SessionQuality) -> str:
        return badge(str(quality.warnings), "warning") if quality.warnings else ""

    @admin.display(description="gravest finding")
    def gravest(self, quality: SessionQuality) -> str:
        first = next(iter(quality.findings), None)
        return first["message"] if first and first["severity"] != Severity.NOTE else ""

    def has_check_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Re-checking a session needs the change permission."""
        return request.user.has_perm("telemetry.change_sessionquality")

    @action(
        description="Check all sessions",
        url_path="check-all",
        icon="fact_check",
        permissions=["check"],
        dialog=ask_first("Check all sessions", "Runs every check on all that is stored. This takes some seconds.", "Check"),
    )
    def check_all(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        reports = list(check_sessions())
        errors = sum(report.counts[Severity.ERROR] for report in reports)
        message = f"{plural(len(reports), 'session')} checked, {plural(errors, 'error')} found."
        self.message_user(request, message, messages.SUCCESS)
        return redirect_after_dialog(request, list_url(SessionQuality))

    @action(description="Check again", url_path="check-again", icon="fact_check", permissions=["check"])
    def check_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        quality = get_object_or_404(SessionQuality, pk=object_id)
        [report] = check_sessions([quality.session_id])
        self.message_user(request, f"{plural(report.counts.total(), 'finding')}.", messages.SUCCESS)
        return HttpResponseRedirect(page_url(quality))
