"""The admin of the live feed: how it is, and what people want to be alerted of."""

from typing import Any

from django import forms
from django.contrib import admin

from live.models import AlertRule, LiveState
from live.webhooks import check_webhook
from mirror.admin.pages import LogAdmin, RowAdmin


@admin.register(LiveState)
class LiveStateAdmin(LogAdmin):
    icon = "sensors"
    list_display = ("condition", "healthy", "session_id", "messages", "per_second", "connected_at", "changed_at", "process")
    fields = (
        ("condition", "healthy"),
        ("session_id", "process"),
        ("messages", "per_second"),
        ("connected_at", "changed_at"),
        "topics",
        "holes",
    )


class AlertRuleForm(forms.ModelForm):
    """A rule, whose webhook has to be at a host that the settings allow."""

    def clean_webhook(self) -> Any:
        if url := self.cleaned_data["webhook"]:
            check_webhook(url)
        return url


@admin.register(AlertRule)
class AlertRuleAdmin(RowAdmin):
    icon = "notifications_active"
    form = AlertRuleForm
    list_display = ("name", "kind", "driver_number", "enabled", "webhook", "last_result", "last_at")
    list_filter = ("kind", "enabled")
    search_fields = ("name",)
    fields = (("name", "enabled"), ("kind", "driver_number"), "webhook", "secret", ("last_result", "last_at"))
    readonly_fields = ("last_result", "last_at")
