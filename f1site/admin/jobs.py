"""Admin page of jobs, with their progress."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action

from jobs import queue
from jobs.models import Job
from mirror.admin import LogAdmin, ask_first, badge, page_url, redirect_after_dialog
from mirror.admin.display import display_value, duration_text

STATE_COLOURS = {"queued": "", "running": "info", "succeeded": "success", "failed": "danger", "cancelled": "warning"}


@admin.register(Job)
class JobAdmin(LogAdmin):
    icon = "work_history"
    list_display = ("job_id", "kind", "description", "status", "progress", "owner", "created_at", "duration")
    list_filter = ("state", "kind", ("owner", AutocompleteSelectFilter))
    list_select_related = ("owner",)
    date_hierarchy = "created_at"
    search_fields = ("=job_id", "description", "error")
    fields = (("kind", "owner"), "description", "job_parameters", ("created_at", "started_at", "ended_at"), "job_result")
    change_form_before_template = "admin/jobs/live.html"
    actions_detail = ("cancel",)

    def get_urls(self) -> list[URLPattern]:
        live = path("<int:job_id>/progress/", self.admin_site.admin_view(self.progress_fragment), name="jobs_job_progress")
        return [live, *super().get_urls()]

    def progress_fragment(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """The part of a job's page that it reloads every other second."""
        job = get_object_or_404(Job, pk=job_id)
        if not self.has_view_permission(request, job):
            return HttpResponse(status=403)
        answer = render(request, "admin/jobs/progress.html", self.progress_context(job))
        if job.state not in Job.UNFINISHED:
            answer.headers["HX-Refresh"] = "true"  # the page now has a result to show
        return answer

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        job = self.get_object(request, object_id)
        context = (extra_context or {}) | (self.progress_context(job) if job else {})
        return super().change_view(request, object_id, form_url, context)

    def progress_context(self, job: Job) -> dict[str, Any]:
        """The context of the template that shows the progress of a job."""
        share = round(100 * job.done / job.total) if job.total else 0
        live = job.state in Job.UNFINISHED
        url = reverse("admin:jobs_job_progress", args=[job.pk])
        return {"job": job, "badge": self.status(job), "share": min(share, 100), "live": live, "url": url}

    @admin.display(description="state", ordering="state")
    def status(self, job: Job) -> str:
        return badge(job.get_state_display(), STATE_COLOURS.get(job.state, ""))

    @admin.display(description="progress")
    def progress(self, job: Job) -> str:
        return f"{job.done:,} of {job.total:,}" if job.total else ""

    @admin.display(description="duration")
    def duration(self, job: Job) -> str:
        if job.started_at is None:
            return ""
        seconds = ((job.ended_at or timezone.now()) - job.started_at).total_seconds()
        return duration_text(seconds)

    @admin.display(description="parameters")
    def job_parameters(self, job: Job) -> str:
        return display_value(job.parameters)

    @admin.display(description="result")
    def job_result(self, job: Job) -> str:
        text = "none" if job.result is None else display_value(job.result, indent=2)
        return format_html('<pre style="white-space:pre-wrap;overflow-wrap:anywhere">{}</pre>', text)

    def has_cancel_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Only unfinished jobs have the button."""
        unfinished = object_id is None or Job.objects.filter(pk=object_id, state__in=Job.UNFINISHED).exists()
        return unfinished and request.user.has_perm("jobs.change_job")

    @action(
        description="Cancel",
        url_path="cancel",
        icon="cancel",
        permissions=["cancel"],
        dialog=ask_first("Cancel this job", "It ends at its next step; what is done stays.", "Cancel it"),
    )
    def cancel(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        job = get_object_or_404(Job, pk=object_id)
        if job.state in Job.UNFINISHED:
            queue.cancel(job)
            self.log_change(request, job, "Cancelled.")
        return redirect_after_dialog(request, page_url(job))
