"""Admin pages of background work: jobs with their progress, schedules, and the buttons of other pages that make jobs."""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django_celery_beat.admin import CrontabScheduleAdmin as BeatCrontabAdmin
from django_celery_beat.admin import PeriodicTaskAdmin as BeatTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm as BeatTaskForm
from django_celery_beat.admin import TaskSelectWidget
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from jobs import queue
from jobs.models import Job
from mirror.admin import LogAdmin, RowAdmin, badge, led_to, page_url
from mirror.admin.pages import spelled
from mirror.pipeline import Scope
from ml.admin import RunAdmin
from ml.estimators import MODELS
from ml.models import Run
from ml.splits import NAMES as SPLITS
from ml.tasks import TASKS
from races.admin import RaceAdmin

STATES = {"queued": "", "running": "info", "succeeded": "success", "failed": "danger", "cancelled": "warning"}


@admin.register(Job)
class JobAdmin(LogAdmin):
    icon = "work_history"
    list_display = ("job_id", "kind", "description", "status", "progress", "owner", "created_at", "duration")
    list_filter = ("state", "kind", ("owner", AutocompleteSelectFilter))
    list_select_related = ("owner",)
    date_hierarchy = "created_at"
    search_fields = ("=job_id", "description", "error")
    fields = (("kind", "owner"), "description", "asked", ("created_at", "started_at", "ended_at"), "outcome")
    change_form_before_template = "admin/jobs/live.html"
    actions_detail = ("cancel",)

    def get_urls(self):
        live = path("<int:job_id>/progress/", self.admin_site.admin_view(self.live), name="jobs_job_progress")
        return [live, *super().get_urls()]

    def live(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """What a job's page asks for every other second."""
        job = get_object_or_404(Job, pk=job_id)
        if not self.has_view_permission(request, job):
            return HttpResponse(status=403)
        answer = render(request, "admin/jobs/progress.html", self.told(job))
        if job.state not in Job.UNFINISHED:
            answer.headers["HX-Refresh"] = "true"  # the page has a result to show now
        return answer

    def change_view(self, request, object_id, form_url="", extra_context=None):
        job = self.get_object(request, object_id)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **(self.told(job) if job else {})})

    def told(self, job: Job) -> dict[str, Any]:
        """How far a job is, for the templates."""
        share = round(100 * job.done / job.total) if job.total else 0
        live = job.state in Job.UNFINISHED
        url = reverse("admin:jobs_job_progress", args=[job.pk])
        return {"job": job, "badge": self.status(job), "share": min(share, 100), "live": live, "url": url}

    @admin.display(description="state", ordering="state")
    def status(self, job):
        return badge(job.get_state_display(), STATES.get(job.state, ""))

    @admin.display(description="progress")
    def progress(self, job):
        return f"{job.done:,} of {job.total:,}" if job.total else ""

    @admin.display(description="duration")
    def duration(self, job):
        if job.started_at is None:
            return ""
        seconds = ((job.ended_at or timezone.now()) - job.started_at).total_seconds()
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s" if seconds >= 60 else f"{seconds:.1f} s"

    @admin.display(description="parameters")
    def asked(self, job):
        return spelled(job.parameters)

    @admin.display(description="result")
    def outcome(self, job):
        text = json.dumps(job.result, indent=2, ensure_ascii=False) if job.result is not None else "–"
        return format_html('<pre style="white-space:pre-wrap;overflow-wrap:anywhere">{}</pre>', text)

    def has_cancel_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Of a job that has ended the page has no such button."""
        unfinished = object_id is None or Job.objects.filter(pk=object_id, state__in=Job.UNFINISHED).exists()
        return unfinished and request.user.has_perm("jobs.change_job")

    @action(
        description="Cancel",
        url_path="cancel",
        icon="cancel",
        permissions=["cancel"],
        dialog={
            "title": "Cancel this job",
            "description": "It ends at its next step; what is done stays.",
            "form_class": None,
            "form_submit_text": "Cancel it",
        },
    )
    def cancel(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        job = get_object_or_404(Job, pk=object_id)
        if job.state in Job.UNFINISHED:
            queue.cancel(job)
            self.log_change(request, job, "Cancelled.")
        return led_to(request, page_url(job))


def sync_in_background(page: RaceAdmin, request: HttpRequest, scope: Scope) -> HttpResponse | None:
    """Let a worker do a sync that somebody asked for in the admin, and show how it goes; None when there is no worker."""
    if not queue.has_worker():
        return None
    parameters: dict[str, Any] = {"latest": True} if scope.latest else {"races": list(scope.races)}
    words = "the latest weekend" if scope.latest else f"race {', '.join(map(str, scope.races))}"
    job = queue.add("sync", parameters | {"force": True}, description=words, owner=request.user)
    page.log_addition(request, job, "Started in the admin.")
    link = format_html('<a class="underline" href="{}">{}</a>', page_url(job), job)
    page.message_user(request, format_html("A worker does it: {}.", link), messages.INFO)
    return led_to(request, page_url(job))


RaceAdmin.in_background = staticmethod(sync_in_background)


class TrainForm(BaseDialogForm):
    """What to train."""

    model = forms.ChoiceField(
        choices=[(name, name) for name in MODELS], initial="gradient_boosting", widget=UnfoldAdminSelectWidget
    )
    task = forms.ChoiceField(choices=[(name, name) for name in TASKS], widget=UnfoldAdminSelectWidget)
    split = forms.CharField(
        initial="rolling", max_length=60, widget=UnfoldAdminTextInputWidget, help_text=f"One of {SPLITS}; random is leaky."
    )
    experiment = forms.RegexField(
        r"\A[A-Za-z0-9_-]{1,100}\Z", required=False, widget=UnfoldAdminTextInputWidget, help_text="The task's name by default."
    )


admin.site.unregister(Run)


@admin.register(Run)
class TrainingAdmin(RunAdmin):
    """Runs, and the button that makes one."""

    actions_list = ("train",)

    def has_train_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.add_job")

    @action(
        description="Train",
        url_path="train",
        icon="model_training",
        permissions=["train"],
        dialog={
            "title": "Train a model",
            "description": "A worker learns from the laps of all races; this takes about a minute.",
            "form_class": TrainForm,
            "form_submit_text": "Train",
        },
    )
    def train(self, request: HttpRequest, form: TrainForm) -> HttpResponse:
        asked = {name: form.cleaned_data[name] for name in ("model", "task", "split", "experiment") if form.cleaned_data[name]}
        job = queue.add("train", asked, description=f"{asked['model']}, {asked['task']}", owner=request.user)
        self.log_addition(request, job, "Started in the admin.")
        if not queue.has_worker():
            self.message_user(request, "It waits: no worker is running. `make run` starts one.", messages.WARNING)
        return led_to(request, page_url(job))


# Schedules: django-celery-beat's models, in the looks of this site

for schedule in (ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule):
    admin.site.unregister(schedule)


class TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    """The tasks there are."""


class TaskForm(BeatTaskForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["regtask"].widget = TaskSelect()
        self.fields["regtask"].help_text = "Chosen here, or named below."
        self.fields["task"].widget = UnfoldAdminTextInputWidget()


@admin.register(PeriodicTask)
class TaskAdmin(BeatTaskAdmin, RowAdmin):
    icon = "event_repeat"
    title = "Schedules"
    form = TaskForm
    change_form_template = None
    list_display = ("name", "enabled", "scheduler", "last_run_at", "total_run_count")
    list_filter = ("enabled", "one_off")
    list_select_related = ("interval", "crontab", "solar", "clocked")
    readonly_fields = ("last_run_at", "total_run_count")
    fieldsets = (
        (None, {"fields": ("name", "regtask", "task", "enabled", "description")}),
        ("When", {"fields": (("interval", "crontab"), ("start_time", "one_off"), ("last_run_at", "total_run_count"))}),
        ("What exactly", {"fields": ("args", "kwargs")}),
    )

    def get_actions(self, request):
        """To run a task or to switch it off is to change it."""
        return super().get_actions(request) if self.has_change_permission(request) else {}


@admin.register(CrontabSchedule)
class CrontabAdmin(BeatCrontabAdmin, RowAdmin):
    icon = "calendar_clock"
    title = "Times of day"


@admin.register(IntervalSchedule)
class IntervalAdmin(RowAdmin):
    icon = "timelapse"
    title = "Intervals"
