"""Admin pages of schedules: the models of django-celery-beat in the style of this site."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django_celery_beat.admin import CrontabScheduleAdmin as BeatCrontabAdmin
from django_celery_beat.admin import PeriodicTaskAdmin as BeatTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm as BeatTaskForm
from django_celery_beat.admin import TaskSelectWidget
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from mirror.admin import RowAdmin
from mirror.json_input import parse_json

admin.site.unregister([ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule])


class TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    """A list of the registered tasks."""


class TaskForm(BeatTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["regtask"].widget = TaskSelect()
        self.fields["regtask"].help_text = "Chosen here, or named below."
        self.fields["task"].widget = UnfoldAdminTextInputWidget()

    def _clean_json(self, field: str) -> str:
        """The JSON text of a field, within the limits of all JSON that comes in."""
        text = self.cleaned_data[field]
        try:
            parse_json(text.encode(errors="surrogatepass"))
        except ValueError as error:
            raise ValidationError(f"This is refused: {error}.") from error
        return text


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

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The actions run, enable or disable a task, so they need the change permission."""
        return super().get_actions(request) if self.has_change_permission(request) else {}


@admin.register(CrontabSchedule)
class CrontabAdmin(BeatCrontabAdmin, RowAdmin):
    icon = "calendar_clock"
    title = "Times of day"


@admin.register(IntervalSchedule)
class IntervalAdmin(RowAdmin):
    icon = "timelapse"
    title = "Intervals"
