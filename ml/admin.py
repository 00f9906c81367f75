"""Admin pages of the laboratory: what was tried, on what, and what came of it. Programs write these rows; people look."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from api.links import NAMESPACE
from mirror.admin import LogAdmin, badge, list_url
from ml import comparison
from ml.models import Artifact, Dataset, Experiment, Metric, Param, Run

STATES = {"created": "", "running": "info", "completed": "success", "failed": "danger"}


class StatusAdmin(LogAdmin):
    @admin.display(description="status", ordering="status")
    def state(self, row):
        return badge(row.get_status_display(), STATES[row.status])


@admin.register(Dataset)
class DatasetAdmin(LogAdmin):
    icon = "dataset"
    list_display = ("name", "rows", "rules_version", "sha256", "created_at")
    search_fields = ("name", "sha256")


@admin.register(Experiment)
class ExperimentAdmin(StatusAdmin):
    icon = "science"
    list_display = ("name", "task", "state", "owner", "created_at")
    list_filter = ("status", "task")
    search_fields = ("name", "owner", "description")
    fields = (
        ("name", "task"),
        ("owner", "status"),
        "description",
        ("primary_metric", "baseline_run"),
        "tags",
        ("created_at", "updated_at"),
        "compared",
    )

    @admin.display(description="runs")
    def compared(self, experiment):
        count = experiment.runs.count()
        if not count:
            return "none yet"
        url = reverse(f"{NAMESPACE}:experiment-compare", args=[experiment.pk])
        runs = list_url(Run, experiment__id__exact=experiment.pk)
        return format_html(
            '<a class="underline" href="{}">{} runs</a>, <a class="underline" href="{}">compared</a>', runs, count, url
        )


@admin.register(Run)
class RunAdmin(StatusAdmin):
    icon = "model_training"
    list_display = ("__str__", "experiment", "task", "split", "leaky", "champion", "state", "started_at")
    list_filter = ("status", "task", "model", "leaky", "champion")
    list_select_related = ("experiment",)
    search_fields = ("model", "owner", "dataset_sha256")
    fields = (
        ("model", "task"),
        ("split", "leaky", "seed"),
        ("experiment", "dataset"),
        ("status", "champion"),
        ("started_at", "ended_at"),
        "error",
        "figures",
        "pictures",
        "files",
        ("owner", "git_commit"),
        "libraries",
        "dataset_sha256",
    )

    @admin.display(description="figures")
    def figures(self, run):
        """Those over all laps that were asked about."""
        found = comparison.figures([run.pk], comparison.SUMMARY).get(run.pk, {})
        return ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in found.items()) or "none"

    @admin.display(description="pictures")
    def pictures(self, run):
        files = [(self.address(run, file.name),) for file in run.artifacts.filter(content_type="image/png")]
        shown = '<a href="{0}"><img src="{0}" loading="lazy" style="max-width:26rem;display:inline-block;margin:.3rem"></a>'
        return format_html_join("", shown, files) or "none"

    @admin.display(description="files")
    def files(self, run):
        rows = [(self.address(run, file.name), file.name) for file in run.artifacts.exclude(content_type="image/png")]
        return format_html_join(", ", '<a class="underline" href="{}">{}</a>', rows) or "none"

    def address(self, run, name):
        return reverse(f"{NAMESPACE}:run-artifacts", args=[run.pk, name])


class OfRunAdmin(LogAdmin):
    list_select_related = ("run",)


@admin.register(Param)
class ParamAdmin(OfRunAdmin):
    icon = "tune"
    title = "Parameters"
    list_display = ("key", "value", "run")
    search_fields = ("key",)


@admin.register(Metric)
class MetricAdmin(OfRunAdmin):
    icon = "monitoring"
    list_display = ("key", "value", "context", "step", "run")
    search_fields = ("key", "context")


@admin.register(Artifact)
class ArtifactAdmin(OfRunAdmin):
    icon = "attach_file"
    list_display = ("name", "content_type", "size", "sha256", "run")
    search_fields = ("name", "sha256")
