"""Admin pages of the laboratory: what was tried, on what, and what came of it. Programs write these rows; people look."""

from django.contrib import admin

from f1site.openf1.admin import LogAdmin, badge
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


@admin.register(Run)
class RunAdmin(StatusAdmin):
    icon = "model_training"
    list_display = ("__str__", "experiment", "task", "split", "leaky", "champion", "state", "started_at")
    list_filter = ("status", "task", "model", "leaky", "champion")
    list_select_related = ("experiment",)
    search_fields = ("model", "owner", "dataset_sha256")


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
