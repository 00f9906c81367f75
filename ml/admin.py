"""Admin pages of the laboratory: what was tried, on what, and what came of it. Programs write these rows; people look."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from api.links import NAMESPACE
from jobs import queue
from mirror.admin import LogAdmin, RowAdmin, ask_first, badge, list_url, page_url, redirect_after_dialog
from mirror.admin.display import display_value
from ml import comparison, recording
from ml.estimators import MODELS
from ml.models import Artifact, CircuitFact, Dataset, Experiment, Metric, Param, Run
from ml.splits import NAMES as SPLITS
from ml.splits import check_split
from ml.tasks import TASKS

TRAIN_ABOUT = (
    "A worker learns from the laps of all races; with a season of them that takes two to four minutes, with the demo season one."
)
STATES = {"created": "", "running": "info", "completed": "success", "failed": "danger"}


class StatusAdmin(LogAdmin):
    @admin.display(description="status", ordering="status")
    def state(self, row: Any) -> str:
        return badge(row.get_status_display(), STATES[row.status])


class TrainForm(BaseDialogForm):
    """The fields of the dialog that trains a model."""

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

    def clean_split(self) -> str:
        try:
            check_split(self.cleaned_data["split"])
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return self.cleaned_data["split"]


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
    def compared(self, experiment: Experiment) -> str:
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
    list_display = ("__str__", "experiment", "task", "split", "measured", "answers", "state", "started_at")
    list_filter = ("status", "task", "model", "leaky", "elsewhere", "champion")
    list_select_related = ("experiment",)
    search_fields = ("model", "owner", "dataset_sha256")
    fields = (
        ("model", "task"),
        ("split", "measured", "seed"),
        ("experiment", "dataset"),
        ("status", "answers"),
        ("started_at", "ended_at"),
        "error",
        "figures",
        "pictures",
        "files",
        ("owner", "git_commit"),
        "libraries",
        "fingerprint",
    )
    actions_list = ("train",)
    actions_detail = ("promote",)

    @admin.display(description="measured")
    def measured(self, run: Run) -> str:
        """Whether its figures can be compared: only a mark against them has a colour of warning."""
        if run.leaky:
            return badge("leaky", "danger")
        return badge("elsewhere", "warning") if run.elsewhere else badge("here", "success")

    @admin.display(description="predictions", ordering="champion")
    def answers(self, run: Run) -> str:
        return badge(f"answers {run.task}", "success") if run.champion else ""

    @admin.display(description="figures")
    def figures(self, run: Run) -> str:
        """Those over all laps that were asked about."""
        found = comparison.metric_values([run.pk], comparison.SUMMARY_METRICS).get(run.pk, {})
        return ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in found.items()) or "none"

    @admin.display(description="pictures")
    def pictures(self, run: Run) -> str:
        files = [(self.address(run, file.name), file.name) for file in run.artifacts.filter(content_type="image/png")]
        style = "max-width:min(26rem,100%);display:inline-block;margin:.3rem 0"
        shown = f'<a href="{{0}}"><img src="{{0}}" alt="{{1}}" loading="lazy" style="{style}"></a> '
        return format_html_join("", shown, files) or "none"

    @admin.display(description="Dataset's SHA-256")
    def fingerprint(self, run: Run) -> str:
        """In two lines on a phone, which one of 64 letters would make wider than its screen."""
        return format_html('<span style="overflow-wrap:anywhere">{}</span>', run.dataset_sha256 or "–")

    @admin.display(description="files")
    def files(self, run: Run) -> str:
        rows = [(self.address(run, file.name), file.name) for file in run.artifacts.exclude(content_type="image/png")]
        return format_html_join(", ", '<a class="underline" href="{}">{}</a>', rows) or "none"

    def address(self, run: Run, name: str) -> str:
        return reverse(f"{NAMESPACE}:run-artifacts", args=[run.pk, name])

    def get_urls(self) -> list[URLPattern]:
        page = path("train/", self.admin_site.admin_view(self.train_page), name="ml_run_train_page")  # before the dialog's
        return [page, *super().get_urls()]

    def train_page(self, request: HttpRequest) -> HttpResponse:
        """The dialog that trains a model, as a page of its own for whoever opens its address."""
        if "HX-Request" in request.headers:
            return self.train(request)
        if not self.has_train_permission(request):
            raise PermissionDenied
        form = TrainForm(data=request.POST or None, request=request, object_id=None)
        if form.is_valid():
            return self.queue_training(request, form)
        context = self.admin_site.each_context(request) | {"form": form, "title": "Train a model", "about": TRAIN_ABOUT}
        return render(request, "admin/ml/train.html", context | {"opts": self.opts})

    def has_promote_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Only runs that may answer predictions, and do not yet, have the button."""
        fit = {"status": Run.Status.COMPLETED, "leaky": False, "elsewhere": False, "champion": False}
        is_fit = object_id is None or Run.objects.filter(pk=object_id, artifacts__name=recording.MODEL_FILE, **fit).exists()
        return is_fit and request.user.has_perm("ml.change_run")

    @action(
        description="Promote",
        url_path="promote",
        icon="trophy",
        permissions=["promote"],
        dialog=ask_first("Promote this run", "From now on its model answers the predictions of its task.", "Promote it"),
    )
    def promote(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        run = get_object_or_404(Run, pk=object_id)
        try:
            recording.promote(run)
        except ValueError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.log_change(request, run, "Promoted.")
            self.message_user(request, f"{run} answers the predictions of {run.task} now.", messages.SUCCESS)
        return redirect_after_dialog(request, page_url(run))

    def has_train_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.add_job")

    @action(
        description="Train",
        url_path="train",
        icon="model_training",
        permissions=["train"],
        dialog=ask_first("Train a model", TRAIN_ABOUT, "Train", form=TrainForm),
    )
    def train(self, request: HttpRequest, form: TrainForm) -> HttpResponse:
        return self.queue_training(request, form)

    def queue_training(self, request: HttpRequest, form: TrainForm) -> HttpResponse:
        """Queue the training, and go on to the page that shows its progress."""
        parameters = {
            name: form.cleaned_data[name] for name in ("model", "task", "split", "experiment") if form.cleaned_data[name]
        }
        job = queue.add("train", parameters, description=f"{parameters['model']}, {parameters['task']}", owner=request.user)
        self.log_addition(request, job, "Started in the admin.")
        if not queue.has_worker():
            self.message_user(request, "It waits: no worker is running. `make run` starts one.", messages.WARNING)
        return redirect_after_dialog(request, page_url(job))


class OfRunAdmin(LogAdmin):
    list_select_related = ("run",)


@admin.register(Param)
class ParamAdmin(OfRunAdmin):
    icon = "tune"
    title = "Parameters"
    list_display = ("key", "shown_value", "run")
    fields = ("run", "key", "shown_value")
    search_fields = ("key",)

    @admin.display(description="value", ordering="value")
    def shown_value(self, param: Param) -> str:
        return display_value(param.value)


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


@admin.register(CircuitFact)
class CircuitFactAdmin(RowAdmin):
    """A value that a person sets wins over the computed one until `edited` is unset."""

    icon = "fact_check"
    list_display = ("circuit_name", "fact", "value", "edited", "computed", "low", "high", "n", "last_race", "changed_at")
    list_filter = ("fact", "edited")
    search_fields = ("circuit_name",)
    readonly_fields = ("computed", "low", "high", "n", "last_race", "changed_at")
    fields = ("circuit_name", "fact", ("value", "edited"), ("computed", "low", "high"), ("n", "last_race", "changed_at"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        """Of an existing fact only the value can be changed."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "circuit_name", "fact")

    def save_model(self, request: HttpRequest, obj: CircuitFact, form: Any, change: bool) -> None:
        """Note that a person has set the value, or go back to the computed one."""
        if not change or "value" in form.changed_data:
            obj.edited = True
        elif not obj.edited and obj.computed is not None:
            obj.value = obj.computed
        super().save_model(request, obj, form, change)
